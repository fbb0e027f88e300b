"""One email with all that an email can have, for tests of what sends it."""

from __future__ import annotations

from datetime import UTC, datetime

from shared.channels.email.email import Attachment, Email

OPERATION = "11111111-2222-5333-8444-555555555555"
EMAIL = Email(
    to=("ann@example.com", "Bob Builder <bob@example.com>"),
    cc=("carl@example.com",),
    reply_to="platform@example.com",
    subject="[Started] Kubernetes upgrade — prod-weu-1",
    html="<p>Grüße &amp; <b>more</b></p>\n",
    text="Grüße & more\n.\n..two\nFrom here on\n",
    message_id=f"<{OPERATION}@example.com>",
    date=datetime(2026, 5, 5, 1, 0, tzinfo=UTC),
    headers=(("References", "<maintenance-1@example.com>"), ("Auto-Submitted", "auto-generated")),
    attachments=(
        Attachment(
            "Wartung für prod.ics",
            "text/calendar; method=PUBLISH; charset=UTF-8",
            b"BEGIN:VCALENDAR\r\n",
        ),
    ),
)
