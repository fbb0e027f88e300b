"""Bugs planted into an instance: a proof that would not find these would prove nothing.

Each is a mistake that code of this kind has in the wild, made at the one place where ours does it right.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from msgspec.structs import replace

if TYPE_CHECKING:
    from collections.abc import Callable


class Bug(StrEnum):
    """The mistakes."""

    NO_IF_MATCH = "no If-Match"
    """Rows are changed and deleted whoever has changed them since they were read."""
    SETTLE_BEFORE_SEND = "settle before send"
    """A mail is written down as sent, and then sent."""
    CONFLICT_IS_DONE = "409 taken for done"
    """A row that is there already is taken for one's own earlier write."""
    NO_QUESTION = "no question before a re-send"
    """What may have been sent before is sent again without asking the mail service."""
    DRAFT_NOT_KEPT = "a draft is sent whose id is not kept"
    """Where mail is asked about by its draft, nobody knows by which one it went."""
    REPEATS_ROUTINE = "a blind channel repeats what nobody has to act on"
    """A doubt about news that is routine is treated like one about a failure."""
    OTHER_ID = "a repeat to a webhook has another id"
    """Its consumer cannot know it for one."""
    OUT_OF_ORDER = "a resolve does not wait for its trigger"
    """PagerDuty drops what resolves nothing, and the alert that opens later stays open."""
    TWO_TRANSACTIONS = "a check becomes notices in two transactions"
    """The check is deleted, and then its notices are inserted."""
    UNCLEAR_IS_UNSEEN = "an unclear answer taken for never seen"
    """A question that gets no clear answer counts as one that does."""
    UNSETTLED_202 = "a 202 that meets a changed row is not settled"
    """Another instance's word about a mail stands, though the service has taken it."""


LONG = frozenset({Bug.TWO_TRANSACTIONS, Bug.UNCLEAR_IS_UNSEEN, Bug.UNSETTLED_202})
"""Those that show in hours, not in a storm of seconds."""


def plant(bug: Bug) -> None:
    """Change the app in this process, before it is put together."""
    _PLANTS[bug]()


def _no_if_match() -> None:
    from shared.store import azure, table

    right: Callable[..., Any] = azure._sdk_operation

    def wrong(operation: table.Operation) -> Any:
        verb, entity, options = right(operation)
        return verb, entity, {name: value for name, value in options.items() if name == "mode"}

    azure._sdk_operation = wrong


def _settle_before_send() -> None:
    from shared.delivery.sender import Sender

    right: Callable[..., Any] = Sender.send

    def wrong(self: Sender, row: Any, rows: Any, **times: Any) -> Any:
        self.settler.settle(row, "sent", message=self._composer.compose(row.mail, rows))
        return right(self, row, rows, **times)

    Sender.send = wrong  # type: ignore[method-assign]


def _conflict_is_done() -> None:
    from shared.store import azure, table

    right: Callable[..., Any] = azure.AzureTable._commit

    def wrong(self: azure.AzureTable, operations: Any) -> list[str]:
        try:
            etags: list[str] = right(self, operations)
        except table.Conflict as conflict:
            if operations[conflict.index].verb is not table.Verb.INSERT:
                raise
            return [""] * len(operations)
        return etags

    azure.AzureTable._commit = wrong  # type: ignore[method-assign]


def _no_question() -> None:
    from shared.delivery.sender import Sender

    Sender._ask = lambda *_: None  # type: ignore[method-assign]


def _draft_not_kept() -> None:
    from shared.store.protocol import Store

    Store.keep_draft = lambda _, row, draft: replace(row, draft=draft)  # type: ignore[method-assign, assignment]


def _repeats_routine() -> None:
    from shared.delivery import sender

    sender._is_actionable = lambda _: True  # type: ignore[assignment]


def _other_id() -> None:
    from shared.channels.webhook.channel import WebhookChannel

    right: Callable[..., Any] = WebhookChannel.send
    sent: set[str] = set()

    def wrong(self: WebhookChannel, message: Any, operation_id: str, timeouts: Any) -> Any:
        id_ = str(uuid4()) if operation_id in sent else operation_id
        sent.add(operation_id)
        return right(self, replace(message, content={**message.content, "id": id_}), id_, timeouts)

    WebhookChannel.send = wrong  # type: ignore[method-assign]


def _out_of_order() -> None:
    from shared.delivery.batch import Batch

    Batch._in_order = lambda _, some: some  # type: ignore[method-assign, assignment]


def _two_transactions() -> None:
    from shared import keys
    from shared.store import codec
    from shared.store.protocol import Store
    from shared.store.table import Operation, Verb

    def wrong(self: Store, row: Any, notices: Any, due: Any, checks: Any = ()) -> bool:
        work = [(keys.work(due, notice.id), codec.notice_values(notice)) for notice in notices]
        work += [(keys.work(check.due, check.id), codec.check_values(check)) for check in checks]
        if not self._commits([Operation(Verb.DELETE, row.key)]):
            return False
        return not work or self._commits([Operation(Verb.INSERT, *each) for each in work])

    Store.resolve = wrong  # type: ignore[method-assign]


def _unclear_is_unseen() -> None:
    from shared.channels.email.channel import EmailChannel
    from shared.channels.outcomes import OperationState, OperationStatus

    right: Callable[..., Any] = EmailChannel.ask

    def wrong(self: EmailChannel, *about: Any) -> OperationStatus:
        answer: OperationStatus = right(self, *about)
        return OperationStatus(OperationState.NEVER_SEEN) if answer.state == "no-answer" else answer

    EmailChannel.ask = wrong  # type: ignore[method-assign, assignment]


def _unsettled_202() -> None:
    from shared.store.protocol import Store

    Store._settle_accepted = lambda *_: False  # type: ignore[method-assign]


_PLANTS: dict[Bug, Callable[[], None]] = {
    Bug.NO_IF_MATCH: _no_if_match,
    Bug.SETTLE_BEFORE_SEND: _settle_before_send,
    Bug.CONFLICT_IS_DONE: _conflict_is_done,
    Bug.NO_QUESTION: _no_question,
    Bug.DRAFT_NOT_KEPT: _draft_not_kept,
    Bug.REPEATS_ROUTINE: _repeats_routine,
    Bug.OTHER_ID: _other_id,
    Bug.OUT_OF_ORDER: _out_of_order,
    Bug.TWO_TRANSACTIONS: _two_transactions,
    Bug.UNCLEAR_IS_UNSEEN: _unclear_is_unseen,
    Bug.UNSETTLED_202: _unsettled_202,
}
