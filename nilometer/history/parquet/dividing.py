"""Divides the streams of a ledger among the buckets of an export, along groups of hosts and VMs that belong together.

A bucket is for ever: where an export grows, what is in a bucket stays in it. Groups that are new go where least is; if
events connect groups that are in several buckets, their next events go into one of these, and the export says which
buckets belong together since.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from nilometer.history.groups import StreamGroups
from nilometer.history.parquet.manifest import MOST_BUCKETS
from nilometer.ledger.reader import LedgerReader

BUCKET_EVENTS: Final = 250_000
"""A shorter history is not divided into buckets."""


def count_buckets(events: int, bucket_events: int | None = None) -> int:
    """How many buckets a new export of so many events has; each has about ``bucket_events``, or ``BUCKET_EVENTS``."""
    return max(1, min(MOST_BUCKETS, events // (bucket_events or BUCKET_EVENTS)))


@dataclass(frozen=True, slots=True)
class Division:
    """Where the events of each stream go."""

    buckets: Mapping[str, int]
    """The bucket of each stream, from 0."""
    joined: Sequence[tuple[int, int]]
    """Pairs of buckets that belong together: a group of hosts and VMs has events in both."""


def divide(
    ledger: LedgerReader, ends: Sequence[int], buckets: int, progress: Callable[[int], None] = lambda position: None
) -> Division:
    """Divides a ledger up to the last of these positions; up to each of the others it was exported before."""
    dividing, after = _Dividing(buckets), 0
    for end in ends:
        for position, stream, _, topic, body in ledger.columns(after, end):
            dividing.take(stream, topic, body)
            progress(position)
        dividing.assign()
        after = end
    return Division(dividing.bucket_of, sorted(dividing.joined))


@dataclass(slots=True)
class _Dividing:
    buckets: int
    streams: Counter[str] = field(default_factory=Counter[str])
    """How many events each stream has."""
    groups: StreamGroups = field(default_factory=StreamGroups)
    is_divisible: bool = True
    """The hosts that events name could be found."""
    bucket_of: dict[str, int] = field(default_factory=dict[str, int])
    joined: set[tuple[int, int]] = field(default_factory=set[tuple[int, int]])

    def take(self, stream: str, topic: str, body: bytes) -> None:
        """Takes an event."""
        self.streams[stream] += 1
        self.is_divisible &= self.groups.add_event(stream.encode(), topic.rpartition("/")[0].encode(), body)

    def assign(self) -> None:
        """Gives each stream its bucket: the largest group first, each into the bucket that has the least."""
        if not self.is_divisible:
            self.joined |= {(0, bucket) for bucket in range(1, self.buckets) if bucket in self.bucket_of.values()}
            self.bucket_of = dict.fromkeys(self.streams, 0)
            return
        sizes, known = Counter[bytes](), dict[bytes, set[int]]()
        for stream, count in self.streams.items():
            root = self.groups.root(stream.encode())
            sizes[root] += count
            if stream in self.bucket_of:
                known.setdefault(root, set()).add(self.bucket_of[stream])
        loads, bucket_of = [0] * self.buckets, dict[bytes, int]()
        for group, buckets in known.items():
            bucket_of[group] = one = min(buckets)
            self.joined |= {(one, other) for other in buckets if other != one}
            loads[one] += sizes[group]
        for group, count in sizes.most_common():
            if group not in known:
                bucket_of[group] = least = loads.index(min(loads))
                loads[least] += count
        self.bucket_of = {stream: bucket_of[self.groups.root(stream.encode())] for stream in self.streams}
