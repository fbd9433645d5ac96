"""``nilo repair``: damaged events are said, mended where they mean the same or a backup has them, in a copy."""

from __future__ import annotations

import sqlite3
import warnings
from collections.abc import Callable, Generator
from contextlib import closing
from pathlib import Path

import pytest
from eventsourcing.persistence import StoredEvent

from domain.errors import InputError
from nilometer.errors import LedgerWarning
from nilometer.history.mending import mend_event
from nilometer.history.repairing import plan_repair, repair_into
from nilometer.ledger.backup import back_up
from nilometer.ledger.ledger import Ledger
from nilometer.storage.reader import StoredRow
from tests.nilometer.cli.calling import Desk
from tests.nilometer.cli.test_schemas import problems
from tests.nilometer.ledger.asking import ask, vm, with_web01
from tests.nilometer.storage.meanwhile import recorder_of

Change = Callable[[str], str]

ACTOR_5: Change = lambda body: body.replace('"actor":"ann"', '"actor":5')  # noqa: E731
FLOATS: Change = lambda body: body.replace("4294967296", "4294967296.0")  # noqa: E731
SPACES: Change = lambda body: body.replace('":', '": ')  # noqa: E731
HALVES: Change = lambda body: body.replace("4294967296", "4294967296.5")  # noqa: E731
ANOTHER: Change = lambda body: body.replace('"outcome":"done"', '"outcome":"failed"')  # noqa: E731
GARBAGE: Change = lambda body: "not JSON"  # noqa: E731


@pytest.fixture(autouse=True)
def quiet() -> Generator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LedgerWarning)
        yield


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    """A ledger with web01: four events, of which 3 and 4 start it."""
    with Ledger.open(f"sqlite:///{tmp_path}/ledger.db", create=True, durable=False) as ledger:
        with_web01(ledger)
    return tmp_path / "ledger.db"


def damage(file: Path, change: Change, position: int = 3) -> bytes:
    """Changes the body of an event, and returns what the file then is."""
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("DROP TRIGGER events_are_not_changed")
        ((body,),) = connection.execute("SELECT state FROM stored_events WHERE position = ?", (position,)).fetchall()
        changed = change(body.decode()).encode()
        assert changed != body
        connection.execute("UPDATE stored_events SET state = ? WHERE position = ?", (changed, position))
    return file.read_bytes()


def bodies(url: str) -> list[bytes]:
    with Ledger.open(url, read_only=True) as ledger:
        return [row.body for row in ledger.rows()]


@pytest.mark.parametrize("change", [FLOATS, SPACES], ids=["floats", "spaces"])
def test_what_means_the_same_is_mended_in_a_copy_that_is_as_if_nothing_had_been(ledger: Path, change: Change) -> None:
    before = bodies(f"sqlite:///{ledger}")
    damaged = damage(ledger, change)
    repair = plan_repair(f"sqlite:///{ledger}")
    [event] = repair.damaged
    assert (event.position, event.id, repair.left, repair.events) == (3, "vm/web01/2", 0, 4)
    repair_into(f"sqlite:///{ledger}", ledger.with_name("copy.db"), repair)

    copy = f"sqlite:///{ledger.with_name('copy.db')}"
    assert bodies(copy) == before
    assert ledger.read_bytes() == damaged
    with Ledger.open(copy) as mended:
        assert ask(mended, "add-memory", vm="web01", amount="1GiB").in_full
        assert vm(mended).assigned == 5 * 2**30
    assert not plan_repair(copy).damaged


def test_it_says_what_becomes_what(ledger: Path) -> None:
    damage(ledger, lambda body: ACTOR_5(FLOATS(body)))
    [event] = plan_repair(f"sqlite:///{ledger}").damaged
    assert "actor: 5 becomes '5'" in event.changes
    assert "data.after.assigned: 4294967296.0 becomes 4294967296" in event.changes


@pytest.mark.parametrize("change", [HALVES, GARBAGE], ids=["halves", "garbage"])
def test_what_may_mean_something_else_stays_as_it_is_unless_a_backup_has_it(ledger: Path, change: Change) -> None:
    url, before = f"sqlite:///{ledger}", bodies(f"sqlite:///{ledger}")
    back_up(url, ledger.with_name("backup.db"))
    with Ledger.open(url) as later:
        ask(later, "add-memory", vm="web01", amount="1GiB")
    damage(ledger, change)

    alone = plan_repair(url)
    assert (alone.left, alone.after) == (1, 1)
    repair_into(url, ledger.with_name("kept.db"), alone)
    assert bodies(f"sqlite:///{ledger.with_name('kept.db')}") == bodies(url)

    repair = plan_repair(url, ledger.with_name("backup.db"))
    assert (repair.left, repair.after, len(repair.damaged)) == (0, 0, 1)
    repair_into(url, ledger.with_name("mended.db"), repair)
    assert bodies(f"sqlite:///{ledger.with_name('mended.db')}")[:4] == before
    with Ledger.open(f"sqlite:///{ledger.with_name('mended.db')}") as mended:
        assert vm(mended).assigned == 5 * 2**30


def test_a_mended_event_must_follow_from_its_own_evidence() -> None:
    row = StoredRow(position=1, stream="vm/x", version=1, topic="vm.started/1", body=b'{"amount":1.0}')  # type: ignore[arg-type]
    assert mend_event(row) is None


def test_a_decision_that_was_changed_is_not_made_canonical(ledger: Path) -> None:
    damage(ledger, lambda body: SPACES(ANOTHER(body)))
    assert plan_repair(f"sqlite:///{ledger}").left == 1


def test_a_backup_of_another_ledger_mends_nothing(ledger: Path) -> None:
    with Ledger.open(f"sqlite:///{ledger.with_name('other.db')}", create=True) as other:
        with_web01(other)
    with pytest.raises(InputError, match="is a backup of another ledger"):
        plan_repair(f"sqlite:///{ledger}", ledger.with_name("other.db"))


def test_the_command_says_it_first_and_does_it_on_request(ledger: Path) -> None:
    desk = Desk(ledger.parent)
    assert "nothing to mend" in desk.call("repair").out
    damaged = damage(ledger, FLOATS)

    said = desk.call("repair")
    assert (said.code, ledger.read_bytes()) == (0, damaged)
    assert "#3 vm/web01/2: data.after.assigned" in said.out
    assert "1 would be mended, 0 would stay" in said.out
    assert "nilo repair COPY" in said.out

    done = desk.call("repair", str(ledger.with_name("copy.db")), "--format", "json")
    assert done.code == 0
    assert [event["mended"] for event in done.json["damaged"]] == [True]
    assert desk.call("audit", "--ledger", f"sqlite:///{ledger.with_name('copy.db')}").code == 0
    again = desk.call("repair", str(ledger.with_name("copy.db")))
    assert (again.code, "exists" in again.err) == (2, True)


def test_what_cannot_be_mended_is_exit_1_and_every_other_command_says_it(ledger: Path) -> None:
    desk = Desk(ledger.parent)
    damage(ledger, GARBAGE)
    assert desk.call("repair").code == 1
    assert "cannot be mended" in desk.call("repair").out
    assert "unreadable: 1" in desk.call("info").out
    assert "#3 vm/web01/2: cannot be read" in desk.call("log").out
    assert problems("unreadable-event", desk.call("log", "--format", "json").lines[2]) == []
    for document in ("info", "repair", "replay"):
        assert problems(document, desk.call(document, "--format", "json").json) == []
    for judging in ("audit", "replay"):
        judged = desk.call(judging)
        assert (judged.code, "event vm/web01/2 at position 3" in judged.out + judged.err) == (2, True)
    assert desk.call("view").code == 0
    assert desk.call("backup", str(ledger.with_name("backup.db"))).code == 0


def test_a_ledger_on_either_database_is_mended_in_a_file(url: str, tmp_path: Path) -> None:
    with Ledger.open(url, create=True, durable=False) as made:
        with_web01(made)
        ask(made, "stop", vm="web01")
        rows = list(made.rows())
    with closing(Ledger.open(url, durable=False)) as made:
        started = [StoredEvent(row.stream, row.version + 2, row.topic, row.body) for row in rows[2:4]]
        floats = StoredEvent("vm/web01", 4, rows[2].topic, FLOATS(rows[2].body.decode()).encode())
        recorder_of(made).record([floats, started[1]])
    repair = plan_repair(url)
    assert [(event.position, event.mended is not None) for event in repair.damaged] == [(7, True)]
    repair_into(url, tmp_path / "copy.db", repair)
    with Ledger.open(f"sqlite:///{tmp_path}/copy.db") as mended:
        assert vm(mended).power == "running"
        assert mended.views.compare().equal
        assert ask(mended, "add-memory", vm="web01", amount="1GiB").in_full
    with Ledger.open(url, read_only=True) as made:
        assert len(list(made.rows())) == 8
        assert plan_repair(url).damaged
