"""What the local host answers to Event Grid: the real host's answers, one rule a test."""

from __future__ import annotations

import http.client
import json
import typing
from urllib.parse import urlsplit

import pytest

from testing.apps import App
from testing.processes import Host

if typing.TYPE_CHECKING:
    from collections.abc import Iterator

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


@pytest.mark.parametrize("event", [CLOUD_EVENT, GRID_EVENT], ids=["CloudEvents", "Event Grid"])
def test_one_event(host: Host, app: App, event: dict[str, object]) -> None:
    """A single object of either schema is one invocation with all of its JSON, and 202."""
    assert host.post_event(json.dumps(event)) == (202, "")
    (text,) = app.notes(str(event["id"]))
    assert json.loads(text) == event


def test_array(host: Host, app: App) -> None:
    """An array is one invocation per element."""
    events = [{"id": f"array-{n}"} for n in range(3)]
    assert host.post_event(json.dumps(events)).status == 202
    assert [app.notes(f"array-{n}") for n in range(3)] == [[f'{{"id":"array-{n}"}}'] for n in range(3)]


def test_empty_array(host: Host) -> None:
    """An array of nothing is accepted."""
    assert host.post_event("[]").status == 202


def test_parallel(host: Host) -> None:
    """The elements of an array run at the same time."""
    assert host.post_event("[{},{},{},{}]", function="meet").status == 202


def test_one_failing_element(host: Host, app: App) -> None:
    """One failing element makes the answer 500 with the first failure's message; the others still run."""
    events = [{"id": "good-1"}, {"id": "bad-1", "subject": "fail"}, {"id": "bad-2", "subject": "fail"}]
    assert host.post_event(json.dumps(events)) == (500, "cannot do bad-1")
    assert app.notes("good-1")
    assert app.notes("bad-2")


def test_text_reaches_the_function_as_the_host_hands_it_over(host: Host, app: App) -> None:
    """JSON arrives compact, numbers and times spelt as they were, text outside ASCII unescaped."""
    numbers = '"n": [1.50, 1E5, 12345678901234567890]'
    text = '"t": "a  \\u00e9 \\" \\ud83d\\ude00 "'
    given = f'\ufeff {{ "id" : "spelling", {numbers},\n {text} }}'
    assert host.post_event(given).status == 202
    assert app.notes("spelling") == [
        '{"id":"spelling","n":[1.50,1E5,12345678901234567890],"t":"a  é \\" 😀 "}'
    ]


def test_half_a_surrogate_pair(host: Host, app: App) -> None:
    """Text that UTF-8 cannot carry arrives with a replacement character."""
    assert host.post_event('{"id":"half","t":"\\ud800"}').status == 202
    assert app.notes("half") == ['{"id":"half","t":"\ufffd"}']


@pytest.mark.parametrize("body", ["", "{", "no JSON", "42", "[1]", '"text"'])
def test_not_events(host: Host, body: str) -> None:
    """What is not a JSON object or an array of them is 500."""
    assert host.post_event(body).status == 500


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


def test_keep_alive(host: Host) -> None:
    """One connection serves one request after the other."""
    connection = http.client.HTTPConnection(urlsplit(host.url).netloc, timeout=20)
    connection.connect()
    connected = connection.sock
    for _ in range(3):
        connection.request("POST", PATH, b"{}", {"aeg-event-type": "Notification"})
        response = connection.getresponse()
        assert (response.status, response.read()) == (202, b"")
    assert connection.sock is connected
    connection.close()


@pytest.mark.parametrize(
    "path",
    [
        "/runtime/webhooks/eventgrid?functionName=maintenance_events",
        "/Runtime/Webhooks/EventGrid?functionname=maintenance_events",
    ],
)
def test_case_of_the_path(host: Host, path: str) -> None:
    """Neither the path nor the parameter's name has a case."""
    assert ask(host, "POST", path, b"{}", aeg_event_type="Notification")[0] == 202


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("", ""),
        ("?functionName=", ""),
        ("?functionName=nobody", "nobody"),
        ("?functionName=Maintenance_Events", "Maintenance_Events"),
        ("?functionName=yearly", "yearly"),
    ],
    ids=["missing", "empty", "unknown", "other case", "a timer"],
)
def test_unknown_function(host: Host, query: str, name: str) -> None:
    """A function that is no Event Grid function of exactly this name is 404, and the answer names it."""
    answer = ask(host, "POST", f"/runtime/webhooks/EventGrid{query}", b"{}", aeg_event_type="Notification")
    assert answer[:2] == (404, f"cannot find function: '{name}'")


@pytest.mark.parametrize(
    "body",
    [
        [{"data": {"validationCode": "code-1"}}],
        {"data": json.dumps({"validationCode": "code-1"})},
        {"data": {"validationCode": "code-1"}},
    ],
    ids=["array", "object with data as text", "object"],
)
def test_subscription_validation(host: Host, body: object) -> None:
    """The validation of a subscription is answered with its code, in all forms in which it comes."""
    status, text, _ = ask(
        host, "POST", body=json.dumps(body).encode(), aeg_event_type="SubscriptionValidation"
    )
    assert (status, json.loads(text)) == (200, {"validationResponse": "code-1"})


def test_broken_validation(host: Host) -> None:
    """A validation without a code is 500."""
    assert ask(host, "POST", body=b"{}", aeg_event_type="SubscriptionValidation")[0] == 500


@pytest.mark.parametrize("origin", ["eventgrid.azure.net", "eventgrid.azure.us", "eventgrid.azure.cn"])
def test_handshake(host: Host, origin: str) -> None:
    """The handshake of CloudEvents allows each of Event Grid's clouds."""
    assert ask(host, "OPTIONS", WebHook_Request_Origin=origin) == (200, "", origin)


def test_handshake_with_a_stranger(host: Host) -> None:
    """The handshake allows Event Grid alone, whoever asks."""
    assert ask(host, "OPTIONS", WebHook_Request_Origin="example.org") == (200, "", "eventgrid.azure.net")
    assert ask(host, "OPTIONS") == (200, "", "eventgrid.azure.net")


def test_unsubscribe(host: Host) -> None:
    """Being unsubscribed is accepted."""
    assert ask(host, "POST", aeg_event_type="Unsubscribe")[0] == 202


def test_event_type_header(host: Host) -> None:
    """A request without the header that says what it is, or with another one, is 400."""
    assert ask(host, "POST", body=b"{}")[0] == 400
    assert ask(host, "POST", body=b"{}", aeg_event_type="Hello")[0] == 400


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
    status, text = host.post_event("{}", function="returning")
    assert (status, "non-None" in text) == (500, True)


def test_run_by_hand(host: Host, app: App) -> None:
    """An Event Grid function runs by hand with the event as text; the answer comes when the run has ended."""
    assert host.run("maintenance_events", '{ "id": "by-hand" }') == (202, "")
    assert app.notes("by-hand") == ['{"id":"by-hand"}']
    assert host.run("yearly").status == 202


def test_failing_run_by_hand(host: Host) -> None:
    """A run by hand that fails is 500 with the exception's message."""
    assert host.run("maintenance_events", '{"id": "h", "subject": "fail"}') == (500, "cannot do h")
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
