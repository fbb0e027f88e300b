"""Reading Bicep: literals become values, and what does not parse is said, never passed over."""

from __future__ import annotations

import pytest

from tests.infra import bicep
from tests.infra.bicep import Code


def test_reads_declarations() -> None:
    """Parameters, variables, resources, modules and outputs come with what is written in them."""
    template = bicep.parse("""
targetScope = 'subscription'
@secure()
@description('it\\'s one')
param a string = ''
param b int
var v = { c: 'x${a}', 'd e': [ 1, true, null ] }  // a comment
resource r 'A.B/c@2020-01-01' = if (b == 1) {
  name: 'n'
  properties: { f: g(a) ? 1 : 2 }
}
resource e 'A.B/c@2020-01-01' existing = { name: 'n' }
module m 'x/y.bicep' = [for one in v.c: {
  name: one
}]
output O string = r.id
""")
    assert template.errors == []
    assert template.scope == "subscription"
    assert template.parameters["a"].notes == {"secure": "", "description": "it's one"}
    assert (template.parameters["a"].required, template.parameters["b"].required) == (False, True)
    assert template.parameters["b"].notes == {}
    assert template.variables["v"] == {"c": Code("'x${a}'"), "d e": [1, True, None]}
    made, existing = template.resources
    assert (made.kind, made.version, made.condition) == ("A.B/c", "2020-01-01", "(b == 1)")
    assert made.at("properties.f") == Code("g(a) ? 1 : 2")
    assert made.at("properties.nothing.there") is None
    assert (made.existing, existing.existing) == (False, True)
    assert (template.modules[0].kind, template.modules[0].loop) == ("x/y.bicep", "v.c")
    assert template.outputs == {"O": Code("r.id")}
    assert set(template.used) == {"a", "b", "v", "r"}


@pytest.mark.parametrize(
    "text",
    [
        "param",
        "var a = {",
        "var a = 'open",
        "resource r 'A/b@2020' = {\n  name 'x'\n}",
        "var a = { b: 1 c: 2 }",
        "var a = [ 1 2 ]",
        "this is not Bicep",
    ],
)
def test_says_what_does_not_parse(text: str) -> None:
    """A file that is no Bicep has errors, with their lines."""
    assert bicep.parse(text).errors
