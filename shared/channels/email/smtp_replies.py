"""What a refusal over SMTP is about, by its codes and words: all mail, its sender, or the message at hand.

A reply is as it stands in a log: its code, then its text in one line.
"""

from __future__ import annotations

import re

_ALL = re.compile(
    r"45[124]\b|432\b"
    r"|[45]\d\d[ -]#?[45]\.(7\.\d+|1\.([78]|90)|3\.\d|4\.5|5\.\d)\b"
    r"|.*\brelay(ing)?\b[^.;]{0,20}\b(denied|prohibited|not (allowed|permitted))"
    r"|.*\b(client host|ip|your server)\b[^;]{0,60}\b(black|block)(ed|list)"
    r"|.*\b(quota|limit|credits)\b[^.;]{0,20}\bexceeded"
    r"|.*\b(helo|ehlo|polic(y|ies)|prohibit(ed|ion)|reputation)\b",
    re.IGNORECASE,
)
"""Replies to recipients that tell of what all mail shares. By RFC 5321 (4.2.2): a local error, too little
storage. By RFC 3463: security or policy, the sender's address, the relay's state, its limits, the
protocol."""

_THIS = re.compile(
    r"[45]\d\d[ -]#?[45]\.(1\.([1236]|10)|2\.[1-4]|3\.4|4\.[16]|6\.\d+)\b|552\b"
    r"|.*\b(gr[ae]y ?-?list|spam\b|virus|malware|content\b|too (large|big)\b|no valid recipients)"
    r"|.*\b(unknown user|user unknown|no such (user|recipient|mailbox))\b"
    r"|.*\bmailbox (is )?(full|unavailable)\b",
    re.IGNORECASE,
)
"""Replies that tell of this message, or of its recipients. Greylisting passes, and is of one of both."""

_SENDER = re.compile(
    r"5\d\d[ -]#?5\.(7\.(8|9|1[134]|2\d|57|60|6[2-4]|139|50\d|51[15]|6\d\d|7\d\d)|2\.252|1\.[78])\b"
    r"|send(ing)? as|SendAsDenied|\bsender (address rejected|verify failed)"
    r"|\bsender\b[^.;]{0,40}\b(not |un)(allowed|authori[sz]ed|permitted|verified)"
    r"|authenticat(e|ion) (is )?(required|failed|unsuccessful)",
    re.IGNORECASE,
)
"""Replies about who sends, wherever they come. Codes of RFC 7372 (authentication of mail) and Exchange Online
(learn.microsoft.com/exchange/mail-flow-best-practices/non-delivery-reports-in-exchange-online)."""


def may_be_of_all(reply: str) -> bool:
    """Return whether a reply to a recipient tells of what all mail shares."""
    return is_of_sender(reply) or (bool(_ALL.match(reply)) and not is_of_message(reply))


def is_of_sender(reply: str) -> bool:
    """Return whether a reply tells of who sends."""
    return bool(_SENDER.search(reply))


def is_of_message(reply: str) -> bool:
    """Return whether a reply tells of this message, or of its recipients."""
    return bool(_THIS.match(reply))
