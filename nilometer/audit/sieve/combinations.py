"""Combinations of figures: what many events have alike is computed once and written once.

Events of one form have many figures in common: the same sizes and settings of the VM, the same account of the host.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Final, TypeAlias

import numpy
import pyarrow

from nilometer.audit.expected import Path
from nilometer.audit.sieve.arrow_texts import Texts, figures_as_json, join
from nilometer.audit.sieve.columns import Column
from rules.symbolic.terms import Sort

_FACTOR: Final = numpy.int64(0x1E3779B97F4A7C15)
"""Odd and large: combinations that differ seldom come to the same number."""
OFTEN: Final = 2
"""So often on average a combination has to occur, or each row is looked at on its own."""
FigurePiece: TypeAlias = "str | Callable[[FormFigures], Sequence[str | pyarrow.Array]]"
"""A text that is the same in all events, or what writes texts for each combination of figures."""
FEW: Final = 512
"""Of so few rows nothing is looked for: it would cost more than it saves."""


def distinct(columns: Sequence[Column], count: int) -> tuple[Column, Column] | None:
    """A row of each combination of values, and for each row the number of its combination.

    ``None`` if nearly every row has one of its own. Rows of one number have the same values: that is compared, and does
    not rest on the numbers by which they are found.
    """
    mixed = numpy.zeros(count, numpy.int64)
    for column in columns:
        mixed *= _FACTOR
        mixed += column
    encoded = pyarrow.array(mixed, pyarrow.int64()).dictionary_encode()
    if len(encoded.dictionary) * OFTEN > count:
        return None
    which: Column = encoded.indices.to_numpy()
    rows = numpy.zeros(len(encoded.dictionary), numpy.int64)
    rows[which] = numpy.arange(count)
    same = rows[which]
    if all((column == column[same]).all() for column in columns):
        return rows, which
    return None


class Claims:
    """What events claim: the values of variables, for each combination of them that occurs."""

    def __init__(
        self, values: Mapping[str, Column], texts: Mapping[Path, Texts], count: int, which: Column | None
    ) -> None:
        self.values = values
        self.texts = texts
        """The texts that they claim, as JSON, by their places in the data."""
        self.count = count
        """How many combinations there are."""
        self.which = which
        """The combination of each event; ``None`` if each has its own."""

    @classmethod
    def from_columns(cls, given: Mapping[str, Column], texts: Mapping[Path, Texts], count: int) -> Claims:
        """Those of so many events, from their columns."""
        labels = [text.which for text in texts.values() if text.which is not None]
        are_few = count >= FEW and len(labels) == len(texts)
        found = distinct([*given.values(), *labels], count) if are_few else None
        if found is None:
            return cls(given, texts, count, None)
        rows, which = found
        values = {name: column[rows] for name, column in given.items()}
        return cls(values, {path: text.at(rows) for path, text in texts.items()}, len(rows), which)

    def spread(self, column: Column) -> Column:
        """What the events have, where each combination has this."""
        spread: Column = column if self.which is None else column[self.which]
        return spread

    def of_types(self, types: Mapping[str, type[numpy.generic]]) -> Claims:
        """The same, in columns of these types."""
        values = {name: column.astype(types[name], copy=False) for name, column in self.values.items()}
        return Claims(values, self.texts, self.count, self.which)

    def only(self, combinations: Column, events: Column) -> Claims:
        """Some of the combinations, and some of the events that have them."""
        kept = events if self.which is None else combinations
        places = numpy.flatnonzero(kept)
        values = {name: column[places] for name, column in self.values.items()}
        texts = {path: text.at(places) for path, text in self.texts.items()}
        which = None if self.which is None else (numpy.cumsum(combinations) - 1).astype(numpy.int32)[self.which[events]]
        return Claims(values, texts, len(places), which)


class FormFigures:
    """The columns of terms, computed for combinations of what events claim."""

    def __init__(
        self,
        columns: Sequence[Column] | Mapping[int, Column],
        written: Mapping[int, Sort],
        which: Column | None,
        claimed: Mapping[Path, Texts],
    ) -> None:
        self.columns = columns
        self._written = written
        """The sorts of those that are written, by their numbers."""
        self._which = which
        self._claimed = claimed
        self._spread: dict[int, Column] = {}

    @property
    def which(self) -> Column:
        """The combination of each event."""
        return numpy.arange(len(self.columns[0])) if self._which is None else self._which

    def of_events(self, number: int) -> Column:
        """A column, of each event."""
        found = self._spread.get(number)
        if found is None:
            found = self._spread[number] = self.spread(self.columns[number])
        return found

    def spread(self, column: Column) -> Column:
        """What the events have, where each combination has this."""
        spread: Column = column if self._which is None else column[self._which]
        return spread

    def join(self, pieces: Sequence[FigurePiece]) -> Texts:
        """The pieces of each event, one after the other."""
        return Texts(join(self.expanded(pieces)), self._which)

    def expanded(self, pieces: Sequence[FigurePiece]) -> list[str | pyarrow.Array]:
        """The texts that are to be joined, of each combination."""
        return [text for piece in pieces for text in ([piece] if isinstance(piece, str) else piece(self))]

    def once(self, numbers: Sequence[int], pieces: Sequence[FigurePiece]) -> Sequence[str | pyarrow.Array]:
        """Pieces of these columns, which are joined once for those that are alike."""
        count = len(self.columns[numbers[0]])
        found = distinct([self.columns[number] for number in numbers], count) if count >= FEW else None
        if found is None:
            return self.expanded(pieces)
        rows, which = found
        written = {number: self._written[number] for number in numbers if number in self._written}
        figures = FormFigures({number: self.columns[number][rows] for number in numbers}, written, which, {})
        return [figures.join(pieces).take(numpy.arange(count))]

    def claimed(self, path: Path) -> pyarrow.Array:
        """The text that each combination claims at a place in its data."""
        return self._claimed[path].take(numpy.arange(len(self.columns[0])))

    @cached_property
    def texts(self) -> Mapping[int, pyarrow.Array]:
        """Those that are written, as JSON, of each combination; all of a sort in one call, as each takes its time."""
        texts = dict[int, pyarrow.Array]()
        for sort in set(self._written.values()):
            numbers = [number for number, other in self._written.items() if other is sort]
            together = figures_as_json(numpy.concatenate([self.columns[number] for number in numbers]), sort)
            count = len(together) // len(numbers)
            texts |= {number: together.slice(place * count, count) for place, number in enumerate(numbers)}
        return texts
