"""Looks at events of one form: what of them the rules would have recorded.

Whatever an event claims is put into the terms, and its whole body is written from these, and that of the event on the
host's stream that follows. So a wrong claim leaves an event to the judge: what is stored is not, to the byte, that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias, cast

import numpy

from domain.quantities import LARGEST
from nilometer.audit.expected import ExpectedEvent, HostChange
from nilometer.audit.sieve.bodies import ExpectedBodies
from nilometer.audit.sieve.claims import EventRows, has_column, is_alike
from nilometer.audit.sieve.columns import Column, Program, type_of
from nilometer.audit.sieve.combinations import Claims, FormFigures
from nilometer.audit.sieve.events import NOTHING
from nilometer.audit.sieve.states import UNKNOWN, HostStates, StateFigures, Written
from nilometer.audit.sieve.texts import BodyWriter, OfEvent, Writing
from rules.symbolic.terms import Term
from rules.symbolic.values import SymbolicRecord, leaves


@dataclass(frozen=True, slots=True)
class _HostProposal:
    """What events of a form say of a host that they read or change, before it is known whether they are stored so."""

    form: _HostForm
    stream: Column
    version: Column
    has_book: Column
    """Whether its stream must have an event of this change."""
    following: Column
    """The place where that event must stand."""
    expected: int
    """The number by which its body is expected."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """Events that may be of a form: what the rules would have recorded is expected, and not compared yet."""

    form: Form
    rows: EventRows
    figures: FormFigures
    holds: Column
    """Whether what else has to hold does."""
    expected: int
    """The number by which their bodies are expected."""
    hosts: Sequence[_HostProposal]

    def written(self, bodies: ExpectedBodies) -> Written | None:
        """Those of them that are stored as they were expected; ``None`` if there are none."""
        rows, index = self.rows, self.rows.index
        sound = self.holds & bodies.are_right(self.expected, index, index)
        if not sound.any():
            return None
        booked, books = numpy.ones(len(rows), bool), numpy.zeros(len(rows), numpy.int64)
        for host in self.hosts:
            is_booked = bodies.are_right(host.expected, host.following, index)
            booked, books = booked & (~host.has_book | is_booked), books + host.has_book
        written = self.form.written(self, booked, books)
        return written if sound.all() else written.only(sound)


class Form:
    """An expected event that is looked for."""

    def __init__(self, number: int, event: ExpectedEvent) -> None:
        self.event = event
        self._number = number
        writer = BodyWriter()
        self._holds, self._guest = writer.number(event.holds), writer.number(event.guest)
        self._data = writer.pieces(event.data)
        self._hosts = [_HostForm(writer, host, event.vms) for host in event.hosts]
        self._vm_before = _numbers(writer, event.vm_before)
        self._vm_after = _numbers(writer, event.vm_after)
        self._variables = {name: term.sort for name, term in event.variables.items()}
        self._program = Program(list(writer.results))
        self._texts, self._written = writer.texts, writer.written
        self._are_alike = all(map(is_alike, [*(event.claims[name] for name in self._variables), *self._texts]))
        """Whether events that are alike claim the same values of all variables, and the same texts."""
        ids = [(*host.read, "id") for host in event.hosts if host.read is not None]
        self.has_columns = self._are_alike and all(map(has_column, [*self._texts, *ids]))
        """Whether all that such an event claims has columns of an export."""
        self._kind = "host" if event.vm_after is None else "vm"

    def propose(self, rows: EventRows, bodies: ExpectedBodies) -> Proposal | None:
        """Expects what the rules would have recorded of events; ``None`` if they would have recorded none so."""
        rows, claims = self._read_claims(rows)
        columns = self._program.run(claims.values, claims.count)
        figures = FormFigures(columns, self._written, claims.which, claims.texts)
        holds = figures.of_events(self._holds)
        if not holds.any():
            return None
        writing = Writing(rows, figures)
        data = [piece.write(writing) for piece in self._data]
        expected = bodies.expect(rows.index, rows.index, [*rows.causation, *data], holds)
        hosts, books = list[_HostProposal](), numpy.zeros(len(rows), numpy.int64)
        for form in self._hosts:
            host = form.propose(writing, books + 1, holds, bodies)
            hosts.append(host)
            books = books + host.has_book
        return Proposal(form=self, rows=rows, figures=figures, holds=holds, expected=expected, hosts=hosts)

    def written(self, proposal: Proposal, booked: Column, books: Column) -> Written:
        """What the events of a proposal claim and lead to."""
        figures = proposal.figures
        return Written(
            form=self._number,
            index=proposal.rows.index,
            guest=figures.of_events(self._guest),
            hosts=[host.form.states(figures, host) for host in proposal.hosts],
            moves=self.event.moves,
            vm_before=_figures(figures, self._vm_before),
            vm_after=self._left(figures),
            booked=booked,
            books=books,
        )

    def _read_claims(self, rows: EventRows) -> tuple[EventRows, Claims]:
        """The values of the variables, of the events that claim them all, and no others."""
        claims = self._claims_of(rows)
        within = numpy.ones(claims.count, bool)
        for column in claims.values.values():
            within &= (column >= 0) & (column <= LARGEST)
        sane = rows.readable & rows.are_of(self._kind) & claims.spread(within)
        read = [(rows.read_host(form.read), rows.read_version(form.read)) for form in self._hosts if form.read]
        for host, version in read:
            sane &= (host >= 0) & (version >= 0)
        if len(read) > 1:
            sane &= read[0][0] != read[1][0]
        if not sane.all():
            rows, claims = rows.only(sane), claims.only(within, sane)
        return rows, claims.of_types({name: type_of(sort) for name, sort in self._variables.items()})

    def _claims_of(self, rows: EventRows) -> Claims:
        alike = rows.alike() if self._are_alike else None
        those = rows if alike is None else alike[0]
        given = {name: those.claimed(self.event.claims[name], sort) for name, sort in self._variables.items()}
        texts = {path: those.claimed_text(path) for path in self._texts}
        if alike is None:
            return Claims.from_columns(given, texts, len(rows))
        return Claims(given, texts, len(those), alike[1])

    def _left(self, figures: FormFigures) -> StateFigures | None:
        """The state of the VM after the events."""
        after = _figures(figures, self._vm_after)
        return (
            after if after is None or not self.event.is_removal else StateFigures.unknown(after.width, len(after.which))
        )


class _HostForm:
    """A host of an expected event."""

    def __init__(self, writer: BodyWriter, host: HostChange, vms: Term | None) -> None:
        self.read = host.read
        self._ends, self._more = host.ends, host.vms
        self._vms = None if vms is None else writer.number(vms)
        self._before, self._after = (_numbers(writer, state, without="version") for state in (host.before, host.after))
        release = host.after.fields.get("version")
        self._release = None if release is None else writer.number(cast("Term", release))
        self._book: tuple[int, int, Sequence[OfEvent]] | None = None
        if host.book is not None:
            book = host.book
            self._book = writer.number(book.gives), writer.number(book.gets_back), writer.pieces(book.data)

    def propose(self, writing: Writing, after: Column, holds: Column, bodies: ExpectedBodies) -> _HostProposal:
        """What some events say of it, and where its stream must have an event: that is expected too.

        ``after`` says how many events after each that one is.
        """
        rows, figures, read = writing.rows, writing.figures, self.read
        stream = rows.stream if read is None else rows.read_host(read)
        version = rows.version - 1 if read is None else rows.read_version(read)
        has_book, expected = numpy.zeros(len(rows), bool), NOTHING
        following = rows.following(after)
        if self._book is not None:
            gives, gets_back = (figures.of_events(number) for number in self._book[:2])
            has_book = gives | gets_back
            follows = rows.is_followed_by(stream, version + 1, gives, gets_back, after=after)
            texts = [*rows.own_id, *(piece.write(writing) for piece in self._book[2])]
            expected = bodies.expect(following, rows.index, texts, holds & has_book & follows)
        return _HostProposal(
            form=self,
            stream=stream,
            version=version,
            has_book=has_book,
            following=following,
            expected=expected,
        )

    def states(self, figures: FormFigures, proposal: _HostProposal) -> HostStates:
        """What events claim of it, and what they lead to."""
        on_host = numpy.ones(len(proposal.stream), bool) if self.read is None else proposal.has_book
        version = proposal.version + on_host
        after, count = cast("StateFigures", _figures(figures, self._after)), len(version)
        return HostStates(
            stream=proposal.stream,
            before=_figures(figures, self._before),
            after=StateFigures.unknown(after.width, count) if self._ends else after,
            release=_known(figures, self._release, count),
            on_host=on_host,
            version_before=proposal.version,
            version=version,
            vms_read=_known(figures, self._vms, count),
            vms=numpy.full(count, self._more, numpy.int64),
        )


_Places: TypeAlias = "list[int] | None"
"""The numbers of the terms of a state; ``None`` where there is none."""


def _numbers(writer: BodyWriter, state: SymbolicRecord | None, without: str = "") -> _Places:
    return None if state is None else [writer.number(term) for path, term in leaves(state) if path != without]


def _known(figures: FormFigures, place: int | None, count: int) -> Column:
    """What events say of a term, as far as they say it."""
    return numpy.full(count, UNKNOWN, numpy.int8) if place is None else figures.of_events(place)


def _figures(figures: FormFigures, places: _Places) -> StateFigures | None:
    """A state of each event."""
    if places is None:
        return None
    columns = [figures.columns[place].astype(numpy.int64, copy=False) for place in places]
    return StateFigures(numpy.stack(columns, axis=1), figures.which)
