"""The catalogue of failures: data in `catalogue.yaml`, to which users add entries of their own.

Raises:
    CatalogueError  one sentence naming the file, the entry, the field, and what was expected
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from shared import decoding, documents
from shared.documents import DocumentError, plain
from shared.failures import templates
from shared.failures.entry import AdviceStep, CatalogueEntry
from shared.failures.facts import FACTS
from shared.failures.patterns import Needed, Pattern
from shared.failures.speakers import Speaker
from shared.failures.text import lower

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

OWN_FILE = Path(__file__).with_name("catalogue.yaml")
UNKNOWN = "unknown"
"""The entry for reasons that no other fits."""

REFUSED = "request-refused"
"""The entry for those of them in which a request was refused before anything was done."""

CHANGE_REFUSED = "change-refused"
"""The entry for those in which Azure refused a change that an operation under way had to make."""

QUOTING = frozenset({UNKNOWN, REFUSED, CHANGE_REFUSED})
"""Entries that are found by no code and no pattern of theirs, and say what AKS's own sentence says."""

LAST_RESORT = 30
"""An entry of a lower priority is reported only where nothing better was found in the message."""

BESIDE_OTHERS = 40
"""From this priority on, an entry is found in the same paragraph as another."""

MAX_TITLE_CHARACTERS = 60

_PROSE = ("title", "summary", "happened", "state", "retries", "occurrence")
_FIELD = re.compile(r"\$\.?(?P<field>\w+)")
_ID = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*\Z")


class CatalogueError(ValueError):
    """A catalogue file that cannot be used; the message is one sentence for the person who wrote it."""


Patterns = list[tuple[Pattern, CatalogueEntry]]


class Catalogue:
    """Entries, ready to be matched. Made by `load`."""

    def __init__(
        self, entries: Iterable[CatalogueEntry], exit_codes: Mapping[str, Mapping[int, str]], where: str = ""
    ) -> None:
        self.entries = {entry.id: entry for entry in entries}
        self.exit_codes = exit_codes
        self.by_code: dict[str, list[CatalogueEntry]] = {}
        self.by_exit_code: dict[tuple[Speaker, int], CatalogueEntry] = {}
        patterns: Patterns = []
        self.readers: dict[str, list[Pattern]] = {}
        """The patterns of an entry that keep facts."""
        for entry in self.entries.values():
            for code in entry.codes:
                self.by_code.setdefault(code.lower(), []).append(entry)
            for number in entry.linux_exit_codes:
                self.by_exit_code[Speaker.LINUX, number] = entry
            for number in entry.windows_exit_codes:
                self.by_exit_code[Speaker.WINDOWS, number] = entry
            for source in entry.patterns:
                try:
                    pattern = Pattern(source)
                except ValueError as error:
                    raise CatalogueError(f"{where}: entry '{entry.id}', field 'patterns': {error}") from None
                patterns.append((pattern, entry))
                if pattern.names:
                    self.readers.setdefault(entry.id, []).append(pattern)
        self._patterns = Needed(patterns)

    def patterns_in(self, flat: str) -> Patterns:
        """Return the patterns that may be found in a text in small letters on one line."""
        return self._patterns.may_be_in(flat)


def load(path: str | None = None, *, thorough: bool = False) -> Catalogue:
    """Load the catalogue, with a user's own file on top of it if there is one.

    A user's entries are checked whenever they are loaded; our own as far as their form goes, and wholly if
    `thorough`, as the tests do: that takes longer than all the rest.
    """
    own = _read(OWN_FILE, OWN_FILE.name)
    common = _common_steps(own, OWN_FILE.name)
    exit_codes = _exit_codes(own, OWN_FILE.name)
    raw = _by_id(own, OWN_FILE.name)
    entries = {name: _entry(fields, common, OWN_FILE.name, thorough=thorough) for name, fields in raw.items()}
    where = OWN_FILE.name
    if path:
        where = path
        theirs = _read(Path(path), path)
        common = common | _common_steps(theirs, path)
        for system, meanings in _exit_codes(theirs, path).items():
            exit_codes[system] = exit_codes.get(system, {}) | meanings
        for name, fields in _by_id(theirs, path).items():
            # What a user adds was added for a reason: it goes before what comes with the product.
            known = raw.get(name, {"priority": 90})
            entries[name] = _entry(known | fields, common, path, thorough=True)
    return Catalogue(entries.values(), exit_codes, where)


def _read(file: Path, name: str) -> dict[str, Any]:
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise CatalogueError(f"{name}: cannot be read: {reason}") from None
    content = _own(text) if file == OWN_FILE else _theirs(text, name)
    if not isinstance(content, dict):
        raise CatalogueError(f"{name}: expected a mapping with the key 'entries', got something else")
    for key in content:
        if key not in ("entries", "common_steps", "exit_codes", "texts"):
            raise CatalogueError(f"{name}: unknown key '{key}', expected 'entries'")
    return content


def _own(text: str) -> Any:  # noqa: ANN401 - checked by the caller
    # An import of its own: neither start nor most events need YAML.
    import yaml

    return yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506


def _theirs(text: str, name: str) -> Any:  # noqa: ANN401 - checked by the caller
    """Read a user's file, which is bounded: texts, and lists and mappings of them."""
    try:
        tree = documents.parse(text)
    except DocumentError as error:
        what, colon, why = str(error).partition(":")
        line = f" at line {error.line}" if error.line else ""
        raise CatalogueError(f"{name}: {what}{line}{colon}{why}") from None
    return plain(tree) if tree else None


def _by_id(content: dict[str, Any], where: str) -> dict[str, dict[str, Any]]:
    entries = content.get("entries")
    if not isinstance(entries, list):
        raise CatalogueError(f"{where}: 'entries' has to be a list of entries")
    found: dict[str, dict[str, Any]] = {}
    for number, fields in enumerate(entries, 1):
        if not isinstance(fields, dict):
            raise CatalogueError(f"{where}: entry number {number} has to be a mapping of fields")
        name = fields.get("id")
        if not isinstance(name, str) or not _ID.match(name):
            raise CatalogueError(
                f"{where}: entry number {number}, field 'id': expected words of small letters joined by"
                f" hyphens, got {name!r}"
            )
        if name in found:
            raise CatalogueError(
                f"{where}: entry '{name}', field 'id': expected a new id, this one comes twice"
            )
        found[name] = fields
    return found


def _common_steps(content: dict[str, Any], where: str) -> dict[str, tuple[AdviceStep, ...]]:
    try:
        return decoding.from_values(content.get("common_steps") or {}, dict[str, tuple[AdviceStep, ...]])
    except msgspec.ValidationError as error:
        raise CatalogueError(f"{where}: 'common_steps': {_lowered(str(error))}") from None


def _exit_codes(content: dict[str, Any], where: str) -> dict[str, dict[int, str]]:
    try:
        return decoding.from_values(content.get("exit_codes") or {}, dict[str, dict[int, str]], strict=False)
    except msgspec.ValidationError as error:
        raise CatalogueError(f"{where}: 'exit_codes': {_lowered(str(error))}") from None


def _entry(
    fields: dict[str, Any], common: Mapping[str, tuple[AdviceStep, ...]], where: str, *, thorough: bool
) -> CatalogueEntry:
    name = fields["id"]

    def fault(field: str, expected: str) -> CatalogueError:
        return CatalogueError(f"{where}: entry '{name}', field '{field}': {expected}")

    try:
        entry = decoding.from_values(fields, CatalogueEntry)
    except msgspec.ValidationError as error:
        message = str(error)
        at = _FIELD.search(message)
        missing = re.search(r"field `(\w+)`", message)
        field = at["field"] if at else missing[1] if missing else "?"
        raise fault(field, _lowered(message.partition(" - at ")[0])) from None
    steps = _steps(entry, common, fault)
    if thorough:
        _check(entry, fault)
        _check_steps(steps, fault)
        _check_names(entry, steps, fault)
    return msgspec.structs.replace(entry, steps=steps)


def _check(entry: CatalogueEntry, fault: Callable[[str, str], CatalogueError]) -> None:
    for field in ("title", "summary", "happened", "state"):
        if not getattr(entry, field).strip() and entry.id != UNKNOWN:
            raise fault(field, "expected a text, got nothing")
    if len(templates.prose(entry.title, {})) > MAX_TITLE_CHARACTERS:
        raise fault(
            "title", f"expected at most {MAX_TITLE_CHARACTERS} characters, it goes into a subject line"
        )
    if not re.match(r"https://[\w.-]+/\S*\Z", entry.link):
        raise fault("link", f"expected an https address, got {entry.link!r}")
    if not 0 <= entry.priority <= 100:  # noqa: PLR2004
        raise fault("priority", f"expected a number from 0 to 100, got {entry.priority}")
    if entry.id not in QUOTING and not any(
        (entry.codes, entry.patterns, entry.linux_exit_codes, entry.windows_exit_codes)
    ):
        raise fault("codes", "expected a code, a pattern or an exit code to tell the failure by")


def _steps(
    entry: CatalogueEntry,
    common: Mapping[str, tuple[AdviceStep, ...]],
    fault: Callable[[str, str], CatalogueError],
) -> tuple[AdviceStep, ...]:
    steps: list[AdviceStep] = []
    for advice in entry.steps:
        if advice.use and advice.use not in common:
            raise fault("steps", f"'use: {advice.use}' is none of common_steps ({', '.join(sorted(common))})")
        steps += common[advice.use] if advice.use else [advice]
    return tuple(
        msgspec.structs.replace(advice, says=tuple(lower(word) for word in advice.says)) for advice in steps
    )


def _check_steps(steps: Sequence[AdviceStep], fault: Callable[[str, str], CatalogueError]) -> None:
    if not steps:
        raise fault("steps", "expected at least one step")
    for advice in steps:
        if not advice.do.strip():
            raise fault("steps", "expected a text under 'do' in each step")
        wrong = templates.command_fault(advice.run) if advice.run else ""
        if wrong:
            raise fault("steps", f"the command {advice.run!r} {wrong}")


def _check_names(
    entry: CatalogueEntry, steps: Iterable[AdviceStep], fault: Callable[[str, str], CatalogueError]
) -> None:
    """Refuse a placeholder that nothing can ever fill: most often a slip of the pen."""
    known = set(FACTS)
    for source in entry.patterns:
        try:
            known |= Pattern(source).names
        except ValueError as error:
            raise fault("patterns", f"{error}, got {source!r}") from None
    asked = {(field, name) for field in _PROSE for name in templates.names(getattr(entry, field))}
    asked |= {("group_by", name) for name in entry.group_by}
    for advice in steps:
        asked |= {("steps", name) for name in templates.names(advice.do) | templates.names(advice.run)}
        asked |= {("steps", name) for name in (*advice.needs, *advice.unless)}
    for field, name in sorted(asked):
        if name not in known:
            raise fault(field, f"'{name}' is not a fact that is read from messages, nor in its patterns")


def _lowered(message: str) -> str:
    return message[:1].lower() + message[1:].replace("`", "'")
