"""The figures of a decided event, read out of its stored text without decoding the rest."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, TypeVar

F = TypeVar("F")

BEGIN: Final = b'"data":{"after":{'
"""What an event's figures begin with; they end at the next brace."""
_VM: Final = re.compile(
    rb'"assigned":(\d+),"ballooned":(\d+),"high_watermark":(\d+),"hot_pluggable":\d+,"in_use":(\d+),'
    rb'"paged_out":\d+,"power":"([a-z]+)","session":(\d+),"startup":\d+,"visible":(\d+)'
)
_HOST: Final = re.compile(rb'"free":(-?\d+),"held":(\d+),"reserve":(\d+),"total":(\d+)')
MOST_FIGURES: Final = 8192
"""So many different texts of figures are remembered."""


class Figures(dict[bytes, F | None]):
    """Figures by the text that they were read from, as far as they were read lately: the same come again and again."""

    def __init__(self, read: Callable[[bytes], F | None]) -> None:
        super().__init__()
        self._read = read

    def __missing__(self, text: bytes) -> F | None:
        if len(self) >= MOST_FIGURES:
            self.clear()
        found = self[text] = self._read(text)
        return found


def read_vm(text: bytes) -> tuple[int, int, int, int, int, bytes, int] | None:
    """Assigned, visible, watermark, in use, ballooned, power and session of a VM."""
    if (found := _VM.fullmatch(text)) is None:
        return None
    assigned, ballooned, watermark, in_use, power, session, visible = found.groups()
    return int(assigned), int(visible), int(watermark), int(in_use), int(ballooned), power, int(session)


def read_host(text: bytes) -> tuple[int, int, int, int] | None:
    """Total, reserve, held and free of a host."""
    if (found := _HOST.fullmatch(text)) is None:
        return None
    free, held, reserve, total = map(int, found.groups())
    return total, reserve, held, free
