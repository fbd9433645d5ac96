"""The records of a recorded QEMU driver: one JSON object a line, sizes in bytes (``tests/recordings/README.md``).

The files are foreign: keys that are not named here are ignored.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any, Final, Literal, cast

from pydantic import AfterValidator, Field, TypeAdapter, ValidationError

from domain.errors import InputError
from domain.quantities import LARGEST
from domain.shapes import Id
from nilometer.importers.qemu.measures import DeviceMeasures, GuestMemory, Measure, QemuModel, Size
from nilometer.textio.strict_json import parse_strict_json
from nilometer.textio.values import describe_value
from nilometer.times import parse_time, to_utc_time

Time = Annotated[str, AfterValidator(parse_time)]
Json = dict[str, Any]

MECHANISMS: Final = ("virtio-mem", "balloon", "pc-dimm")
"""The mechanisms that move memory. Of any other, which a newer driver may know, only the measurements are read."""

LATEST_SECOND: Final = 253_402_300_799
"""The seconds since 1970 at the end of the year 9999."""


class RecordBase(QemuModel):
    """What every record has: its place, and the time it was written."""

    v: Literal[1]
    scenario: Id
    seq: Annotated[int, Field(ge=1, le=LARGEST)]
    t: Time


class VmRecord(RecordBase):
    """A record of one VM."""

    vm: Id


class MetaRecord(RecordBase):
    """The recording's first record, and with ``wall_s`` its last."""

    kind: Literal["meta"]
    wall_s: float | None = None


class BootRecord(VmRecord):
    """A VM was started, and its agent answers."""

    kind: Literal["boot"]
    argv: tuple[str, ...] | None = None
    guest_kernel: str | None = None
    qemu: Any = None
    observation: Measure | None = None


class AttachRecord(VmRecord):
    """A driver begins to watch a VM that runs already: its power is known, which boot of the guest it is is not."""

    kind: Literal["attach"]
    status: str | None = None
    """QEMU's own word for its state, from ``query-status``."""
    uuid: str | None = None
    """The VM's own id, where it has one."""
    process: str | None = None
    """Names the process of QEMU: another one has another name."""
    incoming: bool = False
    """QEMU took the VM over by a migration."""
    alone: bool = True
    """Nobody else changes the VM now: what was begun before and has no answer never gets one."""
    deflate_on_oom: bool | None = None
    """Whether the balloon deflates when the guest runs out of memory; ``None`` if there is no balloon."""
    qemu: Any = None
    observation: Measure | None = None


class RequesterFields(VmRecord):
    """Who asked, and with which tool, why, and as part of what: a driver that knows may say so."""

    actor: str | None = None
    via: str | None = None
    reason: str | None = None
    correlation: str | None = None
    expected: Size | None = None
    """How much of the change the driver expected to be granted, by the figures that it had."""


class CommandRecord(RequesterFields):
    """A command was sent to QEMU. ``requested`` is the size that was asked for, if it asked for one."""

    kind: Literal["command"]
    mechanism: str | None = None
    requested: Size | None
    qmp: Json | None = None
    reply: Any = None
    accepted: bool | None
    """``None``: the line broke before an answer came."""


class IntentRecord(RequesterFields):
    """A command is about to be sent. What never gets an answer may have been carried out, or not."""

    kind: Literal["intent"]
    mechanism: str
    requested: Size
    qmp: Json | None = None

    def to_command(self) -> CommandRecord:
        """The command, as one whose answer nobody knows."""
        fields = self.model_dump(include=set(CommandRecord.model_fields) - {"kind"})
        return CommandRecord(kind="command", accepted=None, **fields)


class LostRecord(VmRecord):
    """The line to QEMU broke: what happens from here on is not seen."""

    kind: Literal["lost"]
    error: str | None = None


class SizeRecord(VmRecord):
    """A poll read another size than the poll before it. ``requested`` is the target of a request that is waiting."""

    kind: Literal["size"]
    mechanism: str
    requested: Size | None = None
    size: Size


class QmpTimestamp(QemuModel):
    """QEMU's own time of an event: -1 if its clock failed."""

    seconds: int
    microseconds: int


class QmpMessage(QemuModel):
    """A QMP event."""

    event: str
    timestamp: QmpTimestamp | None = None
    data: Json | None = None


class QmpEventRecord(VmRecord):
    """A QMP event was delivered."""

    kind: Literal["event"]
    qmp: QmpMessage

    @property
    def moment(self) -> str | None:
        """QEMU's own time of the event."""
        stamp = self.qmp.timestamp
        if stamp is None or not 0 <= stamp.seconds <= LATEST_SECOND or not 0 <= stamp.microseconds < 1_000_000:
            return None
        return to_utc_time(datetime.fromtimestamp(stamp.seconds, UTC).replace(microsecond=stamp.microseconds))


class StepOutcome(StrEnum):
    """The driver's names for the outcomes of a command."""

    COMPLETE = "complete"
    PARTIAL = "partial"
    UNCHANGED = "unchanged"
    REFUSED = "refused"
    REFUSED_BY_GUEST = "refused_by_guest"
    GUEST_LOST = "guest_lost"


class StepRecord(VmRecord):
    """A command settled: ``before`` was measured before the command, ``after`` when it settled."""

    kind: Literal["step"]
    mechanism: str
    requested: Size | None
    size_before: Size | None = None
    size_after: Size | None = None
    outcome: str
    """A ``StepOutcome``; any other outcome is read from the sizes."""
    before: Measure | None = None
    after: Measure | None = None
    note: str | None = None
    error: Any = None
    guest_console: Any = None


class LoadRecord(VmRecord):
    """A program in the guest took or gave back memory: ``before`` was measured before that, ``after`` after it."""

    kind: Literal["load"]
    verb: str | None = None
    name: str | None = None
    before: Measure | None = None
    after: Measure | None = None


class ObservationRecord(VmRecord):
    """A VM was measured."""

    kind: Literal["observation"]
    label: str | None = None
    guest: GuestMemory | None = None
    device: DeviceMeasures | None = None


class PoolRecord(RecordBase):
    """The host's budget was measured."""

    kind: Literal["pool"]
    label: str | None = None
    capacity: Size | None = None
    free: Size | None = None


class EndRecord(VmRecord):
    """QEMU's process has ended."""

    kind: Literal["end"]
    qemu_exit: int | None = None
    qemu_stderr: str | None = None


class UnknownRecord(RecordBase):
    """A record of an unknown kind, from a newer driver."""

    kind: str


_Known = (
    MetaRecord
    | BootRecord
    | AttachRecord
    | IntentRecord
    | LostRecord
    | CommandRecord
    | SizeRecord
    | QmpEventRecord
    | StepRecord
    | LoadRecord
    | ObservationRecord
    | PoolRecord
    | EndRecord
)
QemuRecord = _Known | UnknownRecord
_RECORD: Final = TypeAdapter[_Known](Annotated[_Known, Field(discriminator="kind")])
_OTHER: Final = TypeAdapter(UnknownRecord)
KINDS: Final = (
    "meta", "boot", "attach", "intent", "lost", "command", "size", "event", "step", "load", "observation", "pool", "end"
)  # fmt: skip
_EXAMPLE: Final = "import a recording of a QEMU driver: JSON Lines with v, scenario, seq, t, vm, kind"


def read_record(line: bytes, place: str) -> QemuRecord:
    """Reads one line. Raises ``InputError`` with the place, what is wrong, and what to do."""
    kind = as_object(parse_strict_json(line, place)).get("kind")  # pydantic would take the last of two equal keys
    other = isinstance(kind, str) and kind not in KINDS
    try:
        return _OTHER.validate_json(line) if other else _RECORD.validate_json(line)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in (first["loc"] if other else first["loc"][1:]))
        what = describe_value(first)
        raise InputError(f"{place}: {where}: {what}" if where else f"{place}: {what}", hint=_EXAMPLE) from None


def as_object(value: object) -> Json:
    """Returns a JSON object; an empty one if the value is no object."""
    return cast("Json", value) if isinstance(value, dict) else {}


def to_verbatim(value: object) -> str:
    """Returns a JSON value as it stood in its line."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
