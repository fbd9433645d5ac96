"""Hosts, VMs and whole fleets as stored views keep them: JSON, a record each."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from types import GenericAlias
from typing import Final, cast

from domain.aggregates import HostAggregate, VmAggregate
from domain.identifiers import split_stream
from domain.observed.host import ObservedHost
from domain.observed.vm import ObservedVm
from nilometer.storage.store import Database
from nilometer.views.records import reader_of
from nilometer.views.tables import blob, checksum, damaged, number, select_in, text
from projections.fleet import Fleet
from projections.tracked import AnyTracked, Tracked, TrackedHost, TrackedVm

KINDS: Final[dict[type, str]] = {
    VmAggregate: "decided-vm",
    HostAggregate: "decided-host",
    ObservedVm: "observed-vm",
    ObservedHost: "observed-host",
}
"""What the states of each class are called in the tables."""

_CLASSES: Final = {kind: subject for subject, kind in KINDS.items()}


@cache
def _reader(kind: str) -> Callable[[object], AnyTracked]:
    return reader_of(_tracked(kind))


@cache
def _writer(kind: str) -> Callable[[AnyTracked], bytes]:
    # Imported here: who only reads needs neither the core of pydantic nor schemas.
    from pydantic_core import SchemaSerializer

    from nilometer.storage.schemas import SchemaBuilder

    return SchemaSerializer(SchemaBuilder().build(_tracked(kind))).to_json


def _tracked(kind: str) -> GenericAlias:
    if kind not in _CLASSES:
        raise damaged(f"it has the unknown kind {kind!r}")
    return GenericAlias(Tracked, (_CLASSES[kind],))


def kind_of(tracked: AnyTracked) -> str:
    """What a state is called in the tables."""
    return KINDS[type(tracked.subject)]


def host_of(tracked: AnyTracked | None) -> str | None:
    """The host that a VM is on; ``None`` of a host."""
    subject = None if tracked is None else tracked.subject
    return subject.host if isinstance(subject, VmAggregate | ObservedVm) else None


def write_state(tracked: AnyTracked) -> str:
    """A host or VM as JSON."""
    return _writer(kind_of(tracked))(tracked).decode()


def read_state(stream: str, kind: str, state: str) -> AnyTracked:
    """A host or VM from its JSON. Raises ``ViewError``."""
    try:
        return _reader(kind)(json.loads(state))
    except ValueError as error:
        raise damaged(f"the state of {stream} is unreadable: {error}") from None


def select_states(db: Database, tables: str, streams: Sequence[str]) -> dict[str, AnyTracked]:
    """The stored states of these streams. The tables must be there."""
    select = f"SELECT {STATE_COLUMNS} FROM view_streams{tables} WHERE stream"
    return dict(read_row(row) for row in select_in(db, select, streams))


STATE_COLUMNS: Final = "stream, kind, version, removed, state, checksum"
"""The columns of ``view_streams``, as ``check_row`` takes them."""


def check_row(row: Sequence[object]) -> tuple[str, str, str]:
    """The stream, kind and state in a row of ``view_streams``. Raises ``ViewError`` if the row was changed."""
    stream, kind, version, removed, state, stored = row
    if stored != checksum(text(stream), text(kind), number(version), number(removed), text(state)):
        raise damaged(f"what is stored of {stream} was changed")
    return text(stream), text(kind), text(state)


def read_row(row: Sequence[object]) -> tuple[str, AnyTracked]:
    """The stream in a row of ``view_streams``, and its host or VM. Raises ``ViewError``."""
    stream, kind, state = check_row(row)
    return stream, read_state(stream, kind, state)


def write_fleet(states: Iterable[tuple[str, str, str]]) -> bytes:
    """A whole fleet from the (stream, kind, state) of all that is in it: states stay as they were written."""
    by_kind: dict[str, list[str]] = {}
    for stream, kind, state in sorted(states):
        by_kind.setdefault(kind, []).append(f"{_quoted(stream)}:{state}")
    lines = [f"{kind} {{{','.join(parts)}}}" for kind, parts in sorted(by_kind.items())]
    return zlib.compress("\n".join(lines).encode(), level=1)


def read_fleet(row: Sequence[object]) -> dict[str, AnyTracked]:
    """The hosts and VMs of a stored fleet, by stream, from a row of ``view_checkpoints``. Raises ``ViewError``."""
    position, latest, packed, stored = row
    if stored != checksum(number(position), text(latest), blob(packed)):
        raise damaged(f"the checkpoint at position {position} was changed")
    found: dict[str, AnyTracked] = {}
    try:
        for line in zlib.decompress(blob(packed)).decode().split("\n"):
            kind, _, states = line.partition(" ")
            read = _reader(kind)
            found |= {stream: read(state) for stream, state in json.loads(states).items()}
    except (zlib.error, ValueError, AttributeError):
        raise damaged(f"the checkpoint at position {position} is unreadable") from None
    return found


def put(fleet: Fleet, stream: str, tracked: AnyTracked) -> None:
    """Puts a stored host or VM into a fleet."""
    kind, id = split_stream(stream)
    if kind == "vm":
        fleet.put_vm(id, cast("TrackedVm", tracked))
    else:
        fleet.put_host(id, cast("TrackedHost", tracked))


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
