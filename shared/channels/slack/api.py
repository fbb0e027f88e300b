"""Handing a message to Slack: by the Web API, or by an incoming webhook.

The Web API answers 200 whatever happens, and `ok: false` with a word for what did
(https://docs.slack.dev/reference/methods/chat.postMessage); a webhook answers with a status and that word.
Neither knows a message that comes twice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from shared import decoding
from shared.channels import answers
from shared.channels.http import HttpResponse
from shared.channels.outcomes import Accepted, Gone, Outcome, Refused, Throttled, Unavailable, Unknown
from shared.channels.retry_after import retry_after

if TYPE_CHECKING:
    from shared.channels.http import Door
    from shared.channels.outcomes import Timeouts

_GONE = frozenset(
    {
        "channel_is_archived",
        "channel_not_found",
        "is_archived",
        "no_active_hooks",
        "no_service",
        "no_team",
        "not_in_channel",
        "posting_to_general_channel_denied",
        "restricted_action",
        "restricted_action_read_only_channel",
        "restricted_action_thread_only_channel",
        "team_not_found",
    }
)
"""What somebody has to mend before this channel takes any message."""
_NO_THREAD = frozenset(
    {
        "cannot_reply_to_message",
        "invalid_thread_ts",
        "restricted_action_non_threadable_channel",
        "restricted_action_thread_locked",
        "thread_not_found",
    }
)
"""The first message takes no reply (any more)."""
_OF_THE_TOKEN = frozenset(
    {
        "access_denied",
        "account_inactive",
        "accesslimited",
        "ekm_access_denied",
        "enterprise_is_restricted",
        "invalid_auth",
        "invalid_token",
        "missing_scope",
        "no_permission",
        "not_allowed_token_type",
        "not_authed",
        "org_login_required",
        "team_access_not_granted",
        "team_disabled",
        "token_expired",
        "token_revoked",
        "two_factor_setup_required",
    }
)
_FOR_NOW = frozenset({"ratelimited", "rate_limited", "message_limit_exceeded"})
_OPEN = frozenset({"fatal_error", "internal_error", "request_timeout", "rollup_error", "service_unavailable"})
"""Part of it may have been done, the documentation says."""

_JSON = "application/json; charset=utf-8"


class NoThread(msgspec.Struct, frozen=True):
    """What was to follow a first message cannot; it was not taken."""

    reason: str


class Posted(msgspec.Struct, frozen=True):
    """The answer to a message that was taken."""

    ok: bool = False
    error: str = ""
    ts: str = ""
    """The message's own time, by which Slack names it."""
    channel: str = ""


def call(
    door: Door, url: str, token: str, content: dict[str, Any], timeouts: Timeouts
) -> Posted | NoThread | Outcome:
    """Call a method of the Web API once; return its answer where it was taken, else what became of it."""
    headers = {"Content-Type": _JSON, "Authorization": f"Bearer {token}"}
    answer = answers.post(door, url, msgspec.json.encode(content), timeouts, headers, secrets=(token,))
    if not isinstance(answer, HttpResponse):
        return answer
    try:
        said = decoding.from_json(answer.text, Posted)
    except msgspec.DecodeError:
        made = answers.outcome(answer)
        # 200 alone says nothing here: what answered in Slack's place may have swallowed it.
        return Unknown(answers.words(answer)) if isinstance(made, Accepted) else made
    if said.ok:
        return said
    if said.error in _NO_THREAD:
        return NoThread(answers.words(answer))
    return refusal(said.error, answer)


def post_webhook(door: Door, url: str, body: bytes, timeouts: Timeouts) -> Outcome:
    """Post a message to an incoming webhook, with one request and no retry."""
    answer = answers.post(door, url, body, timeouts, {"Content-Type": _JSON})
    if not isinstance(answer, HttpResponse):
        return answer
    made = answers.outcome(answer)
    return made if isinstance(made, (Accepted, Throttled)) else refusal(answer.text.strip(), answer, made)


def refusal(word: str, answer: HttpResponse, otherwise: Outcome | None = None) -> Outcome:
    """Return what Slack's word for a failure means; `otherwise` for a word that is not known."""
    reason = answers.words(answer)
    if word in _GONE:
        return Gone(reason)
    if word in _OF_THE_TOKEN:
        return Unavailable(reason, account="token")
    if word in _FOR_NOW:
        return Throttled(retry_after(answer.headers), reason)
    if word in _OPEN:
        return Unknown(reason)
    return otherwise or Refused(reason)
