"""Looks for the events of each form in a piece of an export."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest

import numpy
import pyarrow

from domain.commands import COMMANDS
from nilometer.audit.expected import ExpectedEvent, expected_events_of
from nilometer.audit.sieve.bodies import ExpectedBodies, StoredBodies, keep_others
from nilometer.audit.sieve.claims import EventRows
from nilometer.audit.sieve.columns import Column
from nilometer.audit.sieve.events import Events, Key
from nilometer.audit.sieve.forms import Form, Proposal
from nilometer.audit.sieve.states import Written
from nilometer.audit.sieve.streams import Streams


@dataclass(frozen=True, slots=True)
class Looked:
    """What was found in a piece."""

    written: Sequence[Written]
    _expected: ExpectedBodies
    _others: StoredBodies
    """What is stored otherwise than it was expected first."""

    def bodies(self, places: Column) -> list[str]:
        """What is stored of some events."""
        among = numpy.isin(places, self._others.places)
        bodies = numpy.empty(len(places), object)
        for source, which in ((self._others, among), (self._expected, ~among)):
            if which.any():
                bodies[which] = source.write(places[which]).to_pylist()
        return bodies.tolist()


class Looking:
    """The forms that are looked for."""

    def __init__(self, streams: Streams) -> None:
        self._streams = streams
        self.expected: list[ExpectedEvent] = []
        """The forms, by number: those of the commands that events name."""
        self._numbers = defaultdict[Key, list[int]](list)
        """The numbers of the forms, by the topic of an event, its command and whether it says a size."""
        self._commands: set[str] = set()
        """The commands whose rules were read."""
        self._forms: dict[int, Form] = {}
        """Those that were looked for so far."""

    def look(self, events: Events, stored: Iterable[pyarrow.Array], among: Column) -> Looked:
        """Looks for some events: which of them are stored as they would be recorded.

        First for the forms of which all has columns, as bodies are not kept; what is not stored as one of these is
        looked at again in other forms, one form after the other.
        """
        of_keys = [(*self._forms_of(key), index) for key, index in events.by_key(among)]
        expected = ExpectedBodies(events)
        proposals = self._propose(events, ((form, index) for form, _, index in of_keys), expected)
        others = keep_others(expected, stored)
        written = list(_written(proposals, expected))
        left = numpy.zeros(events.count, bool)
        left[others.places] = True
        for turn in zip_longest(*(forms for _, forms, _ in of_keys)):
            again = [(form, index[left[index]]) for form, (_, _, index) in zip(turn, of_keys, strict=True)]
            bodies = ExpectedBodies(events)
            proposals = self._propose(events, again, bodies, others)
            if proposals:
                bodies.compare(others.places, others.bodies)
            for found in _written(proposals, bodies):
                left[found.index] = False
                written.append(found)
        return Looked(written, expected, others)

    def _propose(
        self,
        events: Events,
        of_forms: Iterable[tuple[Form | None, Column]],
        bodies: ExpectedBodies,
        stored: StoredBodies | None = None,
    ) -> Sequence[Proposal]:
        """What is expected of the events of some forms; ``stored`` is what was kept of them."""
        proposals = (
            form.propose(EventRows(events, self._streams, index, stored), bodies)
            for form, index in of_forms
            if form is not None and len(index)
        )
        return [proposal for proposal in proposals if proposal is not None]

    def _forms_of(self, key: Key) -> tuple[Form | None, Sequence[Form]]:
        """The forms that an event can have: one of which all has columns, and the others."""
        _, command, _ = key
        if command in COMMANDS and command not in self._commands:
            self._read_rules(command)
        numbers = self._numbers.get(key, ())
        for number in numbers:
            if number not in self._forms:
                self._forms[number] = Form(number, self.expected[number])
        forms = [self._forms[number] for number in numbers]
        first = next((form for form in forms if form.has_columns), None)
        return first, [form for form in forms if form is not first]

    def _read_rules(self, command: str) -> None:
        self._commands.add(command)
        for number, form in enumerate(expected_events_of(command), len(self.expected)):
            self.expected.append(form)
            for sized in (False, True) if form.sized is None else (form.sized,):
                self._numbers[form.topic, form.command, sized].append(number)


def _written(proposals: Iterable[Proposal], bodies: ExpectedBodies) -> Iterator[Written]:
    return (found for proposal in proposals if (found := proposal.written(bodies)) is not None)
