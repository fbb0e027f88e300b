"""Slack: by a bot's token, or by an incoming webhook."""
