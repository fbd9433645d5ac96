"""Expected events as SQL: a query for each form gives the events that are stored just as the rules would record them.

No column is trusted. Whatever a typed column or a part of the body claims is put into the terms, the whole body is
written from these, and only an event whose stored body is that text to the byte is taken. So a wrong claim, or a query
that is wrong, leaves an event to the judge.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Final, cast

from domain.events import HostMemoryGranted, HostMemoryReturned
from domain.quantities import LARGEST
from domain.settings import ConfigVersion
from nilometer.audit.sieve.expected import (
    HOST_ID,
    HOST_VERSION,
    Claimed,
    ExpectedEvent,
    FromStream,
    Nullable,
    Part,
    Path,
    ReadVersion,
    Text,
    VersionBefore,
)
from nilometer.history.columns import COLUMNS
from nilometer.storage.bodies import topic_of
from rules.symbolic import terms
from rules.symbolic.columns import column_type, encode, quote, write_query
from rules.symbolic.terms import Sort, Term
from rules.symbolic.values import SymbolicRecord, leaves

_MOST_OF_A_VERSION: Final = 9999
"""A larger part of a configuration version is unreadable."""
_TYPED: Final = frozenset(column.name for column in COLUMNS)

ARRIVED: Final = "arrived"
"""The table of the events that are looked at."""
RECORDED: Final = "recorded_so"
"""The table of those of them that have the form of an expected event."""
WRITTEN: Final = "written"
"""Those that are stored just as they would be recorded: a view, where ``sound`` is true."""
RECORDED_COLUMNS: Final[Mapping[str, str]] = {
    "position": "BIGINT",
    "stream": "VARCHAR",
    "version": "BIGINT",
    "form": "SMALLINT",
    "guest": "TINYINT",
    "happened": "TIMESTAMP",
    "host": "VARCHAR",
    "vm_before": "VARCHAR",
    "vm_after": "VARCHAR",
    "host_before": "VARCHAR",
    "host_after": "VARCHAR",
    "release": "TINYINT",
    "begins_host": "BOOLEAN",
    "on_host": "BOOLEAN",
    "book_topic": "VARCHAR",
    "book_version": "BIGINT",
    "book_body": "VARCHAR",
    "recorded": "TIMESTAMP",
    "sound": "BOOLEAN",
}
"""Its columns.

``vm_before`` and ``vm_after`` are the state of the VM as text, null where there is none. ``host`` is the stream of the
host that was read or changed, ``host_before`` and ``host_after`` its version and its account as text, ``release`` its
release, null where the event does not say it, ``on_host`` whether its stream has an event of this change.
"""

_COMMA: Final = ", ',', "

HEAD: Final = (
    """concat('{"actor":', to_json(actor), ',"causation":')""",
    """concat(',"correlation":', to_json(correlation), ',"data":')""",
    """concat(',"earliest":null,"happened":"', {happened}, '","reason":', coalesce(to_json(reason)::VARCHAR, 'null'),
    ',"recorded":"', {recorded}, '","via":', to_json(via), '}}')""",
)
"""What stands before the causation, between it and the data, and behind the data, in a body."""


def write_form(number: int, event: ExpectedEvent) -> str:
    """A query that gives a row of ``RECORDED`` for each event of ``ARRIVED`` that is recorded in this form."""
    writer = _Writer()
    body = writer.concatenate(
        [_at("head"), f"coalesce(to_json({_at('causation')})::VARCHAR, 'null')", _at("middle")], event.data
    )
    book, gives, gets_back, book_body = event.book, "false", "false", "NULL"
    if book is not None:
        gives, gets_back = writer.name(book.gives), writer.name(book.gets_back)
        causation = f"to_json(concat({_at('stream')}, '/', {_at('version')}))"
        body_of_book = writer.concatenate([_at("head"), causation, _at("middle")], book.data)
        book_body = f"CASE WHEN {gives} OR {gets_back} THEN {body_of_book} END"
    granted, returned = (topic_of(kind) for kind in (HostMemoryGranted, HostMemoryReturned))
    has_vm, has_host = event.vm_after is not None, event.host_before is not None
    version = _at("version")
    written = f"({gives} OR {gets_back})"
    read_version = quote(_column(HOST_VERSION)) if has_vm else f"{version} - 1"
    after_version = f"{read_version} + CASE WHEN {written} THEN 1 ELSE 0 END" if has_vm else version
    release = event.host_after.fields.get("version")
    columns = {
        "position": _at("position"),
        "stream": _at("stream"),
        "version": _at("version"),
        "form": str(number),
        "guest": writer.name(event.guest),
        "happened": _at("happened"),
        "host": f"concat('host/', {quote(_column(HOST_ID))})" if has_vm else _at("stream"),
        "vm_before": writer.state(event.vm_before),
        "vm_after": "NULL" if event.is_removal else writer.state(event.vm_after),
        "host_before": writer.account(event.host_before, read_version),
        "host_after": writer.account(event.host_after, after_version),
        "release": "NULL" if release is None else writer.name(cast("Term", release)),
        "begins_host": "false" if has_host else "true",
        "on_host": written if has_vm else "true",
        "book_topic": f"CASE WHEN {gives} THEN {_text(granted)} WHEN {gets_back} THEN {_text(returned)} END",
        "book_version": f"CASE WHEN {written} THEN {read_version} + 1 END",
        "book_body": book_body,
        "recorded": _at("recorded"),
    }
    columns["sound"] = f"{writer.name(event.holds)} AND {_at('body')} = {body}"
    claims = _Claims(event, writer.claimed)
    computed = write_query(writer.results, "sane", [*map(_kept, _KEPT), *claims.texts])
    selected = ", ".join(f"{expression} AS {name}" for name, expression in columns.items())
    # Claims are materialized, and soundness is a column: a filter would be pushed down, and all terms into it.
    return (
        f"INSERT INTO {RECORDED} SELECT {selected} FROM (WITH claimed AS MATERIALIZED ({claims.query()}), "
        f"sane AS (SELECT * FROM claimed WHERE {claims.condition}) SELECT * FROM ({computed}))"
    )


_READABLE: Final = (
    "recorded >= happened",
    "happened >= TIMESTAMP '0001-01-01'",
    "recorded < TIMESTAMP '9999-12-31'",
    "actor <> ''",
    "via <> ''",
    "correlation <> ''",
)
"""What each event that can be read has, and what has no remark."""

_KEPT: Final = (
    "position",
    "stream",
    "version",
    "happened",
    "recorded",
    "causation",
    "body",
    "head",
    "middle",
    "tail",
)


def _kept(name: str) -> str:
    """What a column of an event is called beside the variables of the rules."""
    return f"event {name}"


def _at(name: str) -> str:
    return quote(_kept(name))


class _Writer:
    """Writes parts of events as SQL, and collects the terms in them."""

    def __init__(self) -> None:
        self.results: dict[str, Term] = {}
        self.claimed: dict[str, Path] = {}
        """The texts that are claimed, by their columns."""
        self._names: dict[Term, str] = {}

    def name(self, term: Term) -> str:
        """The column of a term, or the constant that it is."""
        value = terms.value_of(term)
        if value is not None:
            return str(encode(value)).lower()
        name = self._names.get(term)
        if name is None:
            name = self._names[term] = f"result {len(self.results)}"
            self.results[name] = term
        return quote(name)

    def state(self, record: SymbolicRecord | None) -> str:
        """A state as a text, by which it is compared with another."""
        return "NULL" if record is None else self._list(term for _, term in leaves(record))

    def account(self, host: SymbolicRecord | None, version: str) -> str:
        """A host's account as a text, with the version of its stream; its release stands apart."""
        if host is None:
            return "NULL"
        figures = _COMMA.join(self.name(term) for path, term in leaves(host) if path != "version")
        return f"concat({version}, ',', {figures})"

    def _list(self, values: Iterable[Term]) -> str:
        return f"concat({_COMMA.join(map(self.name, values))})"

    def concatenate(self, before: Sequence[str], data: Mapping[str, Part]) -> str:
        """The text of a body: what stands before the data, the data, and what stands behind."""
        pieces: list[_Piece] = [*map(_Sql, before), *self._pieces(data), _Sql(_at("tail"))]
        return f"concat({', '.join(_joined(pieces))})"

    def _pieces(self, part: Part) -> Iterator[_Piece]:
        match part:
            case None:
                yield "null"
            case Text():
                yield json.dumps(part.text)
            case Claimed():
                column = _column(part.path)
                self.claimed[column] = part.path
                yield _Sql(f"to_json({quote(column)})")
            case FromStream():
                yield _Sql(f"to_json(split_part({_at('stream')}, '/', 2))")
            case VersionBefore():
                yield _Sql(f"({_at('version')} - 1)")
            case ReadVersion():
                self.claimed[_column(HOST_VERSION)] = HOST_VERSION
                yield _Sql(quote(_column(HOST_VERSION)))
            case Term():
                yield from self._figure(part)
            case Nullable():
                yield from self._nullable(part)
            case SymbolicRecord() if part.kind is ConfigVersion:
                yield from ('"', *self._figure(part.term("major")), ".", *self._figure(part.term("minor")), '"')
            case SymbolicRecord():
                yield from self._object(part.fields)
            case _:
                yield from self._object(part)

    def _object(self, parts: Mapping[str, Part]) -> Iterator[_Piece]:
        yield "{"
        for number, name in enumerate(sorted(parts)):
            yield f'{"," if number else ""}"{name}":'
            yield from self._pieces(parts[name])
        yield "}"

    def _nullable(self, part: Nullable) -> Iterator[_Piece]:
        known = terms.value_of(part.condition)
        if known is True:
            yield from self._pieces(part.part)
        elif known is False:
            yield "null"
        else:
            inner = ", ".join(_joined([*self._pieces(part.part)]))
            yield _Sql(f"CASE WHEN {self.name(part.condition)} THEN concat({inner}) ELSE 'null' END")

    def _figure(self, term: Term) -> Iterator[_Piece]:
        value = terms.value_of(term)
        if value is not None:
            yield json.dumps(value)
        elif term.sort is int:
            yield _Sql(self.name(term))
        else:
            members = [False, True] if term.sort is bool else list(cast("type[StrEnum]", term.sort))
            cases = " ".join(f"WHEN {_literal(encode(member))} THEN {_text(json.dumps(member))}" for member in members)
            yield _Sql(f"CASE {self.name(term)} {cases} END")


class _Sql(str):
    """An expression, not a text that is the same in all rows."""

    __slots__ = ()


_Piece = str
"""A text that is the same in all rows, or an ``_Sql``."""


def _joined(pieces: Iterable[_Piece]) -> Iterator[str]:
    """Pieces as SQL; texts that follow each other are one."""
    text = ""
    for piece in pieces:
        if isinstance(piece, _Sql):
            if text:
                yield _text(text)
            yield str(piece)
            text = ""
        else:
            text += piece
    if text:
        yield _text(text)


class _Claims:
    """The columns of what an event claims."""

    def __init__(self, event: ExpectedEvent, texts: Mapping[str, Path]) -> None:
        self._event = event
        self.texts = list(texts)
        self._structure: dict[str, object] = {}
        self._columns: dict[str, str] = {}
        self._conditions: list[str] = []
        for column, path in texts.items():
            sort: type = int if path == HOST_VERSION else str
            self._add(column, self._source(path, sort), sort)
        for name, term in event.variables.items():
            self._add_variable(name, term.sort, event.claims[name])

    def query(self) -> str:
        """The events of this form, with their claims."""
        event = self._event
        where = [f"topic = {_text(event.topic)}", f"command = {_text(event.command)}", *_READABLE]
        where.append(f"stream LIKE '{'host' if event.vm_after is None else 'vm'}/_%'")
        if event.sized is not None:
            where.append(f"size IS {'NOT ' if event.sized else ''}NULL")
        source = f"SELECT * FROM {ARRIVED} WHERE {' AND '.join(where)}"
        if self._structure:
            structure = _text(json.dumps({"data": self._structure}))
            source = f"SELECT *, json_transform(body, {structure}) AS parsed FROM ({source})"
        columns = ", ".join(f"{expression} AS {quote(name)}" for name, expression in self._columns.items())
        kept = ", ".join(f"{name} AS {_at(name)}" for name in _KEPT)
        return f"SELECT {kept}, {columns} FROM ({source})"

    @property
    def condition(self) -> str:
        """That no claim is null or out of range."""
        return " AND ".join(self._conditions)

    def _add_variable(self, name: str, sort: Sort, path: Path) -> None:
        if path[-2:-1] == ("config_version",):
            text = self._source(path[:-1], str)
            number = {"major": 1, "minor": 2}[path[-1]]
            self._add(name, f"try_cast(split_part({text}, '.', {number}) AS BIGINT)", int, _MOST_OF_A_VERSION)
        elif issubclass(sort, StrEnum):
            text = self._source(path, str)
            cases = " ".join(f"WHEN {_text(member.value)} THEN {encode(member)}" for member in sort)
            self._add(name, f"(CASE {text} {cases} END)::{column_type(sort)}", sort)
        else:
            self._add(name, self._source(path, sort), sort)

    def _add(self, column: str, expression: str, sort: type, most: int = LARGEST) -> None:
        self._columns[column] = expression
        if sort is int:
            self._conditions.append(f"{quote(column)} BETWEEN 0 AND {most}")
        else:
            self._conditions.append(f"{quote(column)} IS NOT NULL")

    def _source(self, path: Path, sort: type) -> str:
        """The typed column of a claim; without one, its place in the body."""
        typed = "_".join(path) if path[0] == "before" else path[0] if len(path) == 1 else ""
        if typed in _READ_TYPED:
            return typed
        inner = self._structure
        for name in path[:-1]:
            inner = cast("dict[str, object]", inner.setdefault(name, {}))
        inner[path[-1]] = {int: "BIGINT", bool: "BOOLEAN"}.get(sort, "VARCHAR")
        return ".".join(["parsed", "data", *map(quote, path)])


_READ_TYPED: Final = frozenset(name for name in _TYPED if name.startswith("before_") or name in ("requested", "size"))
"""The typed columns that are read for claims."""
TYPED_COLUMNS: Final = tuple(column.name for column in COLUMNS if column.name in _READ_TYPED)


def _column(path: Path) -> str:
    return f"claimed {'.'.join(path)}"


def _literal(value: int | bool) -> str:
    return str(value).lower()


def _text(text: str) -> str:
    """A text as SQL has it."""
    return "'" + text.replace("'", "''") + "'"
