"""What channels need beside the routes: secrets, base addresses, and whether anything is for trying out."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from msgspec.structs import replace

from shared.audience import DEFAULT_AUDIENCE, EMAIL, EMAIL_CHANNEL
from shared.base_addresses import allows_loopback, base_address
from shared.channels.context import PAGERDUTY, SLACK, ChannelSettings, Endpoints
from shared.setting_reader import SettingsError
from shared.web_addresses import web_address

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shared.audience import Audience, Target
    from shared.channels.registration import Registration
    from shared.routes import Routes
    from shared.setting_reader import SettingReader


def channel_settings(
    read: SettingReader, routes: Routes, channels: Mapping[str, Registration]
) -> ChannelSettings:
    """Return what the targets of the routes need. Raises SettingsError for the first that is wrong."""
    loopback = allows_loopback(read)
    targets = [target for audience in routes.audiences.values() for target in audience.targets]
    secrets: dict[str, str] = {}
    for target in targets:
        check = channels[target.channel].check_secret
        if "://" in target.id:
            _check_address(target, allows_loopback=loopback)
        for name in target.secrets:
            secrets[name] = read.secret(name, str, "ROUTES")
            if check is not None:
                judge = partial(check, target, name, allows_loopback=loopback)
                read.secret(name, judge, "ROUTES")
    reasons = ["other channels than email"] if any(one.channel != EMAIL_CHANNEL for one in targets) else []
    reasons += [name for name in ("SUBSCRIPTIONS", "FLEETS") if read.text(name)]
    if DEFAULT_AUDIENCE not in routes.audiences and reasons:
        raise SettingsError(
            f"Setting EMAIL_TO is missing: with {reasons[0]} the app's own troubles need "
            "somewhere to go (EMAIL_TO, or an audience `default` with `to`)."
        )
    return ChannelSettings(
        endpoints=Endpoints(
            slack=base_address(read, "SLACK_ENDPOINT", SLACK, suffix="/api"),
            pagerduty=base_address(read, "PAGERDUTY_ENDPOINT", PAGERDUTY, without="/v2"),
        ),
        secrets=secrets,
        allows_loopback=loopback,
    )


def in_shadow(routes: Routes) -> Routes:
    """Return the routes with email as every audience's only target; the others are named, and not told."""
    audiences = {name: _in_shadow(audience) for name, audience in routes.audiences.items()}
    return replace(routes, audiences=audiences)


def _in_shadow(audience: Audience) -> Audience:
    others = tuple(target for target in audience.targets if target.channel != EMAIL_CHANNEL)
    return replace(audience, targets=(EMAIL,), untold=others)


def _check_address(target: Target, *, allows_loopback: bool) -> None:
    try:
        web_address(target.id, allows_loopback=allows_loopback)
    except ValueError as error:
        raise SettingsError(f"Setting ROUTES is wrong: an address of a {target.channel} {error}.") from None
