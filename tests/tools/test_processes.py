"""How the processes of a local run begin and end, one rule a test."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
import typing
from concurrent.futures import ThreadPoolExecutor

import pytest

from testing import processes
from testing.apps import EVENTS, App, soon
from testing.processes import ROOT, Azurite, Host, ProcessError, free_port

if typing.TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow


def gone(pid: int) -> bool:
    """Whether no process of this id runs any more; one that nobody has waited for counts as gone."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:  # noqa: PTH123 - Linux has it, macOS not
            return file.read().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def test_port_taken_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    """If its port is taken between the choice and the start, Azurite takes another."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ports = iter([taken.getsockname()[1], free_port()])
        monkeypatch.setattr(processes, "free_port", lambda: next(ports))
        with Azurite() as azurite:
            assert azurite.port != taken.getsockname()[1]


def test_azurite_is_not_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without node_modules the message says what to run."""
    monkeypatch.setattr(processes, "ROOT", tmp_path)
    with pytest.raises(ProcessError, match="run make install"), Azurite():
        pass


def test_host(tmp_path: Path) -> None:
    """The host gets the given settings, nothing else of the caller's environment, and ends with its block."""
    app = App(tmp_path, EVENTS + 'note("environment", " ".join(os.environ))')
    (tmp_path / "local.settings.json").write_text('{"Values": {"FROM_FILE": "1"}}')
    os.environ["EMAIL_TO"] = "somebody@example.org"
    try:
        with Host(app.settings, app=app.folder) as host:
            assert host.post_event("{}").status == 202
            pid = host.pid
    finally:
        del os.environ["EMAIL_TO"]
    assert gone(pid)
    (names,) = app.notes("environment")
    assert {"NOTES", "PATH"} <= set(names.split())
    assert not {"EMAIL_TO", "FROM_FILE"} & set(names.split())


def test_kill_and_start_again(tmp_path: Path) -> None:
    """A host that is killed leaves its clients a ConnectionError, and can be started again."""
    app = App(tmp_path, EVENTS)
    log = tmp_path / "host.log"
    with Host(app.settings, app=app.folder, log=log) as host, ThreadPoolExecutor(1) as pool:
        answer = pool.submit(host.post_event, '{"seconds":20}')
        assert soon(lambda: "Executing" in host.output())
        host.kill()
        assert not host.alive
        assert host.wait() == -signal.SIGKILL
        with pytest.raises(ConnectionError):
            answer.result()
        with pytest.raises(ConnectionError):
            host.post_event("{}")
        host.start()
        assert host.post_event("{}").status == 202
        assert "Listening" in host.output()
        assert host.stop() == 0
    assert log.read_text().count("Listening on") == 2


def test_started_in_a_thread(tmp_path: Path) -> None:
    """A process outlives the thread that started it."""
    host = Host(App(tmp_path, EVENTS).settings, app=tmp_path)
    thread = threading.Thread(target=host.__enter__)
    thread.start()
    thread.join()
    try:
        time.sleep(0.1)
        assert host.post_event("{}").status == 202
    finally:
        host.__exit__(None, None, None)


PARENT = """
import pathlib, sys, time
from testing.processes import Azurite, Host
folder = pathlib.Path(sys.argv[1])
with Azurite() as azurite, Host({"NOTES": str(folder)}, app=folder) as host:
    print(azurite.pid, host.pid, flush=True)
    time.sleep(60)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's help is Linux's own")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_parent_ends(tmp_path: Path, number: signal.Signals) -> None:
    """However the parent ends, by Ctrl-C, SIGTERM or SIGKILL, its processes end with it."""
    App(tmp_path, EVENTS)
    command = [sys.executable, "-c", PARENT, str(tmp_path)]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as parent:
        assert parent.stdout is not None
        children = [int(pid) for pid in parent.stdout.readline().split()]
        assert len(children) == 2
        assert not any(gone(pid) for pid in children)
        parent.send_signal(number)
        parent.wait(20)
        assert soon(lambda: all(gone(pid) for pid in children))
