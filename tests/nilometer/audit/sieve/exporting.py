"""Exports of histories that are held as lines, whatever is wrong with them; no ledger takes them first."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import cast

from nilometer.audit.result import Audit
from nilometer.audit.sieve.judging import audit_sieved, open_export
from nilometer.audit.sieve.sieve import Sieved, sieve_export
from nilometer.history.parquet.writing import write_export
from nilometer.ledger.reader import LedgerReader
from nilometer.storage.reader import StoredRow
from tests.nilometer.audit.mixed import Line
from tests.nilometer.history.stored_rows import row_of


class HeldRows:
    """Stands for a ledger that has just these events."""

    def __init__(self, lines: Sequence[Line]) -> None:
        self.id = str(lines[0]["source"]).removeprefix("urn:uuid:")
        self.position = max(line["position"] for line in lines)
        self._rows = [row_of(line) for line in lines]

    def rows(self, after: int = 0, upto: int | None = None) -> Iterator[StoredRow]:
        return iter(self._rows)

    def columns(self, after: int = 0, upto: int | None = None) -> Iterator[tuple[int, str, int, str, bytes]]:
        return ((row.position, row.stream, row.version, row.topic, row.body) for row in self._rows)


def export_of(lines: Sequence[Line], folder: Path, buckets: int = 1) -> Path:
    """An export of these lines, in as many buckets as can be."""
    folder.mkdir(exist_ok=True)
    target = folder / "parquet"
    ledger = cast("LedgerReader", HeldRows(lines))
    write_export(ledger, target, _ignore, _ignore, max(1, len(lines) // buckets))
    return target


def audit_of(export: Path) -> tuple[Audit, Sieved]:
    """The audit of an export with the sieve, and what that found; empty if all is to be judged in one piece."""
    audit, found = Audit(minor=True), list[Sieved]()
    audit_sieved(audit, open_export(export), lambda audit: None, found.append)
    return audit, found[0]


def sieved_of(export: Path) -> Sieved:
    """What the sieve finds in an export; nothing is judged."""
    return sieve_export(open_export(export))


def copy_of(lines: Sequence[Line], number: int) -> list[Line]:
    """A history in which every name has an ``@``, and nothing else has one, under other names."""
    return cast("list[Line]", json.loads(json.dumps(lines).replace("@", f"{number}.")))


def parsed(text: bytes) -> list[Line]:
    """The lines of a file."""
    return [json.loads(line) for line in text.splitlines()]


def _ignore(_: int) -> None: ...
