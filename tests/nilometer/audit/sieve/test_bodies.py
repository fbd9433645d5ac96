"""What is expected of an event counts for whoever expected it last, and only for the event it was expected of."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy
import pytest

from detection.histories import Line
from nilometer.audit.sieve.arrow_texts import Texts
from nilometer.audit.sieve.bodies import ExpectedBodies, keep_others
from nilometer.audit.sieve.events import ENCODED, READ, Events
from nilometer.audit.sieve.judging import open_export
from nilometer.audit.sieve.pieces import ExportPiece, read_pieces
from nilometer.audit.sieve.streams import Streams
from tests.nilometer.audit.sieve.exporting import export_of
from tests.nilometer.audit.sieve.known import known_history

ALL = numpy.array([True])
FIRST, SECOND = numpy.array([0]), numpy.array([1])


@pytest.fixture(scope="module")
def lines() -> list[Line]:
    return known_history(1, 20)


@pytest.fixture
def events(lines: list[Line], tmp_path: Path) -> Events:
    (piece,) = pieces_of(export_of(lines, tmp_path))
    return Events(piece.columns, Streams())


def pieces_of(export: Path) -> Iterator[ExportPiece]:
    return read_pieces(open_export(export), READ, "vm.", ENCODED)


def texts(data: str) -> list[Texts]:
    """The texts of one event without a cause."""
    between = ',"correlation":"', f'","data":{data}', ',"earliest":null,"happened":"'
    return [Texts.same(text, 1) for text in ("null", *between)]


def test_an_event_that_is_expected_is_right_for_whoever_expected_it(events: Events) -> None:
    bodies = ExpectedBodies(events)
    number = bodies.expect(FIRST, FIRST, texts("{}"), ALL)
    assert bodies.compare(FIRST, bodies.write(FIRST)).all()
    assert bodies.are_right(number, FIRST, FIRST).all()
    assert not bodies.are_right(number, SECOND, SECOND).any()


def test_of_an_event_of_which_nothing_is_expected_nothing_is_right(events: Events) -> None:
    bodies = ExpectedBodies(events)
    number = bodies.expect(FIRST, FIRST, texts("{}"), ALL)
    assert not bodies.compare(SECOND, bodies.write(SECOND)).any()
    assert not bodies.are_right(number, SECOND, SECOND).any()


def test_who_expects_an_event_after_another_is_the_one_who_counts(events: Events) -> None:
    bodies = ExpectedBodies(events)
    before, number = (bodies.expect(FIRST, FIRST, texts(data), ALL) for data in ('{"a":1}', "{}"))
    bodies.compare(FIRST, bodies.write(FIRST))
    assert bodies.are_right(number, FIRST, FIRST).all()
    assert not bodies.are_right(before, FIRST, FIRST).any()


def test_an_event_that_two_events_lead_to_is_right_for_the_one_of_which_it_is_made(events: Events) -> None:
    bodies = ExpectedBodies(events)
    twice = numpy.array([0, 0])
    of_both = [Texts(text.texts, numpy.array([0, 0])) for text in texts("{}")]
    number = bodies.expect(twice, numpy.array([1, 2]), of_both, numpy.array([True, True]))
    bodies.compare(FIRST, bodies.write(FIRST))
    assert bodies.are_right(number, twice, numpy.array([1, 2])).tolist() == [False, True]


def test_texts_of_an_expectation_that_was_replaced_are_gone(events: Events) -> None:
    bodies = ExpectedBodies(events)
    bodies.expect(FIRST, FIRST, [*texts("{}"), Texts.same("more", 1)], ALL)
    assert bodies.write(FIRST)[0].as_py().count('"happened":"more') == 1
    bodies.expect(FIRST, FIRST, texts("{}"), ALL)
    assert bodies.write(FIRST)[0].as_py().count("more") == 0


def test_only_what_is_stored_otherwise_is_kept(lines: list[Line], tmp_path: Path) -> None:
    export = export_of(lines, tmp_path)
    stored = [body.as_py() for piece in pieces_of(export) for bodies in piece.bodies for body in bodies]
    pieces = pieces_of(export)
    piece = next(pieces)
    bodies = ExpectedBodies(Events(piece.columns, Streams()))
    data = stored[0].split(',"data":')[1].split(',"earliest":')[0]
    bodies.expect(FIRST, FIRST, texts(data), ALL)
    others = keep_others(bodies, piece.bodies)
    assert others.places.tolist() == list(range(1, len(lines)))
    assert [others.write(numpy.array([place]))[0].as_py() for place in (1, len(lines) - 1)] == [stored[1], stored[-1]]
    assert next(pieces, None) is None
