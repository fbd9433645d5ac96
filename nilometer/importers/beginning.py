"""Where an import begins: with its first events it records which files it has, and how far the ledger was before it.

An import that was killed finds this again when it is run again with the same files.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Final

from domain.identifiers import import_stream
from domain.observed.imports import ImportBegun
from nilometer.importers.run import SourceFile
from nilometer.ledger.ledger import Ledger
from nilometer.ledger.requests import Fact, Observation
from nilometer.times import Clock, current_time

_KEY: Final = "import-begun"


@dataclass(frozen=True, slots=True)
class Beginning:
    """Where an import begins in a ledger."""

    key: str
    """The same for the same files under the same prefix."""
    after: int
    """The position of the last event that it knows."""
    goes_on: bool
    """It began before, and did not come to its end."""
    imported: frozenset[str]
    """The keys of its files that were imported before: they do not begin again."""
    clock: Clock

    @classmethod
    def find(cls, ledger: Ledger, files: Sequence[SourceFile], prefix: str, stated: Sequence[object] = ()) -> Beginning:
        """Finds where the import of these files began, or lets it begin here. ``stated`` is what else decides of it."""
        digests = sorted(file.sha256 for file in files)
        key = f"{_KEY}/{sha256(repr([prefix, digests, *stated]).encode()).hexdigest()[:32]}"
        keys = {file.key(prefix) for file in files}
        imported = ledger.known(list(keys))
        begun = None if len(imported) == len(keys) else ledger.first_event(key)
        if begun is None or not isinstance(begun.event, ImportBegun):
            return cls(key=key, after=ledger.position, goes_on=False, imported=imported, clock=ledger.clock)
        return cls(key=key, after=begun.event.began_after, goes_on=True, imported=imported, clock=ledger.clock)

    def going_on_after(self, position: int) -> Beginning:
        """The same, where an import goes on that ended at a position."""
        return replace(self, after=position, goes_on=True)

    def observe(self, files: Sequence[SourceFile], prefix: str) -> list[Observation]:
        """The observation that the import begins; none if all its files were imported before."""
        now = current_time(self.clock)
        facts = tuple(
            Fact(
                stream=import_stream(file.sha256),
                event=ImportBegun(
                    file=file.name,
                    format=file.format,
                    sha256=file.sha256,
                    size=file.size,
                    prefix=prefix,
                    began_after=self.after,
                ),
                happened=now,
            )
            for file in {file.sha256: file for file in files}.values()
            if file.key(prefix) not in self.imported
        )
        return [Observation(key=self.key, facts=facts)] if facts else []
