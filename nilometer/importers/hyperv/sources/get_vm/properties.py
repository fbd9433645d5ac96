"""Objects that PowerShell wrote as JSON, one by one, and the reader of their properties."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar, cast

from domain.errors import InputError
from nilometer.importers.hyperv.sources.json_stream import read_documents
from nilometer.importers.hyperv.sources.values import BadValue, Json, NoFigure, note_impossible
from nilometer.importers.run import ImportCounts, SkippedRecords
from nilometer.textio.texts import ByteStream

T = TypeVar("T")


class PropertyReader:
    """The properties of an object that stands at ``where``; ``expected`` says how such objects are written."""

    def __init__(self, values: Json, where: str, counts: ImportCounts, expected: str) -> None:
        self.values = values
        self.where = where
        self._counts = counts
        self._expected = expected

    def get(self, key: str, read: Callable[[object], T | None]) -> T | None:
        """A property; ``None`` if it is missing, or no figure. Raises ``InputError`` if it cannot be read."""
        try:
            return read(self.values.get(key))
        except NoFigure as none:
            note_impossible(self._counts, self.where, f"{key} {none}")
            return None
        except BadValue as bad:
            raise InputError(f"{self.where}: {key} {bad}", hint=self._expected) from None


def read_json_objects(stream: ByteStream, name: str, skipped: SkippedRecords) -> Iterator[tuple[str, object]]:
    """The objects of a file with their places. What is no JSON is skipped."""
    for place, document in read_documents(stream, name, skipped):
        objects = _find_objects(document)
        for number, value in enumerate(objects, start=1):
            yield (place if len(objects) == 1 else f"{place}: object {number}"), value


def _find_objects(document: object) -> list[object]:
    """The objects of a document: one, an array, or an array that 5.1 wrapped with its count."""
    if isinstance(document, dict):
        wrapped = cast("Json", document)
        if wrapped.keys() == {"value", "Count"}:
            document = wrapped["value"]
    return cast("list[object]", document) if isinstance(document, list) else [document]
