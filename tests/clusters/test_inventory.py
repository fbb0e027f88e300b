"""Clusters and their windows: read daily, stored, looked up, gone when they are gone."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from shared.clusters.refresh import write_down
from shared.delivery.retention import remove_expired
from shared.maintenance import NODE_OS
from shared.maintenance.configuration import DateSpan
from shared.maintenance.inventory import ClusterInfo, identity, read
from shared.setting_reader import SettingsError
from shared.settings import APP, ClusterSource
from shared.store import codec
from testing.arm_endpoint import SUBSCRIPTION, cluster, configuration
from testing.world import NOW, World

if TYPE_CHECKING:
    from pathlib import Path

OTHER = "11112222-bbbb-3333-cccc-4444dddd5555"


def attached(name: str = "prod-weu-1", *configurations: dict[str, Any], **properties: Any) -> dict[str, Any]:
    """Describe a cluster with its configurations."""
    return {**cluster(name, **properties), "maintenanceConfigurations": list(configurations)}


def one(body: object) -> ClusterInfo:
    """Read one cluster, of which nothing is wrong."""
    reading = read(body, NOW)
    assert reading.errors == []
    (known,) = reading.clusters
    return known


def refreshed(world: World, *bodies: Any) -> int:
    """Read these bodies into the table."""
    return write_down(world.notifier.store, list(bodies), world.clock.now())


def stored(world: World, name: str = "prod-weu-1") -> ClusterInfo | None:
    """Return what is known of a cluster."""
    found = identity(cluster(name)["id"])
    assert found is not None
    return world.notifier.store.cluster(found.key)


def test_facts_of_a_cluster() -> None:
    """Location, the version that runs, both channels and the configurations are read."""
    known = one(attached("a", configuration(), configuration("default")))
    assert (known.location, known.version) == ("westeurope", "1.33.2")
    assert (known.channel, known.os_channel) == ("stable", "NodeImage")
    assert [found.name for found in known.configurations] == [NODE_OS, "default"]
    assert known.is_complete
    assert known.read == NOW


def test_shapes_are_as_the_linter_takes_them() -> None:
    """Flat or wrapped, one or many, attached or apart with an id: the same is read."""
    whole = attached("a", configuration())
    flat = {**{key: value for key, value in whole.items() if key != "properties"}, **whole["properties"]}
    apart = {**configuration(), "id": f"{whole['id']}/maintenanceConfigurations/{NODE_OS}"}
    known = one(whole)
    assert one(flat) == one([whole]) == one({"value": [whole]}) == known
    assert one([cluster("a"), apart]) == msgspec.structs.replace(known, is_complete=False)
    assert one({**whole, "maintenanceConfigurations": {"value": [configuration()]}}) == known


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        (configuration(durationHours=2), "durationHours: expected a whole number from 4 to 24"),
        (configuration(startTime="25:00"), "startTime: expected a time"),
        ("a text", "expected an object"),
        ({"name": "default", "properties": []}, "properties: expected an object"),
    ],
)
def test_malformed_configuration_leaves_the_others(wrong: Any, sentence: str) -> None:
    """A configuration that cannot be understood is named with its cluster; the others are read."""
    reading = read([attached("a", wrong, configuration("default")), attached("b", configuration())], NOW)
    assert [len(known.configurations) for known in reading.clusters] == [1, 1]
    assert [known.is_complete for known in reading.clusters] == [False, True]
    (said,) = reading.errors
    assert "managedClusters/a" in said
    assert sentence in said


@pytest.mark.parametrize(
    "body", [None, 1, "x", {}, [[]], {"value": 1}, {"id": "/subscriptions/x"}, {"id": 7}]
)
def test_what_is_no_cluster_is_named(body: Any) -> None:
    """Whatever else the input holds is named, and raises nothing."""
    assert read(body, NOW).clusters == []
    assert len(read(body, NOW).errors) == 1


@pytest.mark.parametrize("nasty", ["a\r\nBcc: everyone@example.com", "\ud800"])
def test_what_could_not_be_stored_or_logged_is_left_out(nasty: str) -> None:
    """Line breaks and half characters reach neither the table nor the log."""
    cluster, wrong = attached("a", configuration(nasty)), configuration("default")
    wrong["name"] = nasty
    cluster["location"], cluster["properties"]["currentKubernetesVersion"] = nasty, nasty
    reading = read([cluster, attached(nasty), attached("b", wrong)], NOW)
    assert [known.location for known in reading.clusters] == ["", "westeurope"]
    assert all(sentence.isprintable() for sentence in reading.errors)
    assert len(reading.errors) >= 2
    for known in reading.clusters:
        assert msgspec.json.encode(known)


def test_one_row_for_each_cluster_however_spelled() -> None:
    """A cluster has one row, whatever the case of its id; reading it again writes over it."""
    world = World()
    assert refreshed(world, attached("Prod", configuration())) == 1
    world.clock.forward(days=1)
    shouted = attached("Prod", currentKubernetesVersion="1.34.1")
    assert refreshed(world, {**shouted, "id": shouted["id"].upper()}) == 1
    assert len(world.table.keys("cluster:")) == 1
    known = stored(world, "prod")
    assert known is not None
    assert (known.version, known.configurations) == ("1.34.1", ())


def test_reading_many_takes_few_round_trips() -> None:
    """Clusters are written forty at a time."""
    world = World()
    bodies = [attached(f"c{number}", configuration()) for number in range(120)]
    world.table.trips.clear()
    assert refreshed(world, *bodies) == 120
    assert world.table.trips == {"commit": 3}


def test_row_stays_within_the_limits() -> None:
    """Configurations too large for a row are left out, and are not said to be none."""
    known = one(attached("a", configuration()))
    window = known.configurations[0].window
    assert window is not None
    spans = tuple(DateSpan(date(2026, 1, 1), date(2026, 1, 2)) for _ in range(2_000))
    huge = msgspec.structs.replace(
        known.configurations[0],
        window=msgspec.structs.replace(window, not_allowed_dates=spans),
    )
    values = codec.cluster_values(msgspec.structs.replace(known, configurations=(huge,)))
    assert len(values["facts"]) < codec.MAX_TEXT_UNITS
    back = msgspec.json.decode(values["facts"], type=ClusterInfo)
    assert (back.version, back.configurations, back.is_complete) == ("1.33.2", (), False)


def test_row_survives_the_table() -> None:
    """What is known comes back from its row as it was."""
    world = World()
    refreshed(world, attached("a", configuration(), configuration("default", 3)))
    assert stored(world, "a") == one(attached("a", configuration(), configuration("default", 3)))


def test_cluster_that_is_gone_goes_with_the_rest_of_history() -> None:
    """Clusters that are not listed any more are removed after the retention; the others stay."""
    world = World()
    refreshed(world, attached("gone"), attached("here"))
    world.clock.forward(days=40)
    refreshed(world, attached("here"))
    remove_expired(world.notifier.store, timedelta(days=30))
    assert stored(world, "gone") is None
    assert stored(world, "here") is not None


def test_file_does_the_same(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """CLUSTERS=@file is read like a subscription; a file that cannot be read is an error in the log."""
    path = tmp_path / "clusters.json"
    path.write_text(json.dumps([attached("a", configuration()), attached("b")]), "utf-8")
    world = World(CLUSTERS=f"@{path}")
    world.notifier.refresh_windows()
    assert len(world.table.keys("cluster:")) == 2
    path.write_text("{", "utf-8")
    world.notifier.refresh_windows()
    assert "clusters.json cannot be read" in caplog.text


def test_off_fetches_nothing() -> None:
    """Where CLUSTERS is off, only what the table knows of clusters is read."""
    world = World()
    world.notifier.refresh_windows()
    assert world.table.trips == {"query": 1}


@pytest.mark.parametrize(
    ("value", "source"),
    [
        ("", ClusterSource()),
        ("off", ClusterSource()),
        ("Off", ClusterSource()),
        (SUBSCRIPTION, ClusterSource((SUBSCRIPTION,))),
        (f" {SUBSCRIPTION.upper()}, {OTHER},{OTHER},", ClusterSource((SUBSCRIPTION, OTHER))),
        ("@samples/routes.yaml", ClusterSource(file=str(APP / "samples/routes.yaml"))),
    ],
)
def test_setting(value: str, source: ClusterSource) -> None:
    """CLUSTERS is off, or a list of subscriptions, or a file, relative to the app."""
    assert World(CLUSTERS=value).config.clusters == source
    assert source.is_on == bool(value.lower().strip("of"))


@pytest.mark.parametrize("value", ["on", f"{SUBSCRIPTION};{OTHER}", ",", "@missing.json", "@"])
def test_wrong_setting(value: str) -> None:
    """Anything else stops the start with a sentence that names CLUSTERS."""
    with pytest.raises(SettingsError, match=r"^Setting CLUSTERS "):
        World(CLUSTERS=value)


def test_calendar_times_survive() -> None:
    """Times of a configuration come back with their zone."""
    body = {**configuration(), "systemData": {"createdAt": "2026-01-01T00:00:00Z"}}
    (found,) = one(attached("a", body)).configurations
    assert found.created == datetime(2026, 1, 1, tzinfo=UTC)


def test_linked_configuration_has_the_schedule_of_its_shared_window() -> None:
    """A shared window beside the clusters gives its schedule to the configurations that are linked to it."""
    id_ = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.ContainerService/maintenanceWindows/w"
    shared = {"id": id_, "name": "w", "properties": configuration()["properties"]["maintenanceWindow"]}
    link = {"name": "default", "properties": {"maintenanceWindowId": id_.upper()}}
    reading = read([shared, attached("a", link)], NOW)
    assert reading.errors == []
    (known,) = reading.clusters
    assert known.configurations[0].window is not None
    assert known.configurations[0].window_id == id_.upper()
