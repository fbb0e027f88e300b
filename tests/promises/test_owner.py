"""The table's owner: two apps that share a table by mistake do not tell each other's news."""

from __future__ import annotations

import json
import threading
import time
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from ops.__main__ import app
from shared import keys
from shared.store.ownership import ForeignTable, hand_over, owner
from shared.store.table import Page, TableUnavailable
from testing.samples.payloads import event
from testing.world import NOW, World

if TYPE_CHECKING:
    from azure.data.tables import TableClient

    from testing.processes import Azurite


def test_second_app_refuses_to_work() -> None:
    """Of two apps on one table the second fails in every function, naming owner and table."""
    first = World(WEBSITE_SITE_NAME="func-a")
    second = World(first.table, WEBSITE_SITE_NAME="func-b")
    first.take(event("Started", NOW))
    second.clock.forward(minutes=2)
    for work in (
        lambda: second.take(event("Failed", NOW)),
        second.notifier.delivery.sweep,
        second.notifier.remove_expired,
        lambda: second.notifier.take_reports("{}"),
    ):
        with pytest.raises(
            ForeignTable, match=r"table notifier belongs to the app func-a.*this one is func-b"
        ):
            work()
    assert second.mailer.arrived == []
    first.sweep(minutes=2)
    assert len(first.mailer.arrived) == 1


def test_owner_is_asked_for_once() -> None:
    """An app asks whose the table is once a process, at its first use; all its instances are one app."""
    world = World(WEBSITE_SITE_NAME="func-a")
    assert world.table.trips.total() == 0
    world.take(event("Started", NOW))
    assert world.table.trips == {"query": 1, "commit": 2}
    world.take(event("Completed", NOW))
    assert world.table.trips == {"query": 1, "commit": 3}
    World(world.table, WEBSITE_SITE_NAME="FUNC-A").take(event("Started", NOW, name="other"))
    assert world.table.trips == {"query": 2, "commit": 4}


def test_without_a_name_nothing_is_claimed() -> None:
    """Where the app has no name, as on a workstation, nothing is claimed and nothing is checked."""
    world = World()
    world.take(event("Started", NOW))
    assert world.table.keys(keys.OWNER) == []
    World(world.table, WEBSITE_SITE_NAME="func-a").take(event("Started", NOW, name="other"))
    assert world.take(event("Completed", NOW)) == "new"


def test_table_that_is_handed_over_works() -> None:
    """An app that was refused works as soon as the table is handed over to it."""
    first = World(WEBSITE_SITE_NAME="func-a")
    second = World(first.table, WEBSITE_SITE_NAME="func-b")
    first.take(event("Started", NOW))
    with pytest.raises(ForeignTable):
        second.take(event("Completed", NOW))
    assert hand_over(first.table, "func-b", owner(first.table))
    assert second.take(event("Completed", NOW)) == "new"


def test_storage_that_does_not_answer_is_asked_once_for_all_threads() -> None:
    """Deliveries that wait for the table's owner together are told together that there is no answer."""
    world = World(WEBSITE_SITE_NAME="func-a")
    asked, go_on, failed = [], threading.Event(), []

    def silent(*_: object) -> Page:
        asked.append(1)
        go_on.wait(5)
        raise TableUnavailable("no answer")

    world.table.query = silent  # type: ignore[method-assign, assignment]

    def take() -> None:
        try:
            world.notifier.intake.take(event("Started", NOW))
        except TableUnavailable as error:
            failed.append(str(error))

    threads = [threading.Thread(target=take) for _ in range(16)]
    for thread in threads:
        thread.start()
    while threading.active_count() < 17:
        pass
    time.sleep(0.2)
    go_on.set()
    for thread in threads:
        thread.join()
    assert failed == ["no answer"] * 16
    assert len(asked) < 4


def test_command(client: TableClient, azurite: Azurite) -> None:
    """`ops table` shows the owner and which mails are in doubt, and hands the table over."""
    client.create_table()
    environment = {"NOTIFIER_STORAGE": azurite.connection_string, "NOTIFIER_TABLE": client.table_name}

    def run(*words: str) -> tuple[int, str]:
        done = CliRunner().invoke(app, ["table", *words], env=environment, input="n\n")
        return done.exit_code, done.output

    assert run() == (
        0,
        f"The table {client.table_name} belongs to nobody.\nNo mail is in doubt: EMAIL_PREVIOUS can go.\n",
    )
    code, said = run("--hand-over", "func-a")
    assert code == 1
    assert run("--hand-over", "func-a", "--yes")[0] == 0
    code, said = run()
    assert code == 0
    assert "belongs to func-a since 2" in said
    assert json.loads(run("--json")[1])["owner"] == "func-a"
    assert run("--hand-over", "a/b", "--yes")[0] == 2
