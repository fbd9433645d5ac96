"""What one does beside `nilo drive VM SIZE` on a real guest: the balloon, a watch of what others do, and a plan."""

from __future__ import annotations

import json
import signal
import threading
from typing import TYPE_CHECKING, Any

import pytest

from tests.guest.operator import VM, Operator

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from subprocess import Popen

    from tests.guest.machine import Machine

MEBIBYTE = 1 << 20
PATIENCE_SECONDS = 120


@pytest.fixture
def operator(tmp_path: Path) -> Operator:
    """An operator without a ledger."""
    return Operator(tmp_path)


def read_until(watch: Popen[str], is_it: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """The first event that a watch shows and that is the one; the watch is ended if none comes."""
    assert watch.stdout is not None
    patience = threading.Timer(PATIENCE_SECONDS, watch.kill)
    patience.start()
    try:
        return next(event for event in map(json.loads, watch.stdout) if is_it(event))
    finally:
        patience.cancel()


def test_a_balloon_moves_above_what_the_guest_uses_and_never_below(machine: Machine, operator: Operator) -> None:
    # Given a guest that could give some of what it boots with
    assert machine.agent.memory()["available"] > 64 * MEBIBYTE
    # When the balloon takes a little of that
    down = operator.drive(machine.qmp, "240MiB", "--balloon")
    # Then it has that much less
    assert (down.code, down.json["outcome"]) == (0, "completed"), down.err
    assert machine.monitor.execute("query-balloon")["actual"] == 240 * MEBIBYTE
    # When it would leave the guest less than it uses
    refused = operator.drive(machine.qmp, "32MiB", "--balloon")
    # Then nothing is sent
    assert (refused.code, refused.json["outcome"], refused.json["sent"]) == (1, "rejected", False), refused.err
    assert machine.monitor.execute("query-balloon")["actual"] == 240 * MEBIBYTE
    # When all is given back
    up = operator.drive(machine.qmp, "256MiB", "--balloon")
    # Then it has all again, and lives
    assert (up.code, up.json["outcome"]) == (0, "completed"), up.err
    assert machine.agent.memory()["available"] > 0
    assert [settled["outcome"] for settled in operator.settlements()] == ["completed", "completed"]
    operator.check()


def test_a_watch_records_what_others_do(machine: Machine, operator: Operator) -> None:
    # Given somebody who watches
    options = ("--qmp", str(machine.qmp), "--actor", "ann", "--format", "json", "--every", "1s")
    watch = operator.start("drive", "--watch", VM, *options)
    read_until(watch, lambda event: "vm.observed" in event["type"])
    # When somebody else gives the guest memory, by another monitor
    machine.monitor.request(256 * MEBIBYTE)
    # Then the moves are recorded as they come, and nobody is said to have asked
    last = read_until(
        watch, lambda event: "memory-moved" in event["type"] and event["data"]["size_to"] == 256 * MEBIBYTE
    )
    assert (last["data"]["device"], last["data"]["why"]) == ("vm0", "unasked")
    # When the guest starts anew
    machine.restart_guest()
    # Then a session begins, without the memory that it had
    begun = read_until(watch, lambda event: event["data"].get("session") is not None)
    assert begun["data"]["label"] == "RESET"
    watch.send_signal(signal.SIGINT)
    _, said = watch.communicate(timeout=60)
    assert (watch.returncode, "Traceback" in said) == (0, False), said
    operator.check()


def test_a_plan_is_driven(machine: Machine, operator: Operator) -> None:
    # Given a guest that the ledger knows, and a plan to give it more
    assert operator.drive(machine.qmp, "384MiB").code == 0
    made = operator.nilo("plan", f"{VM} >= 512MiB", "-o", "plan.json")
    assert made.code == 0, made.err
    (operator.folder / "drive.toml").write_text(f'[vm."{VM}"]\nqmp = "{machine.qmp}"\n')
    # When it is applied
    applied = operator.nilo("apply", "plan.json", "--actor", "ann", "--format", "json")
    # Then the guest has it, and the plan is its reason
    assert (applied.code, applied.json["granted"]) == (0, 128 * MEBIBYTE), applied.err
    assert machine.monitor.plugged() == 256 * MEBIBYTE
    assert f"plan: {VM} >= 512MiB" in operator.nilo("log", "--asked", "--format", "json").out
    operator.check()
