"""The clusters of a subscription, as whoever `az` is logged in as may read them.

Through the same code as the app's own daily reading, `shared.sources.arm`. The credential is the CLI's: an
operator, or a pipeline, has logged in with it anyway, and nothing is probed for.
"""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING

from ops.linting import reading
from shared.text import GUID

if TYPE_CHECKING:
    from collections.abc import Callable

    from ops.linting.model import Listing
    from shared.sources.arm import Arm, ArmError

_SUBSCRIPTION = re.compile(rf"(?:/subscriptions/)?({GUID.pattern})/?", re.IGNORECASE)


def named(word: str) -> str:
    """Return the id of the subscription that a word on the command line names; empty where it names none."""
    match = _SUBSCRIPTION.fullmatch(word)
    return match[1].lower() if match else ""


def open_arm(portal: str) -> Arm:
    """Open Azure Resource Manager of the cloud that a portal belongs to. No round trip."""
    from azure.identity import AzureCliCredential

    from shared.sources import arm

    return arm.Arm(AzureCliCredential(), arm.endpoint(portal))


def fetch(subscription: str, opener: Callable[[], Arm]) -> Listing:
    """Return a subscription's clusters with their configurations, and its shared windows.

    Raises ArmError, ListingError. Those whose configurations cannot be read are named on standard error, and
    left out.
    """
    from shared.sources.arm import LINKS_API_VERSION

    with opener() as arm:
        windows = arm.shared_windows(subscription)
        version = LINKS_API_VERSION if windows else ""
        return reading.read([*windows, *arm.listed(subscription, _missed, version)], subscription)


def _missed(cluster: str, error: ArmError) -> None:
    print(f"left out: {cluster}: {error}", file=sys.stderr)
