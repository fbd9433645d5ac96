"""How long something may take, as people type it: ``8s``, ``500ms``, ``1.5min``."""

from __future__ import annotations

import re
from typing import Final

import click

_DURATION: Final = re.compile(r"(\d{1,6}(?:\.\d{1,3})?)(ms|s|min|h)", re.ASCII)
_SECONDS: Final = {"ms": 0.001, "s": 1.0, "min": 60.0, "h": 3600.0}


def read_duration(context: click.Context, parameter: click.Parameter, value: str) -> float:
    """Reads an option's value; its value is in seconds."""
    match = _DURATION.fullmatch(value)
    if match is None:
        raise click.BadParameter(f"{value!r} is not a duration: write 8s, 500ms or 2min", context, parameter)
    return float(match[1]) * _SECONDS[match[2]]
