"""What QEMU answers about a VM's memory, as records have it. What is not as it should be is unknown."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final, cast

from domain.identifiers import UtcTime, seconds_between
from domain.quantities import LARGEST, MiB
from nilometer.importers.qemu.records import LATEST_SECOND, Json, as_object
from nilometer.times import to_utc_time

_STATS_AGE: Final = 60.0
"""Seconds: what a guest reported longer ago is no measurement of now."""


def as_size(value: object) -> int | None:
    """A size in bytes, if it is one."""
    return value if type(value) is int and 0 <= value <= LARGEST else None


def read_devices(answer: object) -> list[Json] | None:
    """The memory devices: their kinds, ids and sizes."""
    if not isinstance(answer, list):
        return None
    devices: list[Json] = []
    for device in cast("list[object]", answer):
        kind, data = as_object(device).get("type"), as_object(as_object(device).get("data"))
        id, size, most = data.get("id"), as_size(data.get("size")), as_size(data.get("max-size"))
        if not isinstance(kind, str) or size is None or not isinstance(id, str | None):
            return None
        devices.append({"type": kind, "data": {"id": id, "size": size, "max-size": most}})
    return devices


def read_summary(answer: object) -> Json | None:
    """The summary of boot memory and plugged memory."""
    summary = as_object(answer)
    base, plugged = as_size(summary.get("base-memory")), as_size(summary.get("plugged-memory", 0))
    return None if base is None or plugged is None else {"base-memory": base, "plugged-memory": plugged}


def read_guest(total: object, available: object, reported: object, at: UtcTime, since: UtcTime | None) -> Json | None:
    """What a guest reported of its memory at ``reported``, in seconds since 1970; it counts if that was just before.

    ``since`` is when its memory last changed: what was reported before that says nothing of now.
    """
    if type(reported) is not int or not 0 < reported <= LATEST_SECOND:
        return None
    when = to_utc_time(datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=reported))
    if not -1 <= seconds_between(when, at) <= _STATS_AGE or (since is not None and when <= since):
        return None
    sizes = {"mem_total": as_size(total), "mem_available": as_size(available)}
    found = {key: size for key, size in sizes.items() if size is not None}
    return found or None


def find_request(
    name: str,
    arguments: Json,
    plugged: Mapping[str, int] | None,
    *,
    modules: Collection[str],
    backends: Mapping[str, int],
) -> tuple[str | None, int | None]:
    """The mechanism that a command is about, and the size that it asks for, where that is known."""
    if name == "balloon":
        return "balloon", as_size(arguments.get("value"))
    if name == "human-monitor-command":
        verb, _, value = str(arguments.get("command-line", "")).strip().partition(" ")
        is_size = verb == "balloon" and value.strip().isascii() and value.strip().isdecimal()
        return ("balloon", as_size(int(value) * MiB)) if is_size else (None, None)
    if name == "qom-set" and arguments.get("property") == "requested-size":
        return "virtio-mem", as_size(arguments.get("value"))
    total = None if plugged is None else sum(plugged.values())
    if name == "device_add" and arguments.get("driver") == "pc-dimm":
        size = backends.get(str(arguments.get("memdev")))
        return "pc-dimm", None if total is None or size is None else total + size
    if name == "device_del" and plugged is not None and arguments.get("id") in modules:
        return "pc-dimm", sum(size for id, size in plugged.items() if id != arguments["id"])
    return None, None
