"""What an auditor takes away: a complete range of the log, proofs of changes, and what was watched."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from domain.errors import InputError
from domain.identifiers import VmId, vm_id
from nilometer.evidence.coverage import read_coverage
from nilometer.evidence.folder import EvidenceFolder
from nilometer.ledger.ledger import Ledger
from nilometer.queries import audit_history
from nilometer.seal.exporting import export_log
from nilometer.seal.proving import LogProver
from nilometer.seal.rows import FIRST, SealRow, entry_of, read_rows
from nilometer.storage.store import Database
from nilometer.tlog.encoding import to_base64
from nilometer.tlog.merkle import hash_leaf
from rules.judging.fingerprint import rules_digest

FORMAT: Final = 1
PAGE: Final = 1000


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


def write_evidence(
    ledger: Ledger,
    request: EvidenceRequest,
    place: Path,
    *,
    made: str,
    actor: str,
    policy: bytes | None = None,
    progress: Callable[[int], None] | None = None,
) -> dict[str, Any]:
    """Writes a new folder of evidence; what its ``evidence.json`` says. Events are read page by page, and not kept.

    ``progress`` gets how many events were written so far. Raises ``InputError`` if the range has no sealed events.
    """
    first, last = _find_range(ledger, request)
    coverage = read_coverage(ledger, first, last, request.vm)
    folder = EvidenceFolder(place)
    with ledger.recorder.transaction(write=False) as db:
        prover = LogProver(db)
        first_index, last_index = prover.index(first), prover.index(last)
        around = prover.prove_range(first_index, last_index)
        folder.write("checkpoint", prover.head.note)
        rows = read_sealed(db, first, last)
        indexes = dict.fromkeys(coverage.changes, 0)
        folder.write_parts("events.jsonl", _lines(rows, first_index, request.vm, indexes, progress))
        chosen = draw(indexes, request)
        for position in chosen:
            folder.write(f"proofs/{position}.tlog-proof", bytes(prover.prove(position)))
        for path, content in export_log(db) if request.log else ():
            folder.write(f"log/{path}", content)
    if policy is not None:
        folder.write("policy", policy)
    folder.write("verify.py", files("nilometer.evidence").joinpath("verify.py").read_bytes())
    audit = audit_history(ledger)
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
        "first_index": first_index,
        "last_index": last_index,
        "first_position": first,
        "last_position": last,
        "events": last_index - first_index + 1,
        "left": [to_base64(hash) for hash in around.left],
        "right": [to_base64(hash) for hash in around.right],
        "changes": coverage.changes,
        "sample": (
            None if request.sample is None else {"size": request.sample, "seed": request.seed, "positions": chosen}
        ),
        "audit": {"verdict": str(audit.verdict), "events": audit.events, "findings": len(audit.findings)},
        "coverage": coverage.to_document(),
        "follow_up": {
            "without_actor": coverage.without_actor,
            "without_reason": [*coverage.without_reason],
        },
        "files": dict(sorted(folder.digests.items())),
    }
    folder.write("evidence.json", f"{json.dumps(says, ensure_ascii=False, indent=2)}\n".encode())
    return says


def _find_range(ledger: Ledger, request: EvidenceRequest) -> tuple[int, int]:
    """The positions of the first and the last sealed event that was recorded in the time that was asked for."""
    first = last = None
    with ledger.recorder.transaction(write=False) as db:
        for row in read_sealed(db, FIRST, LogProver(db).head.position):
            if _is_in(row, request):
                first, last = row[0] if first is None else first, row[0]
    if first is None or last is None:
        raise InputError("no sealed event was recorded in that time", hint="see up to where: nilo info")
    return first, last


def draw(indexes: Mapping[int, int], request: EvidenceRequest) -> list[int]:
    """The changes of which each gets a proof: all, or a sample that anybody can draw again from the seed.

    It is drawn by the indexes of the leaves: the tree fixes them, while whoever writes could choose other positions.
    """
    if request.sample is None:
        return [*indexes]
    shuffled = sorted(indexes, key=lambda position: sha256(f"{request.seed}:{indexes[position]}".encode()).digest())
    return sorted(shuffled[: request.sample])


def read_sealed(db: Database, first: int, last: int) -> Iterator[SealRow]:
    """The events from one position to another, page by page."""
    while first <= last:
        rows = read_rows(db, first, last, PAGE)
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


def _lines(
    rows: Iterable[SealRow],
    first: int,
    vm: VmId | None,
    indexes: dict[int, int],
    progress: Callable[[int], None] | None,
) -> Iterator[bytes]:
    """The lines of events, the first of which is the leaf ``first``; notes the index of each that is in ``indexes``."""
    for index, row in enumerate(rows, first):
        if row[0] in indexes:
            indexes[row[0]] = index
        yield f"{json.dumps(_line(index, row, vm), ensure_ascii=False)}\n".encode()
        if progress is not None and index % PAGE == 0:
            progress(index - first)


def _line(index: int, row: SealRow, vm: VmId | None) -> dict[str, object]:
    """A leaf: an event as it is stored, or its hash alone if the evidence is about another VM, or it was damaged."""
    position, stream, number, topic, body, types = row
    try:
        texts = [part.decode() for part in (stream, topic, body)] if types is None else []
    except UnicodeDecodeError:
        texts = []
    if not texts or (vm is not None and vm_id(texts[0]) != vm):
        return {"index": index, "leaf": to_base64(hash_leaf(entry_of(row)))}
    return {
        "index": index,
        "position": position,
        "stream": texts[0],
        "version": number,
        "topic": texts[1],
        "body": texts[2],
    }
