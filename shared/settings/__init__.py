"""The settings: read once from the environment, checked, and handed on as values."""

from shared.setting_reader import SettingReader, SettingsError
from shared.settings.load import APP, load, mail, routing, storage
from shared.settings.values import ClusterSource, Settings, Storage

__all__ = [
    "APP",
    "ClusterSource",
    "SettingReader",
    "Settings",
    "SettingsError",
    "Storage",
    "load",
    "mail",
    "routing",
    "storage",
]
