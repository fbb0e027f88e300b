"""Emails of each kind and at the edge, from made-up events: `python -m local.preview --out out/preview`.

Beside them, `teams.html` and `slack.html` show what chats would.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from local import chat_pages
from local.gallery import write
from testing.samples import extremes, mails

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the gallery and print where it is."""
    parser = argparse.ArgumentParser(prog="python -m local.preview", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("out/preview"), help="folder to write to")
    parser.add_argument("--time-zone", default="Europe/Berlin", help="the audience's, as an IANA name")
    chosen = parser.parse_args(arguments)
    audience = msgspec.structs.replace(mails.TEAM, time_zone=chosen.time_zone)
    try:
        told = mails.stories()
        gallery = write([*((story, audience) for story in told), *extremes.told()], chosen.out)
        chat_pages.write(told, audience, chosen.out)
    except FileExistsError as error:
        print(error, file=sys.stderr)
        return 1
    print(gallery)
    return 0


if __name__ == "__main__":
    sys.exit(main())
