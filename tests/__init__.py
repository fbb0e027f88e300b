"""The promises, each test's docstring one of them.

promises/   what holds across the application: nothing lost, nothing twice, cost, hostile input, old rows,
            the direction of imports
store/ delivery/ channels/ messages/ routes/ settings/ events/ notices/ maintenance/ clusters/ sources/
rounds/ pages/ failures/   one for each package of `shared`; ground/ for the modules at its top
tools/      what a workstation and an operator run: the local host, the demo, `ops`, `prove`, `bench`
infra/      the deployment: what it makes, which rights it gives, seeded defects
fixtures/   data: windows, rows of release 0.1, what the real host answered

A module of tests is as long as what it tests: the rules of one thing are found in one place.
"""
