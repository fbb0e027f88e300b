"""An operator's tools."""

from local.interruption import end_commands_silently

end_commands_silently()
