"""Sizes: whole bytes, and the grain in which Hyper-V configures memory; and which figures are not sizes."""

from __future__ import annotations

from typing import Final

from domain.rule import rule

KiB: Final = 2**10
MiB: Final = 2**20
GiB: Final = 2**30
TiB: Final = 2**40

QUANTUM: Final = 2 * MiB
"""Every configured size and every decided grant is a whole multiple of this many bytes."""

FLOOR: Final = 32 * MiB
"""The least memory, in bytes, that a VM which is not off keeps."""

LARGEST: Final = 2**52
"""The largest size, in bytes, that anybody may write: past it a size is unreadable input."""

COUNTS: Final = frozenset(
    ("generation", "session", "buffer", "weight", "major", "minor", "vms", "stream_version", "request")
)
"""Whole numbers that are not sizes, by the names of their fields."""


def is_count(path: str) -> bool:
    """Whether a whole number is not a size, by its path, such as ``site.vm.memory.buffer``."""
    return path.rpartition(".")[2] in COUNTS


@rule
def down(size: int) -> int:
    """A size rounded down to whole quanta: Hyper-V hands memory out in steps of 2 MiB."""
    return size // QUANTUM * QUANTUM


@rule
def whole(size: int) -> bool:
    """A size that Hyper-V can be asked for: a multiple of 2 MiB."""
    return size % QUANTUM == 0
