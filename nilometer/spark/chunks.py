"""Lines of a history in chunks: what belongs together in some megabytes of lines, packed. Made and read in a worker.

A row of Spark costs some microseconds wherever it goes, and as much again for its bytes. So lines go from the task that
reads them to the one that judges them as chunks, of which there are few, and which are small.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterable, Iterator, Sequence
from operator import attrgetter
from typing import Final, NamedTuple

import pyarrow
from pyarrow import compute

from nilometer.audit.partitioning.grouping import Survey
from nilometer.history.groups import StreamGroups
from nilometer.spark.headers import read_headers, survey_headers, without_blank
from nilometer.spark.history import to_columns
from nilometer.textio.streaming import BATCH_EVENTS

CHUNKS: Final = "first long, survey binary, stream string, positions binary, lengths binary, lines binary"
"""A row is a chunk, which names one of its streams, or has no stream and is the survey of all lines of a task."""
WINDOW_BYTES: Final = 2**24
"""Lines of so many bytes are surveyed together, and cut into chunks."""
_PACKED: Final = "lz4_raw"


def cut_lines(batches: Iterator[pyarrow.RecordBatch], together: int = WINDOW_BYTES) -> Iterator[pyarrow.RecordBatch]:
    """The lines of one task in chunks, of so many bytes of lines at a time, and their survey.

    There is none unless the lines are some consecutive events, in order but for nearby ones.
    """
    survey, is_regular = Survey(), True
    for window in _windows(batches, together):
        lines = without_blank(window.cast(pyarrow.binary()))
        if not len(lines):
            continue
        headers = read_headers(lines)
        found = survey_headers(headers)
        yield from _cut(lines, headers, found).to_batches()
        if is_regular and _are_next(survey, headers):
            survey.merge(found)
        else:
            is_regular = False
    if not is_regular:
        yield from _write_survey(0, None).to_batches()
    elif survey.first or survey.undivided:
        yield from _write_survey(survey.first, survey).to_batches()


def _windows(batches: Iterable[pyarrow.RecordBatch], together: int) -> Iterator[pyarrow.Array]:
    """The lines of some batches, so many bytes together."""
    waiting, size = list[pyarrow.Array](), 0
    for batch in batches:
        waiting.append(batch.column("value"))
        size += batch.nbytes
        if size >= together:
            yield pyarrow.concat_arrays(waiting)
            waiting, size = [], 0
    if waiting:
        yield pyarrow.concat_arrays(waiting)


def _are_next(survey: Survey, headers: pyarrow.Table) -> bool:
    """Whether these are the events that come next, whatever their order among them."""
    positions = headers.column("position")
    first, last = compute.min(positions).as_py(), compute.max(positions).as_py()
    is_next = not survey.first or (first == survey.last + 1 and not survey.undivided)
    return is_next and not headers.column("stream").null_count and last - first + 1 == len(positions)


def _write_survey(first: int, survey: Survey | None) -> pyarrow.Table:
    content = None if survey is None else pickle.dumps(survey)
    return to_columns([[first], [content], [None], [None], [None], [None]], CHUNKS)


def _cut(lines: pyarrow.Array, headers: pyarrow.Table, survey: Survey) -> pyarrow.Table:
    """A chunk for chunk group of streams that must be judged together, as far as these lines show."""
    positions = headers.column("position").combine_chunks()
    streams = headers.column("stream").combine_chunks().dictionary_encode()
    groups = _groups_of(streams, survey)
    order = compute.array_sort_indices(groups)  # a stable sort: within a group as before
    if compute.any(compute.less_equal(_steps(positions), 0)).as_py():
        by_position = compute.array_sort_indices(positions)
        order = by_position.take(compute.array_sort_indices(groups.take(by_position)))
    groups, lines, positions = groups.take(order), lines.take(order), positions.take(order)
    begins = [0, *(row + 1 for row in compute.indices_nonzero(compute.not_equal(_steps(groups), 0)).to_pylist())]
    names: list[str | None] = streams.take(order.take(begins)).cast(pyarrow.string()).to_pylist()
    places, texts, sizes = _view(positions, 1), _view(lines, 2), _view(compute.binary_length(lines), 1)
    bounds, rows = _view(lines, 1).cast("i"), list[Sequence[object]]()
    for name, begin, end in zip(names, begins, [*begins[1:], len(groups)], strict=True):
        packed = pyarrow.compress(texts[bounds[begin] : bounds[end]], codec=_PACKED, asbytes=True)
        its_places, its_sizes = bytes(places[8 * begin : 8 * end]), bytes(sizes[4 * begin : 4 * end])
        rows.append((None, None, name or "", its_places, its_sizes, packed))
    return to_columns(zip(*rows, strict=True), CHUNKS)


def _steps(values: pyarrow.Array) -> pyarrow.Array:
    """How much chunk value is more than the one before it."""
    return compute.subtract(values.slice(1), values.slice(0, max(0, len(values) - 1)))


def _view(column: pyarrow.Array, number: int) -> memoryview:
    """The bytes of a column that was just made: 1 are its numbers, or where its texts begin; 2 are its texts."""
    buffer = column.buffers()[number]
    return memoryview(b"" if buffer is None else buffer)


def _groups_of(streams: pyarrow.DictionaryArray, survey: Survey) -> pyarrow.Array:
    """A number for the group of chunk line; lines without a header are one."""
    names: list[bytes] = [name.encode() for name in streams.dictionary.to_pylist()]
    groups, numbers = StreamGroups(), dict[bytes, int]()
    for one, other in survey.connected:
        groups.join(one, other)
    found = [numbers.setdefault(groups.root(name), len(numbers)) for name in names]
    return compute.fill_null(pyarrow.array(found, pyarrow.int32()).take(streams.indices), -1)


# What judges them


class _Chunk(NamedTuple):
    """One chunk, still packed."""

    first: int
    last: int
    positions: pyarrow.Buffer
    lengths: pyarrow.Buffer
    lines: pyarrow.Buffer


def lines_in(chunks: pyarrow.Table) -> Iterator[Sequence[tuple[int, bytes]]]:
    """The lines of some chunks, in batches, in the order of their positions.

    Only chunks with positions among chunk other's are unpacked at the same time.
    """
    packed = sorted(
        map(_read_chunk, *(chunks.column(name) for name in ("positions", "lengths", "lines"))), key=attrgetter("first")
    )
    together, last = list[_Chunk](), 0
    for chunk in packed:
        if together and chunk.first > last:
            yield from _in_order(together)
            together = []
        together.append(chunk)
        last = max(last, chunk.last)
    if together:
        yield from _in_order(together)


def _read_chunk(positions: pyarrow.Scalar, lengths: pyarrow.Scalar, lines: pyarrow.Scalar) -> _Chunk:
    buffer = positions.as_buffer()
    numbers = memoryview(buffer).cast("q")
    return _Chunk(numbers[0], numbers[-1], buffer, lengths.as_buffer(), lines.as_buffer())


def _in_order(chunks: Sequence[_Chunk]) -> Iterator[Sequence[tuple[int, bytes]]]:
    positions = _numbers([chunk.positions for chunk in chunks], pyarrow.int64(), 8)
    lines = _unpack(chunks)
    order = None if len(chunks) == 1 else compute.array_sort_indices(positions)
    for begin in range(0, len(positions), _TOGETHER):
        if order is None:
            some, places = lines.slice(begin, _TOGETHER), positions.slice(begin, _TOGETHER)
        else:
            rows = order.slice(begin, _TOGETHER)
            some, places = lines.take(rows), positions.take(rows)
        numbered = list(zip(places.to_pylist(), some.to_pylist(), strict=True))
        for row in range(0, len(numbered), BATCH_EVENTS):
            yield numbered[row : row + BATCH_EVENTS]


_TOGETHER: Final = 8 * BATCH_EVENTS


def _unpack(chunks: Sequence[_Chunk]) -> pyarrow.Array:
    """The lines of some chunks, put together at once: there may be thousands, of few lines chunk."""
    lengths = _numbers([chunk.lengths for chunk in chunks], pyarrow.int32(), 4).cast(pyarrow.int64())
    ends = compute.cumulative_sum(lengths)
    offsets = pyarrow.concat_arrays([pyarrow.array([0], pyarrow.int64()), ends])
    texts = [
        pyarrow.decompress(chunk.lines, sum(memoryview(chunk.lengths).cast("i")), codec=_PACKED) for chunk in chunks
    ]
    buffers = [None, offsets.buffers()[1], pyarrow.py_buffer(b"".join(texts))]
    return pyarrow.Array.from_buffers(pyarrow.large_binary(), len(lengths), buffers)


def _numbers(buffers: Sequence[pyarrow.Buffer], type: pyarrow.DataType, size: int) -> pyarrow.Array:
    """The numbers of such a size that stand in some buffers."""
    joined = b"".join(buffers)
    return pyarrow.Array.from_buffers(type, len(joined) // size, [None, pyarrow.py_buffer(joined)])
