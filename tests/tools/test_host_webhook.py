"""What the local host answers to Event Grid: the real host's answers, one rule a test."""

from __future__ import annotations

import http.client
import json
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from local import host_json
from testing.apps import App
from testing.processes import Host

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

FUNCTIONS = """
together = threading.Barrier(4)

@app.function_name("maintenance_events")
@app.event_grid_trigger(arg_name="event")
def record(event: str) -> None:
    body = json.loads(event)
    note(str(body.get("id")), event)
    if body.get("subject") == "fail":
        raise RuntimeError(f"cannot do {body['id']}")

@app.event_grid_trigger(arg_name="event")
def on_event(event: str) -> None:
    note("on_event", event)

@app.event_grid_trigger(arg_name="event")
def fails(event: str) -> None:
    if json.loads(event)["id"] != "good":
        raise RuntimeError("not this one")
    note("fails", "good")

@app.event_grid_trigger(arg_name="event")
def meet(event: str) -> None:
    together.wait(20)

@app.event_grid_trigger(arg_name="event")
def typed(event: func.EventGridEvent) -> None:
    note("typed", f"{type(event).__name__} {event.id}")

@app.event_grid_trigger(arg_name="event")
def returning(event: str):
    return "something"

@app.timer_trigger(arg_name="timer", schedule="0 0 0 1 1 *")
def yearly(timer: func.TimerRequest) -> None:
    pass
"""
CASES = json.loads((Path(__file__).parents[1] / "fixtures" / "event_grid_host.json").read_text("utf-8"))
"""Requests to the real extension, 3.3.0, with its answers and what it handed on."""
AS_THEY_CAME = {
    "2026-01-02T01:04:05+00:00": "2026-01-02T03:04:05+02:00",
    "2026-01-02T01:04:05.1234567+00:00": "2026-01-02T03:04:05.1234567+02:00",
    "0001-01-01T00:00:00Z": "0001-01-01T00:00:00.0000000Z",
    "2007-12-29T06:11:57.056Z": "/Date(1198908717056)/",
}
FAILED = "Exception while executing function: maintenance_events"
PATH = "/runtime/webhooks/EventGrid?functionName=maintenance_events"
CLOUD_EVENT = {
    "specversion": "1.0",
    "id": "cloud-1",
    "source": "/subscriptions/s",
    "type": "Microsoft.ContainerService.ClusterUpgrade",
    "time": "2026-11-20T10:00:00.1234567Z",
    "data": {"status": "Started"},
}
GRID_EVENT = {
    "id": "grid-1",
    "topic": "/subscriptions/s",
    "subject": "x",
    "eventType": "Microsoft.ContainerService.ClusterUpgrade",
    "eventTime": "2026-11-20T10:00:00Z",
    "dataVersion": "1.0",
    "metadataVersion": "1",
    "data": {"status": "Started"},
}


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> App:
    """Functions that note the events that they get."""
    return App(tmp_path_factory.mktemp("webhook"), FUNCTIONS)


@pytest.fixture(scope="module")
def host(app: App) -> Iterator[Host]:
    """Serve them, for all tests of this file."""
    # As many threads as the app wants, whatever the machine.
    settings = {**app.settings, "PYTHON_THREADPOOL_THREAD_COUNT": "8"}
    with Host(settings, app=app.folder) as host:
        yield host


@pytest.fixture(scope="module")
def rewriting(app: App) -> Iterator[Host]:
    """Serve them with dates rewritten, as the version did that was recorded."""
    with Host(app.settings, app=app.folder, options=("--no-settings", "--rewrite-dates")) as host:
        yield host


def ask(host: Host, method: str, path: str = PATH, body: bytes = b"", **headers: str) -> tuple[int, str, str]:
    """Return the status, the text and the `Webhook-Allowed-Origin` of the answer."""
    connection = http.client.HTTPConnection(urlsplit(host.url).netloc, timeout=20)
    try:
        connection.request(
            method, path, body, {key.replace("_", "-"): value for key, value in headers.items()}
        )
        response = connection.getresponse()
        text = response.read().decode()
        return response.status, text, response.getheader("Webhook-Allowed-Origin", "")
    finally:
        connection.close()


def check_recorded(host: Host, app: App, case: dict[str, Any], dates: Mapping[str, str]) -> None:
    """Send a recorded request; the answer and what the functions get are what was recorded."""
    names = ("on_event", "fails")
    before = {name: len(app.notes(name)) for name in names}
    connection = http.client.HTTPConnection(urlsplit(host.url).netloc, timeout=20)
    body = None if case["body"] is None else case["body"].encode()
    path = f"/runtime/webhooks/EventGrid{case['query']}"
    connection.request(case["method"], path, body, {"Content-Type": case["type"], **case["headers"]})
    response = connection.getresponse()
    text = response.read().decode()
    connection.close()
    assert response.status == case["status"]
    if "raised" not in case:  # there the host shows a page of its own
        assert text == case.get("answer", "")
    if "answer_type" in case:
        assert response.getheader("Content-Type") == case["answer_type"]
    for name, value in case.get("answer_headers", {}).items():
        assert response.getheader(name) == value
    got = [text for name in names for text in app.notes(name)[before[name] :]]
    expected = case["invoked"]
    for rewritten, came in dates.items():
        expected = [each.replace(rewritten, came) for each in expected]
    assert got == expected


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_recorded(host: Host, app: App, case: dict[str, Any]) -> None:
    """The host answers and hands on as the real extension did, dates as they came."""
    check_recorded(host, app, case, AS_THEY_CAME)


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_recorded_with_dates_rewritten(rewriting: Host, app: App, case: dict[str, Any]) -> None:
    """With --rewrite-dates dates too are what the real extension 3.3.0 handed on."""
    check_recorded(rewriting, app, case, {})


def test_parallel(host: Host) -> None:
    """The elements of an array run at the same time."""
    assert host.post_event("[{},{},{},{}]", function="meet").status == 202


def test_half_a_surrogate_pair(host: Host, app: App) -> None:
    """Text that UTF-8 cannot carry arrives with a replacement character."""
    assert host.post_event('{"id":"half","t":"\\ud800"}').status == 202
    assert app.notes("half") == ['{"id":"half","t":"\ufffd"}']


@pytest.mark.parametrize("brackets", [63, 64])
def test_depth(host: Host, brackets: int) -> None:
    """A request nested 64 deep is taken, a deeper one is 500."""
    body = '{"a":' + "[" * brackets + "]" * brackets + "}"
    assert host.post_event(body).status == (202 if brackets == 63 else 500)
    assert host.post_event("[" * 100_000).status == 500


@pytest.mark.parametrize(
    ("given", "handed_on"),
    [
        ("{id: 'x', // a comment\n \"n\": [1,], }", '{"id":"x","n":[1]}'),
        (
            '{"n": [1.50, 1E5, 1e15, 0.00001, 1.5e-7, -0.0, 0]}',
            '{"n":[1.5,100000.0,1E+15,1E-05,1.5E-07,-0.0,0]}',
        ),
        ('{"n": [-Infinity, 1e22, 0.0001]}', '{"n":["-Infinity",1E+22,0.0001]}'),
        ('{"t": "a\nb\u0085"}', '{"t":"a\\nb\\u0085"}'),
    ],
)
def test_json_as_it_is_handed_on(host: Host, app: App, given: str, handed_on: str) -> None:
    """JSON is read as leniently, and written with such numbers and escapes, as by the real host."""
    assert host.post_event(given, function="on_event").status == 202
    assert app.notes("on_event")[-1] == handed_on


@pytest.mark.parametrize(
    ("given", "handed_on"),
    [
        ("2026-01-02T24:00:00", "2026-01-03T00:00:00"),
        ("2026-01-02T03:04:05.12345678Z", "2026-01-02T03:04:05.1234568Z"),
        ("2026-01-02T03:04:05.1200000-0230", "2026-01-02T05:34:05.12+00:00"),
        ("0001-01-01T00:00:00+05:00", "0001-01-01T00:00:00+00:00"),
        ("9999-12-31T23:59:59.9999999-05:00", "9999-12-31T23:59:59.9999999+00:00"),
        ("/Date(-1+0200)/", "1969-12-31T23:59:59.999+00:00"),
        ("2026-02-30T00:00:00Z", "2026-02-30T00:00:00Z"),
        ("2026-01-02 03:04:05Z", "2026-01-02 03:04:05Z"),
    ],
)
def test_rewritten_dates(given: str, handed_on: str) -> None:
    """What looks like a time is rewritten as .NET writes it in UTC, within the calendar; no other text is."""
    assert json.loads(host_json.write({"t": given}, rewrite_dates=True)) == {"t": handed_on}
    assert json.loads(host_json.write({"t": given})) == {"t": given}


def test_broken_chunks(host: Host) -> None:
    """A body whose chunks cannot be read is 400."""
    address = urlsplit(host.url)
    with socket.create_connection((address.hostname, address.port), timeout=20) as connection:
        connection.sendall(f"POST {PATH} HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n".encode())
        assert b" 400 " in connection.recv(65536).splitlines()[0]


def test_large_event(host: Host, app: App) -> None:
    """An event of 1 MB arrives whole."""
    assert host.post_event(json.dumps({"id": "large", "text": "x" * 1_000_000})).status == 202
    assert len(app.notes("large")[0]) > 1_000_000


def test_chunked_request(host: Host, app: App) -> None:
    """A body may come in chunks."""
    connection = http.client.HTTPConnection(urlsplit(host.url).netloc, timeout=20)
    parts = iter([b'{"id":', b'"chunks"}'])
    connection.request("POST", PATH, parts, {"aeg-event-type": "Notification"}, encode_chunked=True)
    assert connection.getresponse().status == 202
    connection.close()
    assert app.notes("chunks") == ['{"id":"chunks"}']


@pytest.mark.parametrize("origin", ["eventgrid.azure.net", "eventgrid.azure.us", "eventgrid.azure.cn"])
def test_handshake(host: Host, origin: str) -> None:
    """The handshake of CloudEvents allows each of Event Grid's clouds."""
    assert ask(host, "OPTIONS", WebHook_Request_Origin=origin) == (200, "", origin)


def test_other_paths(host: Host) -> None:
    """Other paths do not exist."""
    assert ask(host, "POST", "/runtime/webhooks/Other?functionName=maintenance_events")[0] == 404
    assert ask(host, "GET", "/")[0] == 404
    assert ask(host, "HEAD", "/") == (404, "", "")


def test_typed_event(host: Host, app: App) -> None:
    """Where the library's classes are asked for, the payload picks the class, as in the real worker."""
    assert host.post_event(json.dumps([GRID_EVENT, CLOUD_EVENT]), function="typed").status == 202
    assert sorted(app.notes("typed")) == ["CloudEvent cloud-1", "EventGridEvent grid-1"]


def test_returned_value(host: Host) -> None:
    """A function that returns something fails, as in the real worker."""
    assert host.post_event("{}", function="returning").status == 500
    assert "function 'returning' without a $return binding returned a non-None value" in host.output()


def test_run_by_hand(host: Host, app: App) -> None:
    """An Event Grid function runs by hand with the event as text; the answer comes when the run has ended."""
    assert host.run("maintenance_events", '{ "id": "by-hand" }') == (202, "")
    assert app.notes("by-hand") == ['{"id":"by-hand"}']
    assert host.run("yearly").status == 202


def test_failing_run_by_hand(host: Host) -> None:
    """A run by hand that fails is 500 with the function's name: its exception stays in the log."""
    assert host.run("maintenance_events", '{"id": "h", "subject": "fail"}') == (500, FAILED)
    assert host.run("maintenance_events", "no event").status == 500


def test_run_by_hand_that_cannot_be(host: Host) -> None:
    """An unknown name is 404, a missing or unreadable body 400."""
    assert host.run("nobody").status == 404
    assert host.request("POST", "/admin/functions/yearly").status == 400
    assert host.request("POST", "/admin/functions/yearly", "[]").status == 400
    assert host.request("POST", "/admin/functions/yearly", "{}").status == 202


def test_status(host: Host) -> None:
    """The host tells that it runs, and what it serves."""
    status, text = host.request("GET", "/admin/host/status")
    assert (status, json.loads(text)) == (200, {"state": "Running"})
    functions = json.loads(host.request("GET", "/admin/functions").text)
    assert [each["name"] for each in functions] == [
        "maintenance_events",
        "on_event",
        "fails",
        "meet",
        "typed",
        "returning",
        "yearly",
    ]
    assert functions[0]["config"]["bindings"][0]["type"] == "eventGridTrigger"


def test_log(host: Host) -> None:
    """Every invocation is logged as the host does: its beginning, its end, its outcome, its failure."""
    host.post_event('{"id": "log", "subject": "fail"}')
    output = host.output()
    assert "Executing 'Functions.maintenance_events' (Id=" in output
    assert "Executed 'Functions.maintenance_events' (Failed, Id=" in output
    assert "RuntimeError: cannot do log" in output
