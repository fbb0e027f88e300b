"""An update run of a fleet to watch: `make demo FLEET=1`.

A run of three stages, told from its start to its end: two stages go well, a gate asks for approval and is
reminded of, a colleague approves, a member fails, and the run completes all the same. A stand-in of Azure
Resource Graph shows the run as it stands; gates come as events, as in Azure. What is told is compared with
the story; where they differ, this says so and ends with 1.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from local.sandbox import Narrator, Sandbox, command, complain, say
from testing.arm_endpoint import ArmEndpoint
from testing.identity_endpoint import IdentityEndpoint
from testing.samples.fleets import BLOCKED, gate, run_row, status
from testing.samples.payloads import SUBSCRIPTION

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).resolve().parent.parent
OUT = ROOT / "out" / "fleet"

SETTINGS = {
    "EMAIL_TO": "platform-team@example.com",
    "FLEETS": SUBSCRIPTION,
    "GATE_REMINDER": "6s",
    "GROUP_WAIT": "0s",
}

ACCEPTED = 202


@dataclass(frozen=True)
class FleetStep:
    """Something that happens: what, how the run stands then, the gate's event, and what is told of it."""

    what: str
    run: Callable[[datetime], dict[str, Any]] | None = None
    event: Callable[[datetime], str] | None = None
    emails: tuple[str, ...] = ()
    """How the subjects of the emails begin, in any order."""


def story(asked: datetime) -> Iterator[FleetStep]:
    """Return the steps of the story: the run began an hour before it comes to its gate."""
    began, first, second = (asked - timedelta(minutes=ago) for ago in (60, 35, 10))
    not_yet, going = status("NotStarted"), status("Running", began)
    done, later = status("Completed", began, first), status("Completed", first, second)
    passed = status("Completed", second, asked)
    failed = status("Failed", second, asked, "UpgradeFailed", BLOCKED)

    def stands(run: Any, canary: Any, staging: Any, prod: Any, blue: Any, of_gate: Any) -> dict[str, Any]:  # noqa: ANN401, PLR0917
        return run_row(
            run,
            {
                "canary": {"status": canary, "members": {"dev-weu-1": canary}},
                "staging": {"status": staging, "members": {"stage-weu-1": staging, "stage-neu-1": staging}},
                "prod": {
                    "status": prod,
                    "members": {"prod-weu-1": blue, "prod-neu-1": prod},
                    "gates": {"before prod": of_gate},
                },
            },
        )

    ended = status("Completed", began, asked)
    yield FleetStep(
        "nothing runs yet", lambda _: stands(not_yet, not_yet, not_yet, not_yet, not_yet, not_yet)
    )
    yield FleetStep(
        "the run begins with its canary",
        lambda _: stands(going, going, not_yet, not_yet, not_yet, not_yet),
        emails=("[Run started]",),
    )
    yield FleetStep(
        "canary is done, staging begins",
        lambda _: stands(going, done, going, not_yet, not_yet, not_yet),
        emails=("[Stage finished]",),
    )
    yield FleetStep(
        "staging is done; before prod the run asks for approval",
        lambda now: stands(going, done, later, not_yet, not_yet, status("Pending", now)),
        lambda now: gate("Pending", now, what="Created"),
        ("[Waiting for approval]", "[Stage finished]"),
    )
    yield FleetStep("nobody answers", emails=("[Reminder 1: waiting for approval]",))
    yield FleetStep(
        "a colleague approves",
        lambda _: stands(going, done, later, going, going, passed),
        lambda now: gate("Completed", now),
        ("[Approved]",),
    )
    yield FleetStep(
        "a member fails, and the run goes on: one failure is allowed",
        lambda _: stands(going, done, later, going, failed, passed),
        emails=("[Member failed]",),
    )
    yield FleetStep(
        "the run completes",
        lambda _: stands(ended, done, later, ended, failed, passed),
        emails=("[Stage finished]", "[Completed with failures]"),
    )


class FleetDemo(Narrator):
    """Tells an update run."""

    def __init__(self, sandbox: Sandbox, azure: ArmEndpoint) -> None:
        super().__init__(sandbox)
        self._azure = azure
        self._shown: list[str] = []

    def tell(self, step: FleetStep) -> None:
        """Let one step happen, and look at what is told of it."""
        before = self.sandbox.sent()
        now = datetime.now(UTC)
        came: list[str] = []
        if step.event is not None:
            came.append(f"event {self.sandbox.host.post_event(step.event(now)).status}")
        if step.run is not None:
            self._show(step.run(now))
            answer = self.sandbox.host.run("poll_fleets")
            came.append(
                "polled" if answer.status == ACCEPTED else f"poll {answer.status} {answer.text[:200]}"
            )
        say(step.what, ", ".join(came) or "…")
        told = self.wait(before, len(step.emails))
        for subject in told:
            print(f"            ✉  {subject}", flush=True)
        missing = [begin for begin in step.emails if not any(one.startswith(begin) for one in told)]
        if missing or len(told) != len(step.emails):
            self.complain(f"{step.what}: told {told}, rather than {', '.join(step.emails) or 'nothing'}")

    def _show(self, row: dict[str, Any]) -> None:
        self._azure.graph.remove("aksresources", *self._shown)
        self._azure.graph.add("aksresources", row)
        self._shown = [row["id"]]


def run(out: Path) -> int:
    """Run the demo, with its emails under `out`; 0 if everything came as the story says, else 1."""
    with ArmEndpoint(takes_any_token=True) as azure, IdentityEndpoint() as identity:
        settings = {**SETTINGS, **identity.settings, "ARM_ENDPOINT": azure.url}
        with Sandbox(out, settings) as sandbox:
            demo = FleetDemo(sandbox, azure)
            steps = list(story(datetime.now(UTC)))
            for step in steps:
                demo.tell(step)
            sent = len(sandbox.sent())
            if sent != sum(len(step.emails) for step in steps):
                demo.wrong.append(f"{sent} emails in all")
    print(f"\nThe emails: {sandbox.gallery}")
    return complain(demo.wrong)


def main() -> int:
    """Run the demo as a command."""
    return command("local.fleet_demo", "An update run, told.", OUT, run)


if __name__ == "__main__":
    sys.exit(main())
