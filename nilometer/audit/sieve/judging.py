"""An audit of an export in which the sieve clears groups, and the judge judges all others."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from nilometer.audit.parallel import judge_groups
from nilometer.audit.result import Audit
from nilometer.audit.sieve.sieve import Sieved, read_suspects, sieve_export
from nilometer.history.parquet.manifest import Manifest, read_manifest
from nilometer.history.parquet.reading import check_files

Progress = Callable[[int], None]


def open_export(folder: Path) -> Manifest:
    """The list of an export's files. Raises ``InputError`` if it is not whole."""
    manifest = read_manifest(folder)
    check_files(manifest)
    return manifest


def audit_sieved(
    audit: Audit,
    manifest: Manifest,
    judge_whole: Callable[[Audit], None],
    on_sieved: Callable[[Sieved], None] = lambda sieved: None,
    on_progress: Progress = lambda count: None,
) -> None:
    """Audits an export. ``judge_whole`` judges one that has to be judged in one piece.

    ``on_sieved`` is called with what the sieve found, before the rest is judged. Raises ``InputError``.
    """
    sieved = sieve_export(manifest, on_progress)
    on_sieved(sieved)
    if sieved.undivided:
        judge_whole(audit)
        return
    cleared = Audit(minor=audit.minor)
    cleared.coverage, cleared.streams = sieved.cleared, set(sieved.streams)
    parts = [cleared]
    if sieved.suspects:
        events = read_suspects(manifest, sieved.suspects)
        judged = sieved.cleared.events
        parts.append(
            judge_groups(
                events,
                sieved.source,
                sieved.late,
                minor=audit.minor,
                on_progress=lambda count: on_progress(judged + count),
            )
        )
    if sieved.span is not None:
        cleared.spans[sieved.source] = sieved.span
    audit.merge(parts)


def describe_sieved(sieved: Sieved) -> str:
    """How much the sieve cleared, in one sentence."""
    if sieved.undivided:
        return f"the sieve clears nothing, and all is judged in one piece: {sieved.undivided}"
    cleared, groups = sieved.cleared_groups, sieved.groups
    events = f"{sieved.cleared.events:,} of {sieved.events:,} events"
    return f"the sieve cleared {events}, {cleared:,} of {groups:,} groups of hosts and VMs; the judge judges the others"
