"""Commands and events are shown, compared and hashed as dataclasses are, though nothing is generated for it."""

from __future__ import annotations

from dataclasses import dataclass, is_dataclass, make_dataclass
from typing import Any, cast

import pytest

from domain.commands import AddMemory, RemoveMemory, Start
from domain.events import HostFigures
from domain.kinds import EVENTS
from domain.record import Record


@dataclass(frozen=True, slots=True)
class Twin:
    """What a dataclass generates for the fields of ``AddMemory``."""

    vm: str
    amount: int


def test_it_is_shown_as_a_dataclass_is() -> None:
    assert repr(AddMemory("web01", 2**31)) == repr(Twin("web01", 2**31)).replace("Twin", "AddMemory")


def test_it_equals_one_of_its_class_with_the_same_values_alone() -> None:
    assert AddMemory("web01", 2) == AddMemory("web01", 2)
    assert AddMemory("web01", 2) != AddMemory("web01", 4)
    assert AddMemory("web01", 2) != RemoveMemory("web01", 2)
    assert AddMemory("web01", 2) != ("web01", 2)
    assert Start("web01") != "web01"


def test_equal_ones_have_the_same_hash() -> None:
    assert {AddMemory("web01", 2), AddMemory("web01", 2), Start("web01")} == {AddMemory("web01", 2), Start("web01")}
    assert hash(AddMemory("web01", 2)) == hash(Twin("web01", 2))


def test_it_is_frozen() -> None:
    with pytest.raises(AttributeError):
        cast("Any", HostFigures(1, 0, 1, 0)).total = 2


@pytest.mark.parametrize("event", EVENTS.values(), ids=lambda event: event.KIND)
def test_each_event_is_one(event: Any) -> None:
    assert Record in event.__mro__
    assert is_dataclass(event)
    assert (event.__eq__, event.__hash__, event.__repr__) == (Record.__eq__, Record.__hash__, Record.__repr__)


def test_a_class_that_adds_no_field_is_another_class() -> None:
    other = make_dataclass("Other", [], bases=(AddMemory,), frozen=True, eq=False, repr=False)
    assert other("web01", 2) != AddMemory("web01", 2)
