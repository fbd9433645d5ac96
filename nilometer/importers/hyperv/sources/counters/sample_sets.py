"""``Get-Counter | ConvertTo-Json``: sets of samples, or the samples alone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Final, cast

from domain.errors import InputError
from domain.identifiers import UtcTime
from nilometer.importers.hyperv.readings import Reading
from nilometer.importers.hyperv.sources.counters.instances import Instances
from nilometer.importers.hyperv.sources.counters.samples import IN_ENGLISH, KNOWN, Samples, find_counter
from nilometer.importers.hyperv.sources.json_stream import read_documents
from nilometer.importers.hyperv.sources.local_time import LocalClock, parse_zone
from nilometer.importers.hyperv.sources.source import FileContext
from nilometer.importers.hyperv.sources.values import BadValue, Json, parse_moment
from nilometer.textio.texts import ByteStream

_SIGNS: Final = (b'"CounterSamples"', b'"CookedValue"')
_EXPECTED: Final = "write it with: Get-Counter … | Select-Object Timestamp, CounterSamples | ConvertTo-Json -Depth 3"


def recognises(first: bytes) -> bool:
    """Whether a file that begins so has this format."""
    return first.lstrip()[:1] in (b"{", b"[") and any(sign in first for sign in _SIGNS)


def read(stream: ByteStream, name: str, context: FileContext) -> Iterator[Reading]:
    """The readings of a file. What cannot be read is skipped, with place and hint.

    Raises ``InputError`` for an unknown zone.
    """
    reader, known, last = _Reader(context), False, f"{name}:1"
    for place, document in read_documents(stream, name, context.skipped):
        last = place
        objects = cast("list[object]", document) if isinstance(document, list) else [document]
        for number, value in enumerate(objects, start=1):
            where = place if len(objects) == 1 else f"{place}: object {number}"
            try:
                readings, more = reader.take(value, where)
            except InputError as error:
                context.skipped.add(error)
            else:
                known = known or more
                yield from readings
    yield from reader.rest()
    if not known:
        nothing = f"{last}: no sample is of a counter of Dynamic Memory, such as {KNOWN}"
        context.skipped.add(InputError(nothing, hint=IN_ENGLISH))


def _samples(value: Json, where: str) -> list[object]:
    """The samples of a set, or one sample alone. PowerShell 5.1 may write a single sample without its array."""
    samples: object = value.get("CounterSamples", value if "Path" in value else None)
    if isinstance(samples, list):
        return cast("list[object]", samples)
    if not isinstance(samples, dict):
        raise InputError(f"{where}: has neither CounterSamples nor a Path", hint=_EXPECTED)
    return [cast("Json", samples)]


class _Reader:
    """Collects the samples of one time."""

    def __init__(self, context: FileContext) -> None:
        self._context, self._clock = context, LocalClock(parse_zone(context.zone))
        self._time: UtcTime | datetime | None = None
        self._at = UtcTime("")
        self._record = ""
        self._instances = Instances(context.counts)
        self._samples = Samples(context, self._instances)

    def take(self, value: object, where: str) -> tuple[list[Reading], bool]:
        """The readings that are complete now that a set of samples, or a sample, was read; and whether it was known."""
        if not isinstance(value, dict):
            raise InputError(f"{where}: is not a set of samples", hint=_EXPECTED)
        sample_set = cast("Json", value)
        readings, known = list[Reading](), False
        for sample in _samples(sample_set, where):
            if not isinstance(sample, dict):
                raise InputError(
                    f"{where}: a sample is not an object: was it written with too small a -Depth?", hint=_EXPECTED
                )
            one = cast("Json", sample)
            path = one.get("Path")
            counter = find_counter(path) if isinstance(path, str) else None
            if counter is None:
                continue
            known = True
            try:
                time = parse_moment(sample_set.get("Timestamp")) or parse_moment(one.get("Timestamp"))
                value = one.get("CookedValue")
                size = self._samples.read_size(counter, "" if value is None else str(value), f"{where}: {path}")
            except BadValue as bad:
                raise InputError(f"{where}: {path}: {bad}", hint=_EXPECTED) from None
            if time is None:
                raise InputError(f"{where}: has no Timestamp", hint=_EXPECTED)
            if time != self._time:
                readings += self.rest()
                self._begin(time, where)
            self._samples.add(counter, size)
        return readings, known

    def _begin(self, time: UtcTime | datetime, where: str) -> None:
        self._time, self._record = None, where
        self._at = self._clock.read(time, where) if isinstance(time, datetime) else time
        self._time = time

    def rest(self) -> list[Reading]:
        """The readings of the last time."""
        samples, self._samples = self._samples, Samples(self._context, self._instances)
        return samples.make_readings(self._at, self._record)
