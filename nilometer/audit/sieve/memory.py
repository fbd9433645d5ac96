"""Memory for Arrow: numpy and Arrow share that of the C library while events are sieved."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

import pyarrow


@contextmanager
def shared_memory_pool() -> Generator[None]:
    """Arrow takes its memory from where numpy does.

    Its own pool gives what is freed back to the system and takes new pages for the next piece, which a virtual machine
    has to clear: of 100,000 events that costs more than to look at them.
    """
    before = pyarrow.default_memory_pool()
    pyarrow.set_memory_pool(pyarrow.system_memory_pool())
    try:
        yield
    finally:
        pyarrow.set_memory_pool(before)
