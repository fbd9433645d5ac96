"""What an importer makes of a foreign file: observations to record, each once, and the account of its records."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Protocol

from domain.errors import InputError
from domain.observed import ImportRecorded, KindCount
from nilometer.clock import now
from nilometer.results import Fact, Observation

UNDECIDED = "undecided"
"""The kind of the last records of a file, whose meaning hangs on what follows: import it again when it has grown."""

BATCH = 100
"""Observations recorded in one commit."""


@dataclass(slots=True)
class Account:
    """The account of a file's records: ``records`` = ``events`` + ``repeats`` + the sum of ``not_needed``."""

    records: int = 0
    events: int = 0
    """Records that gave events."""
    repeats: int = 0
    """Records that told again what another had told."""
    not_needed: dict[str, int] = field(default_factory=dict[str, int])
    """Records that tell nothing of memory, by kind; ``undecided`` are those at the end that wait for what follows."""
    facts: int = 0
    """Events that the records gave, recorded now or before."""
    recorded: int = 0
    """Events recorded now."""

    def not_need(self, kind: str, count: int = 1) -> None:
        """Counts records of a kind that is not needed."""
        if count:
            self.not_needed[kind] = self.not_needed.get(kind, 0) + count


class Importer(Protocol):
    """Reads a foreign file record by record."""

    prefix: str | None
    """What the ids of its host and VMs begin with; ``None`` before the first record."""
    account: Account

    def take(self, line: bytes) -> Iterator[Observation]:
        """What is certain once this line was read. Raises ``InputError`` for a line that cannot be read."""
        ...

    def finish(self, *, final: bool = False) -> Iterator[Observation]:
        """The file's end; ``final`` if it will never grow."""
        ...


@dataclass(slots=True)
class Lines:
    """The lines of a file, and their digest once they have all been read."""

    lines: Iterable[bytes]
    digest: str = ""

    def __iter__(self) -> Iterator[bytes]:
        whole = sha256()
        for line in self.lines:
            whole.update(line)
            yield line
        self.digest = whole.hexdigest()


Record = Callable[[Sequence[Observation]], Sequence[tuple[int, ...]]]
"""Records observations in one commit, each once by its key; gives the positions of each (none if it was there)."""


def import_file(
    importer: Importer,
    lines: Iterable[bytes],
    *,
    name: str,
    format: str,
    record: Record,
    final: bool = False,
    errors: list[InputError] | None = None,
) -> Account:
    """Records all that a file tells, and that it was imported; returns the account.

    ``name`` is the file's, for people. With a list for ``errors``, lines that cannot be read are collected there and
    the rest is read; without one the first raises ``InputError``, and what was recorded before it stays. A file that
    was imported before adds nothing, one that has grown only what is new.
    """
    file = Lines(lines)
    account = importer.account
    batch: list[Observation] = []

    def write() -> None:
        account.recorded += sum(len(positions) for positions in record(batch)) if batch else 0
        batch.clear()

    try:
        for line in file:
            try:
                batch.extend(importer.take(line))
            except InputError as error:
                if errors is None:
                    raise
                errors.append(error)
            if len(batch) >= BATCH:
                write()
        batch.extend(importer.finish(final=final))
    finally:
        write()
    if importer.prefix is None:
        if errors:
            return account
        raise InputError(f"{name}: there are no records in it", hint="is it the file you meant, and whole?")
    last = ImportRecorded(
        file=name,
        format=format,
        sha256=file.digest,
        prefix=importer.prefix,
        records=account.records,
        telling=account.events,
        events=account.facts,
        repeats=account.repeats,
        not_needed=tuple(KindCount(kind, count) for kind, count in sorted(account.not_needed.items())),
        unreadable=len(errors or ()),
    )
    fact = Fact(f"import/{file.digest[:16]}", last, now())
    record([Observation(f"import/{file.digest}/{importer.prefix}", (fact,))])
    return account
