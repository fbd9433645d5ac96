"""Long histories as streams: events in batches, and fewer runs of Python's garbage collector while they pass.

A processor keeps only a little of a program at hand. The code that reads events and the code that judges them do not
fit in there together, and switching between the two at every event costs a quarter of the time. So a batch of events
is read, then that batch is judged.
"""

from __future__ import annotations

import gc
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Final, TypeVar

from domain.errors import NilometerError

T = TypeVar("T")

BATCH_EVENTS: Final = 128
"""Events in a batch. Any number between some dozens and some hundreds is about as fast."""
GARBAGE_THRESHOLDS: Final = (100_000, 20, 20)
"""For ``gc.set_threshold``: new objects before a collection, then collections before older objects are looked at."""


def in_batches(items: Iterable[T]) -> Iterator[list[T]]:
    """The same items in lists. An error that reading raises is raised after all items before it were given."""
    remaining = iter(items)
    while True:
        batch, error = list[T](), None
        try:
            for item in islice(remaining, BATCH_EVENTS):
                batch.append(item)  # one by one, so that the items before an error are kept
        except NilometerError as raised:
            error = raised
        if batch:
            yield batch
        if error is not None:
            raise error
        if not batch:
            return


@contextmanager
def reduced_garbage_collection() -> Generator[None]:
    """Python looks for reference cycles less often: objects made for an event have none, and are freed with it."""
    before = gc.get_threshold()
    gc.set_threshold(*GARBAGE_THRESHOLDS)
    try:
        yield
    finally:
        gc.set_threshold(*before)
