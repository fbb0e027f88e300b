"""A workstation's tools: stand-in host, demo, preview."""

from local.interruption import end_commands_silently

end_commands_silently()
