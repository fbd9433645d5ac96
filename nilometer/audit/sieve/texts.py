"""Writes bodies as columns of texts: what is the same in all events, and between it figures, labels and moments."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Final, TypeAlias, cast

import pyarrow
import pyarrow.compute

from domain.settings import ConfigVersion
from nilometer.audit.sieve.arrow_texts import constant, figures_as_json, join
from nilometer.audit.sieve.claims import VM_READ, EventRows
from nilometer.audit.sieve.columns import Column
from nilometer.audit.sieve.expected import Claimed, FromStream, Nullable, Part, Path, ReadVersion, Text, VersionBefore
from nilometer.audit.sieve.expected.parts import terms_of
from rules.symbolic import terms
from rules.symbolic.terms import Op, Sort, Term
from rules.symbolic.values import SymbolicRecord

Writer: TypeAlias = "Callable[[Writing], pyarrow.Array]"
Piece: TypeAlias = "str | Writer"
"""A text that is the same in all events, or what writes one for each."""
NULL: Final = "null"


class Writing:
    """Some events of which bodies are written, and the columns of the terms in them."""

    def __init__(
        self, rows: EventRows, columns: Sequence[Column] | Mapping[int, Column], texts: Mapping[Path, pyarrow.Array]
    ) -> None:
        self.rows = rows
        self.texts = texts
        """The texts that the events claim, as JSON."""
        self.columns = columns
        self._figures: dict[int, pyarrow.Array] = {}

    def figure(self, number: int, sort: Sort) -> pyarrow.Array:
        """A column as JSON."""
        found = self._figures.get(number)
        if found is None:
            found = self._figures[number] = figures_as_json(self.columns[number], sort)
        return found

    def join(self, pieces: Sequence[Piece]) -> pyarrow.Array:
        """The pieces of each event, one after the other."""
        return join([piece if isinstance(piece, str) else piece(self) for piece in pieces])


class BodyWriter:
    """Makes pieces of the data of expected events, and collects the terms and the claimed texts in them."""

    def __init__(self, claims: Mapping[str, Path]) -> None:
        self._claims = claims
        self.results: dict[Term, int] = {}
        """The terms, and their numbers."""
        self.texts: list[Path] = []

    def number(self, term: Term) -> int:
        """The number of a term among the results."""
        return self.results.setdefault(term, len(self.results))

    def pieces(self, before: Sequence[Piece], data: Mapping[str, Part], behind: Sequence[Piece]) -> Sequence[Piece]:
        """A body: the data of an event, and what stands before and behind it."""
        return list(_joined([*before, *self._pieces(data), *behind]))

    def _pieces(self, part: Part) -> Iterator[Piece]:
        match part:
            case None:
                yield NULL
            case Text():
                yield json.dumps(part.text)
            case Claimed():
                yield self._claimed(part.path)
            case FromStream():
                yield lambda writing: writing.rows.subject
            case ReadVersion():
                yield self._version(part)
            case VersionBefore():
                yield lambda writing: writing.rows.version_before_text
            case Term():
                yield self._figure(part)
            case Nullable():
                yield from self._nullable(part)
            case SymbolicRecord() if part.kind is ConfigVersion:
                yield from ('"', self._figure(part.term("major")), ".", self._figure(part.term("minor")), '"')
            case SymbolicRecord():
                yield from self._object(part.fields)
            case _ if (terms_read := self._settings_in(part)) is not None:
                yield self._settings(part, terms_read)
            case _:
                yield from self._object(part)

    def _settings_in(self, part: Mapping[str, Part]) -> Sequence[Term] | None:
        """The variables that are all of a part, if all of them are settings of the VM that was read."""
        found = list(terms_of(part))
        names = [term.leaf for term in found if term.op is Op.VARIABLE]
        of_settings = [name for name in names if self._claims[str(name)][: len(VM_READ)] == VM_READ]
        return found if len(found) > 1 and len(of_settings) == len(found) else None

    def _settings(self, part: Mapping[str, Part], read: Sequence[Term]) -> Writer:
        """Writes settings once for all events that read the same."""
        pieces = list(_joined(self._object(part)))
        sources = {self.number(term): (self._claims[str(term.leaf)], term.sort) for term in read}

        def write(writing: Writing) -> pyarrow.Array:
            columns = {number: writing.rows.in_settings(path, sort) for number, (path, sort) in sources.items()}
            return writing.rows.spread(Writing(writing.rows, columns, {}).join(pieces))

        return write

    def _object(self, parts: Mapping[str, Part]) -> Iterator[Piece]:
        yield "{"
        for number, name in enumerate(sorted(parts)):
            yield f'{"," if number else ""}"{name}":'
            yield from self._pieces(parts[name])
        yield "}"

    def _claimed(self, path: Path) -> Writer:
        if path not in self.texts:
            self.texts.append(path)
        return lambda writing: writing.texts[path]

    def _version(self, part: ReadVersion) -> Writer:
        return lambda writing: writing.rows.read_version_text(part.place)

    def _figure(self, term: Term) -> Piece:
        value = terms.value_of(term)
        if value is not None:
            return json.dumps(value)
        number = self.number(term)
        return lambda writing: writing.figure(number, term.sort)

    def _nullable(self, part: Nullable) -> Iterator[Piece]:
        known = terms.value_of(part.condition)
        if known is True:
            yield from self._pieces(part.part)
        elif known is False:
            yield NULL
        else:
            condition, inner = self.number(part.condition), list(_joined(self._pieces(part.part)))
            yield lambda writing: _chosen(writing.columns[condition], writing.join(inner))


def _chosen(condition: Column, texts: pyarrow.Array) -> pyarrow.Array:
    return pyarrow.compute.if_else(pyarrow.array(condition, pyarrow.bool_()), texts, constant(NULL))


def _joined(pieces: Iterable[Piece]) -> Iterator[Piece]:
    """Pieces; texts that follow each other are one."""
    for is_text, group in groupby(pieces, lambda piece: isinstance(piece, str)):
        if is_text:
            yield "".join(cast("Iterable[str]", group))
        else:
            yield from group
