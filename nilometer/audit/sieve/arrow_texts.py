"""Columns of texts, as Arrow has them: JSON of figures and of texts, and how they are joined."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Final, cast

import numpy
import pyarrow
import pyarrow.compute
from pydantic_core import to_json

from nilometer.audit.sieve.columns import Column
from rules.symbolic.terms import Sort

_QUOTE, _BACKSLASH, _SPACE = b'"\\ '
"""What JSON does not take into a text as it is: the first two, and what comes before a space."""
_TOGETHER: Final = 65_536
"""So many characters are looked at together: they, and what is found of them, stay in the processor's cache."""


@dataclass(frozen=True, slots=True)
class Texts:
    """A text for each event; of those of which many are the same, each is there once."""

    texts: pyarrow.Array
    which: Column | None = None
    """The place of each event's text; ``None`` if each event has its own, in their order."""

    def take(self, places: Column) -> pyarrow.Array:
        """Those of some events."""
        which = places if self.which is None else self.which[places]
        return self.texts.take(pyarrow.array(which))

    def at(self, places: Column) -> Texts:
        """The same, of some events."""
        return Texts(self.texts, places if self.which is None else self.which[places])

    @classmethod
    def same(cls, text: str, count: int) -> Texts:
        """One text for all events."""
        return cls(_only(text), numpy.zeros(count, numpy.int32))


@cache
def _only(text: str) -> pyarrow.Array:
    return pyarrow.array([text], pyarrow.string())


@cache
def constant(text: str) -> pyarrow.Scalar:
    """A text that is the same in all events. Made once: Arrow takes a millisecond to make one of a ``str``."""
    return pyarrow.scalar(text, pyarrow.string())


def join(pieces: Sequence[str | pyarrow.Array | pyarrow.Scalar]) -> pyarrow.Array:
    """Texts that are joined, event by event; at least one is a column."""
    if len(pieces) == 1 and isinstance(pieces[0], pyarrow.Array):
        return pieces[0]
    texts = [constant(piece) if isinstance(piece, str) else piece for piece in pieces]
    return pyarrow.compute.binary_join_element_wise(*texts, constant(""))


def figures_as_json(column: Column, sort: Sort) -> pyarrow.Array:
    """Numbers, truth values or members of an enum as JSON."""
    if sort is int:
        return pyarrow.array(column, pyarrow.int64()).cast(pyarrow.string())
    return _labels_of(cast("type", sort)).take(pyarrow.array(column.astype(numpy.int8), pyarrow.int8()))


@cache
def _labels_of(sort: type) -> pyarrow.Array:
    members = [False, True] if sort is bool else list(cast("type[StrEnum]", sort))
    return pyarrow.array([json.dumps(member) for member in members], pyarrow.string())


def texts_as_json(texts: pyarrow.Array) -> pyarrow.Array:
    """Texts as JSON has them."""
    return join(['"', texts_in_quotes(texts), '"'])


def texts_in_quotes(texts: pyarrow.Array) -> pyarrow.Array:
    """Texts as they stand between the quotes of JSON."""
    if not _are_escaped(texts):
        return texts
    written = (None if text is None else to_json(text).decode()[1:-1] for text in texts.to_pylist())
    return pyarrow.array(written, pyarrow.string())


def _are_escaped(texts: pyarrow.Array) -> bool:
    """Whether some text may have a character that JSON escapes."""
    _, offsets, data = texts.buffers()
    if offsets is None or data is None or not len(texts):
        return False
    begin, end = numpy.frombuffer(memoryview(offsets), numpy.int32)[[texts.offset, texts.offset + len(texts)]]
    characters = numpy.frombuffer(memoryview(data), numpy.uint8)[begin:end]
    blocks = (characters[start : start + _TOGETHER] for start in range(0, len(characters), _TOGETHER))
    return any(bool(((some < _SPACE) | (some == _QUOTE) | (some == _BACKSLASH)).any()) for some in blocks)
