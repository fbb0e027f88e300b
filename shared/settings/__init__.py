"""The settings: read once from the environment, checked, and handed on as values."""

from shared.setting_reader import SettingsError
from shared.settings.load import APP, load
from shared.settings.values import AzureEmail, ClusterSource, FolderEmail, Settings, SmtpEmail, Storage

__all__ = [
    "APP",
    "AzureEmail",
    "ClusterSource",
    "FolderEmail",
    "Settings",
    "SettingsError",
    "SmtpEmail",
    "Storage",
    "load",
]
