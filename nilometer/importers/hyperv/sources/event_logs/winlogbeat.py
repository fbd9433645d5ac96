"""Events of Hyper-V's logs as Winlogbeat and Elastic Agent send them: JSON, one object a line.

Where the event's own XML stands beside the fields (``event.original``), it is read; else the fields.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, cast
from xml.etree import ElementTree

from domain.errors import InputError
from nilometer.importers.hyperv.readings import Reading
from nilometer.importers.hyperv.sources.event_logs.event_log import (
    LoggedEvent,
    LoggedReading,
    read_event,
    read_in_order,
    read_logged,
)
from nilometer.importers.hyperv.sources.json_stream import read_documents
from nilometer.importers.hyperv.sources.source import FileContext
from nilometer.importers.hyperv.sources.values import Json
from nilometer.textio.texts import ByteStream

_EXPECTED: Final = "expected are events with winlog.event_id, winlog.provider_name and winlog.user_data"


def recognises(first: bytes) -> bool:
    """Whether a file that begins so has this format."""
    return first.lstrip()[:1] in (b"{", b"[") and b'"winlog' in first


def read(stream: ByteStream, name: str, context: FileContext) -> Iterator[Reading]:
    """The readings of a file, the oldest first. What cannot be read is skipped, with place and hint."""
    yield from read_in_order(_read_objects(stream, name, context), _read_event, context)


def _read_objects(stream: ByteStream, name: str, context: FileContext) -> Iterator[tuple[str, object]]:
    for place, document in read_documents(stream, name, context.skipped):
        objects = cast("list[object]", document) if isinstance(document, list) else [document]
        for number, value in enumerate(objects, start=1):
            yield (place if len(objects) == 1 else f"{place}: object {number}"), value


def _read_event(value: object, place: str, context: FileContext) -> LoggedReading | None:
    fields = _Fields(value, place)
    original = fields.get("event.original")
    if original.lstrip().startswith("<Event"):
        return read_event(_parse_xml(original, place), place, context)
    data = "winlog.user_data" if fields.get("winlog.user_data.VmId") else "winlog.event_data"
    return read_logged(
        LoggedEvent(
            provider=fields.get("winlog.provider_guid")
            or fields.get("winlog.provider_name")
            or fields.get("event.provider"),
            number=fields.get("winlog.event_id") or fields.get("event.code"),
            time=fields.get("@timestamp"),
            channel=fields.get("winlog.channel"),
            record_id=fields.get("winlog.record_id"),
            computer=fields.get("winlog.computer_name") or fields.get("host.name"),
            account=fields.get("winlog.user.identifier"),
            vm_name=fields.get(f"{data}.VmName") or None,
            vm_id=fields.get(f"{data}.VmId"),
        ),
        place,
        context,
    )


def _parse_xml(text: str, place: str) -> ElementTree.Element:
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise InputError(f"{place}: event.original has a document type definition", hint=_EXPECTED)
    try:
        return ElementTree.fromstring(text)
    except (ElementTree.ParseError, ValueError) as error:
        raise InputError(f"{place}: event.original is not XML: {error}", hint=_EXPECTED) from None


class _Fields:
    """The fields of an event, nested or with dots in their names; also as Elasticsearch returns it."""

    def __init__(self, value: object, place: str) -> None:
        if not isinstance(value, dict):
            raise InputError(f"{place}: is not an event", hint=_EXPECTED)
        event = cast("Json", value)
        source: object = event.get("_source")
        self._event = cast("Json", source) if isinstance(source, dict) else event

    def get(self, path: str) -> str:
        """A field as a text; empty where there is none."""
        found = self._find(self._event, path)
        return str(found) if isinstance(found, str | int) and not isinstance(found, bool) else ""

    def _find(self, value: Json, path: str) -> object:
        if path in value:
            return value[path]
        for dot in (number for number, character in enumerate(path) if character == "."):
            part: object = value.get(path[:dot])
            if isinstance(part, dict):
                return self._find(cast("Json", part), path[dot + 1 :])
        return None
