"""Channels: what turns a mail into something to send, and sends it."""
