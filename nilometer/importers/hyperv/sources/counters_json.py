"""``Get-Counter | ConvertTo-Json``: sets of samples, or the samples alone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Final, cast

from domain.errors import InputError
from nilometer.importers.hyperv.readings import Reading
from nilometer.importers.hyperv.sources.context import Context, PassOver, tell
from nilometer.importers.hyperv.sources.json_stream import documents
from nilometer.importers.hyperv.sources.local_time import LocalClock, parse_zone
from nilometer.importers.hyperv.sources.samples import IN_ENGLISH, KNOWN, Sampled, counter, megabytes
from nilometer.importers.hyperv.sources.values import BadValue, Json, moment
from nilometer.textio.texts import ByteStream

_SIGNS: Final = (b'"CounterSamples"', b'"CookedValue"')
_EXPECTED: Final = "write it with: Get-Counter … | Select-Object Timestamp, CounterSamples | ConvertTo-Json -Depth 3"


def recognises(first: bytes) -> bool:
    """Whether a file that begins so is one of these."""
    return first.lstrip()[:1] in (b"{", b"[") and any(sign in first for sign in _SIGNS)


def read(stream: ByteStream, name: str, context: Context, pass_over: PassOver | None = None) -> Iterator[Reading]:
    """What a file tells. Raises ``InputError`` with place and hint, or tells ``pass_over`` and goes on.

    Raises ``InputError`` in any case for a zone that is none.
    """
    reader, known, last = _Reader(context), False, f"{name}:1"
    for place, document in documents(stream, name, pass_over):
        last = place
        objects = cast("list[object]", document) if isinstance(document, list) else [document]
        for number, value in enumerate(objects, start=1):
            where = place if len(objects) == 1 else f"{place}: object {number}"
            try:
                readings, more = reader.take(value, where)
            except InputError as error:
                tell(error, pass_over)
            else:
                known = known or more
                yield from readings
    yield from reader.rest()
    if not known:
        tell(
            InputError(f"{last}: no sample is of a counter of Dynamic Memory, such as {KNOWN}", hint=IN_ENGLISH),
            pass_over,
        )


def _samples(told: Json, where: str) -> list[object]:
    """The samples of a set, of which 5.1 may have written a single one without its array; or one sample alone."""
    samples: object = told.get("CounterSamples", told if "Path" in told else None)
    if isinstance(samples, list):
        return cast("list[object]", samples)
    if not isinstance(samples, dict):
        raise InputError(f"{where}: has neither CounterSamples nor a Path", hint=_EXPECTED)
    return [cast("Json", samples)]


class _Reader:
    """Puts samples of one time together."""

    def __init__(self, context: Context) -> None:
        self._context, self._clock = context, LocalClock(parse_zone(context.zone))
        self._told: str | datetime | None = None
        self._at = ""
        self._record = ""
        self._sampled = Sampled(context)

    def take(self, value: object, where: str) -> tuple[list[Reading], bool]:
        """What is certain once a set of samples, or a sample, was read, and whether it was of a known counter."""
        if not isinstance(value, dict):
            raise InputError(f"{where}: is no set of samples", hint=_EXPECTED)
        told = cast("Json", value)
        given, known = list[Reading](), False
        for sample in _samples(told, where):
            if not isinstance(sample, dict):
                raise InputError(f"{where}: a sample is no object: was it written too shallow?", hint=_EXPECTED)
            one = cast("Json", sample)
            path = one.get("Path")
            of = counter(path) if isinstance(path, str) else None
            if of is None:
                continue
            known = True
            try:
                time = moment(told.get("Timestamp")) or moment(one.get("Timestamp"))
                value_told = megabytes("" if one.get("CookedValue") is None else str(one["CookedValue"]))
            except BadValue as bad:
                raise InputError(f"{where}: {path}: {bad}", hint=_EXPECTED) from None
            if time is None:
                raise InputError(f"{where}: has no Timestamp", hint=_EXPECTED)
            if time != self._told:
                given += self.rest()
                self._begin(time, where)
            self._sampled.add(of, value_told)
        return given, known

    def _begin(self, time: str | datetime, where: str) -> None:
        self._told, self._record = None, where
        self._at = time if isinstance(time, str) else self._clock.read(time, where)
        self._told = time

    def rest(self) -> list[Reading]:
        """What was sampled at the last time."""
        sampled, self._sampled = self._sampled, Sampled(self._context)
        return sampled.readings(self._at, self._record)
