"""An Event Grid topic: the CloudEvents of webhooks, for whatever hangs on it."""
