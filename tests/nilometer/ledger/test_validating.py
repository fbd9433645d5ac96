"""The border: whatever is asked from Python is refused by name, or recorded and readable."""

from __future__ import annotations

import enum
from collections.abc import Iterator
from dataclasses import fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.commands import COMMANDS, AddMemory, Command, ConfigureMemory, DefineVm, RegisterHost, Stop
from domain.deciding import decider
from domain.errors import InputError, InternalError
from domain.events import Event
from domain.guests import Guest
from domain.observed.events import VmChangeRequested, VmLost
from domain.settings import ConfigVersion, HostVersion, MemorySetting, Mode
from domain.shapes import parse_size
from nilometer.ledger import unit_of_work
from nilometer.ledger.dry_run import DryRun
from nilometer.ledger.ledger import Ledger
from nilometer.ledger.requests import Fact, Observation, Request
from tests.nilometer.ledger.asking import stored, with_web01

GIB = 2**30
TEN: Any = "2026-11-23T10:00:00.000000Z"
STATIC = MemorySetting.static(4 * GIB)


class Bytes(int):
    """A size of somebody's own."""


class Label(str):
    """A text of somebody's own."""

    __slots__ = ()


class Sizes(enum.IntEnum):
    """Sizes with names."""

    SMALL = 2 * GIB


class Number:
    """As the whole numbers of numerical libraries are: an index, and no ``int``."""

    def __index__(self) -> int:
        return 2 * GIB


class MyStop(Stop):
    """A command of somebody's own."""


def unmade(kind: type[Any], **values: object) -> Any:
    """A record that was made without its ``__init__``."""
    made = object.__new__(kind)
    for name, value in values.items():
        object.__setattr__(made, name, value)
    return made


def changed(event: Any, **values: object) -> Event:
    """An event with other values."""
    made = replace(event, **values)
    assert isinstance(made, Event)
    return made


def vm(**changed: Any) -> DefineVm:
    return replace(DefineVm("web02", "hv01", 2, Guest.WINDOWS, ConfigVersion(10, 0), STATIC), **changed)


def memory(*values: Any) -> ConfigureMemory:
    return ConfigureMemory("web01", MemorySetting(*values))


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """A ledger with a running VM."""
    with Ledger.open(f"sqlite:///{tmp_path}/l.db", create=True, durable=False) as opened:
        with_web01(opened)
        yield opened


NO_SIZES: list[Any] = [
    *(Bytes(2), Sizes.SMALL, Number(), True, "8GiB", None, -1, 2**52 + 1, int("9" * 4000) * 10**1000),
    *(float("nan"), float("inf"), b"1", [GIB], GIB + 0j),
]
NO_IDS: list[Any] = ["", 5, None, Label("web01"), "a/b", " a", "x\n", "\ud800", "a" * 129]
WRONG_COMMANDS: list[tuple[Any, str]] = [
    (AddMemory("web01", parse_size("4GiB") / 2), "amount: 2147483648.0"),  # type: ignore[arg-type]
    *[(AddMemory("web01", size), "amount: ") for size in NO_SIZES],
    *[(AddMemory(id, 2 * GIB), "vm: ") for id in NO_IDS],
    (RegisterHost("hv02", HostVersion.V2022, 64.0 * GIB, 2 * GIB), "total: "),  # type: ignore[arg-type]
    (RegisterHost("hv02", "2022", 64 * GIB, 2 * GIB), "version: '2022'"),  # type: ignore[arg-type]
    (vm(generation=3), "generation: 3"),
    (vm(generation=True), "generation: True"),
    (vm(guest="windows"), "guest: 'windows'"),
    (vm(config_version="10.0"), "config_version: '10.0'"),
    (vm(config_version=ConfigVersion(10.0, 0)), "config_version: major: 10.0"),  # type: ignore[arg-type]
    (vm(config_version=ConfigVersion(-1, 0)), "config_version: major: -1"),
    (vm(name=""), "name: ''"),
    (vm(memory={"static": {"size": 4 * GIB}}), "memory: "),
    (memory(Mode.STATIC, 2**33, 1, -5, 7, 9), "memory: maximum: -5"),
    (memory(Mode.STATIC, 2**33, 0, 0, 0, 9), "memory: weight: 9"),
    (memory("static", 2**33, 0, 0, 0, 0), "memory: mode: 'static'"),
    (memory(Mode.DYNAMIC, GIB, GIB, GIB, 20.0, 50), "memory: buffer: 20.0"),
    (memory(Mode.DYNAMIC, GIB, 1.0 * GIB, GIB, 20, 50), "memory: minimum: "),
    (ConfigureMemory("web01", unmade(MemorySetting, mode=Mode.STATIC)), "MemorySetting lacks 'startup'"),
    (unmade(AddMemory), "AddMemory lacks 'vm'"),
    (unmade(AddMemory, vm="web01", amount=2.5), "amount: 2.5"),
    *[(command, "command: ") for command in (None, 5, "stop", Stop, MyStop("web01"), STATIC, {"vm": "web01"})],
]


@pytest.mark.parametrize("dry", [False, True])
def test_a_wrong_command_is_an_input_error_that_names_the_field_and_the_mend(ledger: Ledger, dry: bool) -> None:
    before = stored(ledger)
    decider = DryRun(ledger) if dry else ledger
    for command, beginning in WRONG_COMMANDS:
        [error] = decider.execute_all([Request(command, "ann", "test")])
        assert isinstance(error, InputError), command
        assert error.message.startswith(beginning), error.message
        assert error.hint, error.message
    assert stored(ledger) == before


@pytest.mark.parametrize("dry", [False, True])
@pytest.mark.parametrize("field", ["actor", "via", "at", "reason", "correlation", "key"])
def test_what_is_said_about_a_command_is_a_text_and_its_time_has_a_zone(ledger: Ledger, field: str, dry: bool) -> None:
    before = stored(ledger)
    given = Request(Stop("web01"), "ann", "test")
    values: list[Any] = ["", " ", 5, b"x", True, Label("ann"), "a\0b", "\ud800", ["x"], datetime.now(UTC)]
    values += [None] if field in ("actor", "via") else []
    values += [datetime(2026, 1, 1), "2026-11-23T09:00:00", "noon", TEN[:-1]] if field == "at" else ["x" * 2001]
    decider = DryRun(ledger) if dry else ledger
    for value in values:
        [error] = decider.execute_all([replace(given, **{field: value})])
        assert isinstance(error, InputError), value
        assert error.message.startswith(f"{field}: "), error.message
        assert error.hint
    assert stored(ledger) == before


def test_what_is_no_request_at_all_is_an_input_error_too(ledger: Ledger) -> None:
    for one in (None, 5, "stop", unmade(Request), unmade(Request, command=Stop("web01")), Stop("web01")):
        with pytest.raises(InputError):
            ledger.execute(one)  # type: ignore[arg-type]
    for many in (None, 5, "stop", Request(Stop("web01"), "ann", "test")):
        with pytest.raises(InputError, match="requests: "):
            ledger.execute_all(many)  # type: ignore[arg-type]


def test_a_wrong_request_among_others_stops_them_unless_told_to_keep_going(ledger: Ledger) -> None:
    right, wrong = Request(Stop("web01"), "ann", "test"), Request(AddMemory("web01", 2.0), "ann", "test")  # type: ignore[arg-type]
    assert [type(answer).__name__ for answer in ledger.execute_all([wrong, right])] == ["InputError"]
    answers = ledger.execute_all((one for one in (wrong, right)), keep_going=True)  # type: ignore[arg-type]
    assert [type(answer).__name__ for answer in answers] == ["InputError", "Result"]


ANYTHING: st.SearchStrategy[Any] = st.one_of(
    st.integers(-1, 2**53),
    st.sampled_from([0, GIB, 2**52, Bytes(GIB), Sizes.SMALL, Number(), Mode.STATIC, Guest.LINUX, HostVersion.V2019]),
    st.sampled_from(["web01", "hv01", "new", "10.0", Label("web01"), STATIC, ConfigVersion(9, 0), None, True, 1, 2, 3]),
    st.builds(MemorySetting, st.sampled_from(Mode), *[st.sampled_from([0, 5, 50, GIB, 2.0, -1])] * 5),
    st.text(max_size=3),
    st.floats(),
)


@given(data=st.data())
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_given_for_any_field_it_is_refused_or_can_be_read_back(ledger: Ledger, data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(sorted(COMMANDS.values(), key=lambda kind: kind.__name__)))
    command: Command = unmade(kind, **{part.name: data.draw(ANYTHING) for part in fields(kind)})
    about = {name: data.draw(ANYTHING) for name in ("at", "reason", "correlation") if data.draw(st.booleans())}
    before = ledger.position
    [answer] = ledger.execute_all([Request(command, "ann", "test", **about)])
    recorded = list(ledger.events(before))
    assert len(recorded) == (0 if isinstance(answer, InputError) else len(answer.events))
    assert not isinstance(answer, InputError) or answer.message


# What is about to be stored


def test_a_decision_that_does_not_follow_from_its_evidence_is_never_written(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = stored(ledger)

    def decide(command: Command, reads: Any) -> Any:
        answer = decider.decide(command, reads)
        events = tuple((stream, changed(event, granted=1)) for stream, event in answer.events)
        return replace(answer, events=events)

    with monkeypatch.context() as patched:
        patched.setattr(unit_of_work, "decide", decide)
        with pytest.raises(InternalError, match=r"granted is 1, and should be 2147483648.*nothing.*report"):
            ledger.execute(Request(AddMemory("web01", 2 * GIB), "ann", "test"))
    assert stored(ledger) == before
    assert ledger.execute(Request(Stop("web01"), "ann", "test")).in_full


def test_an_event_that_would_be_read_back_as_another_is_never_written(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = stored(ledger)

    def decide(command: Command, reads: Any) -> Any:
        answer = decider.decide(command, reads)
        events = tuple((stream, changed(event, requested=2.0 * GIB)) for stream, event in answer.events)
        return replace(answer, events=events)

    with monkeypatch.context() as patched:
        patched.setattr(unit_of_work, "decide", decide)
        with pytest.raises(InternalError, match="nothing was recorded"):
            ledger.execute(Request(AddMemory("web01", 2 * GIB), "ann", "test"))
    assert stored(ledger) == before


# Observations


@pytest.mark.parametrize(
    ("observation", "beginning"),
    [
        (None, "None"),
        (Observation("", ()), "key: ''"),
        (Observation(5, ()), "key: 5"),  # type: ignore[arg-type]
        (Observation("k", [Fact("vm/lab", VmLost(), TEN)]), "facts: "),  # type: ignore[arg-type]
        (Observation("k", ("x",)), "facts: 'x'"),  # type: ignore[arg-type]
        (Observation("k", (), begins={"vm/lab"}), "begins: "),  # type: ignore[arg-type]
        (Observation("k", (), reason=5), "reason: 5"),  # type: ignore[arg-type]
        (Observation("k", (), actor=""), "actor: ''"),
        (Observation("k", (Fact("lab", VmLost(), TEN),)), "stream: 'lab'"),  # type: ignore[arg-type]
        (Observation("k", (Fact("vm/lab", VmLost, TEN),)), "event: "),  # type: ignore[arg-type]
        (Observation("k", (Fact("vm/lab", VmLost(), "noon"),)), "happened: 'noon'"),  # type: ignore[arg-type]
        (Observation("k", (Fact("vm/lab", VmLost(), "2026-11-23T10:00:00Z"),)), "happened: "),  # type: ignore[arg-type]
        (Observation("k", (Fact("vm/lab", VmLost(), TEN, 5),)), "earliest: 5"),  # type: ignore[arg-type]
        (Observation("k", (Fact("vm/lab", unmade(VmChangeRequested), TEN),)), "event vm/lab/1 cannot be stored"),  # type: ignore[arg-type]
    ],
)
def test_a_wrong_observation_is_an_input_error_and_leaves_nothing(
    ledger: Ledger, observation: Any, beginning: str
) -> None:
    before = stored(ledger)
    with pytest.raises(InputError) as raised:
        ledger.record([observation], actor="ann", via="test")
    assert raised.value.message.startswith(beginning), raised.value.message
    assert raised.value.hint
    assert stored(ledger) == before


def test_an_event_of_a_decision_cannot_be_observed(ledger: Ledger) -> None:
    [stopped] = ledger.execute(Request(Stop("web01"), "ann", "test")).events[:1]
    with pytest.raises(InputError, match="is decided by a ledger"):
        ledger.record([Observation("k", (Fact("vm/lab", stopped, TEN),))], actor="ann", via="test")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="actor: 5"):
        ledger.record([], actor=5, via="test")  # type: ignore[arg-type]


def test_a_number_too_long_to_be_written_is_no_member_of_an_enum(ledger: Ledger) -> None:
    host = RegisterHost("hv01", 10**5000, 2**36, 2**30)  # type: ignore[arg-type]
    with pytest.raises(InputError, match=r"version: a value .* is not a HostVersion"):
        ledger.execute(Request(host, "ann", "test"))
