"""Commands and events are made, shown, compared and copied as frozen dataclasses are, though less is generated."""

from __future__ import annotations

import copy
import pickle
from dataclasses import FrozenInstanceError, dataclass, field, is_dataclass, replace
from inspect import signature
from typing import Any, cast

import pytest

from domain.commands import AddMemory, RemoveMemory, Start
from domain.events import HostFigures
from domain.kinds import EVENTS
from domain.record import Record, record


@dataclass(frozen=True, slots=True)
class Twin:
    """What a dataclass generates for the fields of ``AddMemory``."""

    vm: str
    amount: int


@dataclass(frozen=True, slots=True)
class ManyWays:
    """Every way in which a field can be given, by a dataclass."""

    first: int
    second: str = "b"
    third: list[int] = field(default_factory=list[int])
    fourth: bool = field(kw_only=True)
    fifth: int | None = field(kw_only=True, default=None)


@record()
class SameWays(Record):
    """The same ways, by a record."""

    first: int
    second: str = "b"
    third: list[int] = field(default_factory=list[int])
    fourth: bool = field(kw_only=True)
    fifth: int | None = field(kw_only=True, default=None)


@record()
class Nothing(Record):
    """A record without fields."""


def values_or_error(kind: Any, args: tuple[object, ...], by_name: dict[str, object]) -> object:
    """The values of a record that was made of arguments, or the error that says why none can be."""
    try:
        made = kind(*args, **by_name)
    except TypeError as error:
        return str(error).replace(kind.__qualname__, "")
    return [getattr(made, name) for name in ("first", "second", "third", "fourth", "fifth")]


@pytest.mark.parametrize(
    ("args", "by_name"),
    [
        ((1,), {"fourth": True}),
        ((1, "x", [3]), {"fourth": True, "fifth": 5}),
        ((), {"first": 1, "second": "y", "third": [], "fourth": False}),
        ((1,), {}),
        ((), {"fourth": True}),
        ((1, "x", [3], True), {}),
        ((1,), {"first": 1, "fourth": True}),
        ((1,), {"fourth": True, "sixth": 6}),
    ],
)
def test_it_takes_the_arguments_that_a_dataclass_takes(args: tuple[object, ...], by_name: dict[str, object]) -> None:
    assert values_or_error(SameWays, args, by_name) == values_or_error(ManyWays, args, by_name)


def test_its_signature_is_that_of_a_dataclass() -> None:
    assert str(signature(SameWays)) == str(signature(ManyWays))
    assert str(signature(Nothing)) == "() -> None"


def test_a_default_that_can_change_is_made_anew_for_each() -> None:
    one, other = SameWays(1, fourth=True), SameWays(1, fourth=True)
    one.third.append(7)
    assert (one.third, other.third) == ([7], [])


@pytest.mark.parametrize("made", [Start("web01"), SameWays(1, fourth=True, third=[3]), Nothing()])
def test_it_is_copied_and_pickled_as_a_dataclass_is(made: Record) -> None:
    assert [copy.copy(made), copy.deepcopy(made), pickle.loads(pickle.dumps(made))] == [made, made, made]
    assert replace(SameWays(1, fourth=True), second="c") == SameWays(1, "c", fourth=True)


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


@pytest.mark.parametrize("made", [AddMemory("web01", 2), HostFigures(1, 0, 1, 0)])
def test_it_is_frozen(made: object) -> None:
    name = next(iter(cast("Any", made).__slots__))
    before = getattr(made, name)
    with pytest.raises(FrozenInstanceError, match=f"cannot assign to field '{name}'"):
        setattr(made, name, 2)
    with pytest.raises(FrozenInstanceError, match=f"cannot delete field '{name}'"):
        delattr(made, name)
    assert getattr(made, name) == before


@pytest.mark.parametrize("event", EVENTS.values(), ids=lambda event: event.KIND)
def test_each_event_is_one(event: Any) -> None:
    assert Record in event.__mro__
    assert is_dataclass(event)
    assert (event.__eq__, event.__hash__, event.__repr__) == (Record.__eq__, Record.__hash__, Record.__repr__)


def test_a_class_that_adds_no_field_is_another_class() -> None:
    @record()
    class Other(AddMemory):
        pass

    assert Other("web01", 2) != AddMemory("web01", 2)
