"""Makes ``goldens/v1.db``: a ledger as it was when a VM had no name beside its id, and a host was not told the request.

``python -m tests.nilometer.storage.make_v1``. It was run once, and is kept to tell what is in the file.
"""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

from eventsourcing.persistence import StoredEvent

from nilometer.ledger.ledger import Ledger
from nilometer.storage.sqlite.recorder import SQLiteLedgerRecorder
from nilometer.storage.store import Receipt
from nilometer.storage.urls import SQLiteLocation
from tests.nilometer.ledger.asking import a_host, a_vm, request, stored

GOLDEN = Path(__file__).with_name("goldens") / "v1.db"
ID, CREATED = "6f1f64d5-4a1c-4e55-9d3c-0a8f2f1f7d10", "2026-11-23T08:59:00.000000Z"


def history(folder: str) -> list[StoredEvent]:
    """What happened, as version 1 stored it."""
    with Ledger.open(f"sqlite:///{folder}/now.db", create=True) as ledger:
        at = "2026-11-23T09:00:0{}.000000Z"
        ledger.execute(request("register-host", at=at.format(0), key="k0", **a_host()))
        ledger.execute(request("define-vm", at=at.format(1), key="k1", **a_vm()))
        ledger.execute(request("define-vm", at=at.format(2), key="k2", **a_vm(vm="Büro-PC 7")))
        ledger.execute(request("start", at=at.format(3), key="k3", vm="web01"))
        rows = stored(ledger)
    events: list[StoredEvent] = []
    for stream, version, topic, body in rows:
        whole = json.loads(body)
        whole["recorded"] = whole["happened"]
        if topic == "vm.defined/2":
            topic = "vm.defined/1"
            del whole["data"]["name"]
        elif topic == "host.memory-granted/2":
            topic = "host.memory-granted/1"
            del whole["data"]["requested"], whole["data"]["granted"]
        body = json.dumps(whole, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
        events.append(StoredEvent(stream, version, topic, body))
    return events


def main() -> None:
    """Makes it anew."""
    GOLDEN.parent.mkdir(exist_ok=True)
    GOLDEN.unlink(missing_ok=True)
    with TemporaryDirectory() as folder:
        events = history(folder)
    recorder = SQLiteLedgerRecorder.open(SQLiteLocation(GOLDEN), create=True, read_only=False)
    recorder.adopt(ID)
    with recorder.transaction(write=True) as database:
        database.execute("UPDATE ledger SET value = ? WHERE name = 'created'", (CREATED,))
    recorder.record(events, [Receipt("k1", 1, 1), Receipt("k3", 3, 2)])
    recorder.close()
    with closing(sqlite3.connect(GOLDEN)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


if __name__ == "__main__":
    main()
