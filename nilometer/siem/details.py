"""What an event says beyond its columns, for a SIEM that does not have the stored bytes.

Names are chosen one by one: all of a body would be hundreds of fields, and a field of two types breaks an index.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, cast

Detail = str | int | bool | list[str] | dict[str, object]

_NAMES: Final[Mapping[str, Mapping[str, str]]] = {
    "vm.moved": {"source": "host_before"},
    "vm.change-requested": {"asked": "asked", "answer": "answer", "record": "record"},
    "vm.memory-moved": {"late": "late", "record": "record"},
    "vm.request-settled": {
        "cause_is": "cause_is",
        "still_open": "still_open",
        "late": "late",
        "remaining": "remaining",
        "told": "told",
        "record": "record",
    },
    "vm.annotated": {"ticket": "ticket", "approved_by": "approved_by"},
    "policy.adopted": {"file": "file", "digest": "sha256", "sentence": "sentence"},
    "policy.retired": {"digest": "sha256"},
    "policies.changed": {"policy": "policy"},
    "policies.group-changed": {"group": "group"},
    "group.opened": {"policy": "policy"},
    "import.begun": {"file": "file", "format": "format", "sha256": "sha256", "size": "file_size"},
    "import.recorded": {"file": "file", "format": "format", "sha256": "sha256"},
}
"""By the kind of an event: what it says, and what that is called here."""


def read_details(kind: str, data: Mapping[str, object], event_id: str) -> dict[str, Detail]:
    """What the data of an event say that is in no column. ``event_id`` is the event's own, to name others by."""
    found: dict[str, Detail] = {}
    for name, called in _NAMES.get(kind, {}).items():
        value = data.get(name)
        if isinstance(value, str | int | bool):
            found[called] = value
    arguments = data.get("arguments")
    if isinstance(arguments, dict) and arguments:
        found["arguments"] = cast("dict[str, object]", arguments)
    policies = _policies(data.get("policies"))
    if policies:
        found["policies"] = policies
    about = data.get("about")
    if kind == "vm.annotated" and isinstance(about, int):
        found["about"] = f"{event_id.rpartition('/')[0]}/{about}"
    return found


def _policies(reads: object) -> list[str]:
    """The names of the policies that had a say in a decision."""
    if not isinstance(reads, list):
        return []
    named = [cast("dict[str, object]", read) for read in cast("list[object]", reads) if isinstance(read, dict)]
    return [name for read in named if isinstance(name := read.get("policy"), str)]
