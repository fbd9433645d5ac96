"""Some consecutive events of an export as columns: numbers as arrays of numpy, texts as arrays of Arrow.

They stand file by file, as they were read; the place of an event is its row.

No column is trusted: from what they claim, the body that should be stored is written, and compared with the one that
is. So a column that lies leaves its event to the judge.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from functools import cached_property, lru_cache
from typing import Final, NamedTuple, TypeVar, cast

import numpy
import pyarrow
import pyarrow.compute
from pydantic_core import from_json, to_json

from nilometer.audit.sieve import combinations
from nilometer.audit.sieve.arrow_texts import Texts, texts_in_quotes
from nilometer.audit.sieve.columns import Column, order_of
from nilometer.audit.sieve.pieces import Table
from nilometer.audit.sieve.streams import Streams
from nilometer.history.columns import COLUMNS, ColumnType
from nilometer.history.parquet.arrow import to_utc_times

T = TypeVar("T")

_FOLLOWING: Final = ("before_startup", "before_visible", "before_free")
"""What the rules compute of the others."""
CLAIMED: Final = tuple(
    column.name
    for column in COLUMNS
    if (column.name.startswith(("before_", "read_")) and column.name not in _FOLLOWING)
    or column.name in ("requested", "size", "after_in_use")
)
ALIKE: Final = frozenset(CLAIMED) - {"read_host_stream_version"}
"""The columns in which events that are alike are the same."""
_LABELS: Final = frozenset(column.name for column in COLUMNS if column.type is ColumnType.LABEL)
_METADATA: Final = ("happened", "recorded", "actor", "via", "reason", "correlation", "causation")
"""The columns that have what events claim."""
READ: Final = ("position", "stream", "version", "topic", "command", *_METADATA, *CLAIMED)
"""The columns of an export that are read, beside the bodies."""

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
    """An event as it is stored, but for its body."""

    position: int
    stream: str
    version: int
    topic: str
    recorded: int
    """When it was recorded, in microseconds, as the column has it."""
    recorded_text: str | None


class Labels:
    """A column of texts of which many are the same."""

    def __init__(self, texts: pyarrow.Array) -> None:
        encoded = texts if isinstance(texts, pyarrow.DictionaryArray) else texts.dictionary_encode()
        self.numbers = to_numbers(encoded.indices)
        """Which text each event has, from 0; -1 where it has none."""
        self.texts = tuple(cast("list[str]", encoded.dictionary.to_pylist()))

    def numbered(self, number_of: Callable[[str], int]) -> Column:
        """A number for each event, by its text."""
        return self.chosen([number_of(text) for text in self.texts])

    def chosen(self, numbers: Sequence[int]) -> Column:
        """The number of each event, where these are the numbers of the texts."""
        return self.table(numbers)[self.numbers]

    def table(self, numbers: Sequence[int]) -> Column:
        """The numbers of the texts, and behind them that of an event that has none."""
        return numpy.array([*numbers, NOTHING], numpy.int64)

    def written(self, write: Callable[[str], str], missing: str | None = None) -> Texts:
        """A text for each event, by its text; ``missing`` where it has none."""
        return Texts(_written(write, self.texts, missing), self._places)

    @cached_property
    def _places(self) -> Column:
        """The places of the texts; that of a text that is missing is behind them."""
        return numpy.where(self.numbers < 0, len(self.texts), self.numbers)


@lru_cache(256)
def _written(write: Callable[[str], str], texts: tuple[str, ...], missing: str | None) -> pyarrow.Array:
    """What is written for texts, and behind it what is written for none; most pieces have the same ones."""
    return pyarrow.array([*map(write, texts), missing], pyarrow.string())


class Events:
    """Some consecutive events."""

    def __init__(self, table: Table, streams: Streams) -> None:
        self._table = table
        self.count = table.num_rows
        self._texts: dict[str, pyarrow.Array] = {}
        self._labels: dict[str, Labels] = {}
        self._integers: dict[str, Column] = {}
        self._kept: dict[tuple[str, str], Column] = {}
        self.position = self.integers("position")
        self.in_order = numpy.argsort(self.position, kind="stable")
        """Their places, in the order of positions."""
        self.stream = self.labels("stream").numbered(streams.number)
        """The numbers of their streams."""

    def texts(self, name: str) -> pyarrow.Array:
        """A column of texts."""
        found = self._texts.get(name)
        if found is None:
            found = self._texts[name] = self._table.column(name).combine_chunks()
        return found

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

    def by_key(self, among: Column) -> Iterator[tuple[Key, Column]]:
        """Some of the events that name a command, by their keys."""
        topics, commands = self.labels("topic"), self.labels("command")
        sized = self.integers("size") != NOTHING
        combined = (topics.numbers.astype(numpy.int64) * len(commands.texts) + commands.numbers) * 2 + sized
        places = numpy.flatnonzero(among & (commands.numbers != NOTHING))
        places = places[order_of(combined[places])]
        found, begins = numpy.unique(combined[places], return_index=True)
        keys: list[int] = found.tolist()
        for key, index in zip(keys, numpy.split(places, begins)[1:], strict=True):
            topic, command = divmod(key // 2, len(commands.texts))
            yield (topics.texts[topic], commands.texts[command], bool(key % 2)), index

    def recorded_earlier(self, before: int) -> Column:
        """Which of them, in their order, were recorded before the one before them; ``before`` is that of the first."""
        recorded = self.recorded[self.in_order]
        previous = numpy.concatenate([[before], recorded[:-1]])
        return numpy.flatnonzero((recorded < previous) & (recorded != UNKNOWN_TIME))

    def raw(self, rank: int) -> RawEvent:
        """One of them, by its place in the order of positions."""
        (event,) = self.raw_ones(numpy.array([rank]))
        return event

    def raw_ones(self, ranks: Column) -> Sequence[RawEvent]:
        """Some of them, by their places in the order of positions."""
        places = self.in_order[ranks]
        streams, topics = self.labels("stream"), self.labels("topic")
        recorded = self._table.column("recorded").take(pyarrow.array(places))
        return list(
            map(
                RawEvent,
                self.position[places].tolist(),
                [streams.texts[number] for number in streams.numbers[places].tolist()],
                self.integers("version")[places].tolist(),
                [topics.texts[number] for number in topics.numbers[places].tolist()],
                self.recorded[places].tolist(),
                to_utc_times(recorded),
            )
        )

    def place(self, rank: int) -> tuple[int, str, str]:
        """Position, time and stream of one of them, by its place in the order of positions."""
        place = int(self.in_order[rank])
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
    def beginning(self) -> Texts:
        """What stands before the causation."""
        return self.labels("actor").written(_beginning)

    @cached_property
    def correlation(self) -> Texts:
        """What all events of one command have, as it stands between quotes."""
        return Texts(texts_in_quotes(self.texts("correlation")))

    @cached_property
    def end(self) -> tuple[Texts, Texts, Texts, Texts]:
        """What stands behind the data: when it happened and was recorded, why, and with which tool."""
        return (
            _moments(self.happened),
            self.labels("reason").written(_reason, 'Z","reason":null,"recorded":"'),
            _moments(self.recorded),
            self.labels("via").written(_via),
        )

    def _moments(self, name: str) -> Column:
        moments = self._table.column(name).combine_chunks().cast(_MICROSECONDS).cast(pyarrow.int64())
        return to_numbers(moments, int(UNKNOWN_TIME))


def to_numbers(values: pyarrow.Array, nothing: int = NOTHING) -> Column:
    """A column of numbers, ``nothing`` where it is null."""
    if values.null_count:
        values = pyarrow.compute.fill_null(values, nothing)
    return values.to_numpy()


def _beginning(actor: str) -> str:
    return f'{{"actor":{_as_json(actor)},"causation":'


def _reason(reason: str) -> str:
    return f'Z","reason":{_as_json(reason)},"recorded":"'


def _via(via: str) -> str:
    return f'Z","via":{_as_json(via)}}}'


def _moments(moments: Column) -> Texts:
    """Moments as events have them, without the zone; of one that no calendar has, another."""
    is_new = numpy.append(True, moments[1:] != moments[:-1])  # events of one command follow each other
    known = numpy.clip(moments[is_new], _FIRST_MOMENT, _LAST_MOMENT)
    written = pyarrow.array(known, _MICROSECONDS).cast(pyarrow.string())
    with_t = pyarrow.compute.binary_replace_slice(written, _DATE_LENGTH, _DATE_LENGTH + 1, b"T")
    return Texts(with_t, numpy.cumsum(is_new) - 1)


_DATE_LENGTH: Final = len("2026-01-01")


def _as_json(text: str) -> str:
    return to_json(text).decode()


def _parsed(text: str) -> object:
    try:
        return from_json(text)
    except ValueError:
        return None
