"""Types for what would otherwise be any text: the names of streams, the ids of VMs and hosts, and times.

They cost nothing at run time. A stream's name is made and cut here and nowhere else; a ``UtcTime`` is made by
``nilometer.times``, and where stored events and histories are read.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final, NewType

StreamName = NewType("StreamName", str)
"""The name of a stream: ``vm/web01``, ``host/hv01``, ``policy/tenth``, ``group/db``, or ``import/`` and a digest."""

VmId = NewType("VmId", str)
"""What a VM is called in commands and in the name of its stream: ``web01``."""

HostId = NewType("HostId", str)
"""What a host is called in commands and in the name of its stream: ``hv01``."""

UtcTime = NewType("UtcTime", str)
"""A time as ``2026-11-23T09:00:00.000000Z``: all have this width, so their order as texts is their order in time."""


def vm_stream(vm: str) -> StreamName:
    """The name of a VM's stream."""
    return StreamName(f"vm/{vm}")


def host_stream(host: str) -> StreamName:
    """The name of a host's stream."""
    return StreamName(f"host/{host}")


def import_stream(digest: str) -> StreamName:
    """The name of the stream that records the imports of one file, which is known by its digest."""
    return StreamName(f"import/{digest[:16]}")


def policy_stream(name: str) -> StreamName:
    """The name of the stream of a policy: when it was adopted, and when it was retired."""
    return StreamName(f"policy/{name}")


def group_stream(name: str) -> StreamName:
    """The name of the stream of a group's book: what its VMs hold together."""
    return StreamName(f"group/{name}")


POLICIES: Final = StreamName("policies/adopted")
"""The stream that says which policies are adopted: every command expects its version."""


def split_stream(stream: str) -> tuple[str, str]:
    """The kind of a stream (``vm``, ``host``, ``policy``, …) and the id of what it is about."""
    kind, _, id = stream.partition("/")
    return kind, id


def subject_id(stream: str) -> str:
    """The id of what a stream is about, whatever its kind."""
    return stream.partition("/")[2]


def vm_id(stream: str) -> VmId | None:
    """The VM that a stream is about; ``None`` for other streams."""
    return VmId(stream[3:]) if stream.startswith("vm/") else None


def host_id(stream: str) -> HostId | None:
    """The host that a stream is about; ``None`` for other streams."""
    return HostId(stream[5:]) if stream.startswith("host/") else None


def seconds_between(earlier: str, later: str) -> float:
    """The seconds from one time to another, both in ISO 8601 with a zone."""
    return (datetime.fromisoformat(later) - datetime.fromisoformat(earlier)).total_seconds()
