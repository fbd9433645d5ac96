"""Hosts, VMs and whole fleets as stored views keep them: JSON that pydantic writes and reads."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any, Final, cast

from pydantic import TypeAdapter, ValidationError

from domain.aggregates import HostAggregate, VmAggregate
from domain.identifiers import split_stream
from domain.observed.host import ObservedHost
from domain.observed.vm import ObservedVm
from nilometer.views.tables import damaged
from projections.fleet import Fleet
from projections.tracked import AnyTracked, Tracked, TrackedHost, TrackedVm

KINDS: Final[dict[type, str]] = {
    VmAggregate: "decided-vm",
    HostAggregate: "decided-host",
    ObservedVm: "observed-vm",
    ObservedHost: "observed-host",
}
"""What the states of each class are called in the tables."""

_CLASSES: Final = {kind: of for of, kind in KINDS.items()}


class _Codec:
    """Reads and writes the states of one class."""

    def __init__(self, of: type) -> None:
        one: TypeAdapter[Any] = TypeAdapter(Tracked[of])  # type: ignore[valid-type]
        many: TypeAdapter[Any] = TypeAdapter(dict[str, Tracked[of]])  # type: ignore[valid-type]
        self.write: Callable[[AnyTracked], bytes] = one.serializer.to_json
        self.read: Callable[[str | bytes], AnyTracked] = one.validator.validate_json
        self.read_many: Callable[[str | bytes], dict[str, AnyTracked]] = many.validator.validate_json


@cache
def _codec(kind: str) -> _Codec:
    if kind not in _CLASSES:
        raise damaged(f"it has the unknown kind {kind!r}")
    return _Codec(_CLASSES[kind])


def kind_of(tracked: AnyTracked) -> str:
    """What a state is called in the tables."""
    return KINDS[type(tracked.subject)]


def host_of(tracked: AnyTracked | None) -> str | None:
    """The host that a VM is on; ``None`` of a host."""
    subject = None if tracked is None else tracked.subject
    return subject.host if isinstance(subject, VmAggregate | ObservedVm) else None


def write_state(tracked: AnyTracked) -> str:
    """A host or VM as JSON."""
    return _codec(kind_of(tracked)).write(tracked).decode()


def read_state(stream: str, kind: str, state: str) -> AnyTracked:
    """A host or VM from its JSON. Raises ``ViewError``."""
    try:
        return _codec(kind).read(state)
    except ValidationError as error:
        raise damaged(f"the state of {stream} is unreadable: {error.errors()[0]['msg']}") from None


def write_fleet(states: Iterable[tuple[str, str, str]]) -> bytes:
    """A whole fleet from the (stream, kind, state) of all that is in it: states stay as they were written."""
    by_kind: dict[str, list[str]] = {}
    for stream, kind, state in sorted(states):
        by_kind.setdefault(kind, []).append(f"{_quoted(stream)}:{state}")
    lines = [f"{kind} {{{','.join(parts)}}}" for kind, parts in sorted(by_kind.items())]
    return zlib.compress("\n".join(lines).encode(), level=1)


def read_fleet(position: int, blob: bytes) -> dict[str, AnyTracked]:
    """The hosts and VMs of a stored fleet, by stream. Raises ``ViewError``."""
    found: dict[str, AnyTracked] = {}
    try:
        for line in zlib.decompress(blob).decode().split("\n"):
            kind, _, states = line.partition(" ")
            found.update(_codec(kind).read_many(states))
    except (zlib.error, UnicodeDecodeError, ValidationError):
        raise damaged(f"the checkpoint at position {position} is unreadable") from None
    return found


def put(fleet: Fleet, stream: str, tracked: AnyTracked) -> None:
    """Puts a stored host or VM into a fleet."""
    kind, id = split_stream(stream)
    if kind == "vm":
        fleet.put_vm(id, cast("TrackedVm", tracked))
    else:
        fleet.put_host(id, cast("TrackedHost", tracked))


_TEXT: Final = TypeAdapter(str)


def _quoted(text: str) -> str:
    return _TEXT.dump_json(text).decode()
