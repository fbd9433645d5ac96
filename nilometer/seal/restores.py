"""Restores from backups that a ledger records itself: what came after the backup was given up, and is no violation."""

from __future__ import annotations

import json
from dataclasses import dataclass

from nilometer.seal.rows import SealRow, find_restores
from nilometer.storage.store import Store
from nilometer.tlog.checkpoints import TreeHead


@dataclass(frozen=True, slots=True)
class AnnouncedRestore:
    """What a ledger records of its having been restored from a backup."""

    position: int
    events: int
    sealed_as: str
    actor: str
    recorded: str


def find_restore(store: Store, head: TreeHead) -> AnnouncedRestore | None:
    """The restore from a backup that lacks events of a checkpoint, if one was announced."""
    with store.transaction(write=False) as db:
        restores = map(_read_restore, find_restores(db))
    for restore in restores:
        if restore is not None and restore.sealed_as == head.origin and restore.events < head.size:
            return restore
    return None


def _read_restore(row: SealRow) -> AnnouncedRestore | None:
    try:
        body = json.loads(row[4])
        found = (body["data"]["events"], body["data"]["sealed_as"], body["actor"], body["recorded"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    events, sealed_as, actor, recorded = found
    if tuple(map(type, found)) != (int, str, str, str):
        return None
    return AnnouncedRestore(position=row[0], events=events, sealed_as=sealed_as, actor=actor, recorded=recorded)
