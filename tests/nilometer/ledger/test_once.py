"""A command is decided once under its key, however often it is asked."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from domain.decision import Code, Outcome
from domain.errors import InputError
from domain.identifiers import UtcTime, vm_stream
from domain.observed.events import VmLost
from nilometer.errors import LedgerError
from nilometer.ledger.ledger import Ledger
from nilometer.ledger.requests import Fact, Observation, Result
from tests.nilometer.ledger.asking import a_host, a_vm, ask, request, stored, vm, with_web01

LATE = UtcTime("2026-11-23T12:00:00.000000Z")


def told(result: Result) -> tuple[object, ...]:
    """All that a result says, but for whether it was recorded before."""
    return (
        result.command,
        result.target,
        result.outcome,
        result.code,
        result.requested,
        result.granted,
        result.positions,
        result.events,
        result.happened,
    )


@pytest.mark.parametrize(
    ("command", "given", "outcome"),
    [
        ("add-memory", {"vm": "web01", "amount": "2GiB"}, Outcome.COMPLETED),
        ("add-memory", {"vm": "web01", "amount": "128GiB"}, Outcome.PARTIALLY_COMPLETED),
        ("remove-memory", {"vm": "web01", "amount": "2GiB"}, Outcome.REJECTED),
        ("pause", {"vm": "web01"}, Outcome.DONE),
        ("set-memory", {"vm": "web01", "size": "8GiB"}, Outcome.COMPLETED),
        ("set-memory", {"vm": "web01", "size": "4GiB"}, Outcome.COMPLETED),  # no difference: no event
        ("set-reserve", {"host": "hv01", "reserve": "2304MiB"}, Outcome.DONE),  # the same: no event
        ("register-host", a_host(host="hv02", total=0), Outcome.REJECTED),  # refused: no event
        ("define-vm", a_vm(vm="db01", memory={"static": {"size": 9001}}), Outcome.REJECTED),  # on its host
        ("remove-host", {"host": "hv01"}, Outcome.REJECTED),
        ("move-vm", {"vm": "web01", "to": "hv01"}, Outcome.REJECTED),
    ],
)
def test_asked_again_it_is_answered_as_it_was_and_not_done_again(
    ledger: Ledger, command: str, given: dict[str, Any], outcome: Outcome
) -> None:
    with_web01(ledger)
    first = ask(ledger, command, key="k1", **given)
    assert (first.outcome, first.repeated) == (outcome, False)
    before = stored(ledger)
    for again in (ask(ledger, command, key="k1", **given), ask(ledger, command, key="k1", **given)):
        assert again.repeated
        assert told(again) == told(first)
    assert stored(ledger) == before


def test_asked_again_it_happened_when_it_did(ledger: Ledger) -> None:
    for repeated in (False, True):
        result = ask(ledger, "register-host", at=LATE, key="k1", **a_host())
        assert (result.happened, result.repeated) == (LATE, repeated)


def test_another_program_that_asks_under_the_same_key_gets_the_first_ones_answer(url: str) -> None:
    with Ledger.open(url, create=True) as one:
        with_web01(one)
        first = ask(one, "add-memory", vm="web01", amount="128GiB", key="k1")
    with Ledger.open(url) as other:
        again = ask(other, "add-memory", vm="web01", amount="128GiB", key="k1")
        assert told(again) == told(first)
        assert again.repeated


def test_the_recorded_answer_is_given_though_the_world_went_on(ledger: Ledger) -> None:
    with_web01(ledger)
    first = ask(ledger, "add-memory", vm="web01", amount="1GiB", key="k1")
    ask(ledger, "stop", vm="web01")
    ask(ledger, "remove-vm", vm="web01")
    again = ask(ledger, "add-memory", vm="web01", amount="1GiB", key="k1")
    assert told(again) == told(first)
    assert again.repeated


def test_without_a_key_it_is_done_each_time(ledger: Ledger) -> None:
    with_web01(ledger)
    for gibibytes in (5, 6):
        assert not ask(ledger, "add-memory", vm="web01", amount="1GiB").repeated
        assert vm(ledger).assigned == gibibytes * 2**30


@pytest.mark.parametrize(
    ("command", "given"),
    [
        ("add-memory", {"vm": "web01", "amount": "1GiB"}),
        ("pause", {"vm": "web01"}),  # of what is paused it would be refused
        ("define-vm", a_vm(vm="db01")),  # of what is there it could not be decided
        ("set-reserve", {"host": "hv01", "reserve": "2304MiB"}),  # the same: no event
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_same_key_twice_in_one_commit_is_done_once(ledger: Ledger, command: str, given: dict[str, Any]) -> None:
    with_web01(ledger)
    twice = [request(command, key="k1", **given)] * 2
    first, second = ledger.execute_all(twice)
    assert isinstance(first, Result)
    assert isinstance(second, Result)
    assert (first.repeated, second.repeated) == (False, True)
    assert told(second) == told(first)
    assert ledger.position == 4 + len(first.events)


@pytest.mark.parametrize(
    ("command", "given"),
    [("define-vm", a_vm(vm="db01")), ("register-host", a_host(host="hv02"))],
    ids=["define-vm", "register-host"],
)
def test_what_begins_twice_in_one_commit_begins_once(ledger: Ledger, command: str, given: dict[str, Any]) -> None:
    with_web01(ledger)
    before = ledger.position
    first, second, third = ledger.execute_all(
        [request(command, **given), request(command, **given), request("stop", vm="web01")], keep_going=True
    )
    assert isinstance(first, Result)
    assert isinstance(second, InputError)
    assert "is taken" in str(second)
    assert isinstance(third, Result)
    assert (first.positions, third.positions) == ((before + 1,), (before + 2, before + 3))


def test_what_could_not_be_decided_has_no_memory_and_is_decided_when_it_can_be(ledger: Ledger) -> None:
    with pytest.raises(InputError):
        ask(ledger, "start", vm="web01", key="k1")
    with_web01(ledger)
    result = ask(ledger, "stop", vm="web01", key="k1")
    assert (result.outcome, result.repeated) == (Outcome.DONE, False)


def test_a_batch_of_known_and_new_commands_records_the_new_ones_alone(ledger: Ledger) -> None:
    with_web01(ledger)
    script = [request("add-memory", vm="web01", amount="1GiB", key=f"k{n}") for n in range(4)]
    ledger.execute_all(script[:2])
    answers = ledger.execute_all(script)
    assert [answer.repeated for answer in answers if isinstance(answer, Result)] == [True, True, False, False]
    assert vm(ledger).assigned == 8 * 2**30


def test_an_observation_is_recorded_once_and_so_is_one_told_twice_in_one_commit(ledger: Ledger) -> None:
    lost = Fact(vm_stream("lab.vm0"), VmLost(), LATE)
    one, two = Observation("o1", (lost, lost)), Observation("o2", (lost,))
    assert ledger.record([one], actor="ann", via="test") == [(1, 2)]
    assert ledger.record([one, two, two], actor="ann", via="test") == [(), (3,), ()]
    assert ledger.position == 3


def test_the_key_of_an_observation_is_no_key_for_a_command(ledger: Ledger) -> None:
    with_web01(ledger)
    ledger.record([Observation("k1", (Fact(vm_stream("lab.vm0"), VmLost(), LATE),))], actor="ann", via="test")
    before = stored(ledger)
    with pytest.raises(InputError, match="observation"):
        ask(ledger, "pause", vm="web01", key="k1")
    assert stored(ledger) == before


def test_the_key_of_an_observation_that_told_nothing_is_no_key_for_a_command_either(ledger: Ledger) -> None:
    with_web01(ledger)
    ledger.record([Observation("k1", ())], actor="ann", via="test")
    with pytest.raises(InputError, match="for another command: an observation without events"):
        ask(ledger, "pause", vm="web01", key="k1")


def test_a_refusal_tells_its_code_again(ledger: Ledger) -> None:
    with_web01(ledger)
    for repeated in (False, True):
        result = ask(ledger, "register-host", key="k1", **a_host(host="hv02", total=0))
        assert (result.code, result.target, result.repeated) == (Code.INVALID_SETTING, "host/hv02", repeated)


FIRST: dict[str, dict[str, Any]] = {
    "add-memory": {"vm": "web01", "amount": "2GiB"},
    "set-memory": {"vm": "web01", "size": "8GiB"},
    "pause": {"vm": "web01"},
    "remove-host": {"host": "hv01"},
    "define-vm": a_vm(vm="db01", memory={"static": {"size": 9001}}),
}
"""Commands with events: two take place in part or in full, the last two are refused."""


@pytest.fixture(params=[*FIRST])
def receipt_of_the_first_version(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Ledger, str]]:
    """A ledger with web01, and a command whose receipt names its events alone."""
    name: str = request.param
    with Ledger.open(f"sqlite:///{tmp_path}/ledger.db", create=True, durable=False) as ledger:
        with_web01(ledger)
        assert ask(ledger, name, key="k1", **FIRST[name]).events
        with sqlite3.connect(tmp_path / "ledger.db") as database:
            assert database.execute("UPDATE commands SET result = NULL WHERE key = 'k1'").rowcount == 1
        database.close()
        yield ledger, name


def test_a_receipt_that_names_events_alone_answers_the_same_command(
    receipt_of_the_first_version: tuple[Ledger, str],
) -> None:
    ledger, name = receipt_of_the_first_version
    again = ask(ledger, name, key="k1", **FIRST[name])
    assert again.repeated
    assert (again.command, again.target) == (name, "host/hv01" if name == "remove-host" else f"vm/{FIRST[name]['vm']}")


def test_a_receipt_that_names_events_alone_answers_no_other_command(
    receipt_of_the_first_version: tuple[Ledger, str],
) -> None:
    ledger, name = receipt_of_the_first_version
    others: list[tuple[str, dict[str, Any]]] = [(other, given) for other, given in FIRST.items() if other != name]
    others += [("add-memory", {"vm": "web01", "amount": "3GiB"}), ("define-vm", a_vm(vm="db02"))]
    others += [(name, {**FIRST[name], "vm": "web02"})] if "vm" in FIRST[name] else []
    others += [("resume", {"vm": "web01"}), ("resize-host", {"host": "hv01", "total": "8GiB"})]
    may = {"add-memory": {"set-memory"}, "set-memory": {"add-memory"}}
    for other, given in others:
        if other in may.get(name, ()):
            continue  # which of the two it was, the events alone do not show
        with pytest.raises(InputError, match="was used before, for another command"):
            ask(ledger, other, key="k1", **given)


def test_a_receipt_of_the_first_version_answers_a_definition_that_took_place(tmp_path: Path) -> None:
    with Ledger.open(f"sqlite:///{tmp_path}/ledger.db", create=True, durable=False) as ledger:
        with_web01(ledger)
        assert ask(ledger, "define-vm", key="k1", **a_vm(vm="db01")).events
        with sqlite3.connect(tmp_path / "ledger.db") as database:
            assert database.execute("UPDATE commands SET result = NULL WHERE key = 'k1'").rowcount == 1
        database.close()
        assert ask(ledger, "define-vm", key="k1", **a_vm(vm="db01")).repeated
        with pytest.raises(InputError, match="was used before, for another command"):
            ask(ledger, "define-vm", key="k1", **a_vm(vm="db02"))


@pytest.mark.parametrize(("position", "events"), [(1, 2), (100, 1)], ids=["of two commands", "of none"])
def test_a_receipt_that_names_other_events_is_an_error(tmp_path: Path, position: int, events: int) -> None:
    with Ledger.open(f"sqlite:///{tmp_path}/ledger.db", create=True, durable=False) as ledger:
        with_web01(ledger)
        ask(ledger, "pause", key="k1", vm="web01")
        with sqlite3.connect(tmp_path / "ledger.db") as database:
            changed = "UPDATE commands SET position = ?, events = ? WHERE key = 'k1'"
            assert database.execute(changed, (position, events)).rowcount == 1
        database.close()
        with pytest.raises(LedgerError, match="the events there are not those of one command"):
            ask(ledger, "pause", key="k1", vm="web01")
