"""Any well-typed event: every kind, each figure anything that its type allows, on few streams of any name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import StrEnum
from random import Random
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from domain.commands import COMMANDS
from domain.envelope import Envelope, Metadata
from domain.events import Argument, Event
from domain.identifiers import StreamName, UtcTime
from domain.kinds import EVENTS
from domain.quantities import MiB
from tests.rules.judging.histories import Recorded, moment

STREAMS = ("vm/web01", "vm/web02", "host/hv01", "host/hv02", "vm/hv01", "host/web01", "vm/", "host/", "", "x/y/z", "vm")
IDS = ("web01", "web02", "hv01", "hv02", "", "a/b", "ﾠ🂡")
NUMBERS = (0, 0, 1, 2, 3, -1, 2 * MiB, 32 * MiB, 1024 * MiB, 2048 * MiB, -2 * MiB, 2**52, 2**53, -(2**70), 2**70)
ARGUMENTS = ("amount", "memory", "to", "size", "generation", "guest", "config_version", "in_use", "total", "reserve")
SETTING: Mapping[str, Any] = {"static": {"size": 1024 * MiB}}
KINDS: tuple[type[Event], ...] = tuple(EVENTS.values())


def any_event(random: Random, kinds: tuple[type[Event], ...] = KINDS) -> Event:
    """Any event of some kinds."""
    event: Event = _record(random, random.choice(kinds))
    return event


def any_history(random: Random, length: int, kinds: tuple[type[Event], ...] = KINDS) -> list[Recorded]:
    """So many events, mostly at the next place of their stream, mostly one after the other."""
    versions: dict[str, int] = {}
    envelopes: list[Recorded] = []
    streams = random.sample(STREAMS, random.randrange(1, len(STREAMS)))
    for number in range(1, length + 1):
        stream = random.choice(streams)
        version = versions[stream] = versions.get(stream, 0) + 1
        place = number
        if random.random() < 0.02:
            version, place = random.choice(NUMBERS), random.choice((number + 2, 1, number - 1, 2**60))
        happened = moment(random.choice((number, number, number, 0, 10**6)))
        causation = envelopes[-1].id if envelopes and random.random() < 0.5 else None
        with_metadata = Metadata("anna", "nilo", happened, happened, f"change {number // 2}", None, None, causation)
        envelopes.append(Envelope(StreamName(stream), version, any_event(random, kinds), with_metadata, place))
    return envelopes


def _record(random: Random, kind: type[Any]) -> Any:
    hints = get_type_hints(kind, include_extras=True)
    return kind(**{field.name: _value(random, field.name, hints[field.name]) for field in fields(kind)})


def _value(random: Random, name: str, kind: Any) -> Any:
    match get_origin(kind):
        case None:
            return _plain(random, name, kind)
        case origin if origin is Annotated:
            return _value(random, name, get_args(kind)[0])
        case origin if origin is Literal:
            return random.choice(get_args(kind))
        case origin if origin in (Union, UnionType):
            choices = [argument for argument in get_args(kind) if argument is not NoneType]
            if NoneType in get_args(kind) and random.random() < 0.3:
                return None
            return _value(random, name, random.choice(choices))
        case origin if origin is tuple:
            return tuple(_value(random, name, get_args(kind)[0]) for _ in range(random.randrange(4)))
        case _:
            return {name: _argument(random) for name in random.sample(ARGUMENTS, random.randrange(4))}


def _argument(random: Random) -> Argument:
    choices: tuple[Argument, ...] = (random.choice(NUMBERS), random.choice(IDS), "windows", "8.0", dict(SETTING), {})
    return random.choice(choices)


def _plain(random: Random, name: str, kind: Any) -> Any:
    if kind is UtcTime:
        return moment(random.randrange(10**4))
    assert isinstance(kind, type)
    if is_dataclass(kind):
        return _record(random, kind)
    if kind is bool:
        return random.random() < 0.5
    if kind is int:
        return random.choice(NUMBERS)
    if kind is str:
        if name == "command":
            return random.choice((*COMMANDS, "", "no such command"))
        if name == "config_version":
            return random.choice(("8.0", "5.0", "x", ""))
        return random.choice((*IDS, "base-memory", "vm0"))
    assert issubclass(kind, StrEnum)
    return random.choice(list(kind))
