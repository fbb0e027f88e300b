"""The ledger of a real table: which one it is, that it is never made, and the command as people run it."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from ops import storage, terminal
from ops.__main__ import main as command
from shared import settings
from shared.store.azure import AzureTable
from shared.store.table import BrowsableTable, Operation, TableUnavailable, Verb
from testing.child_process import environment
from testing.memory_table import MemoryTable
from testing.real_app import RealWorld
from testing.samples.payloads import event, guid
from tests.infra import code

if TYPE_CHECKING:
    from pathlib import Path

    from azure.data.tables import TableClient

    from testing.processes import Azurite

pytestmark = pytest.mark.slow

URI = "https://account.table.core.windows.net"


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Take all settings away."""
    for name in code.settings_read():
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


def test_command(azurite: Azurite, tmp_path: Path) -> None:
    """The command lists, shows and resends what a running app has stored, and the app's sweep sends it."""
    with RealWorld(azurite) as world, world.host() as host:
        host.post_event(event("Failed", datetime.now(UTC), name="real", cluster="prod-1"))
        (old,) = world.fates
        given = {"NOTIFIER_STORAGE": azurite.connection_string, "NOTIFIER_TABLE": world.table_name}

        def run(*arguments: str) -> subprocess.CompletedProcess[bytes]:
            return subprocess.run(
                [sys.executable, "-m", "ops", *arguments],
                cwd=tmp_path,
                env=environment(given) | {"PYTHONPATH": str(code.ROOT)},
                capture_output=True,
                check=False,
            )

        listed = run("list")
        assert listed.stderr == b""
        assert b"prod-1" in listed.stdout
        assert b"TOLD: 1 in the last 7d (sent 1)" in listed.stdout
        raw = run("show", guid("real"), "--raw")
        assert json.loads(raw.stdout)["data"]["resourceInfo"]["name"] == guid("real")
        assert run("resend", old.key.removeprefix("sent:")).returncode == terminal.NO
        resent = run("resend", old.key.removeprefix("sent:")[:8], "--yes")
        assert (resent.returncode, resent.stderr) == (0, b"")
        assert host.run("due_notices").status == 202
        assert len(world.mails) == 2
        assert {fate.repeats for fate in world.fates} == {"", old.key.removeprefix("sent:")}
        assert json.loads(run("list", "work", "--json").stdout)["work"] == []
        assert run("show", "0000").returncode == terminal.NO
        assert run("list", "--account", "http://x").returncode == terminal.UNREADABLE


def test_missing_table_is_not_made(
    client: TableClient,
    azurite: Azurite,
    bare: None,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A table that is not there yet holds nothing, and looking makes none."""
    monkeypatch.setenv("NOTIFIER_STORAGE", azurite.connection_string)
    for arguments, end in ((["list"], 0), (["show", "work:0"], terminal.NO)):
        assert command([*arguments, "--table", client.table_name]) == end
    table = AzureTable(client, create=False)
    with pytest.raises(TableUnavailable):
        table.commit([Operation(Verb.INSERT, "a", {"n": 1})])


@pytest.mark.parametrize("kind", ["memory", "azurite"])
def test_touched(kind: str, client: TableClient) -> None:
    """Rows that something was written to since a time are read whole, page by page; others are not."""
    table: BrowsableTable = (
        AzureTable(client) if kind == "azurite" else MemoryTable(lambda: datetime.now(UTC))
    )
    table.commit([Operation(Verb.INSERT, f"a{number}", {"n": number}) for number in range(5)])
    now = datetime.now(UTC)
    page = table.touched("a", "b", now - timedelta(hours=1), 3)
    assert [dict(row.values) for row in page.rows] == [{"n": 0}, {"n": 1}, {"n": 2}]
    assert (page.more, page.last) == (True, "a2")
    assert table.touched("a", "b", now + timedelta(hours=1)).rows == ()


def test_settings(bare: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Only the storage's settings are asked for: the environment wins over local.settings.json."""
    values = {"NOTIFIER_STORAGE__tableServiceUri": URI, "NOTIFIER_TABLE": "filed"}
    (tmp_path / "local.settings.json").write_text(json.dumps({"Values": values}), "utf-8")
    assert storage.location("", "") == settings.Storage(uri=URI, table="filed")
    monkeypatch.setenv("NOTIFIER_TABLE", "set")
    assert storage.location("", "").table == "set"
    assert storage.location("", "given").table == "given"


def test_account_wins(bare: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """--account stands for itself, whatever the settings say of the account."""
    monkeypatch.setenv("NOTIFIER_STORAGE", "UseDevelopmentStorage=true")
    assert storage.location(URI, "") == settings.Storage(uri=URI)


def test_the_sample_stands_in(bare: None) -> None:
    """Without settings the sample's hold, as with `make run`; what the environment sets stands alone."""
    assert storage.location("", "").connection_string == "UseDevelopmentStorage=true"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NOTIFIER_STORAGE__tableServiceUri", URI)
        assert storage.location("", "") == settings.Storage(uri=URI)


def test_own_identity(monkeypatch: pytest.MonkeyPatch) -> None:
    """A real account is read with the identity of whoever is at the keyboard."""
    import azure.identity

    made: list[object] = []

    class Credential:
        def __init__(self) -> None:
            made.append(self)

        def get_token(self, *_: str, **__: object) -> object:
            raise AssertionError

    monkeypatch.setattr(azure.identity, "DefaultAzureCredential", Credential)
    with storage.opened(settings.Storage(uri=URI)):
        assert len(made) == 1


def test_azurite_is_read_without_identity(azurite: Azurite) -> None:
    """A connection string asks for no identity: its import is spared."""
    script = (
        "import sys; from ops import storage; from shared.settings import Storage\n"
        "with storage.opened(Storage(connection_string=sys.argv[1])):\n"
        "    sys.exit('azure.identity' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, azurite.connection_string], cwd=code.ROOT, check=False
    )
    assert done.returncode == 0
