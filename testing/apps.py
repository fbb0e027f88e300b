"""Throwaway function apps for tests of the local host."""

from __future__ import annotations

import textwrap
import time
import typing

if typing.TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_HEAD = """
import json, os, pathlib, threading, time
import azure.functions as func

app = func.FunctionApp()

def note(name, text):
    with open(os.path.join(os.environ["NOTES"], name), "a", encoding="utf-8") as file:
        file.write(text + "\\n")
"""


EVENTS = """
@app.event_grid_trigger(arg_name="event")
def maintenance_events(event: str) -> None:
    note("begun", event)
    time.sleep(json.loads(event).get("seconds", 0))
"""
"""A function that takes as many seconds as its event says."""


class App:
    """A folder with a `function_app.py`, whose functions leave notes that the test can read."""

    def __init__(self, folder: Path, functions: str) -> None:
        """Write the app: imports, `app` and `note(name, text)` are there already."""
        self.folder = folder
        (folder / "function_app.py").write_text(_HEAD + textwrap.dedent(functions), encoding="utf-8")
        self._notes = folder / "notes"
        self._notes.mkdir()

    @property
    def settings(self) -> dict[str, str]:
        """What the app needs in its environment."""
        return {"NOTES": str(self._notes)}

    def notes(self, name: str) -> list[str]:
        """Return the notes under this name, in their order."""
        file = self._notes / name
        return file.read_text(encoding="utf-8").splitlines() if file.exists() else []


def soon(condition: Callable[[], bool], seconds: float = 10) -> bool:
    """Return True as soon as the condition holds, False if it never does in this time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.01)
    return condition()
