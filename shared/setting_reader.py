"""Reading one setting after the other: what is wrong with a value becomes a sentence that names the setting.

Here on the ground, so that whatever has settings of its own (a channel, a mail service) reads them itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from shared.masking import masked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

T = TypeVar("T")

_SECRET = frozenset(
    {
        "HEARTBEAT_URL",
        "NOTIFIER_STORAGE",
        "NOTIFIER_STORAGE__tableServiceUri",
        "EMAIL_ENDPOINT",
        "EMAIL_CONNECTION_STRING",
        "EMAIL_PREVIOUS",
        "EMAIL_SMTP_URL",
        "EMAIL_SMTP_PASSWORD",
    }
)
"""Settings whose wrong value is not to be shown: it holds a secret, or may be one that went astray."""


_UNRESOLVED = "@microsoft.keyvault("


class SettingsError(ValueError):
    """A setting is missing or wrong. The message is one sentence that names it."""


class SettingReader:
    """Reads settings from a mapping of texts. An empty value counts as unset."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment

    def raw(self, name: str) -> str:
        """Return a setting's text as it stands; empty where it is not set."""
        return self._environment.get(name, "")

    def text(self, name: str) -> str:
        """Return a setting's text without the white space around it; empty where it is not set.

        Raises SettingsError for a Key Vault reference that was not resolved, which is no value.
        """
        value = self.raw(name).strip()
        if value.lower().startswith(_UNRESOLVED):
            raise SettingsError(
                f"Setting {name} is a Key Vault reference that could not be resolved: see that the secret is "
                "there, and that the app's identity may read it."
            )
        return value

    def get(
        self, name: str, parse: Callable[[str], T], default: str | None = None, *, as_it_stands: bool = False
    ) -> T:
        """Return a setting as `parse` reads it. Raises SettingsError where `parse` raises ValueError.

        A reason that begins with a capital letter is a sentence of its own, any other one follows the value.
        `as_it_stands` keeps the white space around the value.
        """
        value = self.text(name) or default
        if as_it_stands and self.text(name):
            value = self.raw(name)
        if value is None:
            raise SettingsError(f"Setting {name} is missing, and has no default.")
        try:
            return parse(value)
        except ValueError as error:
            # People paste secrets at odd places: what looks like one is not repeated, whatever the setting.
            reason = str(error) if masked(value) == value else masked(str(error))
            reason = reason.removesuffix(".")
            if reason[:1].isupper():
                raise SettingsError(f"Setting {name} is wrong: {reason}.") from None
            shown = "" if name in _SECRET else f" ({masked(value)[:100]!r})"
            raise SettingsError(f"Setting {name}{shown} {reason}.") from None

    def secret(self, name: str, parse: Callable[[str], T], wanted_by: str) -> T:
        """Return a secret as `parse` reads it. Raises SettingsError, which does not repeat it.

        `wanted_by` says what names the setting.
        """
        value = self.text(name)
        if not value:
            raise SettingsError(f"Setting {name} is missing: {wanted_by} names it.")
        try:
            return parse(value)
        except ValueError as error:
            raise SettingsError(f"Setting {name} {str(error).removesuffix('.')}.") from None

    def one_of(self, names: Iterable[str], what: str) -> str:
        """Return which one of several settings is set. Raises SettingsError unless exactly one is."""
        names = tuple(names)
        given = [name for name in names if self.text(name)]
        if len(given) == 1:
            return given[0]
        listed = ", ".join(names[:-1]) + " or " + names[-1]
        if given:
            both = ", ".join(given[:-1]) + " and " + given[-1]
            raise SettingsError(f"Settings {both} are set together: {what} is one of {listed}.")
        raise SettingsError(f"A setting is missing: {what} is one of {listed}.")
