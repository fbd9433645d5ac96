"""Stored bodies that are right by their form: a pattern for each event class, from the annotations of its fields.

What a pattern matches can be read, and written again it is the same to the byte: keys are sorted, numbers are whole,
each part has its type. To match a body takes a third of the time in which ``json.loads`` parses it. A body that does
not match may be right all the same; that is left to who reads it, or writes it again.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import is_dataclass
from enum import StrEnum
from functools import cache
from types import NoneType, UnionType
from typing import Any, Final, Literal, NamedTuple, NewType, Union, get_args, get_origin

from domain.envelope import Metadata
from domain.kinds import EVENTS
from nilometer.storage.annotations import Kind, class_of, field_types
from nilometer.storage.bodies import topic_of
from nilometer.times import WRITTEN_TIME, is_day


class BodyParts(NamedTuple):
    """The parts of a body in JSON, as they stand there; ``None`` for one that is unknown."""

    actor: bytes
    causation: bytes | None
    correlation: bytes
    data: bytes
    earliest: bytes | None
    happened: bytes
    reason: bytes | None
    recorded: bytes
    via: bytes


MATCH_AFTER: Final = 500
"""So many bodies of a class are left to be read before its pattern is made, which takes as long as to read these."""


_EVENTS: Final = {topic_of(event): event for event in EVENTS.values()}
"""The classes of events in their current shapes, by the very topics under which they are stored."""


class BodyMatcher:
    """Finds the parts of stored bodies that are right by their form; ``after`` so many of a class."""

    def __init__(self, after: int = MATCH_AFTER) -> None:
        self._after = after
        self._counts = dict.fromkeys(_EVENTS, 0)
        self._patterns: dict[str, re.Pattern[bytes]] = {}

    def match(self, topic: str, body: bytes) -> BodyParts | None:
        """The parts of a body; ``None`` if it is to be read, as any that was changed in the database."""
        pattern = self._patterns.get(topic) or self._count(topic)
        if pattern is None or type(body) is not bytes:
            return None
        found = pattern.fullmatch(body)
        if found is None:
            return None
        parts = BodyParts._make(found.groups())
        has_days = (
            is_day(parts.happened[1:11])
            and is_day(parts.recorded[1:11])
            and (parts.earliest is None or is_day(parts.earliest[1:11]))
        )
        return parts if has_days and (body.isascii() or _is_utf8(body)) else None

    def _count(self, topic: str) -> re.Pattern[bytes] | None:
        """The pattern of a topic, if now so many bodies of it have come."""
        count = self._counts.get(topic)
        if count is None:
            return None
        if count < self._after:
            self._counts[topic] = count + 1
            return None
        del self._counts[topic]
        pattern = body_pattern(topic)
        if pattern is not None:
            self._patterns[topic] = pattern
        return pattern


BODIES: Final = BodyMatcher()
"""The matcher of this process."""
_TEXT: Final = r'"[^"\\\x00-\x1f]*+(?:\\["\\bfnrt][^"\\\x00-\x1f]*+)*+"'
_TIME: Final = f'"{WRITTEN_TIME}"'
_NUMBER: Final = r"(?:0|-?[1-9][0-9]{0,14}+)"
_TIMES: Final = frozenset(("earliest", "happened", "recorded"))


class _NoPatternError(TypeError):
    """Values of this type are written in more than one way, or have no pattern that is simple."""


@cache
def body_pattern(topic: str) -> re.Pattern[bytes] | None:
    """The pattern of the bodies of a known topic, with a group for each of ``BodyParts``; ``None`` if it has none."""
    try:
        parts = {"data": f"({_pattern(_EVENTS[topic])})"}
    except _NoPatternError:
        return None
    for name, kind in field_types(Metadata).items():
        text = f"({_TIME if name in _TIMES else _TEXT})"
        parts[name] = f"(?:null|{text})" if NoneType in get_args(kind) else text
    return re.compile(_object(parts).encode())


def _pattern(kind: Kind) -> str:
    """The pattern of the values of a type. Raises ``_NoPatternError``."""
    if isinstance(kind, NewType):
        return _pattern(kind.__supertype__)
    if kind is str:
        return _TEXT
    if kind is int:
        return _NUMBER
    if kind is bool:
        return "(?:true|false)"
    if is_dataclass(class_of(kind)):
        return _object({name: _pattern(of) for name, of in field_types(kind).items()})
    origin: Any = get_origin(kind)
    arguments: tuple[Any, ...] = get_args(kind)
    if origin in (Union, UnionType):
        one, *others = [part for part in arguments if part is not NoneType]
        if others:
            raise _NoPatternError
        return f"(?:null|{_pattern(one)})"
    if origin is Literal:
        return _one_of(arguments)
    if origin is tuple and arguments[1:] == (...,):
        item = _pattern(arguments[0])
        return rf"\[(?:{item}(?:,{item})*+)?+\]"
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return _one_of(member.value for member in kind)
    raise _NoPatternError


def _one_of(values: Iterable[object]) -> str:
    return f"(?:{'|'.join(re.escape(json.dumps(value, ensure_ascii=False)) for value in values)})"


def _object(parts: dict[str, str]) -> str:
    written = ",".join(f'"{name}":{parts[name]}' for name in sorted(parts))
    return rf"\{{{written}\}}"


def _is_utf8(body: bytes) -> bool:
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True
