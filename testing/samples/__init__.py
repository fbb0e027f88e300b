"""Made-up and real inputs: events, mails, patch nights, failure messages."""
