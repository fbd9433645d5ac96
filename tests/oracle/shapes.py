"""The plain shapes that the oracle speaks: a script line, what became of it, and a snapshot of the state.

Nothing here decides anything. All sizes are whole bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, TypedDict, cast

MIB = 2**20
GIB = 2**30
TIB = 2**40
QUANTUM = 2 * MIB
FLOOR = 32 * MIB
BIGGEST = 2**52

Line = dict[str, object]
"""A normalised script line: sizes are ints, everything else as in a script."""


class Setting(TypedDict):
    """The memory setting of a VM; of a static one only ``startup`` is not zero."""

    mode: str
    startup: int
    minimum: int
    maximum: int
    buffer: int
    weight: int


class HostState(TypedDict):
    """A host as a snapshot tells it; a VM without an entry in the book holds nothing."""

    total: int
    reserve: int
    version: str
    book: dict[str, int]


class VmState(TypedDict):
    """A VM as a snapshot tells it, with the two figures (visible, held) that others are told."""

    host: str
    generation: int
    guest: str
    config_version: str
    power: str
    session: int
    memory: Setting
    assigned: int
    ballooned: int
    in_use: int
    in_use_reported: bool
    paged_out: int
    high_watermark: int
    vsc: bool
    hot_pluggable: int
    visible: int
    held: int


class State(TypedDict):
    """Everything that stands at one moment, by id."""

    hosts: dict[str, HostState]
    vms: dict[str, VmState]


class Result(Protocol):
    """What became of one line, whoever decided it."""

    @property
    def outcome(self) -> str: ...
    @property
    def code(self) -> str | None: ...
    @property
    def requested(self) -> int | None: ...
    @property
    def granted(self) -> int | None: ...
    @property
    def streams(self) -> tuple[str, ...]: ...
    @property
    def events(self) -> tuple[str, ...]: ...


@dataclass(frozen=True)
class Expected:
    """What must become of one line.

    ``streams`` and ``events`` go together: the n-th stream gets the n-th event; the VM comes first, then the
    (source) host, then the destination.
    """

    outcome: str
    code: str | None = None
    requested: int | None = None
    granted: int | None = None
    streams: tuple[str, ...] = ()
    events: tuple[str, ...] = ()


def text(line: Line, key: str) -> str:
    """The string under this key; ValueError when there is none."""
    value = line.get(key)
    if not isinstance(value, str):
        raise ValueError(f"{key} is not a string: {value!r}")
    return value


def number(line: Line, key: str) -> int:
    """The whole number under this key; ValueError when there is none."""
    value = line.get(key)
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError(f"{key} is not a whole number: {value!r}")
    return value


def size(line: Line, key: str) -> int:
    """The size under this key; ValueError when it is negative, too large, or no whole number."""
    value = number(line, key)
    if not 0 <= value <= BIGGEST:
        raise ValueError(f"{key} is not a size: {value}")
    return value


def _table(value: object) -> Line:
    if not isinstance(value, dict):
        raise ValueError(f"no table: {value!r}")
    return cast(Line, value)


def setting(line: Line) -> Setting:
    """The memory setting of a line, judged only as to its shape; ValueError when that is wrong."""
    memory = _table(line.get("memory"))
    mode = next(iter(memory)) if len(memory) == 1 else "none or several"
    inner = _table(memory.get(mode))
    if mode == "static" and set(inner) == {"size"}:
        return Setting(mode="static", startup=size(inner, "size"), minimum=0, maximum=0, buffer=0, weight=0)
    if mode == "dynamic" and set(inner) == {"minimum", "startup", "maximum", "buffer", "weight"}:
        return Setting(
            mode="dynamic",
            startup=size(inner, "startup"),
            minimum=size(inner, "minimum"),
            maximum=size(inner, "maximum"),
            buffer=number(inner, "buffer"),
            weight=number(inner, "weight"),
        )
    raise ValueError(f"an unknown memory setting: {memory!r}")


def version(written: str) -> tuple[int, int]:
    """A configuration version as a pair, so that 10.0 is later than 8.0; ValueError when it is none."""
    major, dot, minor = written.partition(".")
    if not (dot and major.isdecimal() and minor.isdecimal()):
        raise ValueError(f"no configuration version: {written!r}")
    return int(major), int(minor)


def mib(size_in_bytes: int) -> str:
    """A size for a sentence: in MiB when it is whole, else in bytes."""
    return f"{size_in_bytes} bytes" if size_in_bytes % MIB else f"{size_in_bytes // MIB} MiB"
