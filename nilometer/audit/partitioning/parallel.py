"""Judges the groups of one history apart: in several processes, or a part of them in this one.

First the headers of the events are read, to see which hosts and VMs belong together. Then every process reads the
history and judges the events of its own groups.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import re
import signal
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass
from multiprocessing.sharedctypes import Synchronized
from typing import Final, NamedTuple

from domain.errors import InputError
from domain.identifiers import StreamName, subject_id
from nilometer.audit.partitioning.grouping import Grouping, Survey
from nilometer.audit.policies import make_judge
from nilometer.audit.prediction.lines import PREDICT_AFTER
from nilometer.audit.result import Audit
from nilometer.audit.sources import EventHeader, EventSource, HistorySource
from rules.judging.completeness import PlacedEvent
from rules.judging.scope import EVERYTHING, Scope
from rules.policies.policy import Policy

FEWEST_EVENTS: Final = 20_000
"""A shorter history is judged faster by one process."""
LARGEST_PART: Final = 0.9
"""If one process would have to judge a larger part of the events, one process judges them all."""


MOST_PROCESSES: Final = min(61, max(8, os.cpu_count() or 1))
"""More than there are cores judge nothing sooner, and thousands would take all memory; Windows waits for 61 at most."""


@dataclass(frozen=True, slots=True)
class Partition:
    """The groups of a history, divided into parts."""

    part_of: Mapping[bytes, int]
    """The number of the part, by stream."""
    parts: int
    source: str
    """The ledger, as ``urn:uuid:…``."""
    events: int
    late: Mapping[int, str]
    """Events that were recorded long before the previous event of the ledger, and when that was recorded."""
    loads: Sequence[int]
    """How many events each part has."""


def survey_history(history: HistorySource, policies: Sequence[Policy] = ()) -> Grouping:
    """The groups of a history, by one pass over the headers of its events.

    VMs of which a policy speaks together, two or a group, are in one group.
    """
    joint = [policy for policy in policies if policy.is_over_pairs or policy.is_over_groups]
    if not joint:
        return Survey().take_all(history.headers()).group()
    connected: set[tuple[bytes, bytes]] = set()

    def connecting() -> Iterator[EventHeader | None]:
        for header in history.headers():
            if header is not None and header.kind in _NAMING:
                connected.update(_connect_by_policies(header, joint))
            yield header

    survey = Survey().take_all(connecting())
    survey.connected |= connected
    return survey.group()


_NAMING: Final = (b"vm.defined", b"vm.observed")
_NAME: Final = re.compile(rb'"name":"((?:[^"\\]|\\.)*)"')


def _connect_by_policies(header: EventHeader, policies: Sequence[Policy]) -> Iterator[tuple[bytes, bytes]]:
    """Connects a VM with the others of which a policy speaks, by its id or its name."""
    id, found = subject_id(StreamName(header.stream.decode())), _NAME.search(header.text)
    name = id if found is None else str(json.loads(b'"%s"' % found[1]))
    for number, policy in enumerate(policies):
        scope = policy.scope
        if scope.has_vm(id, name) if policy.is_over_groups else not {scope.one, scope.other}.isdisjoint((id, name)):
            yield header.stream, b"policy %d" % number


def divide_groups(grouping: Grouping, parts: int) -> Partition:
    """Divides the groups of a history, which can be divided, into parts of about the same size."""
    part_of, loads = grouping.divide(parts), [0] * parts
    for size, part in zip(grouping.sizes, part_of, strict=True):
        loads[part] += size
    return Partition(
        part_of={stream: part_of[group] for stream, group in grouping.group_of.items()},
        parts=parts,
        source=grouping.source,
        events=grouping.events,
        late=grouping.late,
        loads=loads,
    )


def partition_history(
    history: HistorySource,
    cores: int,
    policies: Sequence[Policy] = (),
    *,
    on_undivided: Callable[[str], None] = lambda why: None,
) -> Partition | None:
    """Divides a history; ``None`` if one process should judge it: it is short or irregular, or has too few groups.

    ``on_undivided`` is called with why, where it is not only short.
    """
    return partition_groups(survey_history(history, policies), cores, on_undivided=on_undivided)


def partition_groups(grouping: Grouping, cores: int, *, on_undivided: Callable[[str], None]) -> Partition | None:
    """Divides the groups of a history, as ``partition_history`` does."""
    if grouping.undivided:
        on_undivided(grouping.undivided)
        return None
    events = grouping.events
    if events < FEWEST_EVENTS:
        return None
    partition = divide_groups(grouping, min(cores, len(grouping.sizes), MOST_PROCESSES))
    largest = max(partition.loads)
    if largest > events * LARGEST_PART:
        on_undivided(f"{largest:,} of the {events:,} events are of hosts and VMs that are judged together")
        return None
    return partition


def judge_groups(
    events: Iterable[PlacedEvent],
    source: str,
    late: Mapping[int, str],
    *,
    scope: Scope = EVERYTHING,
    policies: Sequence[Policy] = (),
    minor: bool = True,
    on_progress: Callable[[int], None] | None = None,
    count: int = 0,
) -> Audit:
    """Judges all events of some groups of a history that can be divided, in the order of their positions.

    ``count`` is how many they are, where that is known.
    """
    audit = Audit(minor=minor, predict_after=0 if count >= PREDICT_AFTER else None)
    judge = make_judge(policies, scope, late=late)
    audit.judge(events, judge, source, on_progress)
    audit.finish(judge, source)
    return audit


def judge_in_parallel(
    audit: Audit,
    history: EventSource,
    partition: Partition,
    scope: Scope = EVERYTHING,
    on_progress: Callable[[int], None] = lambda count: None,
    policies: Sequence[Policy] = (),
) -> None:
    """Judges a history in several processes. Raises ``InputError`` for what cannot be read.

    ``on_progress`` is called now and then with the number of events judged so far.
    """
    written = [(policy.text, policy.place.rpartition(":")[0]) for policy in policies]
    context = multiprocessing.get_context("spawn")
    judged = context.Value("Q", 0)
    with ProcessPoolExecutor(partition.parts, context, _start_process, (judged,)) as pool:
        parts = [
            pool.submit(_judge_part, history, partition, number, scope, audit.minor, written)
            for number in range(partition.parts)
        ]
        running = set[Future[JudgedPart]](parts)
        while running:
            ended = wait(running, timeout=0.2, return_when=FIRST_EXCEPTION)
            for part in ended.done:
                part.result()  # or the error that it raised
            running = ended.not_done
            on_progress(judged.value)
        judged_parts = [part.result() for part in parts]
        check_absent([(f"process {number}", part.absent) for number, part in enumerate(judged_parts, start=1)])
        audit.merge([part.audit for part in judged_parts])


def check_absent(parts: Iterable[tuple[str, Collection[str]]]) -> None:
    """Raises ``InputError`` if the events of two parts name a host of which the history has no event.

    They belong together then, though no column of an export shows it.
    """
    by_host: dict[str, str] = {}
    for name, absent in parts:
        for host in absent:
            if host in by_host:
                why = f"{name}: its events name {host}, which has no event, and so do those of {by_host[host]}"
                raise InputError(why, hint="the buckets of the export were changed: judge it in one piece")
            by_host[host] = name


# In each process

_JUDGED: list[Synchronized[int]] = []
"""The number of events judged by all processes, shared by them."""


def _start_process(judged: Synchronized[int]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent process handles Ctrl-C
    _JUDGED.append(judged)


class JudgedPart(NamedTuple):
    """What one process gives."""

    audit: Audit
    absent: Collection[str]


def _judge_part(
    history: EventSource,
    partition: Partition,
    number: int,
    scope: Scope,
    minor: bool,
    written: Sequence[tuple[str, str]],
) -> JudgedPart:
    """Judges the part of a history that belongs to one process. Policies are read again, each from its text."""
    judged, reported = _JUDGED[0], 0
    policies: list[Policy] = []
    if written:
        from rules.policies.reading import read_policies

        policies = [policy for text, file in written for policy in read_policies(text, file)]

    def add_progress(count: int) -> None:
        nonlocal reported
        with judged.get_lock():
            judged.value += count - reported
        reported = count

    audit = judge_groups(
        history.events(lambda stream: partition.part_of[stream] == number),
        partition.source,
        partition.late,
        scope=scope,
        policies=policies,
        minor=minor,
        on_progress=add_progress,
        count=partition.loads[number],
    )
    return JudgedPart(audit, history.absent)
