"""Work on a long history by turns: some events are read, then these are judged.

A processor keeps little of a program at hand. What reads events and what judges them do not fit in there together, and
taking turns at every event costs a quarter of the time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final, TypeVar

from domain.errors import NilometerError

T = TypeVar("T")

AT_ONCE: Final = 128
"""So many events a turn. It hardly matters which number of some dozens or hundreds it is."""


def by_turns(each: Iterable[T]) -> Iterator[list[T]]:
    """The same, some at a time. An error is raised when all that came before it was taken."""
    left = iter(each)
    while True:
        some, error = list[T](), None
        try:
            for one in islice(left, AT_ONCE):
                some.append(one)  # one by one: what came before an error stays
        except NilometerError as stop:
            error = stop
        if some:
            yield some
        if error is not None:
            raise error
        if not some:
            return
