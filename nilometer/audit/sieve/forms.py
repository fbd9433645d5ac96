"""Looks at events of one form: whether what is stored is, to the byte, what the rules would have recorded.

Whatever an event claims is put into the terms, and its whole body is written from these, and that of the event on the
host's stream that follows. So a wrong claim leaves an event to the judge.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias, cast

import numpy
import pyarrow
import pyarrow.compute

from domain.quantities import LARGEST
from nilometer.audit.sieve.claims import EventRows, has_column
from nilometer.audit.sieve.columns import Column, Program, type_of
from nilometer.audit.sieve.combinations import Claims, FormFigures
from nilometer.audit.sieve.events import Events
from nilometer.audit.sieve.expected import ExpectedEvent, HostChange, Part
from nilometer.audit.sieve.streams import Streams
from nilometer.audit.sieve.texts import BodyWriter, OfEvent, Piece, Writing
from rules.symbolic.terms import Term
from rules.symbolic.values import SymbolicRecord, leaves

ROWS_TOGETHER: Final = 16_384
"""So many events are looked at together: their columns fit into the processor's cache."""
UNKNOWN: Final = -1
"""Stands for what an event does not say, and for the state of a VM or host that is not there any more."""


@dataclass(frozen=True, slots=True)
class HostStates:
    """What events say of a host that they read or change, a row for each event."""

    stream: Column
    """The number of its stream."""
    before: Column | None
    """Its account: the version of its stream, total, reserve, held; ``None`` if it begins."""
    after: Column
    release: Column
    """Its release, by number, as far as the events say it."""
    on_host: Column
    """Whether its stream has an event of this change."""
    version: Column
    """The version of its stream afterwards."""
    vms_read: Column
    """How many VMs were on it, as far as the events say it."""
    vms: Column
    """How many VMs more are on it afterwards."""

    def only(self, which: Column) -> HostStates:
        """Some of them."""
        return HostStates(
            stream=self.stream[which],
            before=_some(self.before, which),
            after=self.after[which],
            release=self.release[which],
            on_host=self.on_host[which],
            version=self.version[which],
            vms_read=self.vms_read[which],
            vms=self.vms[which],
        )


@dataclass(frozen=True, slots=True)
class Written:
    """Events of one form that are stored just as they would be recorded: what they claim, and what they lead to."""

    form: int
    index: Column
    """Which of the events that were looked at."""
    guest: Column
    hosts: Sequence[HostStates]
    """The host that was read or changed; of a VM that moves or would move to another, this one after it."""
    moves: bool
    """Whether the VM is on the last of them afterwards, and not on the first."""
    vm_before: Column | None
    vm_after: Column | None
    """``None`` if the events are about a host."""
    booked: Column
    """Whether the events on the hosts' streams that have to follow directly are those."""
    books: Column
    """How many they are."""

    @property
    def host(self) -> Column:
        """The number of the stream of the host on which the events are decided."""
        return self.hosts[0].stream

    @property
    def host_after(self) -> Column:
        """That of the host that the VM is on afterwards."""
        return self.hosts[-1 if self.moves else 0].stream

    def only(self, which: Column) -> Written:
        """Some of them."""
        return Written(
            form=self.form,
            index=self.index[which],
            guest=self.guest[which],
            hosts=[host.only(which) for host in self.hosts],
            moves=self.moves,
            vm_before=_some(self.vm_before, which),
            vm_after=_some(self.vm_after, which),
            booked=self.booked[which],
            books=self.books[which],
        )


def _some(column: Column | None, which: Column) -> Column | None:
    return None if column is None else column[which]


class Form:
    """An expected event that is looked for."""

    def __init__(self, number: int, event: ExpectedEvent) -> None:
        self.event = event
        self._number = number
        writer = BodyWriter()
        self._holds, self._guest = writer.number(event.holds), writer.number(event.guest)
        self._body = _body(writer, OfEvent(lambda writing: writing.rows.causation), event.data)
        self._hosts = [_HostForm(writer, host, event.vms) for host in event.hosts]
        self._vm_before = _numbers(writer, event.vm_before)
        self._vm_after = _numbers(writer, event.vm_after)
        self._variables = {name: term.sort for name, term in event.variables.items()}
        self._program = Program(list(writer.results))
        self._texts, self._written = writer.texts, writer.written
        self._has_columns = all(has_column(event.claims[name]) for name in self._variables)
        self._kind = "host" if event.vm_after is None else "vm"

    def look(self, events: Events, streams: Streams, index: Column) -> list[Written]:
        """Those of some events that are stored as they would be recorded in this form."""
        found = list[Written]()
        for begin in range(0, len(index), ROWS_TOGETHER):
            written = self._look(EventRows(events, streams, index[begin : begin + ROWS_TOGETHER]))
            if written is not None:
                found.append(written)
        return found

    def _look(self, rows: EventRows) -> Written | None:
        rows, claims = self._read_claims(rows)
        figures = FormFigures(self._program.run(claims.values, claims.count), self._written, claims.which)
        writing = Writing(rows, figures, {path: rows.claimed_text(path) for path in self._texts})
        sound = figures.of_events(self._holds) & _equal(rows.body, writing.join(self._body))
        if not sound.any():
            return None
        hosts = list[HostStates]()
        booked, books = numpy.ones(len(rows), bool), numpy.zeros(len(rows), numpy.int64)
        for form in self._hosts:
            host, has_book, is_booked = form.look(writing, after=books + 1)
            hosts.append(host)
            booked, books = booked & is_booked, books + has_book
        written = Written(
            form=self._number,
            index=rows.index,
            guest=figures.of_events(self._guest),
            hosts=hosts,
            moves=self.event.moves,
            vm_before=_matrix(figures, self._vm_before),
            vm_after=self._left(figures),
            booked=booked,
            books=books,
        )
        return written if sound.all() else written.only(sound)

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
        alike = rows.alike() if self._has_columns else None
        those = rows if alike is None else alike[0]
        given = {name: those.claimed(self.event.claims[name], sort) for name, sort in self._variables.items()}
        return Claims.from_columns(given, len(rows)) if alike is None else Claims(given, len(those), alike[1])

    def _left(self, figures: FormFigures) -> Column | None:
        """The state of the VM after the events."""
        matrix = _matrix(figures, self._vm_after)
        return numpy.full_like(matrix, UNKNOWN) if self.event.is_removal and matrix is not None else matrix


class _HostForm:
    """A host of an expected event."""

    def __init__(self, writer: BodyWriter, host: HostChange, vms: Term | None) -> None:
        self.read = host.read
        self._ends, self._more = host.ends, host.vms
        self._vms = None if vms is None else writer.number(vms)
        self._before, self._after = (_numbers(writer, state, without="version") for state in (host.before, host.after))
        release = host.after.fields.get("version")
        self._release = None if release is None else writer.number(cast("Term", release))
        self._book: tuple[int, int, Sequence[Piece]] | None = None
        if host.book is not None:
            pieces = _body(writer, OfEvent(lambda writing: writing.rows.own_id), host.book.data)
            self._book = writer.number(host.book.gives), writer.number(host.book.gets_back), pieces

    def look(self, writing: Writing, after: Column) -> tuple[HostStates, Column, Column]:
        """What some events say of it, whether its stream must have an event, and whether that stands where it must.

        ``after`` says how many events after each that is.
        """
        rows, figures, read = writing.rows, writing.figures, self.read
        stream = rows.stream if read is None else rows.read_host(read)
        version = rows.version - 1 if read is None else rows.read_version(read)
        has_book, booked = numpy.zeros(len(rows), bool), numpy.ones(len(rows), bool)
        if self._book is not None:
            gives, gets_back = (figures.of_events(number) for number in self._book[:2])
            has_book = gives | gets_back
            follows = rows.is_followed_by(stream, version + 1, gives, gets_back, after=after)
            booked = ~has_book | (follows & _equal(rows.following_body(after), writing.join(self._book[2])))
        on_host = numpy.ones(len(rows), bool) if read is None else has_book
        after = cast("Column", _account(figures, self._after, version + on_host))
        states = HostStates(
            stream=stream,
            before=_account(figures, self._before, version),
            after=numpy.full_like(after, UNKNOWN) if self._ends else after,
            release=_known(figures, self._release, len(rows)),
            on_host=on_host,
            version=version + on_host,
            vms_read=_known(figures, self._vms, len(rows)),
            vms=numpy.full(len(rows), self._more, numpy.int64),
        )
        return states, has_book, booked


_Places: TypeAlias = "list[int] | None"
"""The numbers of the terms of a state; ``None`` where there is none."""


def _numbers(writer: BodyWriter, state: SymbolicRecord | None, without: str = "") -> _Places:
    return None if state is None else [writer.number(term) for path, term in leaves(state) if path != without]


def _known(figures: FormFigures, place: int | None, count: int) -> Column:
    """What events say of a term, as far as they say it."""
    return numpy.full(count, UNKNOWN, numpy.int8) if place is None else figures.of_events(place)


def _matrix(figures: FormFigures, places: _Places) -> Column | None:
    """A state of each event, a row each."""
    if places is None:
        return None
    columns = [figures.columns[place].astype(numpy.int64, copy=False) for place in places]
    return figures.spread(numpy.stack(columns, axis=1))


def _account(figures: FormFigures, places: _Places, version: Column) -> Column | None:
    """The version of a host's stream and its account, a row for each event."""
    if places is None:
        return None
    return numpy.stack([version, *(figures.of_events(place) for place in places)], axis=1)


_FALSE: Final = pyarrow.scalar(False, pyarrow.bool_())


def _equal(one: pyarrow.Array, other: pyarrow.Array) -> Column:
    found = pyarrow.compute.equal(one, other)
    if found.null_count:
        found = pyarrow.compute.fill_null(found, _FALSE)
    return found.to_numpy(zero_copy_only=False)


def _body(writer: BodyWriter, causation: OfEvent, data: Mapping[str, Part]) -> Sequence[Piece]:
    """A body, with the data of an event."""
    head = [OfEvent(lambda writing: writing.rows.beginning), causation, OfEvent(lambda writing: writing.rows.middle)]
    return writer.pieces(head, data, [OfEvent(lambda writing: writing.rows.end)])
