"""One history judged by several processes: each judges some hosts, with all VMs that ever were on them.

It is first looked through for who is where; nothing is decoded for that. Every process then reads it, and judges the
events of its own hosts. That none is missing is seen while looking through; a history in which one is, or that is not
spelled as Nilometer writes it, is judged by one process alone.
"""

from __future__ import annotations

import multiprocessing
import re
import signal
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_EXCEPTION, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass
from multiprocessing.sharedctypes import Synchronized
from typing import Final

from nilometer.audit.result import Audit
from nilometer.audit.sources import Looked, Source
from rules.judging.judge import Judge
from rules.judging.scope import Scope

LEAST: Final = 20_000
"""Events; fewer are sooner judged than shared out."""
MOST: Final = 0.9
"""If one process had to judge more than this part of the events, it can as well judge them all."""
OBSERVED: Final = b"observed"
"""Stands for all observed hosts and VMs: they are judged by one process."""

_HOST: Final = re.compile(rb'"host":"([^"\\]+)"')
_DESTINATION: Final = re.compile(rb'"destination":"([^"\\]+)"')
_TO: Final = re.compile(rb'"to":"([^"\\]+)"')


@dataclass(frozen=True, slots=True)
class Shares:
    """Who judges what."""

    of: Mapping[bytes, int]
    """The number of the process, by stream."""
    count: int
    """How many processes there are."""
    source: str
    """The ledger, as ``urn:uuid:…``."""
    events: int


def shares_of(history: Source, cores: int) -> Shares | None:
    """Shares a history out; ``None`` if one process should judge it alone: it is short, odd, or all on few hosts."""
    streams, groups, source = Counter[bytes](), _Groups(), b""
    for number, looked in enumerate(history.look(), start=1):
        if looked is None or looked.position != number or looked.source != (source or looked.source):
            return None
        streams[looked.stream] += 1
        if looked.version != streams[looked.stream] or not _belongs(looked, groups):
            return None
        source = looked.source
    events = streams.total()
    if events < LEAST:
        return None
    sizes = Counter[bytes]()
    for stream, count in streams.items():
        sizes[groups.root(stream)] += count
    loads, process = [0] * cores, dict[bytes, int]()
    for group, count in sizes.most_common():
        process[group] = least = loads.index(min(loads))
        loads[least] += count
    if max(loads) > events * MOST:
        return None
    return Shares({stream: process[groups.root(stream)] for stream in streams}, cores, source.decode(), events)


class _Groups:
    """Streams that have to be judged together."""

    def __init__(self) -> None:
        self._parent: dict[bytes, bytes] = {}

    def root(self, stream: bytes) -> bytes:
        """The stream that stands for a group."""
        parent = self._parent
        while (above := parent.get(stream, stream)) != stream:
            parent[stream] = parent.get(above, above)
            stream = above
        return stream

    def join(self, one: bytes, other: bytes) -> None:
        """Two groups are one."""
        one, other = self.root(one), self.root(other)
        if one != other:
            self._parent[one] = other


def _belongs(looked: Looked, groups: _Groups) -> bool:
    """Notes which host a VM is on, and which another host is read with; whether that could be seen."""
    kind, text = looked.kind, looked.text
    if kind == b"vm.defined":
        where = _HOST.search(text)
    elif kind == b"vm.moved":
        where = _DESTINATION.search(text)
    elif kind == b"vm.command-refused" and b'"command":"move-vm"' in text:
        where = _TO.search(text)
    else:
        if b'"origin":"observed"' in text:
            groups.join(looked.stream, OBSERVED)
        return True
    if where is not None:
        groups.join(looked.stream, b"host/" + where[1])
    return where is not None


# In several processes


def judge_in_shares(
    audit: Audit, history: Source, shares: Shares, scope: Scope, at: Callable[[int], None] = lambda count: None
) -> None:
    """Has a history judged by several processes. Raises ``InputError`` for what cannot be read.

    ``at`` is told how many events were judged, now and then.
    """
    context = multiprocessing.get_context("spawn")
    done = context.Value("Q", 0)
    with ProcessPoolExecutor(shares.count, context, _begin, (done,)) as pool:
        asked = [pool.submit(_judge, history, shares, number, scope, audit.minor) for number in range(shares.count)]
        waiting = set[Future[Audit]](asked)
        while waiting:
            ended = wait(waiting, timeout=0.2, return_when=FIRST_EXCEPTION)
            for each in ended.done:
                each.result()  # or what it raised
            waiting = ended.not_done
            at(done.value)
        audit.join([each.result() for each in asked])


_DONE: list[Synchronized[int]] = []
"""Of a process that judges a share: where it says how many events it has judged."""


def _begin(done: Synchronized[int]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that shares the work
    _DONE.append(done)


def _judge(history: Source, shares: Shares, number: int, scope: Scope, minor: bool) -> Audit:
    """What one process has to say of its share."""
    audit, judge, done = Audit(minor=minor), Judge(scope, alone=False), _DONE[0]
    told = 0

    def at(count: int) -> None:
        nonlocal told
        with done.get_lock():
            done.value += count - told
        told = count

    audit.judge(history.events(lambda stream: shares.of[stream] == number), judge, shares.source, at)
    audit.finish(judge, shares.source)
    return audit
