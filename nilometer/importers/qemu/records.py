"""The records of a recorded QEMU driver: one JSON object a line, sizes in bytes (``tests/recordings/README.md``).

They are foreign files: keys that are not named here are ignored.
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
from nilometer.importers.qemu.measures import Devices, GuestMemory, Measure, Shape, Size
from nilometer.textio.strict_json import parse_strict_json
from nilometer.times import inside, parse_time

Time = Annotated[str, AfterValidator(parse_time)]
Json = dict[str, Any]

MECHANISMS: Final = ("virtio-mem", "balloon", "pc-dimm")
"""How memory is moved. Of another mechanism, which a newer driver may know, only what it measured is read."""

LATEST: Final = 253_402_300_799
"""Seconds since 1970 at the end of the year 9999."""


class Common(Shape):
    """What every record says: where it stands, and when it was written."""

    v: Literal[1]
    scenario: Id
    seq: Annotated[int, Field(ge=1, le=LARGEST)]
    t: Time


class OfVm(Common):
    """A record of one VM."""

    vm: Id


class Meta(Common):
    """The recording's first record, and with ``wall_s`` its last."""

    kind: Literal["meta"]
    wall_s: float | None = None


class Boot(OfVm):
    """A VM was started; its agent answers."""

    kind: Literal["boot"]
    argv: tuple[str, ...] | None = None
    guest_kernel: str | None = None
    qemu: Any = None
    observation: Measure | None = None


class Command(OfVm):
    """QEMU was told something. ``requested`` is the size that was asked for, if it was about one."""

    kind: Literal["command"]
    mechanism: str | None = None
    requested: Size | None
    qmp: Json | None = None
    reply: Any = None
    accepted: bool


class SizeSeen(OfVm):
    """A poll saw another size than the one before it. ``requested`` is the target of whoever waits for it."""

    kind: Literal["size"]
    mechanism: str
    requested: Size | None = None
    size: Size


class Timestamp(Shape):
    """QEMU's own time of an event: -1 if its clock failed."""

    seconds: int
    microseconds: int


class Qmp(Shape):
    """A QMP event."""

    event: str
    timestamp: Timestamp | None = None
    data: Json | None = None


class QmpEvent(OfVm):
    """A QMP event was delivered."""

    kind: Literal["event"]
    qmp: Qmp

    @property
    def moment(self) -> str | None:
        """QEMU's own time of the event."""
        told = self.qmp.timestamp
        if told is None or not 0 <= told.seconds <= LATEST or not 0 <= told.microseconds < 1_000_000:
            return None
        return inside(datetime.fromtimestamp(told.seconds, UTC).replace(microsecond=told.microseconds))


class StepOutcome(StrEnum):
    """How the driver called what came of a command."""

    COMPLETE = "complete"
    PARTIAL = "partial"
    UNCHANGED = "unchanged"
    REFUSED = "refused"
    REFUSED_BY_GUEST = "refused_by_guest"
    GUEST_LOST = "guest_lost"


class Step(OfVm):
    """A command settled: ``before`` was measured before the command, ``after`` now."""

    kind: Literal["step"]
    mechanism: str
    requested: Size | None
    size_before: Size | None = None
    size_after: Size | None = None
    outcome: str
    """A ``StepOutcome``; what else a driver says is judged by the sizes."""
    before: Measure | None = None
    after: Measure | None = None
    note: str | None = None
    error: Any = None
    guest_console: Any = None


class Load(OfVm):
    """Memory was taken or given back in the guest: ``before`` was measured before, ``after`` now."""

    kind: Literal["load"]
    verb: str | None = None
    name: str | None = None
    before: Measure | None = None
    after: Measure | None = None


class Observation(OfVm):
    """A VM was measured."""

    kind: Literal["observation"]
    label: str | None = None
    guest: GuestMemory | None = None
    device: Devices | None = None


class Pool(Common):
    """The host's budget was measured."""

    kind: Literal["pool"]
    label: str | None = None
    capacity: Size | None = None
    free: Size | None = None


class End(OfVm):
    """QEMU's process is gone."""

    kind: Literal["end"]
    qemu_exit: int | None = None
    qemu_stderr: str | None = None


class Other(Common):
    """A record of a kind that is not known here: a newer driver's."""

    kind: str


_Known = Meta | Boot | Command | SizeSeen | QmpEvent | Step | Load | Observation | Pool | End
Record = _Known | Other
_RECORD: Final = TypeAdapter[_Known](Annotated[_Known, Field(discriminator="kind")])
_OTHER: Final = TypeAdapter(Other)
KINDS: Final = ("meta", "boot", "command", "size", "event", "step", "load", "observation", "pool", "end")
_EXAMPLE: Final = "import a recording of a QEMU driver: JSON Lines with v, scenario, seq, t, vm, kind"


def read_record(line: bytes, place: str) -> Record:
    """Reads one line. Raises ``InputError`` with its place, what is wrong, and what to do."""
    kind = as_object(parse_strict_json(line, place)).get("kind")  # pydantic would take the last of two equal keys
    other = isinstance(kind, str) and kind not in KINDS
    try:
        return _OTHER.validate_json(line) if other else _RECORD.validate_json(line)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in (first["loc"] if other else first["loc"][1:]))
        what = first["msg"].removeprefix("Value error, ")
        raise InputError(f"{place}: {where}: {what}" if where else f"{place}: {what}", hint=_EXAMPLE) from None


def as_object(value: object) -> Json:
    """A JSON object, or an empty one if a value is none."""
    return cast("Json", value) if isinstance(value, dict) else {}


def verbatim(value: object) -> str:
    """A JSON value as it stood in its line."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
