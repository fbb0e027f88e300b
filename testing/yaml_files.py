"""YAML files of this repository, read by libyaml where PyYAML brings it: seven times as quickly."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from pathlib import Path


@cache
def read(file: Path) -> Any:
    """Return what a file holds; the same object to all who ask, to be left as it is."""
    return yaml.load(file.read_text("utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
