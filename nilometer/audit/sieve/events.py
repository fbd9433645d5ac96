"""Some consecutive events of an export as columns: numbers as arrays of numpy, texts as arrays of Arrow.

No column is trusted: from what they claim, the body that should be stored is written, and compared with the one that
is. So a column that lies leaves its event to the judge.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cached_property
from typing import Final, NamedTuple, TypeVar, cast

import numpy
import pyarrow
import pyarrow.compute
from pydantic_core import from_json, to_json

from nilometer.audit.sieve import combinations
from nilometer.audit.sieve.arrow_texts import join, or_null, texts_as_json
from nilometer.audit.sieve.columns import Column
from nilometer.audit.sieve.streams import Streams
from nilometer.history.columns import COLUMNS, ColumnType
from nilometer.history.parquet.arrow import to_utc_times
from nilometer.history.parquet.chunks import Table

T = TypeVar("T")

CLAIMED: Final = tuple(
    column.name
    for column in COLUMNS
    if column.name.startswith(("before_", "read_")) or column.name in ("requested", "size", "after_in_use")
)
ALIKE: Final = frozenset(CLAIMED) - {"read_host_id", "read_host_stream_version"}
"""The columns in which events that are alike are the same."""
_LABELS: Final = frozenset(column.name for column in COLUMNS if column.type is ColumnType.LABEL)
_METADATA: Final = ("happened", "recorded", "actor", "via", "reason", "correlation", "causation")
"""The columns that have what events claim."""
READ: Final = ("position", "stream", "version", "topic", "body", "command", *_METADATA, *CLAIMED)
"""The columns of an export that are read."""

ENCODED: Final = ("stream", "command", "actor", "via", "reason", *(name for name in CLAIMED if name in _LABELS))
"""Those of texts of which many are the same."""

NOTHING: Final = -1
"""Stands where there is no number: no figure of an event is negative."""
_BEGINNING: Final = datetime(1970, 1, 1)
_FIRST_MOMENT, _LAST_MOMENT = (
    (moment - _BEGINNING) // timedelta(microseconds=1) for moment in (datetime(1, 1, 1), datetime(9999, 12, 31))
)
UNKNOWN_TIME: Final = numpy.iinfo(numpy.int64).min
_MICROSECONDS: Final = pyarrow.timestamp("us")


Key = tuple[str, str, bool]
"""The topic of an event, its command, and whether it says a size: by these its form is found."""


class RawEvent(NamedTuple):
    """An event as it is stored."""

    position: int
    stream: str
    version: int
    topic: str
    body: str
    recorded: int
    """When it was recorded, in microseconds, as the column has it."""
    recorded_text: str | None


class Labels:
    """A column of texts of which many are the same."""

    def __init__(self, texts: pyarrow.Array) -> None:
        encoded = texts if isinstance(texts, pyarrow.DictionaryArray) else texts.dictionary_encode()
        self.indices = encoded.indices
        self.numbers = to_numbers(encoded.indices)
        """Which text each event has, from 0; -1 where it has none."""
        self.texts = cast("list[str]", encoded.dictionary.to_pylist())

    def numbered(self, number_of: Callable[[str], int]) -> Column:
        """A number for each event, by its text."""
        return self.chosen([number_of(text) for text in self.texts])

    def chosen(self, numbers: Sequence[int]) -> Column:
        """The number of each event, where these are the numbers of the texts."""
        return self.table(numbers)[self.numbers]

    def table(self, numbers: Sequence[int]) -> Column:
        """The numbers of the texts, and behind them that of an event that has none."""
        return numpy.array([*numbers, NOTHING], numpy.int64)

    def written(self, write: Callable[[str], str]) -> pyarrow.Array:
        """A text for each event, by its text; null where it has none."""
        return pyarrow.array([write(text) for text in self.texts], pyarrow.string()).take(self.indices)

    @cached_property
    def as_json(self) -> pyarrow.Array:
        """The texts of all events as JSON has them; null where there is none."""
        return self.written(_as_json)


class Events:
    """Some consecutive events, in the order of positions."""

    def __init__(self, table: Table, streams: Streams) -> None:
        positions = to_numbers(table.column("position").combine_chunks())
        self._bodies, self._order = table.column("body").combine_chunks(), numpy.argsort(positions, kind="stable")
        """What is stored, in the order in which it was read, as it is long; and the places of the events there."""
        if (positions[1:] <= positions[:-1]).any():
            others = table.drop_columns(["body"])
            table, positions = others.take(pyarrow.array(self._order, pyarrow.int64())), positions[self._order]
        self.position = positions
        self.count = len(positions)
        self._table = table
        self._texts: dict[str, pyarrow.Array] = {}
        self._labels: dict[str, Labels] = {}
        self._integers: dict[str, Column] = {}
        self._kept: dict[tuple[str, str], Column] = {}
        self.stream = self.labels("stream").numbered(streams.number)
        """The numbers of their streams."""

    def texts(self, name: str) -> pyarrow.Array:
        """A column of texts."""
        found = self._texts.get(name)
        if found is None:
            found = self._texts[name] = self._table.column(name).combine_chunks()
        return found

    def bodies(self, index: Column) -> pyarrow.Array:
        """What is stored of some of them."""
        return self._bodies.take(pyarrow.array(self._order[index], pyarrow.int64()))

    def labels(self, name: str) -> Labels:
        """A column of texts of which many are the same."""
        found = self._labels.get(name)
        if found is None:
            found = self._labels[name] = Labels(self.texts(name))
        return found

    def integers(self, name: str) -> Column:
        """A column of numbers."""
        found = self._integers.get(name)
        if found is None:
            found = self._integers[name] = to_numbers(self._table.column(name).combine_chunks())
        return found

    def kept(self, key: tuple[str, str], make: Callable[[], Column]) -> Column:
        """A column that is made of others, once."""
        found = self._kept.get(key)
        if found is None:
            found = self._kept[key] = make()
        return found

    def by_key(self, wanted: Mapping[Key, T], among: Column) -> Iterator[tuple[T, Column]]:
        """For each key that is wanted, the events among some that have it."""
        topics, commands = self.labels("topic"), self.labels("command")
        sized = (self.integers("size") != NOTHING).astype(numpy.int64)
        combined = ((topics.numbers.astype(numpy.int64) * (len(commands.texts) + 1)) + commands.numbers + 1) * 2 + sized
        order = numpy.argsort(combined, kind="stable")
        order = order[among[order]]
        if not len(order):
            return
        found, begins = numpy.unique(combined[order], return_index=True)
        keys: list[int] = found.tolist()
        for key, index in zip(keys, numpy.split(order, begins[1:]), strict=True):
            topic, command = divmod(key // 2, len(commands.texts) + 1)
            value = wanted.get((topics.texts[topic], commands.texts[command - 1], bool(key % 2))) if command else None
            if value is not None:
                yield value, index

    def recorded_earlier(self, before: int) -> list[int]:
        """Which of them were recorded before the one before them; ``before`` is when the one before all was."""
        previous = numpy.concatenate([[before], self.recorded[:-1]])
        return numpy.flatnonzero((self.recorded < previous) & (self.recorded != UNKNOWN_TIME)).tolist()

    def raw(self, place: int) -> RawEvent:
        """One of them, as it is stored."""
        (recorded,) = to_utc_times(self._table.column("recorded").slice(place, 1))
        return RawEvent(
            position=int(self.position[place]),
            stream=self._one("stream", place),
            version=int(self.integers("version")[place]),
            topic=self._one("topic", place),
            body=self._bodies[int(self._order[place])].as_py(),
            recorded=int(self.recorded[place]),
            recorded_text=recorded,
        )

    def place(self, place: int) -> tuple[int, str, str]:
        """Position, time and stream of one of them."""
        (happened,) = to_utc_times(self._table.column("happened").slice(place, 1))
        return int(self.position[place]), happened or "", self._one("stream", place)

    def _one(self, name: str, place: int) -> str:
        text: str = self._table.column(name)[place].as_py()
        return text

    @cached_property
    def settings(self) -> Sequence[object]:
        """The settings of VMs that decisions read, which events name by their numbers in ``read_vm``."""
        return [_parsed(text) for text in self.labels("read_vm").texts]

    @cached_property
    def alike(self) -> tuple[Column, Column] | None:
        """One of each of the events that are alike, and for each event the number of that one; ``None`` if few are."""
        if self.count < combinations.FEW:
            return None
        columns = [self.labels(name).numbers if name in _LABELS else self.integers(name) for name in sorted(ALIKE)]
        return combinations.distinct(columns, self.count)

    @cached_property
    def readable(self) -> Column:
        """What each event has that can be read, and has no remark."""
        named = numpy.ones(self.count, bool)
        for name in ("actor", "via"):
            named &= self.labels(name).numbered(len) > 0
        lengths = pyarrow.compute.binary_length(self.texts("correlation"))
        return (
            named
            & (to_numbers(lengths) > 0)
            & (self.recorded >= self.happened)
            & (self.happened >= _FIRST_MOMENT)
            & (self.recorded < _LAST_MOMENT)
        )

    @cached_property
    def happened(self) -> Column:
        """When they happened, in microseconds."""
        return self._moments("happened")

    @cached_property
    def recorded(self) -> Column:
        """When they were recorded, in microseconds."""
        return self._moments("recorded")

    # What stands before and behind the data of bodies

    @cached_property
    def beginning(self) -> pyarrow.Array:
        """What stands before the causation."""
        return self.labels("actor").written(lambda actor: f'{{"actor":{_as_json(actor)},"causation":')

    @cached_property
    def middle(self) -> pyarrow.Array:
        """What stands between causation and data."""
        return join([',"correlation":', texts_as_json(self.texts("correlation")), ',"data":'])

    @cached_property
    def end(self) -> pyarrow.Array:
        """What stands behind the data."""
        happened, recorded = self._moment_texts("happened"), self._moment_texts("recorded")
        reason, via = or_null(self.labels("reason").as_json), self.labels("via").as_json
        moments = (',"earliest":null,"happened":"', happened, 'Z","reason":', reason, ',"recorded":"', recorded)
        return join([*moments, 'Z","via":', via, "}"])

    def _moments(self, name: str) -> Column:
        moments = self._table.column(name).combine_chunks().cast(_MICROSECONDS).cast(pyarrow.int64())
        return to_numbers(moments, int(UNKNOWN_TIME))

    def _moment_texts(self, name: str) -> pyarrow.Array:
        texts = self._table.column(name).combine_chunks().cast(_MICROSECONDS).cast(pyarrow.string())
        return pyarrow.compute.binary_replace_slice(texts.cast(pyarrow.binary()), 10, 11, b"T").cast(pyarrow.string())


def to_numbers(values: pyarrow.Array, nothing: int = NOTHING) -> Column:
    """A column of numbers, ``nothing`` where it is null."""
    if values.null_count:
        values = pyarrow.compute.fill_null(values, nothing)
    return values.to_numpy()


def _as_json(text: str) -> str:
    return to_json(text).decode()


def _parsed(text: str) -> object:
    try:
        return from_json(text)
    except ValueError:
        return None
