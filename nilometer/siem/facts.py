"""What the forms for SIEMs say of an event alike: its id, its activity, its outcome, its times and a sentence.

Kinds of events that this module does not know have an activity too: nothing that a ledger holds is left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from importlib.metadata import version
from typing import Final

from domain.decision import Outcome
from domain.identifiers import split_stream
from domain.observed.words import UNKNOWN_ACTOR
from nilometer.siem.details import Detail, read_details
from nilometer.siem.message import message

VENDOR: Final = "Nilometer"
PRODUCT: Final = "Nilometer"
PRODUCT_VERSION: Final = version("nilometer")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Activity(StrEnum):
    """What an event is about."""

    CREATE = "create"
    READ = "read"
    """Nothing was changed: something was measured, or imported."""
    UPDATE = "update"
    DELETE = "delete"
    MOVE = "move"
    ACTIVATE = "activate"
    DEACTIVATE = "deactivate"
    SUSPEND = "suspend"
    RESUME = "resume"
    OTHER = "other"


_BY_KIND: Final[Mapping[str, Activity]] = {
    "vm.defined": Activity.CREATE,
    "vm.memory-configured": Activity.UPDATE,
    "vm.guest-configured": Activity.UPDATE,
    "vm.removed": Activity.DELETE,
    "vm.started": Activity.ACTIVATE,
    "vm.rebooted": Activity.ACTIVATE,
    "vm.restored": Activity.RESUME,
    "vm.stopped": Activity.DEACTIVATE,
    "vm.saved": Activity.SUSPEND,
    "vm.paused": Activity.SUSPEND,
    "vm.resumed": Activity.RESUME,
    "vm.in-use-reported": Activity.READ,
    "vm.memory-added": Activity.UPDATE,
    "vm.memory-removed": Activity.UPDATE,
    "vm.moved": Activity.MOVE,
    "host.registered": Activity.CREATE,
    "host.resized": Activity.UPDATE,
    "host.reserve-set": Activity.UPDATE,
    "host.removed": Activity.DELETE,
    "host.memory-granted": Activity.UPDATE,
    "host.memory-returned": Activity.UPDATE,
    "vm.observed": Activity.READ,
    "vm.change-requested": Activity.UPDATE,
    "vm.memory-moved": Activity.UPDATE,
    "vm.request-settled": Activity.UPDATE,
    "vm.lost": Activity.DEACTIVATE,
    "vm.not-listed": Activity.READ,
    "vm.retired": Activity.DELETE,
    "vm.memory-short": Activity.READ,
    "vm.annotated": Activity.UPDATE,
    "vm.checkpoint": Activity.UPDATE,
    "host.observed": Activity.READ,
    "host.not-watched": Activity.READ,
    "host.inventoried": Activity.READ,
    "host.retired": Activity.DELETE,
    "host.watched": Activity.READ,
    "import.begun": Activity.READ,
    "import.recorded": Activity.READ,
    "import.restored": Activity.UPDATE,
    "policy.adopted": Activity.CREATE,
    "policy.retired": Activity.DELETE,
    "policies.changed": Activity.UPDATE,
    "policies.group-changed": Activity.UPDATE,
    "group.opened": Activity.CREATE,
    "group.memory-granted": Activity.UPDATE,
    "group.memory-returned": Activity.UPDATE,
    "group.closed": Activity.DELETE,
}
_BY_COMMAND: Final[Mapping[str, Activity]] = {
    "register-host": Activity.CREATE,
    "define-vm": Activity.CREATE,
    "remove-host": Activity.DELETE,
    "remove-vm": Activity.DELETE,
    "move-vm": Activity.MOVE,
    "start": Activity.ACTIVATE,
    "reboot-guest": Activity.ACTIVATE,
    "stop": Activity.DEACTIVATE,
    "pause": Activity.SUSPEND,
    "save": Activity.SUSPEND,
    "resume": Activity.RESUME,
    "restore": Activity.RESUME,
    "report-in-use": Activity.READ,
}
"""What a command does, or would have done if it was refused; all others update something."""
_ENTITIES: Final[Mapping[str, str]] = {
    "vm": "Virtual Machine",
    "host": "Hyper-V Host",
    "import": "Import",
    "policy": "Policy",
    "policies": "Policies",
    "group": "Group of VMs",
}
_FIGURES: Final = ("before_", "after_")

Value = str | int | bool


@dataclass(frozen=True, slots=True)
class EventFacts:
    """An event, as all forms need it. Columns that are null are absent."""

    id: str
    """The same for all time, and of no other event of any ledger: ledger, stream and version."""
    ledger: str
    activity: Activity
    entity: str
    """What the stream is about, such as ``Virtual Machine``."""
    entity_id: str
    message: str
    columns: Mapping[str, Value]
    beyond: Mapping[str, Detail]
    """What the event says that is in no column."""

    @property
    def is_of_vm(self) -> bool:
        """Whether it is an event of a VM; a host may have the name of one."""
        return self.entity == _ENTITIES["vm"]

    @property
    def outcome(self) -> str | None:
        """The outcome; ``None`` if the event has none."""
        return self.text("outcome")

    @property
    def is_failed(self) -> bool:
        """Whether nothing was granted."""
        return self.outcome in (Outcome.FAILED, Outcome.REJECTED)

    @property
    def is_partial(self) -> bool:
        """Whether less was granted than was requested, and more than nothing."""
        return self.outcome == Outcome.PARTIALLY_COMPLETED

    def text(self, name: str) -> str | None:
        """A column that is a text."""
        value = self.columns.get(name)
        return value if isinstance(value, str) else None

    def milliseconds(self, name: str) -> int | None:
        """A time in milliseconds since 1970."""
        time = self.text(name)
        return None if time is None else (datetime.fromisoformat(time) - _EPOCH) // timedelta(milliseconds=1)

    def figures(self, moment: str) -> dict[str, Value]:
        """The figures ``before`` or ``after`` the event."""
        prefix = f"{moment}_"
        return {name.removeprefix(prefix): value for name, value in self.columns.items() if name.startswith(prefix)}

    def details(self) -> dict[str, Detail]:
        """The columns that are no figures, and what is in no column."""
        plain = {name: value for name, value in self.columns.items() if not name.startswith(_FIGURES)}
        return {**plain, **self.beyond}


def event_facts(columns: Mapping[str, object], data: Mapping[str, object], ledger: str) -> EventFacts:
    """What the forms need of an event, by the names of its columns and the data that it has."""
    values = {name: value for name, value in columns.items() if isinstance(value, Value) and name != "body"}
    stream, kind = str(values["stream"]), str(values["kind"])
    what, id = split_stream(stream)
    event_id = f"{ledger}/{stream}/{values['version']}"
    beyond = read_details(kind, data, event_id)
    if values.get("actor") == UNKNOWN_ACTOR:  # words for people, and no user that anybody could look for
        del values["actor"]
    if "file_size" in beyond:  # the column is of the size that a command asked for
        values.pop("size", None)
    if kind == "vm.annotated" and isinstance(reason := data.get("reason"), str):
        values.setdefault("reason", reason)
    return EventFacts(
        id=event_id,
        ledger=ledger,
        activity=_activity(kind, values.get("command")),
        entity=_ENTITIES.get(what, what),
        entity_id=id,
        message=message(kind, id, values, beyond),
        columns=values,
        beyond=beyond,
    )


def _activity(kind: str, command: object) -> Activity:
    found = _BY_KIND.get(kind)
    if found is None and command is not None:  # it was refused, or a policy had a say
        return _BY_COMMAND.get(str(command), Activity.UPDATE)
    return found or Activity.OTHER
