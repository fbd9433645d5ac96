"""Records as a driver writes them, made of what a log shows."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import PurePath
from typing import Final

from domain.identifiers import UtcTime
from nilometer.importers.qemu.records import Json

FRESH: Final = timedelta(hours=6)
"""A measurement like the one before it is a record again after this time."""
NOTABLE: Final = 8
"""A guest has notably more or less available if that differs by this part of its memory."""


class RecordWriter:
    """Writes records as a driver does, with the scenario of the log and running numbers."""

    def __init__(self, name: str) -> None:
        self._scenario = scenario_of(name)
        self._sequence = 0

    def write(self, vm: str, kind: str, at: UtcTime, **values: object) -> bytes:
        """The next record."""
        self._sequence += 1
        record = {"v": 1, "scenario": self._scenario, "seq": self._sequence, "t": at, "vm": vm, "kind": kind, **values}
        return json.dumps(record, ensure_ascii=False).encode()


def scenario_of(name: str) -> str:
    """The scenario of a log: its file's name without the endings."""
    stem = "" if name in ("-", "stdin") else PurePath(name).name.partition(".")[0]
    return "".join(letter for letter in stem if letter.isprintable()).strip()[:64] or "qemu"


class Thinning:
    """The measurements of one VM that become records: those that differ, the last before and the second after that.

    A quiet VM that is polled each minute gives four records a day.
    """

    def __init__(self) -> None:
        self._known: Json = {}
        """The figures as they were last written."""
        self._written_at: UtcTime | None = None
        self._held: tuple[UtcTime, Json] | None = None
        self._is_second = True

    def take(self, at: UtcTime, measured: Json) -> Iterator[tuple[UtcTime, Json]]:
        """Takes a measurement, and gives those that become records by now."""
        figures, written_at, is_other = _flatten(measured), self._written_at, self.is_news(measured)
        is_old = written_at is not None and datetime.fromisoformat(at) - datetime.fromisoformat(written_at) >= FRESH
        if not is_other and not is_old and not self._is_second:
            self._held = at, measured
            return
        if is_other and self._held is not None:
            yield self._held
        self._known.update(figures)
        self._written_at, self._held, self._is_second = at, None, is_other
        yield at, measured

    def is_news(self, measured: Json) -> bool:
        """Whether a figure is another than it was last written."""
        figures = _flatten(measured)
        return any(_differs(key, self._known, figures) for key in figures)

    def interrupt(self) -> Iterator[tuple[UtcTime, Json]]:
        """Something happens to the VM: gives the last measurement before it, and the next one counts."""
        if self._held is not None:
            yield self._held
            self._written_at, self._held = self._held[0], None
        self._is_second = True


def _flatten(measured: Json) -> Json:
    return {key: value for part in measured.values() for key, value in part.items()}


def _differs(key: str, before: Json, after: Json) -> bool:
    """Whether a figure is another: what a guest has available, by an eighth of its memory."""
    if key not in before:
        return True
    if key != "mem_available":
        return bool(before[key] != after[key])
    total: int = after.get("mem_total") or max(before[key], after[key])
    return bool(abs(before[key] - after[key]) * NOTABLE > total)
