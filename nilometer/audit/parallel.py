"""Judges one history in several processes: each judges some hosts, and all VMs that ever were on them.

First the headers of the events are read, to see which hosts and VMs belong together. Then every process reads the
history and judges the events of its own hosts. Reading the headers shows whether an event is missing; a history that is
incomplete, or not formatted as Nilometer writes it, is judged by one process alone.
"""

from __future__ import annotations

import multiprocessing
import re
import signal
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass
from multiprocessing.sharedctypes import Synchronized
from typing import Final

from domain.identifiers import StreamName, subject_id
from nilometer.audit.policies import make_judge
from nilometer.audit.result import Audit
from nilometer.audit.sources import EventHeader, HistorySource
from nilometer.history.groups import StreamGroups
from rules.judging.scope import Scope
from rules.policies.policy import Policy
from rules.policies.reading import read_policies

FEWEST_EVENTS: Final = 20_000
"""A shorter history is judged faster by one process."""
LARGEST_PART: Final = 0.9
"""If one process would have to judge a larger part of the events, one process judges them all."""


@dataclass(frozen=True, slots=True)
class Partition:
    """The streams of a history, divided among processes."""

    process_of: Mapping[bytes, int]
    """The number of the process, by stream."""
    processes: int
    source: str
    """The ledger, as ``urn:uuid:…``."""
    events: int


def partition_history(history: HistorySource, cores: int, policies: Sequence[Policy] = ()) -> Partition | None:
    """Divides a history; ``None`` if one process should judge it: it is short or irregular, or has too few hosts.

    VMs of which a policy speaks together, two or a group, are judged by one process.
    """
    joint = [policy for policy in policies if policy.is_over_pairs or policy.is_over_groups]
    streams, groups, source, recorded = Counter[bytes](), StreamGroups(), b"", b""
    for number, header in enumerate(history.headers(), start=1):
        if header is None or header.position != number or header.source != (source or header.source):
            return None
        streams[header.stream] += 1
        if header.version != streams[header.stream] or not groups.add_event(header.stream, header.kind, header.text):
            return None
        if joint and header.kind == b"vm.defined" and not _join_by_policies(groups, header, joint):
            return None
        if header.recorded < recorded:  # who judges a part of the events does not see this
            return None
        source, recorded = header.source, header.recorded
    events = streams.total()
    if events < FEWEST_EVENTS:
        return None
    sizes = Counter[bytes]()
    for stream, count in streams.items():
        sizes[groups.root(stream)] += count
    loads, process = [0] * cores, dict[bytes, int]()
    for group, count in sizes.most_common():
        process[group] = least = loads.index(min(loads))
        loads[least] += count
    if max(loads) > events * LARGEST_PART:
        return None
    return Partition(
        process_of={stream: process[groups.root(stream)] for stream in streams},
        processes=cores,
        source=source.decode(),
        events=events,
    )


_NAME: Final = re.compile(rb'"name":"([^"\\]*)"')


def _join_by_policies(groups: StreamGroups, header: EventHeader, policies: Sequence[Policy]) -> bool:
    """Joins a VM with the others of which a policy speaks; returns whether its name could be read."""
    name = _NAME.search(header.text)
    if name is None:
        return False
    names = subject_id(StreamName(header.stream.decode())), name[1].decode()
    for number, policy in enumerate(policies):
        scope = policy.scope
        if scope.has_vm(*names) if policy.is_over_groups else not {scope.one, scope.other}.isdisjoint(names):
            groups.join(header.stream, b"policy %d" % number)
    return True


def judge_in_parallel(
    audit: Audit,
    history: HistorySource,
    partition: Partition,
    scope: Scope,
    on_progress: Callable[[int], None] = lambda count: None,
    policies: Sequence[Policy] = (),
) -> None:
    """Judges a history in several processes. Raises ``InputError`` for what cannot be read.

    ``on_progress`` is called now and then with the number of events judged so far.
    """
    written = [(policy.text, policy.place.rpartition(":")[0]) for policy in policies]
    context = multiprocessing.get_context("spawn")
    judged = context.Value("Q", 0)
    with ProcessPoolExecutor(partition.processes, context, _start_process, (judged,)) as pool:
        parts = [
            pool.submit(_judge_part, history, partition, number, scope, audit.minor, written)
            for number in range(partition.processes)
        ]
        running = set[Future[Audit]](parts)
        while running:
            ended = wait(running, timeout=0.2, return_when=FIRST_EXCEPTION)
            for part in ended.done:
                part.result()  # or the error that it raised
            running = ended.not_done
            on_progress(judged.value)
        audit.merge([part.result() for part in parts])


# In each process

_JUDGED: list[Synchronized[int]] = []
"""The number of events judged by all processes, shared by them."""


def _start_process(judged: Synchronized[int]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent process handles Ctrl-C
    _JUDGED.append(judged)


def _judge_part(
    history: HistorySource,
    partition: Partition,
    number: int,
    scope: Scope,
    minor: bool,
    written: Sequence[tuple[str, str]],
) -> Audit:
    """Judges the part of a history that belongs to one process. Policies are read again, each from its text."""
    policies = [policy for text, file in written for policy in read_policies(text, file)]
    audit, judge, judged = Audit(minor=minor), make_judge(policies, scope, alone=False), _JUDGED[0]
    reported = 0

    def add_progress(count: int) -> None:
        nonlocal reported
        with judged.get_lock():
            judged.value += count - reported
        reported = count

    events = history.events(lambda stream: partition.process_of[stream] == number)
    audit.judge(events, judge, partition.source, add_progress)
    audit.finish(judge, partition.source)
    return audit
