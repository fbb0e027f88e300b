"""Settings: what is missing or wrong stops the start, with one sentence that names it."""

from __future__ import annotations

import base64
import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.audience import Audience
from shared.channels.email.services import AzureEmail, FolderEmail, MailSettings, SmtpEmail
from shared.channels.limits import Limits
from shared.durations import Lead, duration
from shared.identity import Identity
from shared.notices.planning import Watch
from shared.routes import Routes
from shared.setting_reader import SettingsError
from shared.settings import Settings, Storage, load

if TYPE_CHECKING:
    from pathlib import Path

SECRET = "c2VjcmV0LXNlY3JldC1zZWNyZXQ="
CONNECTION = (
    f"DefaultEndpointsProtocol=https;AccountName=acc;AccountKey={SECRET};EndpointSuffix=core.windows.net"
)
EMAIL_CONNECTION = f"endpoint=https://mail.communication.azure.com/;accesskey={SECRET}"
CLIENT_ID = "0f8fad5b-d9cb-469f-a165-70867728950e"
LEAST = {
    "NOTIFIER_STORAGE__tableServiceUri": "https://acc.table.core.windows.net",
    "EMAIL_ENDPOINT": "https://mail.communication.azure.com",
    "EMAIL_FROM": "aks@example.com",
    "EMAIL_TO": "ops@example.com",
    "SWEEP_SCHEDULE": "0 * * * * *",
}
WAYS = {
    "EMAIL_ENDPOINT": LEAST["EMAIL_ENDPOINT"],
    "EMAIL_CONNECTION_STRING": EMAIL_CONNECTION,
    "EMAIL_SMTP_URL": "smtp://relay.example.com",
    "EMAIL_FOLDER": "out/mails",
}


def settings(**changed: str | None) -> Settings:
    """Load the least there can be, with changes; None leaves one out."""
    merged: dict[str, str | None] = {**LEAST, **changed}
    return load({name: value for name, value in merged.items() if value is not None})


def by(way: str, value: str | None = None, **more: str | None) -> Settings:
    """Load settings with another way for mail to leave."""
    return settings(**{"EMAIL_ENDPOINT": None, way: value or WAYS[way], **more})


def complaint(**changed: str | None) -> str:
    """Return the sentence about what is wrong."""
    with pytest.raises(SettingsError) as caught:
        settings(**changed)
    return str(caught.value)


def check_sentence(text: str) -> None:
    """Check that it is one sentence, on one line, of a length that a person reads."""
    assert text.endswith(".")
    assert not re.search(r"\.\s+[A-Z]", text), text
    assert text.isprintable()
    assert len(text) < 400


# Defaults


def test_defaults() -> None:
    """What is not set has the default that the documentation names."""
    expected = {
        "storage": Storage(uri="https://acc.table.core.windows.net"),
        "mail": MailSettings(
            service=AzureEmail("https://mail.communication.azure.com"),
            sender="aks@example.com",
            only_to=(),
            limits=Limits(30, 100),
        ),
        "routes": Routes(
            audiences={
                "default": Audience(
                    id="default",
                    to=("ops@example.com",),
                    leads=(Lead("7d", timedelta(days=7)), Lead("24h", timedelta(hours=24))),
                )
            }
        ),
        "gap": timedelta(hours=6),
        "group_wait": timedelta(seconds=30),
        "group_interval": timedelta(minutes=5),
        "watch": Watch(
            not_started_after=timedelta(hours=24),
            still_running_after=timedelta(hours=12),
            gate_reminder=timedelta(hours=4),
        ),
        "lease": timedelta(minutes=2),
        "portal": "portal.azure.com",
        "failures_file": "",
        "retention": timedelta(days=400),
        "identity": Identity(),
    }
    made = msgspec.structs.asdict(settings())
    assert {name: made[name] for name in expected} == expected


OPTIONAL = (
    "NOTIFIER_TABLE",
    "REMINDER_LEADS",
    "REMINDER_GAP",
    "GROUP_WAIT",
    "GROUP_INTERVAL",
    "NOT_STARTED_AFTER",
    "STILL_RUNNING_AFTER",
    "EMAIL_ONLY_TO",
    "EMAIL_PER_MINUTE",
    "EMAIL_PER_HOUR",
    "FAILURES_FILE",
    "RETENTION_DAYS",
    "LEASE",
    "TIME_ZONE",
    "PORTAL",
    "AZURE_CLIENT_ID",
)
REQUIRED = ("EMAIL_FROM", "EMAIL_TO", "SWEEP_SCHEDULE")


@pytest.mark.parametrize("empty", ["", " ", "\t\n"])
@pytest.mark.parametrize("name", [*OPTIONAL, "NOTIFIER_STORAGE", *sorted(set(WAYS) - {"EMAIL_ENDPOINT"})])
def test_empty_counts_as_unset(name: str, empty: str) -> None:
    """An empty value is the same as none: the default holds."""
    assert settings(**{name: empty}) == settings()


@pytest.mark.parametrize("absent", [None, "", "  "])
@pytest.mark.parametrize("name", REQUIRED)
def test_required(name: str, absent: str | None) -> None:
    """A setting without a default that is missing or empty stops the start."""
    assert complaint(**{name: absent}) == f"Setting {name} is missing, and has no default."


@pytest.mark.parametrize("absent", [None, ""])
def test_no_storage(absent: str | None) -> None:
    """Without a storage account the start stops, naming both ways to give one."""
    assert complaint(NOTIFIER_STORAGE__tableServiceUri=absent) == (
        "A setting is missing: the table's account is one of NOTIFIER_STORAGE__tableServiceUri or "
        "NOTIFIER_STORAGE."
    )


def test_nothing_set() -> None:
    """With no settings at all there is still one sentence that names one."""
    with pytest.raises(SettingsError, match=r"^Setting SWEEP_SCHEDULE is missing, and has no default\.$"):
        load({})


def test_other_variables() -> None:
    """The rest of the environment is left alone."""
    assert settings(PATH="/bin", FUNCTIONS_WORKER_RUNTIME="python", email_to="x") == settings()


def test_spaces_around_values() -> None:
    """Spaces around a value, as pasting leaves them, are no part of it."""
    assert settings(EMAIL_FROM="  aks@example.com\n", LEASE=" 2m ") == settings()


# Values that are right


@pytest.mark.parametrize(
    ("name", "value", "field", "expected"),
    [
        ("NOTIFIER_TABLE", "Table2", "table", "Table2"),
        ("EMAIL_FROM", "DoNotReply@x.azurecomm.net", "sender", "DoNotReply@x.azurecomm.net"),
        ("EMAIL_TO", "a@b.example, c@d.example,", "to", ("a@b.example", "c@d.example")),
        ("EMAIL_TO", "a@b.example,a@b.example", "to", ("a@b.example",)),
        ("REMINDER_LEADS", "1h", "leads", (Lead("1h", timedelta(hours=1)),)),
        (
            "REMINDER_LEADS",
            " 3d , 90m",
            "leads",
            (Lead("3d", timedelta(days=3)), Lead("90m", timedelta(minutes=90))),
        ),
        ("REMINDER_GAP", "0s", "gap", timedelta()),
        ("GROUP_WAIT", "0s", "group_wait", timedelta()),
        ("GROUP_INTERVAL", "1h30m", "group_interval", timedelta(minutes=90)),
        ("EMAIL_ONLY_TO", "me@example.com", "only_to", ("me@example.com",)),
        ("EMAIL_PER_MINUTE", "7", "limits", Limits(7, 100)),
        ("EMAIL_PER_HOUR", "1000", "limits", Limits(30, 1000)),
        ("RETENTION_DAYS", "30", "retention", timedelta(days=30)),
        (
            "NOT_STARTED_AFTER",
            "2h",
            "watch",
            Watch(
                not_started_after=timedelta(hours=2),
                still_running_after=timedelta(hours=12),
                gate_reminder=timedelta(hours=4),
            ),
        ),
        ("LEASE", "10s", "lease", timedelta(seconds=10)),
        ("LEASE", "1h", "lease", timedelta(hours=1)),
        ("TIME_ZONE", "Europe/Berlin", "time_zone", "Europe/Berlin"),
        ("TIME_ZONE", "America/Argentina/Buenos_Aires", "time_zone", "America/Argentina/Buenos_Aires"),
        ("PORTAL", "portal.azure.us", "portal", "portal.azure.us"),
        ("AZURE_CLIENT_ID", CLIENT_ID, "identity", Identity(client_id=CLIENT_ID)),
        ("NOTIFIER_STORAGE__clientId", CLIENT_ID, "identity", Identity(client_id=CLIENT_ID)),
    ],
)
def test_values(name: str, value: str, field: str, expected: Any) -> None:
    """Each setting is read into what it means."""
    read = settings(**{name: value})
    sections = (read.routes.audiences["default"], read.mail, read.storage, read)
    assert next(getattr(each, field) for each in sections if hasattr(each, field)) == expected


@pytest.mark.parametrize(
    "value", [CONNECTION, "UseDevelopmentStorage=true", "AccountName=acc;SharedAccessSignature=sv=1&sig=x%3D"]
)
def test_storage_by_connection_string(value: str) -> None:
    """The table's account can be given by connection string, for local use."""
    made = settings(NOTIFIER_STORAGE__tableServiceUri=None, NOTIFIER_STORAGE=value)
    assert made.storage == Storage(connection_string=value)


# Values that are wrong: at least one for each setting

WRONG = {
    "NOTIFIER_STORAGE__tableServiceUri": [
        "acc.table.core.windows.net",
        "http://acc.table.core.windows.net",
        "https://",
        "https://[::1",
        "https://acc:99999",
        CONNECTION,
    ],
    "NOTIFIER_TABLE": ["my-table", "1table", "ab", "a" * 64, "tables", "t\u00e4ble", "a;b"],
    "EMAIL_ENDPOINT": ["mail.communication.azure.com", "ftp://x", "https://[x", EMAIL_CONNECTION],
    "EMAIL_FROM": [
        "aks",
        "aks@example",
        "AKS <aks>",
        "AKS <aks@example.com> x",
        "a@b.example,c@d.example",
        "a b@example.com",
    ],
    "EMAIL_TO": [
        "ops",
        ",",
        "ops@example.com;dev@example.com",
        "ops@example.com, dev",
        "Ops <ops@example.com>",
        "ops@example.com\r\nBcc: eve@example.com",
        "\u200bops@example.com",
        f"{'x' * 300}@example.com",
        ",".join(f"a{number}@example.com" for number in range(51)),
    ],
    "REMINDER_LEADS": ["7", "7d,", "7d;24h", "1w", "0s", "7d,168h", "-1d", "800000d", "1h," * 10 + "2h"],
    "REMINDER_GAP": ["6", "six hours", "6 h", "-6h", "6H", "1.5h"],
    "GROUP_WAIT": ["30", "30 seconds", "9" * 5_000 + "s", "99999999999d"],
    "GROUP_INTERVAL": ["5", "999999999d999999999d", "5min", "999999999d", "366d1s"],
    "NOT_STARTED_AFTER": ["24", "a day", "1000d"],
    "STILL_RUNNING_AFTER": ["12", "never", "-12h"],
    "EMAIL_ONLY_TO": ["me", "me@example.com;you@example.com", ","],
    "EMAIL_PER_MINUTE": ["-1", "five", "1.5", "1e3", "\u0665", "9" * 5_000],
    "EMAIL_PER_HOUR": ["-1", "many", "9" * 20],
    "FAILURES_FILE": ["/no/such/file.yaml", "."],
    "RETENTION_DAYS": ["7", "29", "400d", "forever", "\u0664\u0660\u0660", "9" * 5_000],
    "LEASE": ["2", "9s", "0s", "61m", "2 m"],
    "TIME_ZONE": [
        "Berlin",
        "Europe/Nowhere",
        "../../etc/passwd",
        "/etc/localtime",
        "Europe",
        "UTC+1",
        "x" * 999,
    ],
    "PORTAL": ["https://portal.azure.com", "portal.azure.com/", "portal", "portal azure com", "a..b"],
    "AZURE_CLIENT_ID": ["me", CLIENT_ID[:-1], f"{{{CLIENT_ID}}}"],
    "SWEEP_SCHEDULE": ["0 0 24 * * *", "every minute", "60", "0 * * * * * *", "0 0 9 * * *\n"],
}


@pytest.mark.parametrize("schedule", ["*/5 * * * *", "0 0 9 * * MON-FRI", " 0 * * * * * "])
def test_schedules_that_the_host_takes(schedule: str) -> None:
    """A schedule is what the host runs: six fields, or five without the seconds."""
    assert settings(SWEEP_SCHEDULE=schedule) == settings()


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in WRONG.items() for value in values]
)
def test_wrong_values(name: str, value: str) -> None:
    """A wrong value stops the start with one sentence that names the setting."""
    text = complaint(**{name: value})
    assert text.startswith(f"Setting {name} ")
    check_sentence(text)


@pytest.mark.parametrize(
    "value",
    [
        "nonsense",
        "AccountName=acc",
        "AccountKey=" + SECRET,
        f"AccountName=;AccountKey={SECRET}",
        "AccountName=acc;AccountKey=",
        "AccountName=acc;AccountKey=not!base64",
        "UseDevelopmentStorage=false",
        EMAIL_CONNECTION,
    ],
)
def test_wrong_storage_connection_strings(value: str) -> None:
    """A connection string that the storage SDK could not use stops the start, and is not shown."""
    text = complaint(NOTIFIER_STORAGE__tableServiceUri=None, NOTIFIER_STORAGE=value)
    assert text.startswith("Setting NOTIFIER_STORAGE ")
    assert value not in text
    check_sentence(text)


# How mail leaves


def test_by_endpoint() -> None:
    """EMAIL_ENDPOINT alone sends with the app's identity."""
    assert by("EMAIL_ENDPOINT", "https://mail.example").mail.service == AzureEmail("https://mail.example")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (EMAIL_CONNECTION, AzureEmail("https://mail.communication.azure.com", SECRET)),
        (
            f" Endpoint = http://127.0.0.1:8025/ ; AccessKey = {SECRET} ;",
            AzureEmail("http://127.0.0.1:8025", SECRET),
        ),
    ],
)
def test_by_connection_string(value: str, expected: AzureEmail) -> None:
    """A connection string sends with its key, to an http endpoint too, as stand-ins have."""
    assert by("EMAIL_CONNECTION_STRING", value).mail.service == expected


@pytest.mark.parametrize(
    ("url", "password"),
    [
        ("smtp://relay.example.com", None),
        ("smtps://user@relay.example.com:465", "a password, with = and ;"),
        ("smtp://user%40example.com@relay.example.com:587", "x"),
    ],
)
def test_by_smtp(url: str, password: str | None) -> None:
    """EMAIL_SMTP_URL sends through a relay, with a password where the URL names a user."""
    made = by("EMAIL_SMTP_URL", url, EMAIL_SMTP_PASSWORD=password)
    assert made.mail.service == SmtpEmail(url, password or "")


def test_by_folder(tmp_path: Path) -> None:
    """EMAIL_FOLDER writes into a folder, whether it is there yet or not."""
    for folder in (tmp_path, tmp_path / "new"):
        assert by("EMAIL_FOLDER", str(folder)).mail.service == FolderEmail(str(folder))


def test_no_way_out() -> None:
    """Without a way for mail to leave the start stops, naming all of them."""
    assert complaint(EMAIL_ENDPOINT=None) == (
        "A setting is missing: how mail leaves is one of EMAIL_ENDPOINT, EMAIL_CONNECTION_STRING, "
        "EMAIL_SMTP_URL, EMAIL_GRAPH_MAILBOX or EMAIL_FOLDER."
    )


@pytest.mark.parametrize("other", sorted(set(WAYS) - {"EMAIL_ENDPOINT"}))
def test_two_ways_out(other: str) -> None:
    """Two ways for mail to leave stop the start, naming both."""
    text = complaint(**{other: WAYS[other]})
    assert text.startswith(f"Settings EMAIL_ENDPOINT and {other} are set together: ")
    check_sentence(text)


def test_all_ways_out() -> None:
    """All ways at once are as wrong as two."""
    text = complaint(**WAYS)
    assert all(name in text for name in WAYS)
    check_sentence(text)


def test_two_accounts() -> None:
    """The table's account given in two ways stops the start."""
    text = complaint(NOTIFIER_STORAGE=CONNECTION)
    assert text.startswith("Settings NOTIFIER_STORAGE__tableServiceUri and NOTIFIER_STORAGE are set together")
    assert SECRET not in text


@pytest.mark.parametrize(
    ("way", "value"),
    [
        ("EMAIL_CONNECTION_STRING", "nonsense"),
        ("EMAIL_CONNECTION_STRING", f"endpoint=https://[x;accesskey={SECRET}"),
        ("EMAIL_SMTP_URL", "relay.example.com"),
        ("EMAIL_SMTP_URL", "smtp://[x"),
        ("EMAIL_SMTP_URL", "smtp://relay.example.com?cafile=/no/such/file"),
        ("EMAIL_SMTP_URL", f"smtp://user:{SECRET}@relay.example.com"),
        ("EMAIL_FOLDER", __file__),
        ("EMAIL_FOLDER", "x" * 5_000),
    ],
)
def test_wrong_ways_out(way: str, value: str) -> None:
    """A way for mail to leave that leads nowhere stops the start, and shows no secret."""
    text = complaint(**{"EMAIL_ENDPOINT": None, way: value})
    assert text.startswith(f"Setting {way} ")
    assert SECRET not in text
    check_sentence(text)


@pytest.mark.parametrize(
    ("url", "password", "named"),
    [
        ("smtp://user@relay.example.com", None, "Setting EMAIL_SMTP_PASSWORD is missing"),
        ("smtp://user@relay.example.com", "", "Setting EMAIL_SMTP_PASSWORD is missing"),
        ("smtp://relay.example.com", SECRET, "Setting EMAIL_SMTP_URL names no user"),
        (
            "smtp://user@relay.example.com",
            "gehe\u00efm",
            "Setting EMAIL_SMTP_PASSWORD holds characters beyond ASCII",
        ),
    ],
)
def test_smtp_user_and_password(url: str, password: str | None, named: str) -> None:
    """A relay's user and its password come together, and the password is one that can be sent."""
    text = complaint(EMAIL_ENDPOINT=None, EMAIL_SMTP_URL=url, EMAIL_SMTP_PASSWORD=password)
    assert text.startswith(named)
    assert not password or password not in text
    check_sentence(text)


@pytest.mark.parametrize("way", sorted(set(WAYS) - {"EMAIL_SMTP_URL"}))
def test_password_without_a_relay(way: str) -> None:
    """A relay's password without a relay is a slip that stops the start."""
    text = complaint(**{"EMAIL_ENDPOINT": None, way: WAYS[way], "EMAIL_SMTP_PASSWORD": SECRET})
    assert text == "Setting EMAIL_SMTP_PASSWORD goes with EMAIL_SMTP_URL, which is not set."


def test_what_the_mail_service_allows() -> None:
    """Without limits of one's own those that the mail service documents hold; a relay has none."""
    assert settings(EMAIL_FROM="DoNotReply@x.azurecomm.net").mail.limits == Limits(5, 10)
    assert settings().mail.limits == Limits(30, 100)
    assert by("EMAIL_SMTP_URL").mail.limits is None
    assert by("EMAIL_FOLDER").mail.limits is None
    assert by("EMAIL_SMTP_URL", EMAIL_PER_HOUR="500").mail.limits == Limits(500, 500)
    assert by("EMAIL_SMTP_URL", EMAIL_PER_MINUTE="7").mail.limits == Limits(7, 420)
    assert by("EMAIL_SMTP_URL", EMAIL_PER_MINUTE="2", EMAIL_PER_HOUR="20").mail.limits == Limits(2, 20)


# Secrets


@pytest.mark.parametrize(
    "changed",
    [
        {"EMAIL_ENDPOINT": EMAIL_CONNECTION},
        {"EMAIL_ENDPOINT": f"https://mail.example?key={SECRET}"},
        {"EMAIL_ENDPOINT": f"https://user:{SECRET}@mail.example"},
        {"EMAIL_ENDPOINT": f"https://mail.example;accesskey={SECRET}"},
        {"NOTIFIER_STORAGE__tableServiceUri": CONNECTION},
        {"NOTIFIER_STORAGE__tableServiceUri": f"http://acc.table.core.windows.net?sig={SECRET}"},
        {"NOTIFIER_STORAGE__tableServiceUri": None, "NOTIFIER_STORAGE": f"AccountKey={SECRET}"},
        {"EMAIL_ENDPOINT": None, "EMAIL_CONNECTION_STRING": f"accesskey={SECRET}"},
        {"EMAIL_ENDPOINT": None, "EMAIL_SMTP_URL": f"smtp://u:{SECRET}@relay.example.com"},
        {"EMAIL_ENDPOINT": None, "EMAIL_SMTP_URL": f"smtp://relay.example.com?password={SECRET}"},
    ],
)
def test_secrets_are_not_shown(changed: dict[str, str | None]) -> None:
    """What is a secret, or a secret in the wrong setting, never gets into the message."""
    text = complaint(**changed)
    assert SECRET not in text
    assert SECRET[:8] not in text


def test_secrets_are_not_printed() -> None:
    """Printed settings, as in a log or a traceback, show no secret."""
    storage = settings(NOTIFIER_STORAGE__tableServiceUri=None, NOTIFIER_STORAGE=CONNECTION)
    relay = by("EMAIL_SMTP_URL", "smtp://user@relay.example.com", EMAIL_SMTP_PASSWORD=SECRET)
    for made in (storage, by("EMAIL_CONNECTION_STRING"), relay):
        for shown in (repr(made), str(made), repr(made.mail.service), repr(made.storage)):
            assert SECRET not in shown
    assert "relay.example.com" in repr(relay)


def test_error_has_no_cause_to_print() -> None:
    """The error carries no other one that a traceback would print beneath it."""
    with pytest.raises(SettingsError) as caught:
        settings(LEASE="soon")
    assert caught.value.__suppress_context__


# Any value

NAMES = [*LEAST, *OPTIONAL, *WAYS, "NOTIFIER_STORAGE", "EMAIL_SMTP_PASSWORD"]


@given(st.dictionaries(st.sampled_from(NAMES), st.text(max_size=200)))
def test_any_values(changed: dict[str, str]) -> None:
    """Whatever the values, there are settings or one sentence."""
    text = ""
    try:
        load({**LEAST, **changed})
    except SettingsError as error:
        text = str(error)
    assert not text or any(name in text for name in NAMES)
    assert not text or re.fullmatch(r"(Settings?|A setting) .*\.", text, re.DOTALL)


@given(st.lists(st.tuples(st.integers(0, 10**9), st.sampled_from("dhms")), min_size=1, max_size=5))
def test_durations(parts: list[tuple[int, str]]) -> None:
    """A duration is the sum of its parts, up to a year."""
    text = "".join(f"{number}{unit}" for number, unit in parts)
    seconds = sum(number * {"d": 86_400, "h": 3_600, "m": 60, "s": 1}[unit] for number, unit in parts)
    try:
        assert duration(text) == timedelta(seconds=seconds)
    except ValueError:
        assert seconds > 366 * 86_400


def test_secret_is_one() -> None:
    """The secret of these tests is one that the readers accept."""
    assert base64.b64decode(SECRET, validate=True)
