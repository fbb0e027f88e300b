# Everything is installed into this folder: .venv/ and node_modules/.
PYTHON ?= python3
BIN := .venv/bin
WORKERS ?= 2
# Images of containers set it; each process would then compile everything anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help install install-dev demo preview run test test-fast check snapshots prove prove-short bench format clean

help: ## List the commands
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

install: .venv/.installed node_modules/.installed ## Install what the app, the demo and ./notifier need, into this folder

install-dev: .venv/.installed-dev node_modules/.installed-dev ## Install what tests and linters need besides

.venv/.installed: requirements.txt requirements-local.txt
	@echo "Installing Python packages into .venv/ (some 100 MB, a minute or two) …"
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-local.txt
	@touch $@

.venv/.installed-dev: .venv/.installed requirements-dev.txt
	@echo "Installing what tests and linters need into .venv/ …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@

# Azurite alone, unless the tests' packages are there already.
node_modules/.installed: package.json package-lock.json
	@echo "Installing Azurite, the storage emulator, into node_modules/ …"
	@npm ci --silent --no-audit --no-fund $(if $(wildcard node_modules/.installed-dev),,--omit=dev)
	@touch $@

node_modules/.installed-dev: package.json package-lock.json
	@echo "Installing what tests need into node_modules/ …"
	@npm ci --silent --no-audit --no-fund
	@touch node_modules/.installed $@

demo: $(if $(FLEET),install-dev,install) ## Send a story of events through the app, and gather its emails; STORM=1: a patch night; FLEET=1: an update run
	$(BIN)/python -m $(if $(STORM),local.patch_night_demo,$(if $(FLEET),local.fleet_demo,local.demo))

preview: install ## Render one email of each kind into out/preview/
	$(BIN)/python -m local.preview --out out/preview

run: install ## Run the app on this machine: Azurite, local.settings.json, http://127.0.0.1:7071
	$(BIN)/python -m local.run

test: install-dev ## Run all tests
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal

test-fast: install-dev ## Run the tests that answer in half a minute
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal -m "not slow and not proof"

prove-short: install-dev ## Prove the promises in short: a few minutes of faults on real processes
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal -m proof

check: install-dev ## Lint, type-check, parse the queries, compile the infrastructure
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m tests.infra.kql
	$(BIN)/python -m tests.infra.compiler

snapshots: install-dev ## Lay out the Bicep files, and write what each deployment would make
	$(BIN)/python -m tests.infra.compiler --write

prove: install-dev ## Prove the promises under faults and hostile input; SEED=7: one schedule again
	$(BIN)/python -m prove $(if $(SEED),--seed $(SEED))

bench: .venv/.installed-bench node_modules/.installed-dev ## Measure, each against its floor; ADOPT=1: keep as baseline
	$(BIN)/python -m bench $(if $(ADOPT),--adopt)

.venv/.installed-bench: .venv/.installed-dev requirements-bench.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-bench.txt
	@touch $@

format: install-dev ## Format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean: ## Remove what the commands have installed and made
	rm -rf .venv node_modules out .mypy_cache .ruff_cache .pytest_cache .hypothesis
