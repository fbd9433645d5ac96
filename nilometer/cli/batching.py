"""Items taken together while they come fast, and at once when no further one is waiting."""

from __future__ import annotations

import queue
import sys
import threading
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import BinaryIO, TypeVar

T = TypeVar("T")


def batches(items: Iterable[T], most: int) -> Iterator[list[T]]:
    """Items that are all there, ``most`` at a time."""
    source = iter(items)
    while batch := list(islice(source, most)):
        yield batch


def batches_as_they_come(items: Iterable[T], most: int) -> Iterator[list[T]]:
    """Items that somebody still writes: those that wait, up to ``most``, without waiting for more."""
    waiting: queue.Queue[T | _End] = queue.Queue(most * 2)

    def read() -> None:
        try:
            for item in items:
                waiting.put(item)
            waiting.put(_End(None))
        except BaseException as error:  # raised again where the items are taken
            waiting.put(_End(error))

    threading.Thread(target=read, name="reader", daemon=True).start()
    while True:
        batch: list[T] = []
        item = waiting.get()
        while not isinstance(item, _End):
            batch.append(item)
            if len(batch) == most:
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


def own_stdin() -> BinaryIO:
    """Stdin for a thread: Python cannot end while another thread waits in its own reader of stdin."""
    try:
        return open(sys.stdin.fileno(), "rb", closefd=False)
    except (OSError, ValueError):
        return sys.stdin.buffer


class _End:
    """No more items come."""

    def __init__(self, error: BaseException | None) -> None:
        self.error = error
