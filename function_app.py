"""The functions: bindings and wiring, and nothing else."""

from __future__ import annotations

import logging
import os
from threading import Lock
from typing import TYPE_CHECKING

import azure.functions as func

from shared import settings
from shared.app import build

if TYPE_CHECKING:
    from shared.app import Notifier
    from shared.pages.responses import PageResponse

# The SDKs log two records a request at INFO, which the host would ship and charge for.
logging.getLogger("azure").setLevel(logging.WARNING)

# Read here, so that a wrong setting stops the start with its sentence, rather than the first event.
_settings = settings.load(os.environ)

app = func.FunctionApp()


_lock = Lock()
_built: list[Notifier] = []


def _notifier() -> Notifier:
    """Return the app's parts, put together once per process by whichever thread comes first."""
    with _lock:
        if not _built:
            _built.append(build(_settings))
        return _built[0]


@app.function_name("maintenance_events")
@app.event_grid_trigger("event")
def maintenance_events(event: str) -> None:
    """Take one delivery of Event Grid. Raises only where it could not be recorded: then it comes again."""
    _notifier().take(event)


@app.function_name("due_notices")
@app.timer_trigger("timer", schedule="%SWEEP_SCHEDULE%", run_on_startup=False)
def due_notices(timer: func.TimerRequest) -> None:
    """Send what has fallen due."""
    _notifier().sweep(past_due=timer.past_due)


if _settings.sources.is_on:

    @app.function_name("reconcile")
    @app.timer_trigger("timer", schedule="0 23 * * * *", run_on_startup=False)
    def reconcile(timer: func.TimerRequest) -> None:  # noqa: ARG001 - the binding's name
        """Find what Event Grid did not bring, once an hour."""
        _notifier().reconcile()


if _settings.sources.fleets:

    @app.function_name("poll_fleets")
    @app.timer_trigger("timer", schedule="20 */5 * * * *", run_on_startup=False)
    def poll_fleets(timer: func.TimerRequest) -> None:  # noqa: ARG001 - the binding's name
        """See how the update runs of fleets stand, every five minutes."""
        _notifier().poll_fleets()


if _settings.sources.report_schedule:

    @app.function_name("weekly_report")
    @app.timer_trigger("timer", schedule="%REPORT_SCHEDULE%", run_on_startup=False)
    def weekly_report(timer: func.TimerRequest) -> None:  # noqa: ARG001 - the binding's name
        """Tell what is coming, what happened, and that the app is alive."""
        _notifier().report_week()


@app.function_name("email_reports")
@app.event_grid_trigger("event")
def email_reports(event: str) -> None:
    """Take delivery reports. Raises only where they could not be written down: then they come again."""
    _notifier().take_reports(event)


@app.function_name("housekeeping")
@app.timer_trigger("timer", schedule="0 17 3 * * *", run_on_startup=False)
def housekeeping(timer: func.TimerRequest) -> None:  # noqa: ARG001 - the binding's name
    """Remove history that is older than it has to be kept, once a day."""
    _notifier().remove_expired()


if _settings.sources.is_on or _settings.clusters.is_on:

    @app.function_name("refresh_windows")
    @app.timer_trigger("timer", schedule="0 41 2 * * *", run_on_startup=False)
    def refresh_windows(timer: func.TimerRequest) -> None:  # noqa: ARG001 - the binding's name
        """Read clusters and their maintenance windows, once a day."""
        _notifier().refresh_windows()


@app.function_name("healthz")
@app.route(
    "healthz", trigger_arg_name="request", methods=["GET", "HEAD"], auth_level=func.AuthLevel.ANONYMOUS
)
def healthz(request: func.HttpRequest) -> func.HttpResponse:  # noqa: ARG001 - the binding's name
    """Tell a probe whether storage answers and sweeps run: 200, else 503."""
    return _response(_notifier().pages.health())


if _settings.pages:

    @app.function_name("calendar")
    @app.route(
        "calendar/{file}",
        trigger_arg_name="request",
        methods=["GET", "HEAD"],
        auth_level=func.AuthLevel.ANONYMOUS,
    )
    def calendar(request: func.HttpRequest) -> func.HttpResponse:
        """Return the feed of `calendar/{token}.ics`, `.json` or `.atom`."""
        token, _, form = request.route_params.get("file", "").rpartition(".")
        known = request.headers.get("If-None-Match", "")
        return _response(_notifier().pages.calendar(token, form.lower(), known))

    @app.function_name("status_page")
    @app.route(
        "status/{token}",
        trigger_arg_name="request",
        methods=["GET", "HEAD"],
        auth_level=func.AuthLevel.ANONYMOUS,
    )
    def status_page(request: func.HttpRequest) -> func.HttpResponse:
        """Return the status page of `status/{token}`, with the filters of its query."""
        token = request.route_params.get("token", "")
        known = request.headers.get("If-None-Match", "")
        return _response(_notifier().pages.status_page(token, request.params, known, request.url))


def _response(answer: PageResponse) -> func.HttpResponse:
    headers = dict(answer.headers)
    return func.HttpResponse(
        answer.body, status_code=answer.status, headers=headers, mimetype=headers.get("Content-Type")
    )
