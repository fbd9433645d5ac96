"""Looks at events of one form: whether what is stored is, to the byte, what the rules would have recorded.

Whatever an event claims is put into the terms, and its whole body is written from these, and that of the event on the
host's stream that follows. So a wrong claim leaves an event to the judge.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias, cast

import numpy
import pyarrow
import pyarrow.compute

from domain.quantities import LARGEST
from nilometer.audit.sieve.claims import EventRows
from nilometer.audit.sieve.columns import Column, Program, type_of
from nilometer.audit.sieve.events import Events
from nilometer.audit.sieve.expected import ExpectedEvent
from nilometer.audit.sieve.streams import Streams
from nilometer.audit.sieve.texts import BodyWriter, Piece, Writer, Writing
from rules.symbolic.terms import Term
from rules.symbolic.values import SymbolicRecord, leaves

ROWS_TOGETHER: Final = 16_384
"""So many events are looked at together: their columns fit into the processor's cache."""
UNKNOWN: Final = -1
"""Stands for a release that an event does not say, and for the state of a VM that is not there any more."""


@dataclass(frozen=True, slots=True)
class Written:
    """Events of one form that are stored just as they would be recorded: what they claim, and what they lead to."""

    form: int
    index: Column
    """Which of the events that were looked at."""
    guest: Column
    host: Column
    """The number of the stream of the host that was read or changed."""
    host_before: Column | None
    """Its account: the version of its stream, total, reserve, held; ``None`` if it begins."""
    host_after: Column
    release: Column
    """Its release, by number, as far as the events say it."""
    on_host: Column
    """Whether its stream has an event of this change."""
    vm_before: Column | None
    vm_after: Column | None
    """``None`` if the events are about a host."""
    booked: Column
    """Whether the event on the host's stream that has to follow directly, if there has to be one, is that."""
    has_book: Column

    def only(self, which: Column) -> Written:
        """Some of them."""
        return Written(
            form=self.form,
            index=self.index[which],
            guest=self.guest[which],
            host=self.host[which],
            host_before=_some(self.host_before, which),
            host_after=self.host_after[which],
            release=self.release[which],
            on_host=self.on_host[which],
            vm_before=_some(self.vm_before, which),
            vm_after=_some(self.vm_after, which),
            booked=self.booked[which],
            has_book=self.has_book[which],
        )


def _some(column: Column | None, which: Column) -> Column | None:
    return None if column is None else column[which]


class Form:
    """An expected event that is looked for."""

    def __init__(self, number: int, event: ExpectedEvent) -> None:
        self.event = event
        self._number = number
        writer = BodyWriter(event.claims)
        self._holds, self._guest = writer.number(event.holds), writer.number(event.guest)
        self._body = writer.pieces(_head(lambda writing: writing.rows.causation), event.data, _TAIL)
        book = event.book
        if book is not None:
            self._gives, self._gets_back = writer.number(book.gives), writer.number(book.gets_back)
            self._book = writer.pieces(_head(lambda writing: writing.rows.own_id), book.data, _TAIL)
        self._vm_before = _numbers(writer, event.vm_before)
        self._vm_after = _numbers(writer, event.vm_after)
        self._host_before, self._host_after = (
            _numbers(writer, host, without="version") for host in (event.host_before, event.host_after)
        )
        release = event.host_after.fields.get("version")
        self._release = None if release is None else writer.number(cast("Term", release))
        self._variables = {name: term.sort for name, term in event.variables.items()}
        self._program = Program(list(writer.results))
        self._texts = writer.texts
        self._reads_host = event.vm_after is not None

    def look(self, events: Events, streams: Streams, index: Column) -> list[Written]:
        """Those of some events that are stored as they would be recorded in this form."""
        found = list[Written]()
        for begin in range(0, len(index), ROWS_TOGETHER):
            written = self._look(EventRows(events, streams, index[begin : begin + ROWS_TOGETHER]))
            if written is not None:
                found.append(written)
        return found

    def _look(self, rows: EventRows) -> Written | None:
        rows, given = self._read_claims(rows)
        columns = self._program.run(given, len(rows))
        texts = {path: rows.claimed_text(path) for path in self._texts}
        writing = Writing(rows, columns, texts)
        sound = columns[self._holds] & _equal(rows.body, writing.join(self._body))
        if not sound.any():
            return None
        booked, has_book = numpy.ones(len(rows), bool), numpy.zeros(len(rows), bool)
        read_version = rows.read_version if self._reads_host else rows.version - 1
        host = rows.read_host if self._reads_host else rows.stream
        if self.event.book is not None:
            gives, gets_back = columns[self._gives], columns[self._gets_back]
            has_book = gives | gets_back
            follows = rows.is_followed_by(host, read_version + 1, gives, gets_back)
            booked = ~has_book | (follows & _equal(rows.next_body, writing.join(self._book)))
        after_version = read_version + has_book if self._reads_host else rows.version
        written = Written(
            form=self._number,
            index=rows.index,
            guest=columns[self._guest],
            host=host,
            host_before=_account(columns, self._host_before, read_version),
            host_after=cast("Column", _account(columns, self._host_after, after_version)),
            release=numpy.full(len(rows), UNKNOWN, numpy.int8) if self._release is None else columns[self._release],
            on_host=has_book if self._reads_host else numpy.ones(len(rows), bool),
            vm_before=_matrix(columns, self._vm_before),
            vm_after=self._left(columns),
            booked=booked,
            has_book=has_book,
        )
        return written if sound.all() else written.only(sound)

    def _read_claims(self, rows: EventRows) -> tuple[EventRows, dict[str, Column]]:
        """The columns of the variables, of the events that claim them all, and no others."""
        given = {name: rows.claimed(self.event.claims[name], sort) for name, sort in self._variables.items()}
        sane = rows.readable & rows.are_of("vm" if self._reads_host else "host")
        if self._reads_host:
            sane &= (rows.read_version >= 0) & (rows.read_host >= 0)
        for column in given.values():
            sane &= (column >= 0) & (column <= LARGEST)
        if not sane.all():
            rows = rows.only(sane)
            given = {name: column[sane] for name, column in given.items()}
        return rows, {name: column.astype(type_of(self._variables[name]), copy=False) for name, column in given.items()}

    def _left(self, columns: Sequence[Column]) -> Column | None:
        """The state of the VM after the events."""
        matrix = _matrix(columns, self._vm_after)
        return numpy.full_like(matrix, UNKNOWN) if self.event.is_removal and matrix is not None else matrix


_Places: TypeAlias = "list[int] | None"
"""The numbers of the terms of a state; ``None`` where there is none."""


def _numbers(writer: BodyWriter, state: SymbolicRecord | None, without: str = "") -> _Places:
    return None if state is None else [writer.number(term) for path, term in leaves(state) if path != without]


def _matrix(columns: Sequence[Column], places: _Places) -> Column | None:
    """A state of each event, a row each."""
    return (
        None
        if places is None
        else numpy.stack([columns[place].astype(numpy.int64, copy=False) for place in places], axis=1)
    )


def _account(columns: Sequence[Column], places: _Places, version: Column) -> Column | None:
    """The version of a host's stream and its account, a row for each event."""
    return None if places is None else numpy.stack([version, *(columns[place] for place in places)], axis=1)


_FALSE: Final = pyarrow.scalar(False, pyarrow.bool_())


def _equal(one: pyarrow.Array, other: pyarrow.Array) -> Column:
    found = pyarrow.compute.equal(one, other)
    if found.null_count:
        found = pyarrow.compute.fill_null(found, _FALSE)
    return found.to_numpy(zero_copy_only=False)


def _head(causation: Writer) -> list[Piece]:
    """What stands before the data of an event."""
    return [
        '{"actor":',
        lambda writing: writing.rows.actor,
        ',"causation":',
        causation,
        ',"correlation":',
        lambda writing: writing.rows.correlation,
        ',"data":',
    ]


_TAIL: Final[Sequence[Piece]] = (
    ',"earliest":null,"happened":"',
    lambda writing: writing.rows.happened_text,
    'Z","reason":',
    lambda writing: writing.rows.reason,
    ',"recorded":"',
    lambda writing: writing.rows.recorded_text,
    'Z","via":',
    lambda writing: writing.rows.via,
    "}",
)
"""What stands behind it."""
