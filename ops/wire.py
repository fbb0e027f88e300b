"""What a channel would send of some mails, as JSON, without its secrets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from msgspec import to_builtins
from msgspec.structs import replace

from shared.audience import EMAIL_CHANNEL, Audience, Target
from shared.channels import registry
from shared.channels.channel import Choosy
from shared.channels.context import ChannelContext
from shared.channels.email.compose import compose
from shared.channels.json_channel import JsonChannel
from shared.routes.document import parse

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from shared.messages.branding import Branding
    from testing.samples.mails import Story


def sent(
    channel: str, stories: Iterable[tuple[Story, Audience, Target]], branding: Branding
) -> list[dict[str, Any]]:
    """Return what would be sent of each mail to whoever has targets of a channel, else to a made-up one."""
    told = list(
        {(audience.id, story.mail.members): (story, audience) for story, audience, _ in stories}.values()
    )
    having = [one for one in told if any(target.channel == channel for target in one[1].targets)]
    if channel == EMAIL_CHANNEL:
        return [_email(story, audience, branding) for story, audience in told]
    if having:
        pairs = [(story, audience, target) for story, audience in having for target in audience.targets]
        return [
            made
            for story, audience, target in pairs
            if target.channel == channel
            for made in _messages(story, audience, target, branding)
        ]
    target = _sample(channel)
    return [made for story, audience in told for made in _messages(story, audience, target, branding)]


def _messages(
    story: Story, audience: Audience, target: Target, branding: Branding
) -> Iterator[dict[str, Any]]:
    if target.kinds and story.mail.members[0].kind not in target.kinds:
        return
    opened = registry.CHANNELS[target.channel].open(target, _context(branding))
    assert isinstance(opened, JsonChannel)
    if isinstance(opened, Choosy) and not opened.tells(story.mail.members[0], story.rows, audience):
        return
    mail = replace(story.mail, target=target.key)
    message = cast("Any", opened).compose(mail, story.rows, audience)
    yield opened.wire(message, mail.operation_id)


def _email(story: Story, audience: Audience, branding: Branding) -> dict[str, Any]:
    email = compose(story.mail, story.rows, audience, branding)
    made: dict[str, Any] = to_builtins(email)
    return made


def _sample(channel: str) -> Target:
    known = registry.CHANNELS[channel]
    field = parse(known.sample)
    assert known.read is not None
    assert field is not None
    (target,) = known.read(field)
    return target


def _context(branding: Branding) -> ChannelContext:
    return ChannelContext(branding=branding, mail=cast("Any", None), credential=lambda: None)
