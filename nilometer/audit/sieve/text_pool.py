"""Compares stored texts with texts that are to stand in them one after the other, without joining these.

Arrow has an array of texts as the places where they end in one buffer. So what is stored is cut by the lengths of what
is expected, which copies nothing, and the pieces are compared with what is expected in one call.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy
import pyarrow
import pyarrow.compute

from nilometer.audit.sieve.columns import Column

EMPTY: Final = 0
"""The number of the text that is empty."""
_MISSING: Final = 2**40
"""Stands for the length of a text that is null: no stored text is so long, so none is the same."""
_VIEW: Final = "V16"
"""A view of Arrow: the length of a text, and where it stands or, of a short one, what it is."""


@dataclass(frozen=True)
class _Texts:
    """The texts of a pool, all in one array."""

    texts: pyarrow.Array

    @cached_property
    def lengths(self) -> Column:
        """How many bytes each has."""
        lengths = pyarrow.compute.binary_length(self.texts).cast(pyarrow.int64())
        return pyarrow.compute.fill_null(lengths, _MISSING).to_numpy()

    @cached_property
    def _as_views(self) -> pyarrow.Array:
        return self.texts.cast(pyarrow.string_view())

    @cached_property
    def views(self) -> Column:
        """A view of each."""
        _, views, *_ = self._as_views.buffers()
        assert views is not None
        return numpy.frombuffer(memoryview(views), _VIEW)[: len(self.texts)]

    def chosen(self, which: Column) -> pyarrow.Array:
        """Some of them; nothing is copied but views."""
        views = pyarrow.py_buffer(self.views.take(which))
        return pyarrow.Array.from_buffers(
            pyarrow.string_view(), len(which), [None, views, *self._as_views.buffers()[2:]]
        )


class TextPool:
    """Texts, each with a number: they are together what many longer texts are made of."""

    def __init__(self) -> None:
        self._arrays = [pyarrow.array([""], pyarrow.string())]
        self._begins: dict[int, int] = {}
        """The number of the first text of each array, by the array's identity."""
        self._size = 1
        self._known: _Texts | None = None

    def add(self, texts: pyarrow.Array) -> int:
        """Adds texts, unless this array was added before. Gives the number of the first; the others follow it."""
        begin = self._begins.get(id(texts))
        if begin is None:
            begin = self._begins[id(texts)] = self._size
            self._arrays.append(texts)  # so that its identity stays its own
            self._size += len(texts)
            self._known = None
        return begin

    def join(self, which: Column) -> pyarrow.Array:
        """For each row of numbers their texts, one after the other; null if one of them is."""
        count, width = which.shape
        ends = numpy.arange(0, count * width + 1, width, dtype=numpy.int32)
        texts = self._texts().texts.take(pyarrow.array(which.reshape(-1)))
        return pyarrow.compute.binary_join(pyarrow.ListArray.from_arrays(ends, texts), "")

    def are_joined(self, stored: pyarrow.Array, which: Column) -> Column:
        """Whether each stored text is the texts of a row of numbers, one after the other."""
        count, width = len(which), which.shape[1]
        _, offsets, data = stored.buffers()
        fits: Column = numpy.zeros(count, bool)
        if not count or offsets is None or data is None:
            return fits
        texts, begins = self._texts(), numpy.frombuffer(memoryview(offsets), numpy.int32)[stored.offset :][: count + 1]
        lengths = texts.lengths.take(which)
        ends = lengths.cumsum()
        fits |= ends[width - 1 :: width] == begins[1:] - begins[0]
        if not fits.all():
            stored_lengths = numpy.diff(begins)
            fits[:] = lengths.sum(axis=1) == stored_lengths
            lengths[~fits] = 0  # not to be cut: all of it is in the first piece
            lengths[~fits, 0] = stored_lengths[~fits]
            ends = lengths.cumsum()
        places = numpy.concatenate([begins[:1], begins[0] + ends]).astype(numpy.int32)
        pieces = pyarrow.Array.from_buffers(pyarrow.string(), which.size, [None, pyarrow.py_buffer(places), data])
        same = pyarrow.compute.equal(pieces.cast(pyarrow.string_view()), texts.chosen(which.reshape(-1)))
        if not pyarrow.compute.all(same).as_py():
            fits &= same.to_numpy(zero_copy_only=False).reshape(count, width).all(axis=1)
        return fits

    def _texts(self) -> _Texts:
        if self._known is None:
            self._known = _Texts(pyarrow.concat_arrays(self._arrays))
        return self._known
