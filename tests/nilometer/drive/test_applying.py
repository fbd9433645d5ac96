"""A plan for guests of QEMU is driven where their sockets are known, step by step; else its lines are shown."""

from __future__ import annotations

from typing import Any

from domain.quantities import MiB
from tests.nilometer.cli.calling import Desk
from tests.nilometer.cli.test_schemas import problems
from tests.nilometer.drive.asking import VM, drive, history, imported
from tests.nilometer.drive.peer import Move, Peer, Reaction, guest


def planned(desk: Desk, peer: Peer, goal: str) -> tuple[str, Any]:
    """A plan for a VM that was driven before, in a file; and its document."""
    assert drive(desk, peer, "384MiB").code == 0
    file = f"{desk.folder}/plan.json"
    assert desk.call("plan", goal, "-o", file).code == 0
    document = desk.call("plan", goal, "--format", "json").json
    assert problems("plan", document) == []
    return file, document


def test_a_plan_is_driven_with_its_goal_as_reason_and_itself_as_ticket(desk: Desk) -> None:
    with guest() as peer:
        file, document = planned(desk, peer, f"{VM} >= 639MiB")
        assert document["steps"] == [{"vm": VM, "size": 640 * MiB}]
        configuration = desk.write("drive.toml", f'[vm."{VM}"]\nqmp = "{peer.path}"\n')
        applied = desk.call("apply", file, "--config", configuration, "--format", "json")
        assert (applied.code, applied.lines[0]["granted"]) == (0, 256 * MiB)
        assert desk.call("apply", file, "--config", configuration).code == 1
    (_, asked) = desk.call("log", "--asked", "--format", "json").lines
    assert asked["reason"] == f"plan: {VM} >= 639MiB"
    assert asked["correlation"].startswith("sha256:")
    assert history(desk) == imported(desk, "again")


def test_without_a_socket_the_lines_are_shown(desk: Desk) -> None:
    with guest() as peer:
        file, document = planned(desk, peer, f"{VM} >= 640MiB")
        shown = desk.call("apply", file)
        assert len(peer.received) == 1
    assert shown.code == 0
    assert shown.out.startswith(f"{document['lines'][0]} --correlation sha256:")
    assert shown.out.endswith(" --qmp SOCKET\n")
    planned_again = desk.call("plan", f"{VM} >= 640MiB").out.splitlines()
    assert planned_again[0] == f"{document['lines'][0]} --qmp SOCKET"
    assert planned_again[-1] == "QEMU decides; this sent nothing."
    asked = desk.call("can", "add-memory", VM, "64MiB")
    assert asked.out.splitlines()[-1] == "QEMU decides; this sent nothing."
    assert document["lines"] == [f"nilo drive {VM} 640MiB --reason 'plan: vm0 >= 640MiB'"]


def test_the_first_step_that_is_not_granted_in_full_ends_it(desk: Desk) -> None:
    with guest() as peer:
        file, _ = planned(desk, peer, f"{VM} >= 640MiB")
        configuration = desk.write("drive.toml", f'[vm."{VM}"]\nqmp = "{peer.path}"\n')
        peer.reactions = [Reaction(error="no"), Reaction(moves=(Move(0),))]
        applied = desk.call("apply", file, "--config", configuration)
    assert (applied.code, "step 1 of 1 was to be granted in full" in applied.err) == (1, True)
