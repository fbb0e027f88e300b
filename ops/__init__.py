"""An operator's tools."""
