"""History lines cut out of stored bodies: their bytes are copied, and nothing of them is parsed.

A body that is not as Nilometer writes it gives a line that is not as Nilometer writes it, or none. So who cuts lines
compares them: with a digest of the lines that were written, or with those that the rules would have written.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Final, NamedTuple

from pydantic_core import to_json

from nilometer.storage.reader import StoredRow

_TEXT: Final = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
_BODY: Final = re.compile(
    rb'(\{"actor":%b)(?:,"causation":null|(,"causation":%b))(,"correlation":%b,"data":\{.*\})'
    rb'(?:,"earliest":null|(,"earliest":%b)),"happened":(%b)(?:,"reason":null|(,"reason":%b))(,"recorded":%b)'
    rb',"via":(%b\})' % ((_TEXT,) * 8)
)
"""A body, in the pieces that stand in its line. The data end before the last ``,"earliest":``: in a text behind it
quotes would be escaped."""


class CutLine(NamedTuple):
    """A history line without its end."""

    line: bytes
    recorded: bytes
    """What the line says of when the event was recorded, as ``recorded_at`` writes it."""


def recorded_at(moment: str) -> bytes:
    """What stands in the line of an event that was recorded then."""
    return f',"recorded":"{moment}"'.encode()


def recorded_in(line: bytes) -> bytes:
    """What a whole line says of when its event was recorded; empty if it says nothing."""
    begin = line.rfind(_RECORDED)  # within a text its quotes would be escaped
    return b"" if begin < 0 else line[begin : line.find(b'"', begin + len(_RECORDED)) + 1]


_RECORDED: Final = b',"recorded":"'


def cut_lines(
    positions: Sequence[int],
    streams: Sequence[str],
    versions: Sequence[int],
    topics: Sequence[str],
    bodies: Iterable[bytes],
    source: bytes,
) -> Iterator[CutLine | None]:
    """The history lines of events whose columns these are; ``source`` is in JSON.

    ``None`` where a line cannot be cut. If a line is as Nilometer writes it, then so is its body.
    """
    match = _BODY.fullmatch
    for position, stream, version, topic, body in zip(positions, streams, versions, topics, bodies, strict=True):
        found = match(body)
        if found is None:
            yield None
            continue
        actor, causation, data, earliest, happened, reason, recorded, via = found.groups(b"")
        id, subject = _named(stream, source)
        line = b'%b%b%b,"datacontenttype":"application/json"%b%b%d","position":%d%b%b%b%b%b%d,"via":%b' % (
            actor,
            causation,
            data,
            earliest,
            id,
            version,
            position,
            reason,
            recorded,
            subject,
            happened,
            _typed(topic),
            version,
            via,
        )
        yield CutLine(line, recorded)


def cut_line(stored: StoredRow, source: bytes) -> bytes | None:
    """The line of one row, which may be damaged, without its end; ``None`` where it cannot be cut."""
    stream, version, topic, body = stored.stream, stored.version, stored.topic, stored.body
    if not (type(stream) is str and type(version) is int and type(topic) is str and type(body) is bytes):
        return None  # it was changed in the database
    cut = next(cut_lines((stored.position,), (stream,), (version,), (topic,), (body,), source))
    return None if cut is None else cut.line


@lru_cache(maxsize=4096)
def _named(stream: str, source: bytes) -> tuple[bytes, bytes]:
    """What stands in a line before the version in its id, and from its source to its time."""
    name = to_json(stream)[:-1]
    return b',"id":%b/' % name, b',"source":%b,"specversion":"1.0","subject":%b","time":' % (source, name)


@lru_cache(maxsize=256)
def _typed(topic: str) -> bytes:
    """What stands in a line from its type to its version."""
    kind, _, shape = topic.rpartition("/")
    return b',"type":%b,"version":' % to_json(f"nilometer.{kind}.v{shape}")
