"""What windows_exporter shows at ``/metrics``: one scrape, as text. It names no host, and mostly no time."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Final

from domain.errors import InputError
from nilometer.importers.hyperv.readings import Reading
from nilometer.importers.hyperv.sources.counters.prometheus import SeriesTable
from nilometer.importers.hyperv.sources.source import FileContext
from nilometer.textio.texts import ByteStream, read_lines

_BEGIN: Final = re.compile(rb"\s*(?:# (?:HELP|TYPE) [a-zA-Z_:]|[a-z_:][\w:]*\{[^}\n]*\} [\d.eE+-]+(?:\s|\Z))")
_SAMPLE: Final = re.compile(
    r'([a-zA-Z_:][\w:]*)(?:\{((?:[^"}]|"(?:[^"\\]|\\.)*")*)\})?[ \t]+(\S+)(?:[ \t]+(-?\d{1,15}))?\s*(?:#.*)?', re.ASCII
)
_LABEL: Final = re.compile(r'\s*([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"\s*,?', re.ASCII)
_ESCAPES: Final = {r"\\": "\\", r"\"": '"', r"\n": "\n"}
_EXPECTED: Final = "fetch it with: curl -o metrics.prom http://HOST:9182/metrics"
_NO_TIME: Final = "say when it was fetched: --at 2026-11-23T09:00:00Z"


def recognises(first: bytes) -> bool:
    """Whether a file that begins so has this format."""
    return _BEGIN.match(first) is not None


def read(stream: ByteStream, name: str, context: FileContext) -> Iterator[Reading]:
    """The readings of a scrape. What cannot be read is skipped, with place and hint."""
    table = SeriesTable(context)
    for number, line in context.skipped.iter_readable(read_lines(stream, name)):
        text, where = line.decode("utf-8", "replace").strip(), f"{name}:{number}"
        if not text or text.startswith("#"):
            continue
        try:
            table.add(_read_sample(text, where, context), where, name)
        except InputError as error:
            context.skipped.add(error)
    yield from table.make_readings(f"{name}:1")


def _read_sample(text: str, where: str, context: FileContext) -> dict[str, object]:
    """A sample as a series of Prometheus with one value."""
    match = _SAMPLE.fullmatch(text)
    if match is None:
        raise InputError(f"{where}: is not a sample: {text[:60]!r}", hint=_EXPECTED)
    name, labels, value, milliseconds = match.groups()
    metric = {"__name__": name}
    for label, written in _LABEL.findall(labels or ""):
        metric[label] = re.sub(r"\\.", lambda escape: _ESCAPES.get(escape[0], escape[0]), written)
    if milliseconds is not None:
        return {"metric": metric, "value": [int(milliseconds) / 1000, value]}
    if context.at is None:
        raise InputError(f"{where}: does not say when it was fetched", hint=_NO_TIME)
    return {"metric": metric, "value": [datetime.fromisoformat(context.at).timestamp(), value]}
