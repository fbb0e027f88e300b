"""Routes: which audience hears of which maintenance, and what is said about routes that cannot be used."""

from __future__ import annotations

import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from shared.audience import DEFAULT_AUDIENCE, Audience, Volume
from shared.durations import Lead
from shared.events.envelope import parse
from shared.events.model import Cluster, Event, Status, Upgrade
from shared.notices.kinds import ABOUT_CLUSTERS, Kind
from shared.routes import Defaults, Outcome, RoutesError, load, read
from testing.samples import payloads

NOW = datetime(2026, 11, 20, 1, 0, tzinfo=UTC)
ROOT = Path(__file__).parents[2]
SUBSCRIPTION = payloads.SUBSCRIPTION
WEEK, DAY = Lead("7d", timedelta(days=7)), Lead("24h", timedelta(days=1))


def lead(label: str, **ahead: int) -> Lead:
    """Make a lead."""
    return Lead(label, timedelta(**ahead))


DEFAULTS = Defaults(
    to=("ops@example.com",),
    time_zone="Europe/Vienna",
    leads=(WEEK, DAY),
    gap=timedelta(hours=6),
    wait=timedelta(seconds=30),
    interval=timedelta(minutes=5),
)
NO_EMAIL_TO = msgspec.structs.replace(DEFAULTS, to=())


def event(
    status: str = "Started",
    *,
    cluster: str = "prod-weu-1",
    group: str = "rg-prod",
    upgrade: Upgrade = Upgrade.NODE_OS,
    region: str = "westeurope",
    subscription: str = SUBSCRIPTION,
) -> Event:
    """Make an event of a cluster."""
    return Event(
        event_id="1",
        status=status,
        subject=Cluster(subscription, group, cluster),
        time=NOW,
        updated=NOW,
        upgrade=upgrade,
        region=region,
    )


def audience(**more: Any) -> Audience:
    """Make an audience of one."""
    return Audience(to=("a@example.com",), **more)


def written(routes: object, *names: str, **more: Any) -> str:
    """Write a file of routes, with audiences of these names that have one recipient each."""
    audiences = [{"name": name, "to": f"{name}@example.com"} for name in names]
    return yaml.safe_dump({"audiences": audiences, "routes": routes, **more}, sort_keys=False)


def one(**fields: Any) -> str:
    """Write a file with one audience that everything goes to; None leaves a field out."""
    merged = {"name": "shop", "to": "shop@example.com", **fields}
    item = {key: value for key, value in merged.items() if value is not None}
    return yaml.safe_dump({"audiences": [item], "routes": [{"audiences": item.get("name", "shop")}]})


def shop(defaults: Defaults = DEFAULTS, **fields: Any) -> Audience:
    """Load that one audience."""
    return load(one(**fields), defaults).audiences["shop"]


def complaint(text: str, defaults: Defaults = DEFAULTS) -> str:
    """Return the sentence about what is wrong with routes."""
    with pytest.raises(RoutesError) as caught:
        load(text, defaults)
    check_sentence(str(caught.value))
    return str(caught.value)


def check_sentence(text: str) -> None:
    """Check that it is one sentence, on one line, of a length that a person reads."""
    assert text.endswith(".")
    assert not re.search(r"\.\s+[A-Z]", text), text
    assert text.isprintable()
    assert len(text) < 400


# What an audience wants


def test_all_is_everything() -> None:
    """An audience that says nothing about it hears of everything."""
    assert all(audience().wants(kind, upgrade) for kind in ABOUT_CLUSTERS for upgrade in Upgrade)


def test_normal_has_no_started_of_routine_upgrades() -> None:
    """With volume `normal` Started is not told of node OS upgrades and weekly releases; all else is."""
    normal = audience(volume=Volume.NORMAL)
    every = [(kind, upgrade) for kind in ABOUT_CLUSTERS for upgrade in Upgrade]
    untold = {(Kind.STARTED, Upgrade.NODE_OS), (Kind.STARTED, Upgrade.WEEKLY_RELEASE)}
    assert {one for one in every if not normal.wants(*one)} == untold


@pytest.mark.parametrize(
    ("kind", "wanted"),
    [
        (Kind.SCHEDULED, False),
        (Kind.RESCHEDULED, False),
        (Kind.REMINDER, True),
        (Kind.STARTED, False),
        (Kind.COMPLETED, False),
        (Kind.CANCELED, True),
        (Kind.FAILED, True),
        (Kind.NOT_STARTED, True),
        (Kind.STILL_RUNNING, True),
        (Kind.END_OF_SUPPORT, True),
        (Kind.NEWS, True),
    ],
)
def test_essential(kind: Kind, wanted: bool) -> None:
    """With volume `essential` only what went wrong, or asks for something to be done, is told."""
    assert audience(volume=Volume.ESSENTIAL).wants(kind, Upgrade.KUBERNETES) is wanted


LEADS = {"7d": lead("7d", days=7), "2d": lead("2d", days=2), "24h": DAY}
SHORT = {"11h": lead("11h", hours=11), "1h": lead("1h", hours=1)}
DAYS = {"30h": lead("30h", hours=30), "18h": lead("18h", hours=18)}


@pytest.mark.parametrize(
    ("volume", "upgrade", "leads", "told"),
    [
        ("all", Upgrade.NODE_OS, LEADS, ["7d", "2d", "24h"]),
        ("normal", Upgrade.NODE_OS, LEADS, ["24h"]),
        ("normal", Upgrade.WEEKLY_RELEASE, LEADS | SHORT, ["24h"]),
        ("normal", Upgrade.NODE_OS, SHORT, ["11h"]),
        ("normal", Upgrade.KUBERNETES, LEADS, ["7d", "2d", "24h"]),
        ("normal", Upgrade.UNKNOWN, LEADS, ["7d", "2d", "24h"]),
        ("essential", Upgrade.KUBERNETES, LEADS | SHORT, ["24h"]),
        ("essential", Upgrade.NODE_OS, {"7d": WEEK}, ["7d"]),
        ("essential", Upgrade.NODE_OS, DAYS, ["30h"]),
    ],
)
def test_reminders(volume: str, upgrade: Upgrade, leads: dict[str, Lead], told: list[str]) -> None:
    """Of the reminders `normal` keeps the shortest of half a day or more, `essential` that of a day."""
    hearer = audience(volume=Volume(volume), leads=tuple(leads.values()))
    assert [label for label in leads if hearer.wants(Kind.REMINDER, upgrade, label)] == told
    assert [each.label for each in hearer.reminders(upgrade)] == told


def test_a_reminder_of_another_audience() -> None:
    """A reminder at a lead that only other audiences have is not wanted."""
    assert not audience(leads=(DAY,)).wants(Kind.REMINDER, Upgrade.NODE_OS, "7d")


@pytest.mark.parametrize("label", ["1d", "24h", "23h60m"])
def test_a_lead_is_known_by_its_length(label: str) -> None:
    """`1d` is `24h`: what counts is the length, however another audience or an earlier setting spells it."""
    assert audience(leads=(DAY,)).wants(Kind.REMINDER, Upgrade.NODE_OS, label)


@pytest.mark.parametrize("label", ["soon", "-1d", "999999999999d"])
def test_a_label_that_is_no_length(label: str) -> None:
    """A label that is no duration is no lead of anybody's."""
    assert not audience(leads=(DAY,)).wants(Kind.REMINDER, Upgrade.NODE_OS, label)


@pytest.mark.parametrize("volume", Volume)
def test_a_repeated_announcement(volume: Volume) -> None:
    """A reminder without a lead, which AKS itself gave by announcing twice, is wanted at every volume."""
    assert audience(volume=volume, leads=(WEEK, DAY)).wants(Kind.REMINDER, Upgrade.NODE_OS, "")


def test_kinds() -> None:
    """Only the kinds that are listed are wanted, and of those only what the volume lets through."""
    hearer = audience(kinds=frozenset({"failed", "started"}), volume=Volume.NORMAL)
    wanted = [kind for kind in ABOUT_CLUSTERS if hearer.wants(kind, Upgrade.NODE_OS)]
    assert wanted == [Kind.FAILED]


@pytest.mark.parametrize("kind", [kind for kind in Kind if kind not in ABOUT_CLUSTERS])
def test_the_apps_own_troubles_are_never_filtered(kind: Kind) -> None:
    """What tells of the app itself, such as rejected input, passes every filter."""
    picky = audience(kinds=frozenset({"failed"}), volume=Volume.ESSENTIAL, leads=(DAY,))
    assert picky.wants(kind, Upgrade.UNKNOWN)


def test_which_kinds_tell_of_clusters() -> None:
    """Every kind is either one that audiences choose from, or one of the app's own."""
    own = {kind for kind in Kind if kind not in ABOUT_CLUSTERS}
    assert {Kind.REJECTED, Kind.UNDELIVERED} <= own <= set(Kind) - {Kind.FAILED, Kind.SCHEDULED}


# Matching


@pytest.mark.parametrize(
    ("match", "matches"),
    [
        ({"cluster": "prod-weu-1"}, True),
        ({"cluster": "PROD-WEU-1"}, True),
        ({"cluster": "prod-*"}, True),
        ({"cluster": "prod"}, False),
        ({"cluster": "*-weu-?"}, True),
        ({"cluster": "prod-weu-[0-3]"}, True),
        ({"cluster": "prod-weu-[!1]"}, False),
        ({"cluster": ["dev-*", "prod-*"]}, True),
        ({"cluster": "dev-*, prod-*"}, True),
        ({"cluster": ["dev-*", "test-*"]}, False),
        ({"resource_group": "rg-prod"}, True),
        ({"resource_group": "RG-*"}, True),
        ({"resource_group": "prod"}, False),
        ({"subscription": SUBSCRIPTION}, True),
        ({"subscription": SUBSCRIPTION.upper()}, True),
        ({"subscription": "66667777-*"}, True),
        ({"subscription": "*"}, True),
        ({"subscription": "00000000-0000-0000-0000-000000000000"}, False),
        ({"kind": "node-os"}, True),
        ({"kind": "Node-OS"}, True),
        ({"kind": ["kubernetes", "node-os"]}, True),
        ({"kind": "kubernetes"}, False),
        ({"status": "Started"}, True),
        ({"status": "started"}, True),
        ({"status": ["Failed", "Started"]}, True),
        ({"status": "Failed"}, False),
        ({"region": "westeurope"}, True),
        ({"region": "West Europe"}, True),
        ({"region": "*europe"}, True),
        ({"region": "eastus"}, False),
        ({"cluster": "prod-*", "kind": "node-os", "status": "Started"}, True),
        ({"cluster": "prod-*", "kind": "node-os", "status": "Failed"}, False),
    ],
)
def test_match(match: dict[str, Any], matches: bool) -> None:
    """All conditions of a route have to hold, of each one of its globs; case does not matter."""
    routes = load(written([{"match": match, "audiences": "shop"}], "shop"), DEFAULTS)
    assert routes.audiences_for(event(), Kind.STARTED) == (("shop",) if matches else (DEFAULT_AUDIENCE,))


@pytest.mark.parametrize("given_as", ["westeurope", "West Europe", "WESTEUROPE"])
def test_regions_of_events(given_as: str) -> None:
    """A region is the same with and without its space."""
    routes = load(written([{"match": {"region": "westeurope"}, "audiences": "shop"}], "shop"), DEFAULTS)
    assert routes.audiences_for(event(region=given_as), Kind.STARTED) == ("shop",)


def test_an_event_without_region() -> None:
    """An event that does not say its region is of no region that a route asks for, save any."""
    routes = [{"match": {"region": region}, "audiences": "shop"} for region in ("westeurope", "*")]
    first, second = (load(written([route], "shop"), DEFAULTS) for route in routes)
    assert first.audiences_for(event(region=""), Kind.STARTED) == (DEFAULT_AUDIENCE,)
    assert second.audiences_for(event(region=""), Kind.STARTED) == ("shop",)


@pytest.mark.parametrize("spelled", ["Canceled", "cancelled"])
def test_both_spellings_of_canceled(spelled: str) -> None:
    """Canceled and Cancelled are one status, in routes as in events."""
    routes = load(written([{"match": {"status": spelled}, "audiences": "shop"}], "shop"), DEFAULTS)
    (item,) = parse(payloads.event("Cancelled", NOW), NOW)
    assert isinstance(item.reading, Event)
    assert routes.audiences_for(item.reading, Kind.CANCELED) == ("shop",)


def test_a_status_new_to_us() -> None:
    """An event whose status is new to us goes past routes that ask for a status, and is not lost."""
    routes = load(
        written([{"match": {"status": [str(status) for status in Status]}, "audiences": "shop"}], "shop"),
        DEFAULTS,
    )
    assert routes.audiences_for(event("Paused"), Kind.NEWS) == (DEFAULT_AUDIENCE,)


def test_reminders_follow_their_event() -> None:
    """A reminder goes where the Scheduled event goes that it follows from."""
    routes = [
        {"match": {"status": "Scheduled"}, "audiences": "plans"},
        {"match": {"status": "Started"}, "audiences": "night"},
    ]
    loaded = load(written(routes, "plans", "night"), DEFAULTS)
    assert loaded.audiences_for(event("Scheduled"), Kind.REMINDER, "24h") == ("plans",)
    assert loaded.audiences_for(event("Scheduled"), Kind.NOT_STARTED) == ("plans",)
    assert loaded.audiences_for(event("Started"), Kind.STILL_RUNNING) == ("night",)


# Walking the routes


def test_the_first_match_decides() -> None:
    """The first route that matches decides, and those after it are not tried."""
    routes = [{"match": {"cluster": "prod-*"}, "audiences": "shop"}, {"audiences": "rest"}]
    loaded = load(written(routes, "shop", "rest"), DEFAULTS)
    assert loaded.audiences_for(event(), Kind.STARTED) == ("shop",)
    assert loaded.audiences_for(event(cluster="dev"), Kind.STARTED) == ("rest",)


def test_continue() -> None:
    """After a route with `continue: true` the next ones are tried as well."""
    routes = [
        {"audiences": "all", "continue": True},
        {"match": {"cluster": "prod-*"}, "audiences": ["shop", "all"], "continue": True},
        {"match": {"cluster": "dev-*"}, "audiences": "dev"},
        {"match": {"cluster": "*-1"}, "audiences": "ones"},
        {"audiences": "rest"},
    ]
    loaded = load(written(routes, "rest", "ones", "dev", "shop", "all"), DEFAULTS)
    assert loaded.audiences_for(event(), Kind.STARTED) == ("ones", "shop", "all")


def test_continue_is_a_match() -> None:
    """What only routes with `continue: true` match has been matched: it is not for the default audience."""
    loaded = load(written([{"audiences": "all", "continue": True}], "all"), DEFAULTS)
    assert loaded.audiences_for(event(), Kind.STARTED) == ("all",)


def test_in_the_order_of_the_file() -> None:
    """Audiences come in the order in which the file introduces them, none of them twice."""
    routes = [{"audiences": ["b", "a", "B"], "continue": True}, {"audiences": ["a", "b"]}]
    assert load(written(routes, "a", "b"), DEFAULTS).audiences_for(event(), Kind.STARTED) == ("a", "b")


def test_a_route_to_nobody() -> None:
    """A route with an empty list silences what it matches, and that is not the same as unrouted."""
    silent = {"match": {"cluster": "dev-*"}, "audiences": []}
    for defaults in (DEFAULTS, NO_EMAIL_TO):
        routes = load(written([silent, {"match": {"cluster": "prod-*"}, "audiences": "a"}], "a"), defaults)
        assert routes.audiences_for(event(cluster="dev-1"), Kind.FAILED) == ()
        assert routes.is_routed(event(cluster="dev-1"))


def test_a_route_to_nobody_after_another() -> None:
    """Silence does not take back what a route before it, with `continue: true`, has given."""
    routes = load(written([{"audiences": "a", "continue": True}, {"audiences": []}], "a"), DEFAULTS)
    assert routes.audiences_for(event(), Kind.STARTED) == ("a",)


def test_unrouted() -> None:
    """Without a default audience, what no route matches is unrouted."""
    routes = load(written([{"match": {"cluster": "dev-*"}, "audiences": "a"}], "a"), NO_EMAIL_TO)
    assert routes.audiences_for(event(), Kind.FAILED) == ()
    assert not routes.is_routed(event())
    assert routes.is_routed(event(cluster="dev-1"))


def test_not_wanted_is_not_unrouted() -> None:
    """Where a route matches, but its audience does not want such news, nobody hears, and that is meant so."""
    audiences = [{"name": "a", "to": "a@example.com", "kinds": "failed"}]
    routes = load(yaml.safe_dump({"audiences": audiences, "routes": [{"audiences": "a"}]}), NO_EMAIL_TO)
    assert routes.audiences_for(event(), Kind.STARTED) == ()
    assert routes.is_routed(event())


def test_no_routes() -> None:
    """Without ROUTES everything goes to EMAIL_TO."""
    for text in ("", "  \n", "# nothing yet\n", "---\n"):
        routes = load(text, DEFAULTS)
        assert routes.audiences_for(event(), Kind.STARTED) == (DEFAULT_AUDIENCE,)
        expected = Audience(
            id=DEFAULT_AUDIENCE, to=DEFAULTS.to, time_zone="Europe/Vienna", leads=DEFAULTS.leads
        )
        assert routes.audiences == {DEFAULT_AUDIENCE: expected}


def test_trace() -> None:
    """A trace says of each route what became of it, and of each audience what it hears."""
    routes = [
        {"match": {"cluster": "dev-*", "status": "Scheduled", "region": "eastus"}, "audiences": "dev"},
        {"match": {"cluster": "prod-*"}, "audiences": "shop"},
        {"audiences": "rest"},
    ]
    loaded = load(written(routes, "dev", "shop", "rest"), DEFAULTS)
    trace = loaded.trace(event("Scheduled"))
    assert [step.outcome for step in trace.steps] == [
        Outcome.NOT_MATCHED,
        Outcome.MATCHED,
        Outcome.NOT_REACHED,
    ]
    assert [miss.field for miss in trace.steps[0].misses] == ["cluster", "region"]
    assert [match.audience.id for match in trace.matches] == ["shop"]
    previews = [(one.kind, one.lead, one.wanted) for one in trace.matches[0].previews]
    assert previews == [
        ("scheduled", "", True),
        ("rescheduled", "", True),
        ("reminder", "7d", True),
        ("reminder", "24h", True),
        ("not-started", "", True),
    ]
    assert trace.routed
    assert not trace.by_default


def test_trace_by_default() -> None:
    """A trace says when the default audience hears because no route matched."""
    loaded = load(written([{"match": {"cluster": "dev-*"}, "audiences": "dev"}], "dev"), DEFAULTS)
    trace = loaded.trace(event())
    assert trace.by_default
    assert [match.audience.id for match in trace.matches] == [DEFAULT_AUDIENCE]


# Audiences in the file


def test_an_audience_with_everything() -> None:
    """Everything an audience can say is read."""
    assert shop(
        name="Shop",
        to="a@example.com, b@example.com",
        cc=["c@example.com", "a@example.com"],
        reply_to="answers@example.com",
        runbook="https://wiki.example.com/aks?x=1#top",
        time_zone="America/New_York",
        reminder_leads=["1h", "3d"],
        group_wait="1m",
        group_interval="0s",
        kinds=["Failed", "reminder"],
        volume="essential",
    ) == Audience(
        id="shop",
        name="Shop",
        to=("a@example.com", "b@example.com"),
        cc=("c@example.com",),
        reply_to="answers@example.com",
        runbook="https://wiki.example.com/aks?x=1#top",
        time_zone="America/New_York",
        leads=(lead("3d", days=3), lead("1h", hours=1)),
        wait=timedelta(minutes=1),
        interval=timedelta(),
        kinds=frozenset({"failed", "reminder"}),
        volume=Volume.ESSENTIAL,
    )


def test_an_audience_with_the_least() -> None:
    """What an audience does not say is as the settings have it."""
    assert shop() == Audience(
        id="shop", name="shop", to=("shop@example.com",), time_zone="Europe/Vienna", leads=(WEEK, DAY)
    )


@pytest.mark.parametrize(
    ("given_as", "left"),
    [
        (["7d", "24h"], ["7d", "24h"]),
        (["24h", "7d"], ["7d", "24h"]),
        (["24h", "19h", "18h"], ["24h", "18h"]),
        (["24h", "20h", "18h"], ["24h", "18h"]),
        (["5h", "1h"], ["5h"]),
    ],
)
def test_leads_are_thinned(given_as: list[str], left: list[str]) -> None:
    """A reminder that would follow an earlier one within REMINDER_GAP is left out, audience by audience."""
    assert [each.label for each in shop(reminder_leads=given_as).leads] == left


def test_the_settings_leads_are_thinned_too() -> None:
    """The gap holds for the leads of the settings as well."""
    close = msgspec.structs.replace(DEFAULTS, leads=(DAY, lead("20h", hours=20)))
    assert load("", close).audiences[DEFAULT_AUDIENCE].leads == (DAY,)
    assert shop(close).leads == (DAY,)


def test_all_leads() -> None:
    """The leads of all audiences are put together by their length, longest first."""
    audiences = [
        {"name": name, "to": "a@example.com", "reminder_leads": leads}
        for name, leads in (("a", "1d, 30d"), ("b", "12h, 168h"))
    ]
    routes = load(yaml.safe_dump({"audiences": audiences, "routes": [{"audiences": "a, b"}]}), DEFAULTS)
    assert [each.label for each in routes.all_leads()] == ["30d", "7d", "24h", "12h"]


def test_the_default_audience_may_say_more() -> None:
    """An audience called default is that of EMAIL_TO, with what else the file says about it."""
    routes = load("audiences: [{name: Default, volume: essential, cc: b@example.com}]", DEFAULTS)
    found = routes.audiences[DEFAULT_AUDIENCE]
    assert (found.id, found.name, found.to, found.cc) == ("default", "", DEFAULTS.to, ("b@example.com",))
    assert found.volume is Volume.ESSENTIAL
    assert routes.audiences_for(event("Failed"), Kind.FAILED) == (DEFAULT_AUDIENCE,)


def test_the_default_audience_may_stand_in_the_file_alone() -> None:
    """Without EMAIL_TO the file can name the recipients of the default audience."""
    routes = load("audiences: [{name: default, to: b@example.com}]", NO_EMAIL_TO)
    assert routes.audiences_for(event(), Kind.STARTED) == (DEFAULT_AUDIENCE,)
    assert routes.audiences[DEFAULT_AUDIENCE].to == ("b@example.com",)


def test_anchors() -> None:
    """What several audiences share can be written once, with a YAML anchor."""
    text = """
    audiences:
      - {name: a, to: &both [x@example.com, y@example.com]}
      - {name: b, to: *both}
    routes: [{audiences: [a, b]}]
    """
    assert load(text, DEFAULTS).audiences["b"].to == ("x@example.com", "y@example.com")


def test_texts_stay_as_they_are_written() -> None:
    """Words and numbers that YAML would turn into something else are names like any other."""
    audiences = "[{name: no, to: a@example.com}, {name: 0x10, to: b@example.com}]"
    text = f"audiences: {audiences}\nroutes: [{{match: {{cluster: 007}}, audiences: [no, 0x10]}}]"
    assert load(text, DEFAULTS).audiences_for(event(cluster="007"), Kind.STARTED) == ("no", "0x10")


def test_the_sample() -> None:
    """The sample that the documentation shows is right, with and without EMAIL_TO."""
    text = (ROOT / "samples" / "routes.yaml").read_text("utf-8")
    for defaults in (DEFAULTS, NO_EMAIL_TO):
        routes = load(text, defaults)
        assert routes.audiences_for(event("Failed", group="rg-shop"), Kind.FAILED) == (
            "shop",
            "on call",
            "management",
        )
        assert routes.audiences_for(event("Started", group="rg-pay-eu"), Kind.STARTED) == ("payments",)
        assert routes.audiences_for(event("Failed", cluster="dev-1"), Kind.FAILED) == ("on call",)
        assert routes.audiences_for(event("Started", group="rg-other"), Kind.STARTED) == ("platform",)


# What is wrong with a file


def first(path: str) -> str:
    """Return the beginning of a complaint about a field of the one audience."""
    return f"audiences[0].{path} (line "


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"name": None}, "audiences[0] (line 2): expected `name`, which is missing."),
        ({"to": None}, "audiences[0] (line 2): expected `to`, which is missing."),
        ({"name": ""}, first("name") + "2): expected a name, got ''."),
        ({"name": "a, b"}, "expected a name of at most 64 characters without commas, got 'a, b'."),
        ({"name": "x" * 65}, "expected a name of at most 64 characters without commas, got 'xxx"),
        ({"name": "a\nb"}, "expected a name, got 'a\\nb'."),
        ({"to": "shop"}, first("to") + "3): expected an email address such as ops@example.com, got 'shop'."),
        ({"to": ["a@example.com", "b"]}, "audiences[0].to[1] (line 5): expected an email address such as"),
        ({"to": "Shop <a@example.com>"}, "got 'Shop <a@example.com>'."),
        ({"to": "jürgen@example.com"}, "expected an email address such as ops@example.com, got 'jürgen@"),
        ({"to": []}, first("to") + "3): expected at least one email address, got none."),
        (
            {"to": {"a": "b"}},
            "expected email addresses such as ops@example.com, or a list of such, got a map",
        ),
        ({"to": [["a@example.com"]]}, "audiences[0].to[0] (line 4): expected an email address such as"),
        (
            {
                "to": [f"p{number}@example.com" for number in range(40)],
                "cc": "a@example.com, " * 10 + "b@b.de",
            },
            None,
        ),
        (
            {"to": [f"p{number}@example.com" for number in range(49)], "cc": "a@example.com, b@example.com"},
            "audiences[0] (line 2): expected at most 50 addresses in `to` and `cc`, got 51.",
        ),
        ({"cc": "x@y"}, first("cc") + "2): expected an email address such as ops@example.com, got 'x@y'."),
        ({"reply_to": "a@b.de, c@d.de"}, first("reply_to") + "3): expected an email address such as"),
        (
            {"runbook": "http://wiki.example.com"},
            first("runbook") + "3): expected an https address, got 'http",
        ),
        ({"runbook": "https://"}, "expected an https address, got 'https://'."),
        ({"runbook": "https://a:b@example.com/"}, "expected an https address, got 'https://***@"),
        ({"runbook": "https://wiki.example.com/a b"}, "expected an https address"),
        ({"runbook": 'https://wiki.example.com/"onclick='}, "expected an https address"),
        ({"runbook": "https://[::1"}, "expected an https address"),
        ({"runbook": "javascript:alert(1)"}, "expected an https address"),
        ({"runbook": "https://example.com/" + "x" * 2000}, "expected an https address"),
        (
            {"time_zone": "Berlin"},
            "got 'Berlin' (did you mean 'Europe/Berlin'?).",
        ),
        (
            {"time_zone": "europe/vienna2"},
            first("time_zone") + "3): expected an IANA time zone such as Europe/Berlin, got 'europe/vienna2'"
            " (did you mean 'Europe/Vienna'?).",
        ),
        ({"time_zone": "../../etc/passwd"}, "expected an IANA time zone such as Europe/Berlin"),
        ({"reminder_leads": "7"}, "'7' is not a duration such as 7d, 24h, 5m or 30s."),
        ({"reminder_leads": ["24h", "7 days"]}, "audiences[0].reminder_leads[1] (line 5): '7 days' is not a"),
        ({"reminder_leads": "0s"}, "expected how long before the start, such as 24h, got '0s'."),
        ({"reminder_leads": "24h, 1d"}, "expected another lead than 24h, got '1d'."),
        ({"reminder_leads": []}, "expected at least one lead (for no reminders, list `kinds` without `rem"),
        ({"reminder_leads": [f"{days}d" for days in range(1, 12)]}, "expected at most 10 leads, got 11."),
        ({"reminder_leads": "367d"}, "'367d' is longer than 366d."),
        ({"group_wait": "soon"}, first("group_wait") + "2): 'soon' is not a duration such as 7d, 24h, 5m or"),
        ({"group_wait": 30}, "'30' is not a duration such as 7d, 24h, 5m or 30s."),
        ({"group_interval": "25h"}, first("group_interval") + "2): expected at most 1d, got '25h'."),
        ({"group_interval": ["1h"]}, "expected a duration such as 7d, 24h, 5m or 30s, got a list."),
        (
            {"kinds": ["faild"]},
            "audiences[0].kinds[0] (line 3): expected one of scheduled, rescheduled, reminder, started",
        ),
        ({"kinds": ["faild"]}, "got 'faild' (did you mean 'failed'?)."),
        ({"kinds": "rejected"}, "got 'rejected'"),
        (
            {"kinds": "node-os"},
            "got 'node-os' (that is a kind of upgrade, which a route asks for as `kind` un",
        ),
        ({"kinds": []}, "expected at least one kind of notice (leave `kinds` out for all)."),
        (
            {"kinds": "started", "volume": "essential"},
            "with `volume: essential` nothing of these is ever told.",
        ),
        ({"volume": "quiet"}, first("volume") + "4): expected one of all, normal, essential, got 'quiet'."),
        ({"volume": "norml"}, "got 'norml' (did you mean 'normal'?)."),
        ({"volume": ""}, "expected one of all, normal, essential, got ''."),
        ({"leads": "7d"}, "audiences[0] (line 2): unknown key 'leads' (did you mean 'reminder_leads'?)."),
        (
            {"colour": "red"},
            "audiences[0] (line 2): unknown key 'colour' (expected one of name, to, cc, reply",
        ),
    ],
)
def test_wrong_audiences(fields: dict[str, Any], said: str | None) -> None:
    """What is wrong with an audience is named with its place in the file, and with what was expected."""
    if said is None:
        load(one(**fields), DEFAULTS)
    else:
        assert said in complaint(one(**fields))


def test_nothing_is_not_a_value() -> None:
    """A key without a value is refused instead of being read as left out."""
    for key in ("cc", "runbook", "volume", "kinds", "reminder_leads"):
        text = f"audiences:\n- name: a\n  to: a@example.com\n  {key}:\nroutes:\n- audiences: a\n"
        assert complaint(text).startswith(f"audiences[0].{key} (line 4): expected ")
    said = complaint("routes:\n- match:\n  audiences: default\n")
    assert said.startswith("routes[0].match (line 2): expected a mapping with some of subscription, ")
    assert said.endswith(", got nothing.")


@pytest.mark.parametrize(
    ("routes", "said"),
    [
        (
            [{"match": {"kind": "nodeos"}, "audiences": "a"}],
            "routes[0].match.kind (line 7): expected one of kub",
        ),
        ([{"match": {"kind": "nodeos"}, "audiences": "a"}], "got 'nodeos' (did you mean 'node-os'?)."),
        ([{"match": {"kind": ["node-os", 1]}, "audiences": "a"}], "routes[0].match.kind[1] (line "),
        ([{"match": {"status": "Faild"}, "audiences": "a"}], "got 'Faild' (did you mean 'Failed'?)."),
        (
            [{"match": {"status": "reminder"}, "audiences": "a"}],
            "got 'reminder' (a route sees the event that",
        ),
        (
            [{"match": {"clusters": "x"}, "audiences": "a"}],
            "unknown key 'clusters' (did you mean 'cluster'?).",
        ),
        ([{"match": {"cluster": []}, "audiences": "a"}], "expected at least one value, an empty list never"),
        ([{"match": {"cluster": ""}, "audiences": "a"}], "expected a text, or a list of such, got ''."),
        (
            [{"match": {"cluster": "a,"}, "audiences": "a"}],
            "expected a name or a glob such as prod-*, got ''.",
        ),
        (
            [{"match": {"cluster": "/subscriptions/x"}, "audiences": "a"}],
            "routes[0].match.cluster (line 7): expected a name or a glob such as prod-*, not a resource ID",
        ),
        (
            [{"match": {"subscription": "Production"}, "audiences": "a"}],
            "(events do not carry its name), or a glob of one, got 'Production'.",
        ),
        ([{"match": {"subscription": "66667777"}, "audiences": "a"}], "expected the ID of a subscription"),
        (
            [{"match": {}, "audiences": "a"}],
            "expected at least one condition (leave `match` out to match ever",
        ),
        (
            [{"match": "prod-*", "audiences": "a"}],
            "routes[0].match (line 6): expected a mapping with some of",
        ),
        ([{"match": {"cluster": "x"}}], "routes[0] (line 6): expected `audiences`, which is missing."),
        ([{"audience": "a"}], "routes[0] (line 6): unknown key 'audience' (did you mean 'audiences'?)."),
        (
            [{"audiences": "b"}],
            "routes[0].audiences (line 6): expected the name of an audience, got 'b' (known",
        ),
        ([{"audiences": ["a", "shopp"]}], "routes[0].audiences[1] (line "),
        ([{"audiences": "shopp"}], "got 'shopp' (did you mean 'shop'?)."),
        (
            [{"audiences": "a", "continue": "yes"}],
            "routes[0].continue (line 7): expected one of true, false, got",
        ),
        ([{"audiences": [], "continue": True}], "a route to nobody ends there, leave `continue` out."),
        (
            [{"audiences": "a, shop"}, {"audiences": "a"}],
            "routes[1] (line 7): is never reached, since routes[0]",
        ),
        ([{"audiences": "a"}], "audiences[1] (line 4): no route leads to 'shop'."),
        ([], "audiences[0] (line 2): no route leads to 'a'."),
        ({"a": 1}, "routes (line 6): expected a list of routes, got a mapping."),
        (["a"], "routes[0] (line 6): expected a mapping with some of match, audiences, continue, got 'a'."),
    ],
)
def test_wrong_routes(routes: object, said: str) -> None:
    """What is wrong with a route is named with its place in the file, and with what was expected."""
    audiences = "- {name: a, to: a@example.com}\n- # a comment\n  {name: shop, to: b@example.com}\n"
    text = "audiences:\n" + audiences + yaml.safe_dump({"routes": routes}, sort_keys=False)
    assert said in complaint(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "shop",
            "routes file (line 1): expected a mapping with some of audiences, routes, freezes, got 'shop'.",
        ),
        (
            "- a",
            "routes file (line 1): expected a mapping with some of audiences, routes, freezes, got a list.",
        ),
        ("audience: []", "routes file (line 1): unknown key 'audience' (did you mean 'audiences'?)."),
        (
            "routes: []\nteams: []",
            "routes file (line 2): unknown key 'teams' (expected one of audiences, routes, freezes).",
        ),
        ("audiences: x", "audiences (line 1): expected a list of audiences, got 'x'."),
        ("audiences:", "audiences (line 1): expected a list of audiences, got nothing."),
        (
            "routes: []\n\nroutes: []",
            "routes file (line 3): the key 'routes' is there twice, first in line 1.",
        ),
        (
            "audiences:\n- name: a\n  to: b\n  name: c",
            "routes file (line 4): the key 'name' is there twice, first in line 2.",
        ),
        ("a: b: c", "routes file (line 1): not YAML: mapping values are not allowed in this context."),
        ("routes: [\n\n", "routes file (line 3): not YAML: did not find expected node content."),
        ("routes:\n\t- x", "routes file (line 2): not YAML: found character that cannot start any token."),
        ("routes: [\n]\n\x07", "routes file (line 3): not YAML: control characters are not allowed."),
        ("a: *", "(put a glob that begins with * in quotes)."),
        (
            "routes:\n- match:\n    cluster: *-prod",
            "routes file (line 3): '*-prod' is a YAML alias: put a glob that begins with * in quotes.",
        ),
        ("a: &x [*x]", "'*x' is a YAML alias"),
        (
            "a: !!python/object:os.system x",
            "expected a plain value, got the YAML tag 'tag:yaml.org,2002:python",
        ),
        ("? [a]\n: b", "routes file (line 1): expected a word as a key, got a list."),
        ("~: b", "expected a word as a key, got nothing."),
        (
            "routes: []\n---\nroutes: []",
            "routes file (line 2): expected one YAML document, here begins another.",
        ),
        ("a: \ud800", "routes file: holds characters that are none (lone surrogates)."),
        ("# " + "x" * 300_000, "routes file: longer than 262144 characters."),
    ],
)
def test_wrong_yaml(text: str, said: str) -> None:
    """What is no such YAML is named with its line."""
    assert said in complaint(text)


@pytest.mark.parametrize("text", ["[" * 200_000, "- " * 100_000, "{a: " * 60_000, "? " * 100_000])
def test_deep_yaml(text: str) -> None:
    """Text nested without end is refused; libyaml's own tree building would end the process."""
    assert complaint(text) == "routes file (line 1): nested more than 10 deep."


def test_yaml_that_multiplies() -> None:
    """Anchors within anchors cannot blow up the memory."""
    lines = ["a0: &a0 [x, x]"] + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 50)}]" for n in range(1, 9)]
    assert complaint("\n".join(lines)).startswith("routes file (line 1): unknown key 'a0'")


def test_names_are_given_once() -> None:
    """Two audiences of one name are refused, whatever the case of its letters."""
    said = complaint(written([], "shop", "Shop"))
    assert said == "audiences[1].name (line 4): expected another name than that of audiences[0], got 'Shop'."


def test_at_most_ninety_audiences() -> None:
    """More than 90 audiences, the default one among them, are refused: a transaction holds no more."""
    names = [f"a{number}" for number in range(90)]
    text = written([{"audiences": names}], *names)
    assert len(load(text, NO_EMAIL_TO).audiences) == 90
    assert complaint(text) == ("audiences (line 2): expected at most 90 with the default audience, got 91.")


@pytest.mark.parametrize("text", ["", "routes: []", "audiences: []"])
def test_no_audience_at_all(text: str) -> None:
    """An app that could never tell anybody anything is refused."""
    assert complaint(text, NO_EMAIL_TO) == (
        "There is no audience at all: EMAIL_TO is not set, and ROUTES names none."
    )


def test_the_default_audience_without_email_to() -> None:
    """A route to the default audience needs EMAIL_TO, and says so."""
    said = complaint(written([{"audiences": "default, a"}], "a"), NO_EMAIL_TO)
    assert said.endswith("got 'default' (the default audience is there if EMAIL_TO is set).")


def test_two_sets_of_recipients_for_the_default_audience() -> None:
    """The default audience has its recipients from EMAIL_TO or from the file, not from both."""
    said = complaint("audiences: [{name: default, to: b@example.com}]")
    assert said == (
        "audiences[0].to (line 1): the default audience gets its recipients from EMAIL_TO, leave `to` out."
    )


# Where the text comes from


def test_text_is_itself() -> None:
    """A setting that is YAML is taken as it is."""
    assert read("audiences: []", Path("nowhere")) == "audiences: []"
    assert read("", Path("nowhere")) == ""


def test_a_file_of_the_app(tmp_path: Path) -> None:
    """`@path` is a file in the app's folder, with or without a byte order mark."""
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "routes.yaml").write_text("routes: []", "utf-8-sig")
    assert read(" @config/routes.yaml ", tmp_path) == "routes: []"


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("@", "'@' names no file: expected @ and a path in the app's folder, such as @routes.yaml."),
        ("@no.yaml", "'@no.yaml' cannot be read: there is no such file in the app's folder."),
        ("@folder", "'@folder' cannot be read: is a directory."),
        ("@latin.yaml", "'@latin.yaml' cannot be read: it is not UTF-8 text."),
        ("@a\0b", "'@a\\x00b' cannot be read: no path of a file."),
        ("@" + "x" * 5000, "cannot be read: file name too long."),
    ],
)
def test_a_file_that_cannot_be_read(setting: str, said: str, tmp_path: Path) -> None:
    """A file that cannot be read is named as the setting names it, with the reason."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "latin.yaml").write_bytes(b"name: J\xfcrgen")
    with pytest.raises(RoutesError) as caught:
        read(setting, tmp_path)
    check_sentence(str(caught.value))
    assert said in str(caught.value)


# Whatever comes


def test_importing_is_cheap() -> None:
    """Neither importing routes nor having none loads what reads YAML: most apps have no use for it."""
    code = """
import sys
from datetime import timedelta
import shared.routes as routes
light = [name for name in ("yaml", "zoneinfo", "difflib", "urllib.parse") if name in sys.modules]
nothing = timedelta()
routes.load("", routes.Defaults(to=("a@b.de",), time_zone="UTC", leads=(), gap=nothing, wait=nothing,
    interval=nothing))
assert "yaml" not in sys.modules
print(light)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
