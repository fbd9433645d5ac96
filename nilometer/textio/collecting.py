"""Fewer looks for garbage while a long history is read: nearly all of what is made for an event is gone with it."""

from __future__ import annotations

import gc
from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

OFTEN: Final = (100_000, 20, 20)
"""After how many more objects Python looks for cycles among them, and how much rarer among older ones."""


@contextmanager
def few_collections() -> Generator[None]:
    """Python looks for cycles of objects less often for a while; each look would find nothing."""
    before = gc.get_threshold()
    gc.set_threshold(*OFTEN)
    try:
        yield
    finally:
        gc.set_threshold(*before)
