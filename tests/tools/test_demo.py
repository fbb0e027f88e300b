"""The demo, as its user runs it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]


def _start(out: Path, program: str = "local.demo") -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", program, "--out", str(out)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def _descendants(pid: int) -> dict[int, str]:
    """Return all processes that a process has started, directly or not, with their command lines."""
    found: dict[int, str] = {}
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in map(int, children.read_text().split()):
            found[child] = (Path("/proc") / str(child) / "cmdline").read_text().replace("\0", " ")
            found |= _descendants(child)
    return found


@pytest.mark.timeout(180)
def test_demos_tell_their_stories(tmp_path: Path) -> None:
    """Each demo ends with 0, and its gallery holds one email for each notice, none of them twice.

    The update run is told as its story says: asked, reminded, a member that failed, and its end.
    """
    one, other = tmp_path / "one", tmp_path / "other"
    # Side by side: most of each is waiting.
    with _start(one) as demo, _start(other, "local.fleet_demo") as fleet:
        output, told = demo.communicate()[0], fleet.communicate()[0]
    assert (demo.returncode, fleet.returncode) == (0, 0), output + told
    mails = list((one / "mail").glob("*.eml"))
    assert f"emails            {len(mails)}" in output
    assert len(mails) == 14
    assert (one / "mail" / "index.html").exists()
    assert str(one / "mail" / "index.html") in output
    assert "[Completed with failures] contoso-fleet-01 · k8s-1-33" in told
    assert len(list((other / "mail").glob("*.eml"))) == 9


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="looks for processes in /proc")
def test_demo_leaves_nothing_behind_when_interrupted(tmp_path: Path) -> None:
    """Everything that the demo starts ends with it, also on Ctrl-C."""
    with _start(tmp_path) as demo:
        assert demo.stdout is not None
        for line in demo.stdout:
            if "captured" in line:
                break
        started = _descendants(demo.pid)
        os.kill(demo.pid, signal.SIGINT)
        output, _ = demo.communicate(timeout=60)
    assert demo.returncode == 130, output
    commands = " ".join(started.values())
    assert "azurite" in commands
    assert "local.host" in commands
    assert [command for pid, command in started.items() if Path(f"/proc/{pid}").exists()] == []
