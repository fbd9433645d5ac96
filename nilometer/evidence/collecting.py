"""What an auditor takes away: a complete range of the log, proofs of changes, and what was watched."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from importlib.metadata import version
from importlib.resources import files
from typing import Any, Final

from domain.envelope import Envelope
from domain.errors import InputError
from domain.events import Event
from domain.identifiers import VmId, seconds_between, subject_id, vm_id
from domain.observed.events import UNKNOWN_ACTOR, HostNotWatched, HostWatched
from nilometer.errors import UnreadableEvent
from nilometer.ledger.ledger import Ledger
from nilometer.queries import audit_history
from nilometer.seal.exporting import export_log
from nilometer.seal.proving import LogProver
from nilometer.seal.rows import FIRST, SealRow, entry_of, read_rows
from nilometer.seal.tables import SealedHead
from nilometer.storage.store import Database
from nilometer.tlog.encoding import to_base64
from nilometer.tlog.merkle import hash_leaf
from projections.timeline import subject
from rules.judging.fingerprint import rules_digest

FORMAT: Final = 1
LATE_SECONDS: Final = 3600
"""What is recorded so long after it happened is named."""
PAGE: Final = 1000
NOTHING: Final[Mapping[str, bytes]] = {}


@dataclass(frozen=True, slots=True)
class EvidenceRequest:
    """What somebody asks evidence of. Times are UTC, and included; they are those of recording."""

    since: str | None = None
    until: str | None = None
    vm: VmId | None = None
    sample: int | None = None
    seed: int = 0
    log: bool = False
    """With the whole log as files."""


@dataclass(slots=True)
class WatchCoverage:
    """What was watched, what was recorded late, and which requests lack a name, a reason or a ticket."""

    watched: list[dict[str, object]] = field(default_factory=list[dict[str, object]])
    gaps: list[dict[str, object]] = field(default_factory=list[dict[str, object]])
    late: list[int] = field(default_factory=list[int])
    without_actor: list[int] = field(default_factory=list[int])
    without_reason: list[int] = field(default_factory=list[int])
    unreadable: list[int] = field(default_factory=list[int])
    changes: list[int] = field(default_factory=list[int])
    """The positions of all requests in the range."""

    def take(self, envelope: Envelope[Event]) -> None:
        """Takes in one event."""
        event, metadata, position = envelope.event, envelope.metadata, envelope.position
        if isinstance(event, HostWatched):
            entry: dict[str, object] = {"since": event.since, "until": metadata.happened, "polls": event.polls}
            self.watched.append({"host": subject_id(envelope.stream), **entry})
        if isinstance(event, HostNotWatched):
            gap: dict[str, object] = {"after": metadata.earliest, "until": metadata.happened}
            self.gaps.append({"host": subject_id(envelope.stream), **gap})
        if seconds_between(metadata.happened, metadata.recorded) > LATE_SECONDS:
            self.late.append(position)
        if subject(envelope).asked:
            self.changes.append(position)
            if metadata.actor == UNKNOWN_ACTOR:
                self.without_actor.append(position)
            if metadata.reason is None:
                self.without_reason.append(position)


def collect(
    ledger: Ledger, request: EvidenceRequest, *, made: str, actor: str, beside: Mapping[str, bytes] = NOTHING
) -> dict[str, bytes]:
    """The files of a folder of evidence, by their names, with some ``beside`` them.

    Raises ``InputError`` if the range has no sealed events.
    """
    with ledger.recorder.transaction(write=False) as db:
        positions = [row[0] for row in _sealed_rows(db, LogProver(db).head) if _is_in(row, request)]
    if not positions:
        raise InputError("no sealed event was recorded in that time", hint="see up to where: nilo info")
    coverage = _read_coverage(ledger, positions[0], positions[-1], request)
    chosen = draw(coverage.changes, request)
    with ledger.recorder.transaction(write=False) as db:
        prover = LogProver(db)
        rows = [row for row in _sealed_rows(db, prover.head) if positions[0] <= row[0] <= positions[-1]]
        first, last = prover.index(positions[0]), prover.index(positions[-1])
        around = prover.prove_range(first, last)
        log = {f"log/{path}": content for path, content in export_log(db)} if request.log else {}
        proofs = {f"proofs/{position}.tlog-proof": bytes(prover.prove(position)) for position in chosen}
    lines = [_line(first + number, row, request) for number, row in enumerate(rows)]
    audit = audit_history(ledger)
    contents = {
        "checkpoint": prover.head.note,
        "events.jsonl": "".join(f"{json.dumps(line, ensure_ascii=False)}\n" for line in lines).encode(),
        "verify.py": files("nilometer.evidence").joinpath("verify.py").read_bytes(),
        **proofs,
        **log,
        **beside,
    }
    sample = None if request.sample is None else {"size": request.sample, "seed": request.seed, "positions": chosen}
    says: dict[str, Any] = {
        "format": FORMAT,
        "ledger": ledger.id,
        "origin": prover.head.origin,
        "size": prover.head.size,
        "sealed": prover.head.sealed,
        "made": made,
        "actor": actor,
        "tool": f"nilometer {version('nilometer')}",
        "rules_sha256": rules_digest(),
        "since": request.since,
        "until": request.until,
        "vm": request.vm,
        "first_index": first,
        "last_index": last,
        "first_position": rows[0][0],
        "last_position": rows[-1][0],
        "events": len(rows),
        "left": [to_base64(hash) for hash in around.left],
        "right": [to_base64(hash) for hash in around.right],
        "changes": coverage.changes,
        "sample": sample,
        "audit": {"verdict": str(audit.verdict), "events": audit.events, "findings": len(audit.findings)},
        "coverage": {
            "watched": coverage.watched,
            "gaps": coverage.gaps,
            "recorded_late": coverage.late,
            "unreadable": coverage.unreadable,
        },
        "follow_up": {"without_actor": coverage.without_actor, "without_reason": coverage.without_reason},
        "files": {name: sha256(content).hexdigest() for name, content in sorted(contents.items())},
    }
    contents["evidence.json"] = f"{json.dumps(says, ensure_ascii=False, indent=2)}\n".encode()
    return contents


def draw(changes: Sequence[int], request: EvidenceRequest) -> list[int]:
    """The changes of which each gets a proof: all, or a sample that anybody can draw again from the seed."""
    if request.sample is None:
        return [*changes]
    shuffled = sorted(changes, key=lambda position: sha256(f"{request.seed}:{position}".encode()).digest())
    return sorted(shuffled[: request.sample])


def _sealed_rows(db: Database, head: SealedHead) -> Iterator[SealRow]:
    first = FIRST
    while first <= head.position:
        rows = read_rows(db, first, head.position, PAGE)
        yield from rows
        if len(rows) < PAGE:
            return
        first = rows[-1][0] + 1


def _is_in(row: SealRow, request: EvidenceRequest) -> bool:
    try:
        recorded = str(json.loads(row[4])["recorded"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return False
    return (request.since or "") <= recorded <= (request.until or "9")


def _read_coverage(ledger: Ledger, first: int, last: int, request: EvidenceRequest) -> WatchCoverage:
    coverage = WatchCoverage()
    for event in ledger.read_all(max(0, first - 1), last):
        if isinstance(event, UnreadableEvent):
            coverage.unreadable.append(event.position)
        elif request.vm in (None, vm_id(event.stream)) or isinstance(event.event, HostWatched | HostNotWatched):
            coverage.take(event)
    return coverage


def _line(index: int, row: SealRow, request: EvidenceRequest) -> dict[str, object]:
    """A leaf: an event as it is stored, or its hash alone if the evidence is about another VM, or it was damaged."""
    position, stream, number, topic, body, types = row
    try:
        texts = [part.decode() for part in (stream, topic, body)] if types is None else []
    except UnicodeDecodeError:
        texts = []
    if not texts or (request.vm is not None and vm_id(texts[0]) != request.vm):
        return {"index": index, "leaf": to_base64(hash_leaf(entry_of(row)))}
    return {
        "index": index,
        "position": position,
        "stream": texts[0],
        "version": number,
        "topic": texts[1],
        "body": texts[2],
    }
