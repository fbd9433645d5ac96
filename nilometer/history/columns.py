"""The columns of an event: what people ask for, typed. The stored bytes beside them hold everything.

A column is null where an event does not say it, or says something of another type than an event of Nilometer has.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum
from typing import Final, NamedTuple, cast

from pydantic_core import to_json

from domain.identifiers import StreamName, split_stream
from nilometer.storage.reader import StoredRow
from nilometer.times import is_utc_time

SCHEMA_VERSION: Final = 2
"""Of these columns: it changes when one of them does. Files of earlier versions are read too."""


class ColumnType(StrEnum):
    """What a column holds."""

    INTEGER = "int64"
    TEXT = "string"
    LABEL = "string, by dictionary"
    """A text of few values."""
    MOMENT = "timestamp, microseconds, UTC"
    FLAG = "boolean"


class Column(NamedTuple):
    """A column: its name, its type, and what it holds."""

    name: str
    type: ColumnType
    meaning: str
    since: int = 1
    """The version that brought it."""


_SIZES: Final = (
    "startup",
    "assigned",
    "visible",
    "ballooned",
    "in_use",
    "paged_out",
    "high_watermark",
    "hot_pluggable",
)
_HOST_SIZES: Final = ("total", "reserve", "free", "held")


def _figures(moment: str, words: str) -> list[Column]:
    return [
        Column(f"{moment}_power", ColumnType.LABEL, f"power state {words}"),
        Column(f"{moment}_session", ColumnType.INTEGER, f"number of the guest's boot {words}"),
        *(Column(f"{moment}_{size}", ColumnType.INTEGER, f"`{size}` {words}, in bytes") for size in _SIZES),
        *(
            Column(f"{moment}_{size}", ColumnType.INTEGER, f"a host's `{size}` {words}, in bytes")
            for size in _HOST_SIZES
        ),
    ]


COLUMNS: Final[tuple[Column, ...]] = (
    Column("position", ColumnType.INTEGER, "n, for the n-th event of the ledger; rows are in this order"),
    Column("stream", ColumnType.LABEL, "`vm/web01`, `host/hv01`"),
    Column("version", ColumnType.INTEGER, "n, for the n-th event of its stream"),
    Column("kind", ColumnType.LABEL, "such as `vm.memory-added`"),
    Column("topic", ColumnType.LABEL, "the kind and the version of its shape, as stored: `vm.memory-added/2`"),
    Column("body", ColumnType.TEXT, "what is stored of the event, as canonical JSON, byte for byte"),
    Column("happened", ColumnType.MOMENT, "when it happened; the end of an interval where only that is known"),
    Column("earliest", ColumnType.MOMENT, "the beginning of that interval"),
    Column("recorded", ColumnType.MOMENT, "when it was recorded"),
    Column("actor", ColumnType.LABEL, "who made the request"),
    Column("via", ColumnType.LABEL, "with which tool"),
    Column("reason", ColumnType.TEXT, "why"),
    Column("correlation", ColumnType.TEXT, "the same on all events of one command"),
    Column("causation", ColumnType.TEXT, "the id of the event that caused it"),
    Column("origin", ColumnType.LABEL, "`decided` or `observed`"),
    Column("vm", ColumnType.LABEL, "the id of the VM; of an event of a host, the VM that it names"),
    Column("vm_name", ColumnType.LABEL, "the VM's name, as last recorded up to here"),
    Column(
        "host",
        ColumnType.LABEL,
        "the id of the host; of an event of a VM, the host that it is on after it, as recorded",
    ),
    Column("command", ColumnType.LABEL, "the command that was decided"),
    Column("outcome", ColumnType.LABEL, "`completed`, `partially-completed`, `failed`, `rejected` or `done`"),
    Column("code", ColumnType.LABEL, "why it was not granted in full"),
    Column("requested", ColumnType.INTEGER, "what was asked for, in bytes"),
    Column("granted", ColumnType.INTEGER, "what was granted of it, in bytes"),
    Column("size", ColumnType.INTEGER, "the size that set-memory asked for, in bytes"),
    Column("accepted", ColumnType.FLAG, "whether a hypervisor accepted a request"),
    Column("device", ColumnType.LABEL, "the memory device of an observed change"),
    Column("size_from", ColumnType.INTEGER, "the size of the device before, in bytes"),
    Column("size_to", ColumnType.INTEGER, "the size of the device after, or the size that was asked for, in bytes"),
    Column("why", ColumnType.LABEL, "why memory moved: `request`, `unasked`, `balancer` or `checkpoint`"),
    *_figures("before", "before the event"),
    *_figures("after", "after the event; of an observed one, as measured"),
    Column("read_host_id", ColumnType.LABEL, "the id of the host that the decision read", since=2),
    Column("read_host_stream_version", ColumnType.INTEGER, "the version of its stream that was read", since=2),
    Column("read_host_version", ColumnType.LABEL, "its release, such as `2022`, as read", since=2),
    Column("read_host_total", ColumnType.INTEGER, "its `total`, as read, in bytes", since=2),
    Column("read_host_reserve", ColumnType.INTEGER, "its `reserve`, as read, in bytes", since=2),
    Column("read_host_held", ColumnType.INTEGER, "its `held`, as read, in bytes", since=2),
    Column("read_vm", ColumnType.LABEL, "the settings of the VM that the decision read, as JSON", since=2),
)
"""All columns, in their order: those that came later stand behind."""

STORED: Final = ("position", "stream", "version", "topic", "body")
"""The columns of which the event is made again."""


def _integer(value: object) -> int | None:
    return value if type(value) is int and -(2**63) <= value < 2**63 else None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _moment(value: object) -> str | None:
    return value if isinstance(value, str) and is_utc_time(value) else None


def _flag(value: object) -> bool | None:
    return value if isinstance(value, bool) else None


_READ: Final[Mapping[ColumnType, Callable[[object], object]]] = {
    ColumnType.INTEGER: _integer,
    ColumnType.TEXT: _text,
    ColumnType.LABEL: _text,
    ColumnType.MOMENT: _moment,
    ColumnType.FLAG: _flag,
}

_ATTRIBUTES: Final = ("time", "earliest", "recorded", "actor", "via", "reason", "correlation", "causation")
"""Names in a CloudEvent, in the order of the columns."""
_PLAIN: Final = ("command", "outcome", "code", "requested", "granted", "size", "accepted", "device")
_FIGURES: Final = ("power", "session", *_SIZES, *_HOST_SIZES)

_TYPES: Final = {column.name: column.type for column in COLUMNS} | {"time": ColumnType.MOMENT}
_READ_OF_HOST: Final = ("id", "stream_version", "version", "total", "reserve", "held")
_EVIDENCE_READERS: Final = tuple((name, _READ[_TYPES[f"read_host_{name}"]]) for name in _READ_OF_HOST)
_ATTRIBUTE_READERS: Final = tuple((name, _READ[_TYPES[name]]) for name in _ATTRIBUTES)
_PLAIN_READERS: Final = tuple((name, _READ[_TYPES[name]]) for name in _PLAIN)
_FIGURE_READERS: Final = tuple((name, _READ[_TYPES[f"after_{name}"]]) for name in _FIGURES)
_NOTHING: Final[Mapping[str, object]] = {}
_MEASURED: Final = ("vm.observed", "host.observed")
_NAMING: Final = ("vm.defined", "vm.observed")
_LEAVING: Final = ("vm.removed", "vm.not-listed", "vm.retired")
REMEMBERED: Final = frozenset((*_NAMING, "vm.moved", *_LEAVING))
"""The kinds of events that later ones are read by: where VMs are, and their names."""


class ColumnReader:
    """Reads the columns of events, in the order of their positions: it remembers where VMs are, and their names."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}
        self._hosts: dict[str, str] = {}

    def read(self, row: StoredRow, cloudevent: Mapping[str, object]) -> tuple[object, ...]:
        """The columns of a stored event, which is given as a CloudEvent too, in the order of ``COLUMNS``."""
        kind = row.topic.rpartition("/")[0]
        data = _object(cloudevent["data"])
        vm, name, host = self._find_subject(row.stream, kind, data)
        before, after = _object(data.get("before")), _object(data.get("after"))
        if data.get("origin") == "observed":
            before, after = _NOTHING, data if kind in _MEASURED else _NOTHING
            if "requested" not in data:
                data = {**data, "requested": data.get("amount")}
        return (
            row.position,
            row.stream,
            row.version,
            kind,
            row.topic,
            row.body.decode(),
            *[read(cloudevent.get(name)) for name, read in _ATTRIBUTE_READERS],
            _text(data.get("origin")),
            vm,
            name,
            host,
            *[read(data.get(name)) for name, read in _PLAIN_READERS],
            _integer(data.get("size_from")),
            _integer(data.get("size_to", data.get("target"))),
            _text(data.get("why")),
            *[read(before.get(name)) for name, read in _FIGURE_READERS],
            *[read(after.get(name)) for name, read in _FIGURE_READERS],
            *self._evidence(_object(data.get("evidence"))),
        )

    def _evidence(self, evidence: Mapping[str, object]) -> Iterator[object]:
        """What the decision read."""
        host, vm = _object(evidence.get("host")), evidence.get("vm")
        for name, read in _EVIDENCE_READERS:
            yield read(host.get(name))
        yield to_json(vm).decode() if isinstance(vm, dict) else None

    def read_named(self, row: StoredRow, cloudevent: Mapping[str, object]) -> dict[str, object]:
        """The same by the names of the columns, without those that are null."""
        columns = zip(COLUMNS, self.read(row, cloudevent), strict=True)
        return {column.name: value for column, value in columns if value is not None}

    def _find_subject(
        self, stream: str, kind: str, data: Mapping[str, object]
    ) -> tuple[str | None, str | None, str | None]:
        """The VM of an event, its name and its host."""
        what, id = split_stream(StreamName(stream))
        if what == "host":
            vm = _text(data.get("vm"))
            return vm, self._names.get(vm or ""), id
        if what != "vm":
            return None, None, None
        name = data.get("name")
        if isinstance(name, str) and kind in _NAMING:
            self._names[id] = name
        host = data.get("destination") if kind == "vm.moved" else data.get("host") if kind in _NAMING else None
        if isinstance(host, str):
            self._hosts[id] = host
        if kind in _LEAVING:  # the last event in which the VM is there
            return id, self._names.get(id), self._hosts.pop(id, None)
        return id, self._names.get(id), self._hosts.get(id)


def _object(value: object) -> Mapping[str, object]:
    return cast("Mapping[str, object]", value) if isinstance(value, dict) else _NOTHING
