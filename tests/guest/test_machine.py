"""The guest itself: that what the other tests ask of it is so."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.guest.machine import Machine

MEBIBYTE = 1 << 20


def settled(machine: Machine) -> int:
    """The size of the device once it has stayed the same for five seconds, in bytes."""
    size, since = machine.monitor.plugged(), time.monotonic()
    while time.monotonic() - since < 5:
        time.sleep(0.1)
        if machine.monitor.plugged() != size:
            size, since = machine.monitor.plugged(), time.monotonic()
    return size


def test_memory_that_is_plugged_is_seen_and_what_is_held_is_not_taken(machine: Machine) -> None:
    # Given a guest of 256 MiB that is up
    before = machine.agent.memory()["total"]
    # When its device is asked for 384 MiB more
    machine.monitor.request(384 * MEBIBYTE)
    # Then the guest sees them
    assert settled(machine) == 384 * MEBIBYTE
    assert machine.agent.memory()["total"] - before == 384 * MEBIBYTE
    # When the guest fills most of what it has, and all is asked back
    assert machine.agent.hold("much", 450)["held"] == 450 * MEBIBYTE
    machine.monitor.request(0)
    # Then some of it stays plugged
    assert settled(machine) > 0
    # When the guest lets go of it, and its driver is asked anew (by itself it tries again within a minute)
    machine.agent.free("much")
    machine.monitor.request(2 * MEBIBYTE)
    # Then all else is given back
    assert settled(machine) == 2 * MEBIBYTE
