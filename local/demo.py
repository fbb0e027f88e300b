"""The app's main job, end to end, to watch: `make demo`.

Starts Azurite and the local host on free ports, sends a story of events over HTTP, and prints what becomes of
each, read back from the table and from the folder that the emails are written to. Where that differs from
what the story says should come of it, it says so and ends with 1.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from local.sandbox import Narrator, Sandbox, command, complain, say
from shared import keys
from testing.samples import payloads

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).resolve().parent.parent
SAMPLES = ROOT / "samples"
OUT = ROOT / "out" / "demo"

REMINDER_IN = timedelta(seconds=9)

SETTINGS = {
    "EMAIL_TO": "platform-team@example.com",
    "REMINDER_GAP": "0s",
    "GROUP_WAIT": "0s",
}

REASON = (
    "(UpgradeFailed) Drain node aks-blue-31415926-vmss00002k failed when evicting pod cart-7c9d8-xk2vp failed"
    " with Too Many Requests error. This error is often caused by a restrictive Pod Disruption Budget (PDB)"
    " policy. See https://aka.ms/aks/debugdrainfailures. Original error: Cannot evict pod as it would violate"
    " the pod's disruption budget.. PDB debug info: shop/cart-7c9d8-xk2vp blocked by pdb cart-pdb with 0"
    " unready pods."
)


@dataclass(frozen=True)
class Step:
    """Something that happens: what, the event that says so, and what should come of it."""

    what: str
    text: Callable[[datetime], str]
    decision: str
    emails: tuple[str, ...] = ()
    """How the subjects of the emails begin that should come of it; what is due at once goes in any order."""


@dataclass
class Tally:
    """What came of the story, in numbers."""

    received: int = 0
    decisions: dict[str, int] = field(default_factory=dict)
    emails: int = 0


def story(began: datetime) -> Iterator[Step]:
    """Return the steps of the story; `began` anchors the times that later steps refer back to."""
    captured = (SAMPLES / "started.eventgrid.captured.json").read_text()
    documented = (SAMPLES / "started.cloudevent.json").read_text()
    # Both began years ago, and nothing tells of their ends: that they are still running is due at once.
    long_ago = ("[Started]", "[Still running]")
    yield Step("the one captured AKS event", lambda _: captured, "new", long_ago)
    yield Step("the same again", lambda _: captured, "duplicate")
    yield Step("the documented CloudEvent", lambda _: documented, "new", long_ago)
    yield Step("the same again", lambda _: documented, "duplicate")

    node_os = {"name": "node-os", "cluster": "prod-weu-1"}
    soon = timedelta(hours=24) + REMINDER_IN
    yield Step(
        "node OS upgrade announced, 24 hours and some seconds ahead",
        lambda now: payloads.scheduled(now, soon, **node_os),
        "new",
        ("[Scheduled]", "[Reminder]"),
    )
    yield Step("it starts", lambda now: payloads.event("Started", now, **node_os), "new", ("[Started]",))
    yield Step(
        "it fails", lambda now: payloads.event("Failed", now, **node_os, details=REASON), "new", ("[Failed]",)
    )
    yield Step(
        "it completes after all",
        lambda now: payloads.event("Completed", now, **node_os),
        "new",
        ("[Completed]",),
    )

    kubernetes = {"name": "kubernetes", "cluster": "prod-neu-2", "details": "K8sVersionUpgrade"}
    first, second = began + timedelta(days=6), began + timedelta(days=8)
    yield Step(
        "Kubernetes upgrade announced",
        lambda now: payloads.scheduled(now, first, **kubernetes),
        "new",
        ("[Scheduled]",),
    )
    yield Step(
        "announced again for the same time",
        lambda now: payloads.scheduled(now, first, **kubernetes),
        "duplicate",
    )
    yield Step(
        "moved by two days",
        lambda now: payloads.scheduled(now, second, **kubernetes),
        "rescheduled",
        ("[Rescheduled]",),
    )
    yield Step("canceled", lambda now: payloads.event("Cancelled", now, **kubernetes), "new", ("[Canceled]",))
    yield Step(
        "an announcement that was held up on its way",
        lambda _: payloads.scheduled(began, first, **kubernetes, envelope=payloads.guid("held up")),
        "stale",
    )
    yield Step(
        "Kubernetes version near its end of support",
        lambda now: payloads.end_of_support(
            now,
            "KubernetesVersionEOLOneWeek",
            began + timedelta(days=6),
            name="support",
            cluster="prod-neu-2",
        ),
        "new",
        ("[End of support]",),
    )
    yield Step("valid JSON that is no event", lambda _: '{"hello": "world"}', "rejected", ("[",))


class Demo(Narrator):
    """Tells what becomes of events."""

    def __init__(self, sandbox: Sandbox) -> None:
        super().__init__(sandbox)
        self.tally = Tally()

    def tell(self, step: Step) -> None:
        """Let one step happen, and look at what comes of it."""
        known, sent = self._kept(), self.sandbox.sent()
        answer = self.sandbox.host.post_event(step.text(datetime.now(UTC)))
        self.tally.received += 1
        decision = self._decision(known) if answer.status == 202 else f"HTTP {answer.status}"  # noqa: PLR2004
        self.tally.decisions[decision] = self.tally.decisions.get(decision, 0) + 1
        say(step.what, f"{answer.status}, {decision}")
        if decision != step.decision:
            self.complain(f"{step.what}: {decision} rather than {step.decision}")
        missing = list(step.emails)
        for number in range(1, len(step.emails) + 1):
            subjects = self.wait(sent, number)
            if len(subjects) < number:
                self.complain(f"{step.what}: no email {' or '.join(missing)}")
                return
            subject = subjects[number - 1]
            print(f"            ✉  {subject}", flush=True)
            found = next((beginning for beginning in missing if subject.startswith(beginning)), None)
            if found is None:
                self.complain(f"{step.what}: an email {subject!r} rather than {' or '.join(missing)}")
            else:
                missing.remove(found)

    def look_back(self, expected: int) -> None:
        """Compare the table and the folder with each other and with the story."""
        time.sleep(2.5)  # two sweeps: should anything be sent twice, now it would be
        sent = self.sandbox.sent()
        folder = self.sandbox.written()
        self.tally.emails = len(folder)
        if set(sent) != folder:
            self.complain(f"{len(sent)} emails in the table, {len(folder)} in the folder")
        if len(folder) != expected:
            self.complain(f"{len(folder)} emails rather than {expected}")
        told = [(one.kind, one.key, one.lead) for mail in sent.values() for one in mail.members]
        if len(set(told)) != len(told):
            self.complain("a notice was told twice")
        left = self.sandbox.undone()
        if set(left) - {"check"}:
            self.complain(f"left undone: {', '.join(left)}")

    def _kept(self) -> set[str]:
        ranges = [self.sandbox.rows(prefix, prefix + keys.AFTER) for prefix in ("event:", "rejected:")]
        return {row.key for rows in ranges for row in rows}

    def _decision(self, known: set[str]) -> str:
        new = self._kept() - known
        if not new:
            return "duplicate"
        row = self.sandbox.table.get(min(new))
        assert row is not None
        return str(row.values.get("decision", "rejected"))


def run(out: Path) -> int:
    """Run the demo, with its emails under `out`; 0 if everything came as the story says, else 1."""
    with Sandbox(out, SETTINGS) as sandbox:
        demo = Demo(sandbox)
        steps = list(story(datetime.now(UTC)))
        for step in steps:
            demo.tell(step)
        demo.look_back(expected=sum(len(step.emails) for step in steps))
        sandbox.keep_pages()
    tally = demo.tally
    print()
    rows = {
        "events received": tally.received,
        "duplicates": tally.decisions.get("duplicate", 0),
        "stale": tally.decisions.get("stale", 0),
        "rejected": tally.decisions.get("rejected", 0),
        "emails": tally.emails,
    }
    for name, count in rows.items():
        print(f"  {name:<16} {count:>3}")
    print(f"\nThe emails:      {sandbox.gallery}")
    print(f"The status page: {sandbox.page}\nThe calendar:    {sandbox.page.with_suffix('.ics')}")
    print("\nNext: make run, which keeps running and says what to try.")
    return complain(demo.wrong)


def main() -> int:
    """Run the demo as a command."""
    return command("local.demo", "From event to email.", OUT, run)


if __name__ == "__main__":
    sys.exit(main())
