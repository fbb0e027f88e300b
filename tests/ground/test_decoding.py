"""JSON read into forms: by many threads at once, from the first time on."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

SHARED = Path(__file__).parents[2] / "shared"

_MANY_AT_ONCE = """
import sys, threading, msgspec
from shared.decoding import from_values

sys.setswitchinterval(1e-6)
FORMS = '''
class S0(msgspec.Struct):
    a: int = 0
''' + "".join(f'''
class S{n}(msgspec.Struct):
    b: "S{n - 1} | None" = None
    c: "tuple[S{n - 1}, ...]" = ()
''' for n in range(1, 12))
for _ in range(40):
    exec(FORMS)
    together = threading.Barrier(4)
    def read():
        together.wait()
        from_values({"c": [{"b": {"c": []}}]}, S11)
    threads = [threading.Thread(target=read) for _ in range(4)]
    for each in threads: each.start()
    for each in threads: each.join()
"""


def test_threads_may_read_at_once_from_the_first_time_on() -> None:
    """Reading into a form for the first time in several threads ends no process; msgspec by itself would."""
    told = subprocess.run(
        [sys.executable, "-c", _MANY_AT_ONCE], cwd=SHARED.parent, capture_output=True, text=True, check=False
    )
    assert (told.returncode, told.stderr) == (0, "")


def test_nothing_is_read_past_it() -> None:
    """The application reads JSON into forms by way of `decoding` alone."""
    past = [
        path.name
        for path in SHARED.rglob("*.py")
        if re.search(r"msgspec\.(convert|json\.decode|json\.Decoder|msgpack)", path.read_text("utf-8"))
    ]
    assert past == ["decoding.py"]
