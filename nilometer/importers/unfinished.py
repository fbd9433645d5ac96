"""Imports that began and did not come to their end: how long their files were.

A file that has grown since is read up to there first, and then whole. So an import that was killed comes to the events
to which it would have come, and the next one goes on from them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from domain.errors import InputError
from domain.observed.imports import ImportBegun
from nilometer.errors import UnreadableEvent
from nilometer.importers.run import DigestedStream, SourceFile
from nilometer.ledger.ledger import Ledger
from nilometer.storage.import_ends import find_unfinished
from nilometer.textio.files import open_repeatable_input

LOOK_BACK: Final = 2000
"""How many of the last events are looked through at least. Of an import that was killed, all are after the views."""


def find_lengths(ledger: Ledger, names: Sequence[str], prefix: str | None) -> dict[int, int]:
    """The sizes of files that have grown since, by the places of their names; ``None`` is any prefix."""
    begun = _find_unfinished(ledger, prefix)
    lengths: dict[int, int] = {}
    for place, name in enumerate(names):
        event = begun.get(name)
        if event is None or name == "-":
            continue
        try:
            with open_repeatable_input(name) as stream:
                digested = DigestedStream(stream, [event.size])
        except InputError:  # the import itself says so
            continue
        if digested.size > event.size and digested.digest_until(event.size) == event.sha256:
            lengths[place] = event.size
    return lengths


def _find_unfinished(ledger: Ledger, prefix: str | None) -> dict[str, ImportBegun]:
    """How each file began last, by its name, if it was not imported to its end since."""
    found: dict[str, ImportBegun] = {}
    after = max(0, min(ledger.views.taken_up, ledger.position - LOOK_BACK))
    for position in find_unfinished(ledger.recorder, after):
        for read in ledger.read_all(position - 1, position):
            event = None if isinstance(read, UnreadableEvent) else read.event
            if isinstance(event, ImportBegun) and prefix in (None, event.prefix):
                found[event.file] = event
    keys = {name: _source(event).key(event.prefix) for name, event in found.items()}
    imported = ledger.known(list(keys.values()))
    return {name: event for name, event in found.items() if keys[name] not in imported}


def _source(event: ImportBegun) -> SourceFile:
    return SourceFile(name=event.file, format=event.format, sha256=event.sha256, size=event.size)
