"""An audit of an export in which the sieve clears groups, and the judge judges all others."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from nilometer.audit.partitioning.parallel import judge_groups, judge_in_parallel, partition_groups
from nilometer.audit.result import Audit
from nilometer.audit.sieve.sieve import Sieved, read_suspects, sieve_export
from nilometer.audit.sources import StreamFilter
from nilometer.history.parquet.manifest import Manifest, read_manifest
from nilometer.history.parquet.reading import check_files
from nilometer.messages.sizes import plural
from rules.judging.completeness import PlacedEvent

Progress = Callable[[int], None]


def open_export(folder: Path) -> Manifest:
    """The list of an export's files. Raises ``InputError`` if it is not whole."""
    manifest = read_manifest(folder)
    check_files(manifest)
    return manifest


@dataclass(frozen=True, slots=True)
class SuspectSource:
    """The events of an export that are left to the judge. Each process reads its own."""

    folder: Path
    suspects: frozenset[str]
    """The streams that are left to the judge."""

    @property
    def absent(self) -> Collection[str]:
        """None: the sieve has read the hosts of all events."""
        return ()

    def events(self, is_wanted: StreamFilter) -> Iterator[PlacedEvent]:
        """The events of some of these streams. Raises ``InputError``."""
        streams = [stream for stream in self.suspects if is_wanted(stream.encode())]
        return read_suspects(read_manifest(self.folder), streams)


def audit_sieved(
    audit: Audit,
    manifest: Manifest,
    judge_whole: Callable[[Audit], None],
    on_sieved: Callable[[Sieved], None] = lambda sieved: None,
    on_progress: Progress = lambda count: None,
    cores: int = 1,
    on_undivided: Callable[[str], None] = lambda why: None,
) -> None:
    """Audits an export. ``judge_whole`` judges one that has to be judged in one piece.

    ``on_sieved`` is called with what the sieve found, before the rest is judged: in so many processes as there are
    ``cores``, or in one if it cannot be divided; then ``on_undivided`` is called with why. Raises ``InputError``.
    """
    sieved = sieve_export(manifest, on_progress)
    on_sieved(sieved)
    if sieved.undivided:
        judge_whole(audit)
        return
    cleared = Audit(minor=audit.minor)
    cleared.coverage, cleared.streams = sieved.cleared, set(sieved.streams)
    if sieved.span is not None:
        cleared.spans[sieved.source] = sieved.span
    parts = [cleared]
    if sieved.suspects:
        before = sieved.cleared.events
        parts.append(
            _judge_suspects(
                sieved,
                SuspectSource(manifest.folder, sieved.suspects),
                cores,
                minor=audit.minor,
                on_progress=lambda count: on_progress(before + count),
                on_undivided=on_undivided,
            )
        )
    audit.merge(parts)


def _judge_suspects(
    sieved: Sieved,
    source: SuspectSource,
    cores: int,
    *,
    minor: bool,
    on_progress: Progress,
    on_undivided: Callable[[str], None],
) -> Audit:
    """Judges the groups that the sieve did not clear."""
    partition = partition_groups(sieved.left, cores, on_undivided=on_undivided) if cores > 1 else None
    if partition is None:
        events = source.events(lambda stream: True)
        return judge_groups(events, sieved.source, sieved.late, minor=minor, on_progress=on_progress)
    judged = Audit(minor=minor)
    judge_in_parallel(judged, source, partition, on_progress=on_progress)
    return judged


def describe_sieved(sieved: Sieved) -> str:
    """How much the sieve cleared, in one sentence."""
    if sieved.undivided:
        return f"the sieve clears nothing, and all is judged in one piece: {sieved.undivided}"
    cleared, groups = sieved.cleared_groups, sieved.groups
    if cleared == groups:
        return f"the sieve cleared all {plural(sieved.events, 'event')}, of {plural(groups, 'group')} of hosts and VMs"
    events = f"{sieved.cleared.events:,} of {plural(sieved.events, 'event')}"
    which = f"{cleared:,} of {plural(groups, 'group')} of hosts and VMs"
    return f"the sieve cleared {events}, {which}; the judge judges the others"
