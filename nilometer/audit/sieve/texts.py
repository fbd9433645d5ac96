"""Writes bodies as columns of texts: what is the same in all events, and between it figures, labels and moments."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, groupby
from typing import Final, TypeAlias, cast

import pyarrow
import pyarrow.compute

from domain.settings import ConfigVersion
from nilometer.audit.expected import Claimed, FromStream, Nullable, Part, Path, ReadVersion, Text, VersionBefore
from nilometer.audit.expected.parts import terms_of
from nilometer.audit.sieve.arrow_texts import Texts, constant, join
from nilometer.audit.sieve.claims import EventRows
from nilometer.audit.sieve.columns import Column
from nilometer.audit.sieve.combinations import FigurePiece, FormFigures
from rules.symbolic import terms
from rules.symbolic.terms import Sort, Term
from rules.symbolic.values import SymbolicRecord

NULL: Final = "null"
_BEFORE, _BEHIND = '","data":', ',"earliest":null,"happened":"'
"""What stands before the data, after the correlation, and behind it, before the moments."""


@dataclass(frozen=True, slots=True)
class Writing:
    """Some events of which bodies are written, and the figures in them."""

    rows: EventRows
    figures: FormFigures


@dataclass(frozen=True, slots=True)
class OfEvent:
    """Writes a text for each event."""

    write: Callable[[Writing], Texts]


@dataclass(frozen=True, slots=True)
class ClaimedText:
    """Writes a text that events claim, once for those that are alike."""

    path: Path

    def __call__(self, figures: FormFigures) -> Sequence[pyarrow.Array]:
        """The text of each combination."""
        return [figures.claimed(self.path)]


_Part: TypeAlias = "OfEvent | FigurePiece"


class BodyWriter:
    """Makes pieces of the data of expected events, and collects the terms and the claimed texts in them."""

    def __init__(self) -> None:
        self.results: dict[Term, int] = {}
        """The terms, and their numbers."""
        self.written: dict[int, Sort] = {}
        """The sorts of those that are written as they are, by their numbers."""
        self.texts: list[Path] = []

    def number(self, term: Term) -> int:
        """The number of a term among the results."""
        return self.results.setdefault(term, len(self.results))

    def pieces(self, data: Mapping[str, Part]) -> Sequence[OfEvent]:
        """The data of an event, piece by piece, with what stands between it and the columns around it."""
        pieces = chain([_BEFORE], self._pieces(data), [_BEHIND])
        return [
            piece
            for of_event, group in groupby(pieces, _is_of_event)
            for piece in (cast("Iterable[OfEvent]", group) if of_event else [_of_figures(group)])
        ]

    def _pieces(self, part: Part) -> Iterator[_Part]:
        match part:
            case None:
                yield NULL
            case Text():
                yield json.dumps(part.text)
            case Claimed():
                yield self._claimed(part.path)
            case FromStream():
                yield OfEvent(lambda writing: writing.rows.subject)
            case ReadVersion():
                yield OfEvent(lambda writing: writing.rows.read_version_text(part.place))
            case VersionBefore():
                yield OfEvent(lambda writing: writing.rows.version_before_text)
            case Term():
                yield self._figure(part)
            case Nullable():
                yield from self._nullable(part)
            case SymbolicRecord() if part.kind is ConfigVersion:
                yield from ('"', self._figure(part.term("major")), ".", self._figure(part.term("minor")), '"')
            case SymbolicRecord():
                yield from self._object(part.fields)
            case _:
                yield from self._object(part)

    def _object(self, parts: Mapping[str, Part]) -> Iterator[_Part]:
        written = list(self._written(parts))
        numbers = [self.number(term) for term in dict.fromkeys(terms_of(parts)) if terms.value_of(term) is None]
        if len(numbers) < _MANY or any(map(_has_more, written)):
            yield from written
        else:
            pieces = list(_joined(cast("Iterable[FigurePiece]", written)))
            yield lambda figures: figures.once(numbers, pieces)

    def _written(self, parts: Mapping[str, Part]) -> Iterator[_Part]:
        yield "{"
        for number, name in enumerate(sorted(parts)):
            yield f'{"," if number else ""}"{name}":'
            yield from self._pieces(parts[name])
        yield "}"

    def _claimed(self, path: Path) -> ClaimedText:
        if path not in self.texts:
            self.texts.append(path)
        return ClaimedText(path)

    def _figure(self, term: Term) -> FigurePiece:
        value = terms.value_of(term)
        if value is not None:
            return json.dumps(value)
        number = self.number(term)
        self.written[number] = term.sort
        return lambda figures: [figures.texts[number]]

    def _nullable(self, part: Nullable) -> Iterator[_Part]:
        known = terms.value_of(part.condition)
        if known is True:
            yield from self._pieces(part.part)
        elif known is False:
            yield NULL
        else:
            written = list(self._pieces(part.part))
            assert not any(map(_has_more, written)), "a text of an event that may be null"
            condition, inner = self.number(part.condition), list(_joined(cast("Iterable[FigurePiece]", written)))
            yield lambda figures: [_chosen(figures.columns[condition], figures.expanded(inner))]


_MANY: Final = 4
"""An object with so many figures is written once where it is the same."""


def _is_of_event(part: _Part) -> bool:
    return isinstance(part, OfEvent)


def _has_more(part: _Part) -> bool:
    """Whether a part is written of more than figures."""
    return isinstance(part, OfEvent | ClaimedText)


def _of_figures(parts: Iterable[_Part]) -> OfEvent:
    """Parts that are written once for each combination of figures."""
    pieces = list(_joined(cast("Iterable[FigurePiece]", parts)))
    (only,) = pieces if len(pieces) == 1 else [None]
    if isinstance(only, str):
        return OfEvent(lambda writing: Texts.same(only, len(writing.rows)))
    return OfEvent(lambda writing: writing.figures.join(pieces))


def _chosen(condition: Column, texts: Sequence[str | pyarrow.Array]) -> pyarrow.Array:
    if condition.all():
        return join(texts)
    return pyarrow.compute.if_else(pyarrow.array(condition, pyarrow.bool_()), join(texts), constant(NULL))


def _joined(pieces: Iterable[FigurePiece]) -> Iterator[FigurePiece]:
    """Pieces; texts that follow each other are one."""
    for is_text, group in groupby(pieces, lambda piece: isinstance(piece, str)):
        if is_text:
            yield "".join(cast("Iterable[str]", group))
        else:
            yield from group
