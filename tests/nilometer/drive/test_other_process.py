"""A run finds another process of QEMU than the last one did: of a guest that was migrated there, or started anew."""

from __future__ import annotations

import pytest

from domain.quantities import MiB
from tests.nilometer.cli.calling import Desk
from tests.nilometer.drive.asking import drive, history, imported
from tests.nilometer.drive.peer import Move, Reaction, guest

UUID = "6f1c0d7e-1111-4222-8333-944455556666"


@pytest.mark.parametrize("migrated", [True, False], ids=["migrated", "started anew"])
def test_a_request_that_is_open_goes_on_where_the_guest_was_migrated_to(desk: Desk, migrated: bool) -> None:
    # Given a request that was met in part
    with guest(uuid=UUID) as here:
        here.reactions = [Reaction(moves=(Move(128),))]
        assert drive(desk, here, "640MiB").code == 1
    # When another process of QEMU has the VM, with as much memory as was asked for
    found = {"virtio": {"vm0": 384 * MiB}, "targets": {"vm0": 384 * MiB}, "threads": (2**30 + 7,)}
    with guest(uuid=UUID, migrated=migrated, **found) as there:
        again = drive(desk, there, "640MiB")
        assert (again.code, there.received) == (0, []), again.err
    # Then of a guest that was migrated the request was met; of one that was started anew it ended with the old one
    (asked,) = desk.call("log", "--asked", "--format", "json").lines
    assert asked["outcome"] == ("completed" if migrated else "partially-completed")
    moved = [data["size_to"] for kind, _, _, data in history(desk) if "memory-moved" in kind]
    assert moved == ([128 * MiB, 384 * MiB] if migrated else [128 * MiB])
    assert ("request 1, which was open, settled" in again.err) is True
    sessions = {data["session"] for kind, _, _, data in history(desk) if "vm.observed" in kind and data.get("session")}
    assert sessions == (set() if migrated else {1})
    assert history(desk) == imported(desk, "again")
    assert desk.call("audit").code == 0


def test_a_vm_that_waits_for_a_guest_cannot_be_asked(desk: Desk) -> None:
    with guest(uuid=UUID, status="inmigrate") as there:
        answer = drive(desk, there, "640MiB")
    assert (answer.code, there.received) == (2, [])
    assert "QEMU says inmigrate; nothing was sent" in answer.err
