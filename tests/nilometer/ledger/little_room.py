"""Commands with little room on the disk: what each says, and whether it is stored.

``python -m tests.nilometer.ledger.little_room FOLDER``: files may grow to one of many sizes, from next to nothing to
what a command needs.
"""

from __future__ import annotations

import json
import os
import resource
import sqlite3
import sys
from pathlib import Path

import nilometer.cli.writing.do as _do  # noqa: F401  # pyright: ignore[reportUnusedImport]  # imported before the forks
from nilometer.cli.app import nilo
from nilometer.ledger.ledger import Ledger
from tests.nilometer.ledger.asking import with_web01
from tests.nilometer.ledger.processes import fork

AMOUNTS, STEP = 50, 1350
"""How many sizes, and how many bytes lie between two."""


def run(url: str, limit: int, out: int, err: int) -> None:
    """Runs ``nilo do`` in this process, which ends; no file may become larger than so many bytes."""
    os.dup2(out, 1)
    os.dup2(err, 2)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    nilo.main(["do", "add-memory", "web01", "2MiB", "--ledger", url, "--actor", "ann"])


def said_and_stored(path: Path, url: str, limit: int, before: int) -> dict[str, object]:
    """Runs a command, and looks at the ledger after it."""
    told, complained = os.pipe(), os.pipe()
    child = fork(lambda: run(url, limit, told[1], complained[1]))
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    texts: list[str] = []
    for reading, writing in (told, complained):
        os.close(writing)
        with os.fdopen(reading, "rb") as stream:
            texts.append(stream.read().decode())
    database = sqlite3.connect(path)
    (last,) = database.execute("SELECT MAX(position) FROM stored_events").fetchone()
    database.close()
    return {"limit": limit, "code": code, "out": texts[0], "err": texts[1], "recorded": last > before}


def main(folder: Path) -> None:
    """The whole of it."""
    path = folder / "l.db"
    url = f"sqlite:///{path}"
    with Ledger.open(url, create=True) as ledger:
        with_web01(ledger)
        before = ledger.position
    whole, found = path.read_bytes(), list[dict[str, object]]()
    for step in range(1, AMOUNTS + 1):
        path.write_bytes(whole)
        for beside in ("-wal", "-shm"):
            path.with_name(path.name + beside).unlink(missing_ok=True)
        found.append(said_and_stored(path, url, STEP * step, before))
    print(json.dumps({"found": found}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
