"""Batches of items: full ones while the items come fast, a smaller one as soon as no further item is waiting."""

from __future__ import annotations

import queue
import sys
import threading
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import BinaryIO, TypeVar

T = TypeVar("T")


def batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Yields items that are all there, up to ``size`` at a time."""
    source = iter(items)
    while batch := list(islice(source, size)):
        yield batch


def batches_as_they_come(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Yields items that are still being written: those that are there, up to ``size``, without waiting for more."""
    waiting: queue.Queue[T | _End] = queue.Queue(size * 2)

    def read() -> None:
        try:
            for item in items:
                waiting.put(item)
            waiting.put(_End(None))
        except BaseException as error:  # raised again in the thread that takes the items
            waiting.put(_End(error))

    threading.Thread(target=read, name="reader", daemon=True).start()
    while True:
        batch: list[T] = []
        item = waiting.get()
        while not isinstance(item, _End):
            batch.append(item)
            if len(batch) == size:
                break
            try:
                item = waiting.get_nowait()
            except queue.Empty:
                break
        if batch:
            yield batch
        if isinstance(item, _End):
            if item.error is not None:
                raise item.error
            return


def open_stdin() -> BinaryIO:
    """Opens stdin for another thread: Python cannot exit while a thread waits in ``sys.stdin``."""
    try:
        return open(sys.stdin.fileno(), "rb", closefd=False)
    except (OSError, ValueError):
        return sys.stdin.buffer


class _End:
    """The end of the items, and the error that ended them."""

    def __init__(self, error: BaseException | None) -> None:
        self.error = error
