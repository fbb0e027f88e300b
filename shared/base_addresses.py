"""Base addresses of services, read from settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.web_addresses import web_address

if TYPE_CHECKING:
    from shared.setting_reader import SettingReader


def allows_loopback(read: SettingReader) -> bool:
    """Return whether addresses of the machine itself are taken: anywhere but in Azure."""
    return not (read.text("WEBSITE_SITE_NAME") or read.text("WEBSITE_INSTANCE_ID"))


def base_address(read: SettingReader, name: str, default: str, *, suffix: str = "", without: str = "") -> str:
    """Return the base address of a service, without a slash at the end. Raises SettingsError.

    It ends in `suffix`, and not in what it is to be `without`.
    """

    def parse(value: str) -> str:
        made = web_address(value, allows_loopback=allows_loopback(read)).rstrip("/")
        if "?" in made or "#" in made:
            raise ValueError("has more than a path after its host")
        if suffix and not made.endswith(suffix):
            raise ValueError(f"does not end in {suffix}")
        if without and made.endswith(without):
            raise ValueError(f"ends in {without}, which is left out")
        return made

    return read.get(name, parse, default)
