"""What the code says that the Bicep files have to agree with: its settings, functions, event types, logs."""

from __future__ import annotations

import ast
import json
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from shared import settings
from shared.notices.kinds import Decision

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ROOT = Path(__file__).parents[2]

LOCAL_ONLY = {"NOTIFIER_STORAGE", "EMAIL_CONNECTION_STRING"}
"""Settings that hold keys: for emulators and stand-ins, never deployed."""

BY_SECRET_NAME = {"HEARTBEAT_URL"}
"""Settings that are deployed where `secretNames` names them."""

HOST_SETTINGS = {"AzureWebJobsStorage", "FUNCTIONS_WORKER_RUNTIME", "PYTHON_THREADPOOL_THREAD_COUNT"}
"""Settings of the Functions host that the sample holds beside the application's."""

PLATFORM = {
    "IDENTITY_ENDPOINT",
    "IDENTITY_HEADER",
    "NOTIFIER_STORAGE__clientId",
    "WEBSITE_INSTANCE_ID",
    "WEBSITE_SITE_NAME",
}
"""What App Service sets by itself, or a convention of Functions that AZURE_CLIENT_ID stands for here."""

_LEVELS = {"debug", "info", "warning", "error", "exception"}

_STORAGE = (
    {"NOTIFIER_STORAGE__tableServiceUri": "https://name.table.core.windows.net"},
    {"NOTIFIER_STORAGE": "UseDevelopmentStorage=true"},
)
_MAIL = (
    {"EMAIL_ENDPOINT": "https://name.communication.azure.com"},
    {"EMAIL_CONNECTION_STRING": "endpoint=https://name.communication.azure.com/;accesskey=a2V5"},
    {"EMAIL_SMTP_URL": "smtp://user@relay.example.com:587", "EMAIL_SMTP_PASSWORD": "secret"},
    {"EMAIL_GRAPH_MAILBOX": "aks@example.com"},
    {"EMAIL_FOLDER": "out"},
)
_COMMON = {
    "EMAIL_FROM": "aks@example.com",
    "EMAIL_TO": "ops@example.com",
    "SWEEP_SCHEDULE": "0 * * * * *",
}


class _Recorder(dict[str, str]):
    """An environment that writes down what it is asked for."""

    def __init__(self, values: Mapping[str, str], asked: set[str]) -> None:
        super().__init__(values)
        self._asked = asked

    def get(self, name: str, default: str = "") -> str:  # type: ignore[override]
        self._asked.add(name)
        return super().get(name, default)

    def __getitem__(self, name: str) -> str:
        self._asked.add(name)
        return super().__getitem__(name)

    def __contains__(self, name: object) -> bool:
        self._asked.add(str(name))
        return super().__contains__(name)


@cache
def settings_read() -> set[str]:
    """Return the names of all settings that the application reads, by letting it read them."""
    asked: set[str] = set()
    for storage in _STORAGE:
        for mail in _MAIL:
            settings.load(_Recorder({**_COMMON, **storage, **mail}, asked))
    return asked - PLATFORM


def settings_in_sample() -> set[str]:
    """Return the application's settings in local.settings.sample.json."""
    values = json.loads((ROOT / "local.settings.sample.json").read_text("utf-8"))["Values"]
    return set(values) - HOST_SETTINGS


def settings_in_readme() -> dict[str, str]:
    """Return the settings of the README's table, with the defaults it names; `` where it names none."""
    rows = re.findall(
        r"^\| (`[^|]*) \|[^|\n]*\| ([^|\n]*) \|$", (ROOT / "README.md").read_text("utf-8"), re.MULTILINE
    )
    found: dict[str, str] = {}
    for names, default in rows:
        plain = re.fullmatch(r"`([^`]*)`", default.strip())
        for name in re.findall(r"`([A-Za-z_]+)`", names):
            found[name] = plain[1] if plain else ""
    return found


@cache
def functions() -> dict[str, str]:
    """Return the functions of function_app.py: name, and the kind of its trigger."""
    found: dict[str, str] = {}
    for node in ast.walk(ast.parse((ROOT / "function_app.py").read_text("utf-8"))):
        if isinstance(node, ast.FunctionDef):
            calls = [call for call in node.decorator_list if isinstance(call, ast.Call)]
            made = {call.func.attr: call for call in calls if isinstance(call.func, ast.Attribute)}
            if "function_name" in made:
                name = ast.literal_eval(made["function_name"].args[0])
                found[name] = next(kind for kind in made if kind.endswith("_trigger") or kind == "route")
    return found


@cache
def logged() -> set[str]:
    """Return the beginnings of all records that the application logs, each up to its first value."""
    return {text for path in (ROOT / "shared").rglob("*.py") for text in _logged(path)}


def _logged(path: Path) -> Iterator[str]:
    source = path.read_text("utf-8")
    for node in ast.walk(ast.parse(source)) if "logging" in source else ():
        match node:
            case ast.Call(ast.Attribute(attr=level), [ast.Constant(str(text)), *_]) if level in _LEVELS:
                yield text.partition("%")[0]


def decisions() -> set[str]:
    """Return the values of all decisions that are logged."""
    return {decision.value for decision in Decision}
