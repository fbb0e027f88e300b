"""Expressions of ARM templates, evaluated as far as that can be done without Azure.

`[format('{0}/{1}', parameters('name'), 'default')]` is a small language of function calls, texts, numbers and
accesses. A function that asks Azure (`reference`, `resourceGroup`, `utcNow`, ...), a parameter without a
default, or what is not known to this module, gives UNKNOWN, and so does every value made from it. There is no
library for it in Python.

It is long because a language is one thing: what reads it, and a function for each of its functions.

The language: https://learn.microsoft.com/azure/azure-resource-manager/templates/template-expressions
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from ops.linting.unknown import UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Callable

_TOKEN = re.compile(r"\s*(?:('(?:[^']|'')*')|(-?\d+)|([A-Za-z_][\w]*)|(.))", re.DOTALL)
_PLACE = re.compile(r"\{(\d+)(?::[^}]*)?\}")
_MAX_DEPTH = 60
_MAX_CHARACTERS = 1_000_000
"""Characters or elements that a function may make: a template is no way to fill a memory."""


class ExpressionError(ValueError):
    """A text in brackets that is no expression."""


class Scope(msgspec.Struct, frozen=True):
    """What an expression can name: parameters, variables, and the iterations that it stands in."""

    parameters: Mapping[str, Any]
    """By name in lower case: already evaluated."""
    variables: Mapping[str, Any]
    """By name in lower case: as written."""
    iterations: Mapping[str, int] = {}
    depth: int = 0

    @classmethod
    def of(cls, template: Mapping[str, Any], given: Mapping[str, Any]) -> Scope:
        """Return the scope of a template that is given these values for its parameters."""
        given = {name.lower(): value for name, value in given.items()}
        variables = template.get("variables")
        scope = cls({}, _lowered(variables))
        values: dict[str, Any] = {}
        for name, said in _lowered(template.get("parameters")).items():
            scope = msgspec.structs.replace(scope, parameters=dict(values))
            default = said.get("defaultValue", UNKNOWN) if isinstance(said, dict) else UNKNOWN
            values[name] = given[name] if name in given else scope.value(default)
        return msgspec.structs.replace(scope, parameters=values)

    def iteration(self, name: str, index: int) -> Scope:
        """Return the scope inside an iteration of a copy loop."""
        return msgspec.structs.replace(self, iterations={**self.iterations, name.lower(): index, "": index})

    def value(self, said: Any) -> Any:  # noqa: ANN401 - decoded JSON
        """Return decoded JSON with every expression in it evaluated, and loops of properties unrolled."""
        if isinstance(said, dict):
            found = {
                key: self.value(item) for key, item in said.items() if not (key == "copy" and _loops(item))
            }
            for loop in said["copy"] if _loops(said.get("copy")) else []:
                found[str(loop["name"])] = self._unrolled(loop)
            return found
        if isinstance(said, list):
            return [self.value(item) for item in said]
        if isinstance(said, str) and said.startswith("[") and said.endswith("]"):
            return said[1:] if said.startswith("[[") else self._evaluated(said[1:-1])
        return said

    def text(self, said: object) -> str:
        """Return a text, such as a name, in which what is not known stands as its expression: `{name}`."""
        if not isinstance(said, str):
            return ""
        try:
            found = self.value(said)
        except ExpressionError:
            found = UNKNOWN
        if isinstance(found, str):
            return found
        # A name made of an unknown cluster's and a known configuration's still names the configuration.
        inside = said.removeprefix("[").removesuffix("]")
        shown = _Parser(inside, self, names_unknown=True).parsed()
        return str(shown) if isinstance(shown, str) else f"{{{inside}}}"

    def _unrolled(self, loop: Mapping[str, Any]) -> Any:  # noqa: ANN401 - decoded JSON
        count = self.value(loop.get("count"))
        if not isinstance(count, int) or count > _MAX_CHARACTERS:
            return UNKNOWN
        name = str(loop["name"])
        return [self.iteration(name, index).value(loop.get("input")) for index in range(count)]

    def _evaluated(self, expression: str) -> Any:  # noqa: ANN401 - decoded JSON
        if self.depth > _MAX_DEPTH:
            return UNKNOWN
        try:
            return _Parser(expression, msgspec.structs.replace(self, depth=self.depth + 1)).parsed()
        except (ExpressionError, RecursionError):
            return UNKNOWN


def _loops(item: object) -> bool:
    return isinstance(item, list) and all(isinstance(loop, dict) and "name" in loop for loop in item)


class _Parser:
    """Evaluates an expression while reading it, from left to right."""

    def __init__(self, expression: str, scope: Scope, *, names_unknown: bool = False) -> None:
        self._tokens = [match.groups() for match in _TOKEN.finditer(expression.rstrip())]
        self._place = 0
        self._scope = scope
        self._names_unknown = names_unknown
        """Whether an unknown parameter stands for itself, as `{name}`."""

    def parsed(self) -> Any:  # noqa: ANN401 - decoded JSON
        found = self._expression(0)
        if self._place != len(self._tokens):
            raise ExpressionError("something follows the expression")
        return found

    def _expression(self, depth: int) -> Any:  # noqa: ANN401 - decoded JSON
        if depth > _MAX_DEPTH:
            raise ExpressionError("nested too deeply")
        text, number, word, _ = self._next()
        if text is not None:
            found: Any = text[1:-1].replace("''", "'")
        elif number is not None:
            found = int(number)
        elif word is not None:
            found = self._call(word.lower(), depth)
        else:
            raise ExpressionError("expected a value")
        return self._accessed(found, depth)

    def _call(self, name: str, depth: int) -> Any:  # noqa: ANN401 - decoded JSON
        while self._takes("."):  # sys.concat, a namespace of functions
            name = (self._next()[2] or "").lower()
        if not self._takes("("):
            raise ExpressionError(f"{name} is not called")
        given = []
        while not self._takes(")"):
            given.append(self._expression(depth + 1))
            self._takes(",")
        return self._applied(name, given)

    def _accessed(self, found: Any, depth: int) -> Any:  # noqa: ANN401 - decoded JSON
        while True:
            if self._takes("."):
                found = _item(found, self._next()[2])
            elif self._takes("["):
                found = _item(found, self._expression(depth + 1))
                if not self._takes("]"):
                    raise ExpressionError("expected ]")
            else:
                return found

    def _applied(self, name: str, given: list[Any]) -> Any:  # noqa: ANN401 - decoded JSON
        scope = self._scope
        match name, given:
            case "parameters", [str(key)]:
                found = scope.parameters.get(key.lower(), UNKNOWN)
                return f"{{{key}}}" if found is UNKNOWN and self._names_unknown else found
            case "variables", [str(key)]:
                return scope.value(scope.variables.get(key.lower(), UNKNOWN))
            case "copyindex", _:
                return _index(scope, given)
            case "if", [condition, yes, no]:
                return UNKNOWN if condition is UNKNOWN else yes if condition is True else no
            case "coalesce", _:
                return next((value for value in given if value is not None), None)
            case "and", _ if False in given:
                return False
            case "or", _ if True in given:
                return True
        function = _FUNCTIONS.get(name)
        if function is None or (UNKNOWN in given):
            return UNKNOWN
        try:
            return function(*given)
        except (TypeError, ValueError, LookupError, AttributeError, ZeroDivisionError, OverflowError):
            return UNKNOWN

    def _next(self) -> tuple[str | None, ...]:
        if self._place >= len(self._tokens):
            raise ExpressionError("the expression breaks off")
        self._place += 1
        return self._tokens[self._place - 1]

    def _takes(self, sign: str) -> bool:
        if self._place < len(self._tokens) and self._tokens[self._place][3] == sign:
            self._place += 1
            return True
        return False


def _index(scope: Scope, given: list[Any]) -> Any:  # noqa: ANN401 - decoded JSON
    name = given[0].lower() if given and isinstance(given[0], str) else ""
    offset = next((value for value in given if isinstance(value, int)), 0)
    return scope.iterations[name] + offset if name in scope.iterations else UNKNOWN


def _item(found: Any, key: Any) -> Any:  # noqa: ANN401 - decoded JSON
    if found is UNKNOWN or key is UNKNOWN:
        return UNKNOWN
    if isinstance(found, dict):
        lowered = {name.lower(): value for name, value in found.items()}
        return found.get(key, lowered.get(str(key).lower(), UNKNOWN))
    if isinstance(found, list) and isinstance(key, int) and -1 < key < len(found):
        return found[key]
    return UNKNOWN


def _format(pattern: str, *given: Any) -> str:  # noqa: ANN401 - decoded JSON
    return str(_bounded(_PLACE.sub(lambda match: _shown(given[int(match[1])]), pattern)))


def _concat(*given: Any) -> Any:  # noqa: ANN401 - decoded JSON
    if given and isinstance(given[0], list):
        return _bounded([item for each in given for item in each])
    return _bounded("".join(map(_shown, given)))


def _shown(value: Any) -> str:  # noqa: ANN401 - decoded JSON
    if isinstance(value, bool):
        return str(value)
    return value if isinstance(value, str) else json.dumps(value)


def _bounded(made: Any) -> Any:  # noqa: ANN401 - decoded JSON
    if len(made) > _MAX_CHARACTERS:
        raise ValueError("too long")
    return made


def _union(*given: Any) -> Any:  # noqa: ANN401 - decoded JSON
    if isinstance(given[0], list):
        found: list[Any] = []
        for item in (item for each in given for item in each):
            if item not in found:
                found.append(item)
        return found
    merged: dict[str, Any] = {}
    for each in given:
        merged |= each
    return merged


def _resource_id(*given: Any) -> Any:  # noqa: ANN401 - decoded JSON
    # The subscription and the group are the deployment's; the names are what a reader is after.
    kind = next(place for place, word in enumerate(given) if "/" in word)
    types, names = given[kind].split("/")[1:], given[kind + 1 :]
    tail = "/".join(f"{type_}/{name}" for type_, name in zip(types, names, strict=True))
    return f"{{group}}/providers/{given[kind].partition('/')[0]}/{tail}"


def _contains(holder: Any, item: Any) -> bool:  # noqa: ANN401 - decoded JSON
    if isinstance(holder, dict):
        return str(item).lower() in {name.lower() for name in holder}
    return item in holder


def _try_get(holder: Any, *keys: Any) -> Any:  # noqa: ANN401 - decoded JSON
    for key in keys:
        holder = _item(holder, key)
        if holder is UNKNOWN:
            return None
    return holder


def _range(start: int, count: int) -> list[int]:
    if count > _MAX_CHARACTERS:
        raise ValueError("too long")
    return list(range(start, start + count))


def _equals(one: Any, other: Any) -> bool:  # noqa: ANN401 - decoded JSON
    return type(one) is type(other) and bool(one == other)


def _bool(value: Any) -> bool:  # noqa: ANN401 - decoded JSON
    return value.lower() == "true" if isinstance(value, str) else bool(value)


def _lowered(said: object) -> dict[str, Any]:
    return {str(name).lower(): value for name, value in said.items()} if isinstance(said, dict) else {}


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "format": _format,
    "concat": _concat,
    "union": _union,
    "resourceid": _resource_id,
    "contains": _contains,
    "equals": _equals,
    "true": lambda: True,
    "false": lambda: False,
    "null": lambda: None,
    "not": lambda value: not value,
    "and": lambda *given: all(given),
    "or": lambda *given: any(given),
    "bool": _bool,
    "int": int,
    "string": _shown,
    "json": json.loads,
    "empty": lambda value: value is None or len(value) == 0,
    "length": len,
    "first": lambda value: value[0],
    "last": lambda value: value[-1],
    "add": lambda one, other: one + other,
    "sub": lambda one, other: one - other,
    "mul": lambda one, other: one * other,
    "div": lambda one, other: int(one / other),
    "mod": lambda one, other: one % other,
    "min": lambda *given: min(given[0] if isinstance(given[0], list) else given),
    "max": lambda *given: max(given[0] if isinstance(given[0], list) else given),
    "less": lambda one, other: one < other,
    "lessorequals": lambda one, other: one <= other,
    "greater": lambda one, other: one > other,
    "greaterorequals": lambda one, other: one >= other,
    "range": _range,
    "createarray": lambda *given: list(given),
    "createobject": lambda *given: dict(zip(given[::2], given[1::2], strict=True)),
    "array": lambda value: value if isinstance(value, list) else [value],
    "tolower": lambda text: text.lower(),
    "toupper": lambda text: text.upper(),
    "trim": lambda text: text.strip(),
    "startswith": lambda text, part: text.lower().startswith(part.lower()),
    "endswith": lambda text, part: text.lower().endswith(part.lower()),
    "indexof": lambda text, part: text.lower().find(part.lower()),
    "substring": lambda text, start, size=None: text[start : None if size is None else start + size],
    "replace": lambda text, old, new: _bounded(text.replace(old, new)),
    "split": lambda text, sign: text.split(sign),
    "join": lambda items, sign: sign.join(map(_shown, items)),
    "padleft": lambda text, size, sign=" ": _bounded(_shown(text).rjust(min(size, _MAX_CHARACTERS), sign)),
    "take": lambda value, count: value[: max(count, 0)],
    "skip": lambda value, count: value[max(count, 0) :],
    "items": lambda value: [{"key": key, "value": value[key]} for key in sorted(value)],
    "objectkeys": sorted,
    "tryget": _try_get,
    "shallowmerge": lambda items: _union(*items),
}
