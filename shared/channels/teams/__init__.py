"""Microsoft Teams, by the webhook of a workflow: an Adaptive Card for each message."""
