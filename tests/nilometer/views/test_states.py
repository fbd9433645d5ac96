"""Stored states: read in plain Python as they were written, and refused where they are not what a record holds."""

from __future__ import annotations

import json
from typing import Any

import pytest

from domain.identifiers import host_stream, vm_stream
from nilometer.ledger.ledger import Ledger
from nilometer.views.records import reader_of
from nilometer.views.states import KINDS, kind_of, read_state, write_state
from nilometer.views.tables import ViewError
from projections.tracked import AnyTracked
from tests.nilometer.storage.test_golden_ledger import LEDGER

with Ledger.open(f"sqlite:///{LEDGER}", read_only=True) as golden:
    _FLEET = golden.views.fleet()
    _VMS: dict[str, AnyTracked] = {vm_stream(id): tracked for id, tracked in _FLEET.vms.items()}
    _TRACKED: dict[str, AnyTracked] = _VMS | {host_stream(id): tracked for id, tracked in _FLEET.hosts.items()}
    STORED = [(stream, kind_of(tracked), write_state(tracked)) for stream, tracked in _TRACKED.items()]


def test_all_kinds_are_stored() -> None:
    assert {kind for _, kind, _ in STORED} == set(KINDS.values())


@pytest.mark.parametrize(("stream", "kind", "state"), STORED, ids=[stream for stream, _, _ in STORED])
def test_what_is_read_is_written_as_it_was(stream: str, kind: str, state: str) -> None:
    tracked = read_state(stream, kind, state)
    assert (kind_of(tracked), write_state(tracked)) == (kind, state)


def state_of(kind: str) -> Any:
    return json.loads(next(state for _, of, state in STORED if of == kind))


@pytest.mark.parametrize(
    ("key", "value", "why"),
    [
        ("version", "1", "'1' is not a whole number"),
        ("version", True, "True is not a whole number"),
        ("version", 1.0, "1.0 is not a whole number"),
        ("removed", 0, "0 is not true or false"),
        ("name", 7, "7 is not a text"),
        ("name", None, "None is not a text"),
        ("state", [], r"\[\] is not an object"),
    ],
)
def test_a_figure_of_another_type_is_refused(key: str, value: object, why: str) -> None:
    state = state_of("decided-vm")
    state["subject"][key] = value
    with pytest.raises(ViewError, match=f"the state of vm/a is unreadable: {why}"):
        read_state("vm/a", "decided-vm", json.dumps(state))


def test_a_word_that_no_enum_has_is_refused() -> None:
    state = state_of("decided-vm")
    state["subject"]["state"]["power"] = "asleep"
    with pytest.raises(ViewError, match="'asleep' is not one of off, running, paused, saved"):
        read_state("vm/a", "decided-vm", json.dumps(state))


@pytest.mark.parametrize("kind", KINDS.values())
def test_a_state_that_lacks_a_figure_is_refused(kind: str) -> None:
    for key in state_of(kind)["subject"]:
        state = state_of(kind)
        del state["subject"][key]
        with pytest.raises(ViewError, match=f"lacks '{key}'"):
            read_state("vm/a", kind, json.dumps(state))


@pytest.mark.parametrize("state", ["", "{", "null", "[]", "7", '"text"'])
def test_what_is_no_record_is_refused(state: str) -> None:
    with pytest.raises(ViewError, match="is unreadable"):
        read_state("vm/a", "observed-vm", state)


def test_a_type_that_no_stored_record_has_is_refused() -> None:
    with pytest.raises(TypeError, match="no stored record has a field of"):
        reader_of(list[str])
