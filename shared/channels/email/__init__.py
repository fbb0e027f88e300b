"""Email: what is told as HTML and text, and the mail services that send it."""
