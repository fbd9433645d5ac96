"""Changes of a ledger's file by somebody who can write it, and what notices each: the table in docs/soundness.md.

``python -m tests.nilometer.storage.test_attacks`` prints the table.
"""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
import warnings
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import pytest

from domain.errors import NilometerError
from nilometer.ledger.ledger import Ledger
from nilometer.storage.sqlite.triggers import TRIGGERS
from nilometer.views.tables import checksum
from tests.nilometer.cli.calling import Desk
from tests.nilometer.ledger.asking import a_host, a_vm, ask, request

PAGE: Final = Path(__file__).parents[3] / "docs" / "soundness.md"
WEB: Final = "originator_id = 'vm/web01'"
GIB_4, GIB_8 = 4 * 2**30, 8 * 2**30
LAST: Final = "(SELECT MAX(position) FROM stored_events)"
COPY: Final = "SELECT {}, {}, {}, topic, state FROM stored_events WHERE "
IS_LAST: Final = f"position = {LAST}"
RIGHT_SUMS: Final = "checksums put right"
"""A statement that stands for: the checksums of ``view_streams`` are computed anew."""

EVENTS: Final[dict[str, Sequence[str]]] = {
    "edit: an amount": [
        f"UPDATE stored_events SET state = CAST(replace(state, '{GIB_8}', '{GIB_4}') AS BLOB) WHERE position = 2"
    ],
    "edit: who requested it, views too": [
        "UPDATE stored_events SET state = CAST(replace(state, '\"ann\"', '\"bob\"') AS BLOB)",
        "DROP TABLE view_tracking",
    ],
    "edit: who requested one of several events": [
        "UPDATE stored_events SET state = CAST(replace(state, '\"ann\"', '\"bob\"') AS BLOB) WHERE position = 5"
    ],
    "edit: when it happened": [
        "UPDATE stored_events SET state = CAST(replace(state, '2026-', '2025-') AS BLOB) WHERE position = 5"
    ],
    "edit: the kind": ["UPDATE stored_events SET topic = 'vm.stopped/1' WHERE position = 3"],
    "edit: no JSON": ["UPDATE stored_events SET state = x'00' WHERE position = 3"],
    "edit: spaces in the JSON": [
        "UPDATE stored_events SET state = CAST(replace(state, ':', ': ') AS BLOB) WHERE position = 3"
    ],
    "delete: the first event": ["DELETE FROM stored_events WHERE position = 1"],
    "delete: one in the middle": [f"DELETE FROM stored_events WHERE {WEB} AND originator_version = 2"],
    "delete: the last event": [f"DELETE FROM stored_events WHERE position = {LAST}"],
    "delete: the last two, views too": [
        f"DELETE FROM stored_events WHERE position > {LAST} - 2",
        "DROP TABLE view_tracking",
    ],
    "delete: a whole stream": [f"DELETE FROM stored_events WHERE {WEB}"],
    "delete: all events": ["DELETE FROM stored_events"],
    "append: nonsense": [f"INSERT INTO stored_events VALUES ({LAST} + 1, 'vm/web01', 99, 'x/1', x'00')"],
    "append: the last event again": [
        f"INSERT INTO stored_events {COPY.format(f'{LAST} + 1', 'originator_id', 'originator_version + 1')} {IS_LAST}"
    ],
    "append: after a gap of positions": [
        f"INSERT INTO stored_events {COPY.format(f'{LAST} + 9', 'originator_id', 'originator_version + 1')} {IS_LAST}"
    ],
    "append: to the end of all numbers": [
        f"INSERT INTO stored_events {COPY.format(2**63 - 1, 'originator_id', 'originator_version + 1')} {IS_LAST}"
    ],
    "append: before the first position": [
        f"INSERT INTO stored_events {COPY.format(-1, 'originator_id', 'originator_version + 1')} {IS_LAST}"
    ],
    "reorder: two positions": [
        "UPDATE stored_events SET position = -1 WHERE position = 2",
        "UPDATE stored_events SET position = 2 WHERE position = 3",
        "UPDATE stored_events SET position = 3 WHERE position = -1",
    ],
    "reorder: two versions": [
        f"UPDATE stored_events SET originator_version = -1 WHERE {WEB} AND originator_version = 2",
        f"UPDATE stored_events SET originator_version = 2 WHERE {WEB} AND originator_version = 3",
        f"UPDATE stored_events SET originator_version = 3 WHERE {WEB} AND originator_version = -1",
    ],
    "renumber: all positions by 100": ["UPDATE stored_events SET position = position + 100"],
    "renumber: the last version": [
        f"UPDATE stored_events SET originator_version = originator_version + 1 WHERE position = {LAST}"
    ],
    "renumber: a stream's name": [f"UPDATE stored_events SET originator_id = 'vm/web09' WHERE {WEB}"],
}
BESIDE: Final[dict[str, Sequence[str]]] = {
    "trigger: another one": ["CREATE TRIGGER spy AFTER INSERT ON stored_events BEGIN SELECT 1; END"],
    "trigger: one of ours removed": ["DROP TRIGGER events_are_not_changed"],
    "trigger: one of ours made harmless": [
        "DROP TRIGGER events_are_not_deleted",
        "CREATE TRIGGER events_are_not_deleted BEFORE DELETE ON stored_events BEGIN SELECT 1; END",
    ],
    "receipt: to other events": ["UPDATE commands SET position = 2, events = 3 WHERE key = 'k'"],
    "receipt: beyond the end": ["UPDATE commands SET position = 99 WHERE key = 'k'"],
    "receipt: removed": ["DELETE FROM commands"],
    "view: a host made bigger": ["UPDATE view_streams SET state = replace(state, '68719476736', '214748364800')"],
    "view: a host made bigger, checksum too": [
        "UPDATE view_streams SET state = replace(state, '68719476736', '214748364800')",
        RIGHT_SUMS,
    ],
    "view: a VM removed": ["DELETE FROM view_streams WHERE stream = 'vm/web01'"],
    "view: behind": ["UPDATE view_tracking SET position = position - 2"],
    "view: the index of the log": ["DELETE FROM view_timeline WHERE position = 3"],
    "id: another ledger's": ["UPDATE ledger SET value = '00000000-0000-4000-8000-000000000000' WHERE name = 'id'"],
    "id: another day of making": ["UPDATE ledger SET value = '2020-01-01T00:00:00.000000Z' WHERE name = 'created'"],
}
ATTACKS: Final = EVENTS | BESIDE


def make(folder: Path) -> Path:
    """A ledger with a host and a VM of 8 GiB that was started and grew."""
    with Ledger.open(f"sqlite:///{folder}/ledger.db", create=True, durable=False) as ledger:
        ask(ledger, "register-host", **a_host())
        ask(ledger, "define-vm", **a_vm(memory={"static": {"size": "8GiB"}}))
        ask(ledger, "start", vm="web01")
        ledger.execute(request("add-memory", key="k", vm="web01", amount="1GiB"))
        ask(ledger, "add-memory", vm="web01", amount="2GiB")
    return folder / "ledger.db"


def notice(golden: Path, folder: Path, attack: str) -> tuple[str, str, str, str]:
    """What refuses or notices an attack: the triggers, the next command, ``nilo replay``, ``nilo audit``."""
    file = Path(shutil.copy(golden, folder / "ledger.db"))
    url, refused = f"sqlite:///{file}", "–"
    with closing(sqlite3.connect(file)) as connection:
        if attack in EVENTS:
            try:
                with connection:
                    for statement in ATTACKS[attack]:
                        connection.execute(statement)
            except sqlite3.IntegrityError:
                refused = "yes"
            connection.rollback()
            for name in TRIGGERS:
                connection.execute(f"DROP TRIGGER {name}")
        if refused == "yes" or attack in BESIDE:
            for statement in ATTACKS[attack]:
                _execute(connection, statement)
        if attack in EVENTS:  # by somebody who leaves no other trace
            for sql in TRIGGERS.values():
                connection.execute(sql)
        connection.commit()
    replay, audit = Desk(folder).call("replay"), Desk(folder).call("audit")
    return (
        refused,
        "yes" if _command_notices(url) else "–",
        "yes" if replay.code or "warning" in replay.err else "–",
        "yes" if audit.code or "warning" in audit.err else "–",
    )


def _execute(connection: sqlite3.Connection, statement: str) -> None:
    if statement is not RIGHT_SUMS:
        connection.execute(statement)
        return
    for row in connection.execute("SELECT stream, kind, version, removed, state FROM view_streams").fetchall():
        connection.execute("UPDATE view_streams SET checksum = ? WHERE stream = ?", (checksum(*row), row[0]))


def _command_notices(url: str) -> bool:
    """Whether a command on the VM, the same one again under its key, or what follows their commit, says something."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            with Ledger.open(url, durable=False) as ledger:
                again = ledger.execute(request("add-memory", key="k", vm="web01", amount="1GiB"))
                ask(ledger, "stop", vm="web01")
                return bool(caught) or not again.in_full
        except NilometerError:
            return True
        finally:
            with contextlib.suppress(NilometerError):
                Ledger.open(url, read_only=True).close()


def rows(attacks: Sequence[str]) -> list[str]:
    """The rows of the table."""
    with TemporaryDirectory() as place:
        golden = make(Path(place))
        found: list[str] = []
        for attack in attacks:
            with TemporaryDirectory() as folder:
                noticed = notice(golden, Path(folder), attack)
            seal = "–" if "yes" in noticed[1:] else "yes"
            found.append(f"| {attack} | {' | '.join([*noticed, seal])} |")
        return found


@pytest.mark.parametrize("part", ["edit", "delete", "append", "re", "trigger", "view", "id"])
def test_the_table_of_the_page_is_what_happens(part: str) -> None:
    assert len(ATTACKS) == 36
    attacks = [attack for attack in ATTACKS if attack.startswith(part)]
    page = PAGE.read_text("utf-8").splitlines()
    assert [row for row in page if row.removeprefix("| ").split(" |")[0] in attacks] == rows(attacks)


if __name__ == "__main__":
    print("\n".join(rows(list(ATTACKS))))
