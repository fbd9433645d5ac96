"""What is said is what is stored, whichever statement between BEGIN and exit fails, and however.

SQLite itself is real; each statement of its connections may be made to fail as a full disk, a lock or a broken disk
makes it fail, before or after it took effect.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest

from domain.errors import InputError
from nilometer.errors import CommitUncertain, LedgerError
from nilometer.ledger.ledger import Ledger
from nilometer.ledger.requests import Result
from tests.nilometer.ledger import processes
from tests.nilometer.ledger.asking import a_vm, ask, request, with_web01

FULL, BUSY, BROKEN = sqlite3.SQLITE_FULL, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_IOERR
WRITES: Final = ("BEGIN IMMEDIATE", "INSERT", "UPDATE", "DELETE", "CREATE", "DROP", "COMMIT", "ALTER")


@dataclass
class Fault:
    """The statement that fails: the ``number``-th that is run from now on, with all that come after it if it lasts."""

    number: int = 0
    code: int = FULL
    after: bool = False
    """The statement takes effect before it fails."""
    lasts: bool = True
    run: int = 0
    met: bool = False


FAULT = Fault()


class FailingConnection(sqlite3.Connection):
    """A connection whose statements fail as ``FAULT`` says."""

    def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
        return self._run(sql, partial(super().execute, sql, parameters))

    def executemany(self, sql: str, parameters: Any, /) -> sqlite3.Cursor:
        return self._run(sql, partial(super().executemany, sql, parameters))

    def _run(self, sql: str, run: Callable[[], sqlite3.Cursor]) -> sqlite3.Cursor:
        if not FAULT.number or not sql.startswith(WRITES):
            return run()
        FAULT.run += 1
        if FAULT.run != FAULT.number and not (FAULT.lasts and FAULT.run > FAULT.number):
            return run()
        FAULT.met = True
        if FAULT.after:
            run()
        error = sqlite3.OperationalError("it failed")
        error.sqlite_errorcode = FAULT.code
        raise error


@pytest.fixture
def url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A ledger with a running VM, whose connections can fail."""
    made = f"sqlite:///{tmp_path}/l.db"
    with Ledger.open(made, create=True, durable=False) as ledger:
        with_web01(ledger)
    connect = sqlite3.connect

    def failing(*args: Any, **options: Any) -> sqlite3.Connection:
        options.setdefault("factory", FailingConnection)
        connection: sqlite3.Connection = connect(*args, **options)
        return connection

    monkeypatch.setattr(sqlite3, "connect", failing)
    yield made
    FAULT.number = 0


def last_position(url: str) -> int:
    with sqlite3.connect(url.removeprefix("sqlite:///"), factory=sqlite3.Connection) as plain:
        position: int = plain.execute("SELECT MAX(rowid) FROM stored_events").fetchone()[0]
    plain.close()
    return position


@pytest.mark.parametrize("code", [FULL, BUSY, BROKEN])
@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("lasts", [False, True])
def test_an_answer_is_given_just_if_it_is_recorded(url: str, code: int, after: bool, lasts: bool) -> None:
    answered = refused = noted = 0
    for number in range(1, 40):
        before = last_position(url)
        FAULT.number, FAULT.code, FAULT.after, FAULT.lasts, FAULT.run, FAULT.met = number, code, after, lasts, 0, False
        result, error, ledger = None, None, None
        try:
            with Ledger.open(url, lock_timeout=0.01, durable=False) as ledger:
                result = ask(ledger, "add-memory", vm="web01", amount="2MiB", key=f"k{number}")
        except LedgerError as raised:
            error = raised
        FAULT.number = 0
        recorded = last_position(url) - before
        if result is not None:
            assert error is None, "what fails after the answer raises nothing"
            assert recorded == len(result.events) == 2
            answered += 1
            noted += bool(ledger is not None and ledger.warnings)
        elif isinstance(error, CommitUncertain):
            assert f"k{number}" in error.hint
            assert "nothing was recorded" not in error.message
        else:
            assert error is not None
            assert recorded == 0
            refused += 1
        if not FAULT.met:
            break
    else:
        pytest.fail("there are more statements than this test fails")
    assert answered
    assert refused
    assert noted


@pytest.mark.parametrize("code", [FULL, BROKEN])
def test_what_was_recorded_before_a_failure_is_answered(url: str, code: int) -> None:
    """A request of the same key as one before it commits the first ones by themselves."""
    for number in range(1, 40):
        before = last_position(url)
        requests = [request("add-memory", vm="web01", amount="2MiB", key=f"k{number}") for _ in range(2)]
        requests.append(request("remove-memory", vm="web01", amount="2MiB", key=f"r{number}"))
        ledger = Ledger.open(url, lock_timeout=0.01, durable=False)
        FAULT.number, FAULT.code, FAULT.after, FAULT.lasts, FAULT.run, FAULT.met = number, code, False, True, 0, False
        answers: Sequence[object] = ()
        failed: LedgerError | None = None
        try:
            answers = ledger.execute_all(requests)
        except LedgerError as error:
            failed, answers = error, error.answers
        assert failed is None or not answers or "nothing was recorded" not in failed.message
        FAULT.number = 0
        ledger.close()
        positions = {position for answer in answers if isinstance(answer, Result) for position in answer.positions}
        assert positions == set(range(before + 1, last_position(url) + 1))
        if not FAULT.met:
            return
    pytest.fail("there are more statements than this test fails")


@pytest.mark.xdist_group("processes")
def test_with_one_of_50_amounts_of_room_on_the_disk_what_is_said_is_what_is_stored(tmp_path: Path) -> None:
    """Files may grow to a size that lies between what is there and what a command needs, in steps."""
    pytest.importorskip("resource")
    found = processes.run("little_room", str(tmp_path))["found"]
    assert len(found) == 50
    for ran in found:
        recorded = ran["recorded"]
        assert ("completed" in ran["out"]) == recorded, ran
        assert not (recorded and "nothing was recorded" in ran["err"]), ran
        assert ran["code"] == (0 if recorded else 2), ran
        assert "Traceback" not in ran["err"], ran
    assert {ran["recorded"] for ran in found} == {True, False}
    assert any(ran["recorded"] and "note: everything answered so far is recorded" in ran["err"] for ran in found)
    assert (found[-1]["recorded"], found[-1]["err"]) == (True, ""), "the last has all the room that it needs"


# Keys


def test_a_key_that_was_used_for_another_command_shows_the_first(url: str) -> None:
    with Ledger.open(url) as ledger:
        first = ask(ledger, "add-memory", vm="web01", amount="2GiB", key="k1")
        others: list[tuple[str, dict[str, Any]]] = [
            ("stop", {"vm": "web01"}),
            ("add-memory", {"vm": "web01", "amount": "3GiB"}),
            ("add-memory", {"vm": "web02", "amount": "2GiB"}),
            ("set-memory", {"vm": "web01", "size": "6GiB"}),
            ("define-vm", a_vm(vm="web03")),
        ]
        for command, given in others:
            with pytest.raises(InputError, match=r"'k1' was used before.*add-memory.*web01.*2147483648") as error:
                ask(ledger, command, key="k1", **given)
            assert error.value.hint
        again = ask(ledger, "add-memory", vm="web01", amount="2GiB", key="k1")
        assert (again.repeated, again.positions) == (True, first.positions)


def test_a_key_of_a_definition_is_of_that_memory_alone(url: str) -> None:
    with Ledger.open(url) as ledger:
        ask(ledger, "define-vm", key="k1", **a_vm(vm="web03"))
        with pytest.raises(InputError, match="used before"):
            ask(ledger, "define-vm", key="k1", **a_vm(vm="web03", memory={"static": {"size": "2GiB"}}))
        assert ask(ledger, "define-vm", key="k1", **a_vm(vm="web03")).repeated


def test_a_key_of_a_command_that_wrote_nothing_is_of_that_command_alone(url: str) -> None:
    with Ledger.open(url) as ledger:
        nothing = ask(ledger, "set-memory", vm="web01", size="4GiB", key="k1")
        assert nothing.events == ()
        assert ask(ledger, "set-memory", vm="web01", size="4GiB", key="k1").repeated
        with pytest.raises(InputError, match="used before"):
            ask(ledger, "set-memory", vm="web01", size="6GiB", key="k1")


def test_receipts_of_the_first_versions_are_told_apart_by_their_events(url: str) -> None:
    with Ledger.open(url) as ledger:
        ask(ledger, "add-memory", vm="web01", amount="2GiB", key="k1")
        ask(ledger, "set-memory", vm="web01", size="6GiB", key="k2")
    old = '["vm/web01", "completed", null, 0, 0]'
    with sqlite3.connect(url.removeprefix("sqlite:///"), factory=sqlite3.Connection) as plain:
        plain.execute("UPDATE commands SET result = CASE WHEN events = 0 THEN ? END", (old,))
    plain.close()
    with Ledger.open(url) as ledger:
        assert ask(ledger, "add-memory", vm="web01", amount="2GiB", key="k1").repeated
        assert ask(ledger, "set-memory", vm="web01", size="6GiB", key="k2").repeated
        for command, given in (("stop", {}), ("add-memory", {"amount": "1GiB"}), ("remove-memory", {"amount": "2GiB"})):
            with pytest.raises(InputError, match="'k1' was used before"):
                ask(ledger, command, key="k1", vm="web01", **given)
        with pytest.raises(InputError, match="'k2' was used before, for another command: a command on vm/web01"):
            ask(ledger, "set-memory", vm="web02", size="6GiB", key="k2")
