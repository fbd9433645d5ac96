"""`nilo drive` on a real guest: outcomes and inequalities, never times.

Each test ends with `operator.check()`: the history holds, and an import of the evidence comes to the same.
"""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from tests.guest.cutting import cut_line
from tests.guest.machine import BOOT_MEBIBYTES, Machine
from tests.guest.operator import Operator
from tests.guest.waiting import wait_until

if TYPE_CHECKING:
    from pathlib import Path

MEBIBYTE = 1 << 20
BOOT = BOOT_MEBIBYTES * MEBIBYTE
FULL = "768MiB"  # the boot memory and all of the device


@pytest.fixture
def operator(tmp_path: Path) -> Operator:
    """An operator without a ledger."""
    return Operator(tmp_path)


def hold_most(machine: Machine, operator: Operator) -> None:
    """Gives the guest all that there is, and lets it fill most of that."""
    assert operator.drive(machine.qmp, FULL).code == 0
    machine.agent.hold("much", 450)


def test_it_grows_in_full_shrinks_in_part_and_is_refused_what_there_is_no_room_for(
    machine: Machine, operator: Operator
) -> None:
    # Given a guest that is up
    seen = machine.agent.memory()["total"]
    # When it is given all that its device has
    grown = operator.drive(machine.qmp, FULL, "--reason", "month end", "--correlation", "CHG-7")
    # Then it has all, and sees it
    assert (grown.code, grown.json["outcome"], grown.json["granted"]) == (0, "completed", 512 * MEBIBYTE), grown.err
    assert machine.monitor.plugged() == 512 * MEBIBYTE
    assert machine.agent.memory()["total"] - seen == 512 * MEBIBYTE
    # When it fills most of it, and all is asked back
    machine.agent.hold("much", 450)
    rehearsed = operator.drive(machine.qmp, "256MiB", "--dry-run")
    assert (rehearsed.code, machine.monitor.plugged()) == (1, 512 * MEBIBYTE)
    assert rehearsed.json["expected"] < 512 * MEBIBYTE
    shrunk = operator.drive(machine.qmp, "256MiB")
    # Then less comes than was asked, and it is told as an error beside what was expected
    assert (shrunk.code, shrunk.json["outcome"]) == (1, "partially-completed"), shrunk.err
    assert 0 < shrunk.json["granted"] < 512 * MEBIBYTE
    assert shrunk.json["expected"] == pytest.approx(rehearsed.json["expected"], abs=64 * MEBIBYTE)
    assert machine.monitor.plugged() == 512 * MEBIBYTE - shrunk.json["granted"]
    # When a module is asked for that the machine has no addresses for
    refused = operator.drive(machine.qmp, "6GiB", "--pc-dimm")
    # Then QEMU refuses it, and the ledger has QEMU's words
    assert (refused.code, refused.json["outcome"]) == (1, "rejected"), refused.err
    operator.check()
    asked = operator.nilo("log", "--asked", "--format", "json").out
    assert "CHG-7" in asked
    assert "month end" in asked


def test_what_a_guest_gives_later_is_told_by_the_next_run(machine: Machine, operator: Operator) -> None:
    # Given a request that was met in part, and nobody who watches
    hold_most(machine, operator)
    assert operator.drive(machine.qmp, "256MiB").code == 1
    # When the guest lets go, and its driver goes on by itself
    machine.agent.free("much")
    wait_until(lambda: machine.monitor.plugged() == 0, "the guest gives back the rest")
    # Then the next run says that it was completed late
    again = operator.drive(machine.qmp, "256MiB")
    assert (again.code, again.json["sent"]) == (0, False), again.err
    assert "settled between" in again.err
    assert operator.settlements()[-1]["outcome"] == "completed"
    operator.check()


def test_a_run_that_is_killed_loses_no_intent_and_the_next_one_closes_it(machine: Machine, operator: Operator) -> None:
    # Given a shrink that the guest cannot meet, and that is waited for
    hold_most(machine, operator)
    killed = operator.start_drive(machine.qmp, "256MiB", "--settle", "60s")
    wait_until(lambda: [record["kind"] for record in operator.records()].count("command") == 2, "the request is sent")
    # When the program is killed
    killed.kill()
    killed.communicate()
    # Then the evidence has what was sent, and the next run closes it in the ledger
    again = operator.drive(machine.qmp, "512MiB")
    assert again.code in (0, 1), again.err
    assert len(operator.settlements()) == 3 - (not again.json["sent"])
    operator.check()


def test_ctrl_c_leaves_it_open_and_says_so(machine: Machine, operator: Operator) -> None:
    hold_most(machine, operator)
    stopped = operator.start_drive(machine.qmp, "256MiB", "--settle", "60s")
    wait_until(lambda: [record["kind"] for record in operator.records()].count("command") == 2, "the request is sent")
    stopped.send_signal(signal.SIGINT)
    _, said = stopped.communicate(timeout=60)
    assert "stays open" in said
    assert "Traceback" not in said
    assert operator.drive(machine.qmp, FULL).code == 0
    operator.check()


def test_two_at_once_are_one_after_the_other(machine: Machine, operator: Operator) -> None:
    # Given somebody who waits for a shrink
    hold_most(machine, operator)
    first = operator.start_drive(machine.qmp, "256MiB", "--settle", "60s")
    wait_until(lambda: [record["kind"] for record in operator.records()].count("command") == 2, "the request is sent")
    # When somebody else asks for a change of the same VM, by another monitor
    second = operator.drive(machine.folder / "second.sock", FULL)
    # Then that one is refused, and is told who is at it
    assert second.code == 2
    assert "ann" in second.err
    first.send_signal(signal.SIGINT)
    first.communicate(timeout=60)
    operator.drive(machine.qmp, FULL)
    operator.check()


@pytest.mark.parametrize("passes_it_on", [True, False], ids=["carried out", "not carried out"])
def test_a_line_that_is_cut_leaves_it_unknown_until_the_next_run(
    machine: Machine, operator: Operator, passes_it_on: bool
) -> None:
    # Given a line that breaks when the request goes out
    with cut_line(machine.qmp, "requested-size", passes_it_on=passes_it_on) as line:
        cut = operator.drive(line, FULL)
    # Then nobody knows
    assert cut.code == 3, cut.err
    assert cut.json["outcome"] == "unknown"
    # And the next run says which it was
    again = operator.drive(machine.qmp, FULL)
    assert again.code == 0, again.err
    assert again.json["sent"] == (not passes_it_on)
    assert [settled["outcome"] for settled in operator.settlements()][-1] == "completed"
    assert ("not-carried-out" in again.err) == (not passes_it_on)
    operator.check()


def test_a_reboot_while_a_request_is_open(machine: Machine, operator: Operator) -> None:
    # Given a request that was met in part
    hold_most(machine, operator)
    assert operator.drive(machine.qmp, "256MiB").code == 1
    # When the guest starts anew
    machine.restart_guest()
    # Then it is the same VM, and can be resized as before
    again = operator.drive(machine.qmp, FULL)
    assert again.code == 0, again.err
    assert machine.monitor.plugged() == 512 * MEBIBYTE
    operator.check()


def test_a_migration_while_a_request_is_open(
    machine: Machine, operator: Operator, tmp_path_factory: pytest.TempPathFactory
) -> None:
    # Given a request that was met in part
    hold_most(machine, operator)
    assert operator.drive(machine.qmp, "256MiB").code == 1
    # When the guest moves to another QEMU
    there = tmp_path_factory.mktemp("to")
    with Machine(there, "-incoming", f"unix:{there}/incoming.sock") as target:
        wait_until((there / "incoming.sock").exists, "the other QEMU waits")
        machine.monitor.execute("migrate", uri=f"unix:{there}/incoming.sock")
        wait_until(lambda: target.monitor.execute("query-status")["status"] == "running", "the guest runs there")
        # Then it is driven there
        again = operator.drive(target.qmp, FULL)
        assert again.code == 0, again.err
        assert target.monitor.plugged() == 512 * MEBIBYTE
    operator.check()
