"""Emails: composed from frozen mails, as HTML and text."""
