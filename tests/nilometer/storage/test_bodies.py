"""Stored bodies are canonical JSON, as an independent library of RFC 8785 writes it, and are read back as they were."""

from __future__ import annotations

import dataclasses
import json
import types
from collections.abc import Iterator
from enum import StrEnum
from functools import cache
from typing import Annotated, Any, Literal, NewType, Union, get_args, get_origin, get_type_hints

import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.envelope import Metadata
from domain.events import Decided, Event
from domain.identifiers import UtcTime
from domain.kinds import BY_POLICIES, DECIDED, EVENTS, OBSERVED, POLICIES
from domain.observed.events import VmLost
from domain.quantities import LARGEST
from domain.settings import ConfigVersion
from nilometer.errors import UnreadableEvent
from nilometer.storage.bodies import decode, encode, is_decided, split_topic, topic_of

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
KINDS: list[type[Event]] = [EVENTS[known] for known in sorted(EVENTS)]
CONFIG_VERSIONS = st.builds(ConfigVersion, st.integers(0, 9999), st.integers(0, 9999))


def anything_of(kind: Any) -> st.SearchStrategy[Any]:
    """Any value that a field of an event may have."""
    return _strategy(kind)


@cache  # a strategy that is made anew for each example takes longer than to draw from it
def _strategy(kind: Any) -> st.SearchStrategy[Any]:
    origin = get_origin(kind)
    if origin is Annotated:
        return anything_of(get_args(kind)[0])
    if kind is UtcTime:
        return st.datetimes().map(lambda moment: f"{moment.isoformat(timespec='microseconds')}Z")
    if isinstance(kind, NewType):
        return anything_of(kind.__supertype__)
    if origin is Literal:
        return st.sampled_from(get_args(kind))
    if origin in (Union, types.UnionType):
        return st.one_of([anything_of(one) for one in get_args(kind)])
    if origin is tuple:
        return st.lists(anything_of(get_args(kind)[0]), max_size=3).map(tuple)
    if origin is dict and bool in get_args(get_args(kind)[1]):  # the figures that a policy reads
        values = st.one_of(TEXTS, st.integers(0, LARGEST), st.booleans())
        return st.dictionaries(st.sampled_from(("host.free", "vm.power", "vm.vsc")), values).map(
            lambda found: dict(sorted(found.items()))
        )
    if origin is dict and get_args(kind)[1] is int:  # what each VM of a group holds
        return st.dictionaries(st.sampled_from(("db01", "web01")), st.integers(0, LARGEST)).map(
            lambda found: dict(sorted(found.items()))
        )
    if origin is dict:
        inside = {"dict": st.just({"static": {"size": 2**21}}), "text": TEXTS, "number": st.integers(0, LARGEST)}
        keys = st.sampled_from(["amount", "guest", "memory", "size", "to"])
        return st.dictionaries(keys, st.one_of(list(inside.values()))).map(lambda found: dict(sorted(found.items())))
    if kind is ConfigVersion:
        return CONFIG_VERSIONS
    if dataclasses.is_dataclass(kind):
        made: Any = kind
        return st.builds(made, **{name: anything_of(of) for name, of in fields_of(kind).items()})
    if kind is type(None):
        return st.none()
    if issubclass(kind, bool):
        return st.booleans()
    if issubclass(kind, StrEnum):
        return st.sampled_from(list(kind))
    return st.integers(-LARGEST, LARGEST) if kind is int else TEXTS


def fields_of(kind: Any) -> dict[str, Any]:
    """The fields of a record with their types."""
    hints = get_type_hints(kind, include_extras=True)
    return {field.name: hints[field.name] for field in dataclasses.fields(kind)}


@pytest.mark.parametrize("kind", KINDS, ids=topic_of)
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_a_body_is_canonical_and_is_read_back_as_it_was(kind: type[Event], data: st.DataObject) -> None:
    event = data.draw(anything_of(kind))
    metadata = data.draw(anything_of(Metadata))
    topic, body = encode(event, metadata)
    assert body == rfc8785.dumps(json.loads(body))
    envelope = decode("vm/any", 7, topic, body, 9)
    assert (envelope.event, envelope.metadata) == (event, metadata)
    assert (envelope.stream, envelope.version, envelope.position) == ("vm/any", 7, 9)


@pytest.mark.parametrize("kind", KINDS, ids=topic_of)
@settings(max_examples=5, deadline=None)
@given(data=st.data())
def test_what_is_not_in_the_shape_of_its_kind_is_refused(kind: type[Event], data: st.DataObject) -> None:
    topic, body = encode(data.draw(anything_of(kind)), data.draw(anything_of(Metadata)))
    whole = json.loads(body)
    for damaged in ({**whole, "more": 1}, {**whole, "data": {**whole["data"], "more": 1}}, {**whole, "actor": 7}):
        with pytest.raises(UnreadableEvent, match="event vm/any/7 at position 9 cannot be read"):
            decode("vm/any", 7, topic, json.dumps(damaged).encode(), 9)


@pytest.mark.parametrize("name", ["happened", "recorded", "earliest"])
def test_a_time_in_another_form_is_refused_whichever_it_is(name: str) -> None:
    now = UtcTime("2026-11-23T09:00:00.000000Z")
    metadata = Metadata(actor="ann", via="test", happened=now, recorded=now, correlation="c", earliest=now)
    topic, body = encode(VmLost(), metadata)
    damaged = json.dumps({**json.loads(body), name: "2026-11-23 09:00"}).encode()
    assert decode("vm/any", 7, topic, body).metadata == metadata
    with pytest.raises(UnreadableEvent, match="'2026-11-23 09:00' is not a time as events have it"):
        decode("vm/any", 7, topic, damaged)


def test_every_kind_of_event_is_in_the_table_once() -> None:
    def kinds(base: type[Event]) -> Iterator[type[Event]]:
        if "KIND" in vars(base):
            yield base
        for derived in base.__subclasses__():
            yield from kinds(derived)

    assert {kind.__qualname__ for kind in kinds(Event)} == {kind.__qualname__ for kind in KINDS}
    assert len(EVENTS) == len(DECIDED) + len(BY_POLICIES) + len(OBSERVED) + len(POLICIES)


@pytest.mark.parametrize(
    ("topic", "parts"),
    [
        ("vm.started/1", ("vm.started", 1)),
        ("vm.started/999999999", ("vm.started", 999_999_999)),
        ("vm.started/1000000000", ("vm.started", 0)),
        ("vm.started/one", ("vm.started", 0)),
        ("vm.started/²", ("vm.started", 0)),
        ("vm.started/١", ("vm.started", 0)),
        ("vm.started/", ("vm.started", 0)),
        ("vm.started", ("", 0)),
    ],
)
def test_a_topic_is_a_kind_and_a_version(topic: str, parts: tuple[str, int]) -> None:
    assert split_topic(topic) == parts


def test_a_topic_is_of_a_decision_by_its_kind_whatever_its_version() -> None:
    for event in EVENTS.values():
        for version in (0, event.VERSION, 99):
            assert is_decided(f"{event.KIND}/{version}") is issubclass(event, Decided)
    assert is_decided("somebody.else/1"), "nobody knows"
