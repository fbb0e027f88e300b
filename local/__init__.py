"""A workstation's tools: stand-in host, demo, preview."""
