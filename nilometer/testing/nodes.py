"""Nodes as pytest wants them made."""

from __future__ import annotations

from typing import Any, Final, TypeVar, cast

import pytest

GROUP: Final = "nilo"
"""What the items stand under: ``nilo::host_never_overcommitted``."""

N = TypeVar("N", bound=pytest.Collector | pytest.Item)


def made(kind: type[N], parent: pytest.Collector, **told: object) -> N:
    """A node; what ``from_parent`` takes beside the parent has no types."""
    node: N = cast("Any", kind).from_parent(parent, **told)
    return node
