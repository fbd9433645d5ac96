"""The second writer of events comes to the same bytes as the first, or to none at all."""

from __future__ import annotations

from copy import copy
from dataclasses import fields, replace
from enum import StrEnum

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.envelope import Envelope, Metadata
from domain.events import Event
from domain.identifiers import StreamName, UtcTime
from nilometer.ledger.ledger import Ledger
from nilometer.storage import bodies
from nilometer.storage.bodies import encode, find_difference, topic_of
from nilometer.storage.restating import NotRestatedError, OfAnotherTypeError, restater_of
from tests.nilometer.ledger.asking import ask, with_web01
from tests.nilometer.storage.test_bodies import KINDS, anything_of

NOW = UtcTime("2026-11-23T09:00:00.000000Z")


def has_restater(kind: type[Event]) -> bool:
    try:
        restater_of(kind)
    except NotRestatedError:
        return False
    return True


RESTATED = [kind for kind in KINDS if has_restater(kind)]


def test_the_events_of_resizing_have_a_second_writer() -> None:
    assert {"vm.memory-added", "vm.memory-removed", "host.memory-granted"} <= {kind.KIND for kind in RESTATED}


@pytest.mark.parametrize("kind", RESTATED, ids=topic_of)
@settings(max_examples=5, deadline=None)
@given(data=st.data())
def test_both_writers_write_the_same(kind: type[Event], data: st.DataObject) -> None:
    event = data.draw(anything_of(kind))
    _, body = encode(event, data.draw(anything_of(Metadata)))
    assert restater_of(kind)(event).encode() in body


class Number(int):
    """A number that is not plain."""


class Mood(StrEnum):
    """An enum whose members are texts that others have too."""

    COMPLETED = "completed"


@pytest.fixture
def event(tmp_path_factory: pytest.TempPathFactory) -> Event:
    folder = tmp_path_factory.mktemp("ledger")
    with Ledger.open(f"sqlite:///{folder}/ledger.db", create=True, durable=False) as ledger:
        with_web01(ledger)
        return ask(ledger, "add-memory", vm="web01", amount="1GiB").events[0]


LOOKALIKES: dict[str, list[object]] = {
    "hot_added": [True, 1.0, Number(5), None],
    "granted": [True, 1.0, Number(5), "5", float("nan")],
    "outcome": ["completed", Mood.COMPLETED, None],
    "command": [5, None, Mood.COMPLETED],
    "origin": ["observed", None],
    "evidence": [None, {}],
}


@pytest.mark.parametrize(("field", "value"), [(field, value) for field in LOOKALIKES for value in LOOKALIKES[field]])
def test_what_only_looks_like_a_value_has_no_second_writing(event: Event, field: str, value: object) -> None:
    made = copy(event)
    object.__setattr__(made, field, value)
    with pytest.raises(OfAnotherTypeError):
        restater_of(type(event))(made)


def test_bytes_that_differ_are_read_back_however_often_the_class_was(event: Event) -> None:
    metadata = Metadata(actor="ann", via="test", happened=NOW, recorded=NOW, correlation="c")
    envelope = Envelope(stream=StreamName("vm/web01"), version=3, event=event, metadata=metadata)
    topic, body = encode(event, metadata)
    for _ in range(2):
        assert find_difference(envelope, topic, body) is None
    assert find_difference(envelope, topic, body.replace(b"ann", b"bob")) == "actor: 'ann' is read back as 'bob'"
    assert "is not a whole number" in (find_difference(envelope, topic, body.replace(b"1073741824", b"1.5")) or "")
    late = UtcTime("zzz")
    for who in (replace(WHO, happened=late), replace(WHO, recorded=late), replace(WHO, earliest=late)):
        assert find_difference(envelope, topic, body) is None  # the second writer of the class is believed again
        difference = find_difference(replace(envelope, metadata=who), *encode(event, who))
        assert difference == "'zzz' is not a time as events have it"


WHO = Metadata(
    actor="ann",
    via="test",
    happened=NOW,
    recorded=NOW,
    correlation="c",
    earliest=NOW,
    reason="month end",
    causation="before",
)
BEFORE = UtcTime("2026-11-23T08:00:00.000000Z")


@pytest.mark.parametrize(
    ("stored", "difference"),
    [
        (replace(WHO, actor="bob"), "actor: 'ann' is read back as 'bob'"),
        (replace(WHO, via="cli"), "via: 'test' is read back as 'cli'"),
        (replace(WHO, happened=BEFORE), f"happened: {NOW!r} is read back as {BEFORE!r}"),
        (replace(WHO, recorded=BEFORE), f"recorded: {NOW!r} is read back as {BEFORE!r}"),
        (replace(WHO, correlation="d"), "correlation: 'c' is read back as 'd'"),
        (replace(WHO, earliest=BEFORE), f"earliest: {NOW!r} is read back as {BEFORE!r}"),
        (replace(WHO, reason=None), "reason: 'month end' is read back as None"),
        (replace(WHO, causation=None), "causation: 'before' is read back as None"),
    ],
    ids=[field.name for field in fields(Metadata)],
)
def test_whatever_of_who_when_and_why_is_stored_as_another_is_named(
    event: Event, stored: Metadata, difference: str
) -> None:
    envelope = Envelope(stream=StreamName("vm/web01"), version=3, event=event, metadata=WHO)
    assert find_difference(envelope, *encode(event, stored)) == difference


def test_whatever_of_an_event_is_stored_as_another_is_named(event: Event) -> None:
    metadata = Metadata(actor="ann", via="test", happened=NOW, recorded=NOW, correlation="c")
    envelope = Envelope(stream=StreamName("vm/web01"), version=3, event=event, metadata=metadata)
    topic, body = encode(event, metadata)
    changed = body.replace(b'"command":"add-memory"', b'"command":"grow"')
    assert find_difference(envelope, topic, changed) == "command: 'add-memory' is read back as 'grow'"


def test_a_class_is_read_back_before_its_second_writing_is_believed(
    event: Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bodies, "_CODECS", bodies._Codecs())  # pyright: ignore[reportPrivateUsage]
    metadata = Metadata(actor="ann", via="test", happened=NOW, recorded=NOW, correlation="c")
    envelope = Envelope(stream=StreamName("vm/web01"), version=3, event=event, metadata=metadata)
    topic, body = encode(event, metadata)
    codec = bodies._CODECS[topic]  # pyright: ignore[reportPrivateUsage]
    assert not codec.was_read_back
    assert find_difference(envelope, topic, body) is None
    assert codec.was_read_back
