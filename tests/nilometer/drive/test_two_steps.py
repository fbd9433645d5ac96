"""A plan of two steps, of two guests of one host: one gives what the other lacks. Behind a failure nothing is sent."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Callable, Generator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from domain.quantities import MiB
from tests.nilometer.cli.calling import NILO, Desk
from tests.nilometer.drive.peer import Move, Peer, Reaction, guest

GIVER, TARGET = "lab.giver", "lab.target"


@dataclass
class Planned:
    """Two guests with a monitor each, and a plan in a file: the giver is asked for 128 MiB, then the target grows."""

    desk: Desk
    giver: Peer
    target: Peer

    @property
    def arguments(self) -> tuple[str, ...]:
        return ("apply", f"{self.desk.folder}/plan.json", "--config", f"{self.desk.folder}/drive.toml")

    def asked(self) -> list[tuple[str, str | None]]:
        """Which VMs were asked after the plan was made, and what came."""
        lines = self.desk.call("log", "--asked", "--format", "json").lines
        return [(line["vm"], line["outcome"]) for line in lines if (line["reason"] or "").startswith("plan: ")]


@pytest.fixture
def planned(desk: Desk) -> Generator[Planned]:
    with guest(balloon=256 * MiB, available=400) as giver, guest(balloon=256 * MiB, available=100) as target:
        configuration = f'[vm."{GIVER}"]\nqmp = "{giver.path}"\n[vm."{TARGET}"]\nqmp = "{target.path}"\n'
        file = desk.write("drive.toml", configuration)
        for vm, size in ((GIVER, "768MiB"), (TARGET, "512MiB")):
            assert desk.call("drive", vm, size, "--config", file).code == 0
        measure_host(desk)
        planned = Planned(desk, giver, target)
        made = desk.call("plan", f"{TARGET} >= 640MiB", "-o", planned.arguments[1], "--format", "json")
        assert made.code == 0, made.out + made.err
        document = json.loads(Path(planned.arguments[1]).read_text())
        assert [line.split(" --")[0] for line in document["lines"]] == [
            f"nilo drive {GIVER} 640MiB",
            f"nilo drive {TARGET} 640MiB",
        ]
        giver.received.clear()
        target.received.clear()
        yield planned


def measure_host(desk: Desk) -> None:
    """The host's budget is measured, and nothing of it is left."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    record = {"v": 1, "scenario": "pool", "seq": 1, "t": now, "vm": None, "kind": "pool", "free": 0}
    file = desk.write("pool.jsonl", json.dumps({**record, "capacity": 1280 * MiB}) + "\n")
    assert desk.call("import-qemu", file, "--as", "lab").code == 0


def test_the_giver_is_driven_first_and_then_the_target(planned: Planned) -> None:
    order: list[str] = []
    planned.giver.on_request = lambda _: order.append(GIVER)
    planned.target.on_request = lambda _: order.append(TARGET)
    applied = planned.desk.call(*planned.arguments, "--format", "json")
    assert applied.code == 0, applied.err
    assert [(line["vm"], line["granted"]) for line in applied.lines] == [(GIVER, 128 * MiB), (TARGET, 128 * MiB)]
    assert order == [GIVER, TARGET]
    assert planned.asked() == [(GIVER, "completed"), (TARGET, "completed")]
    assert planned.desk.call("audit").code == 0


@pytest.mark.parametrize(
    ("reaction", "outcome"),
    [(Reaction(error="no"), "rejected"), (Reaction(cut="answered"), None)],
    ids=["refused", "not known"],
)
def test_behind_a_step_that_is_not_granted_as_planned_nothing_is_sent(
    planned: Planned, reaction: Reaction, outcome: str | None
) -> None:
    planned.giver.reactions = [reaction]
    applied = planned.desk.call(*planned.arguments)
    assert applied.code == (3 if outcome is None else 1)
    assert "step 1 of 2 was to be granted in full; step 2 was not sent" in applied.err
    assert "make the plan again" in applied.err
    assert (len(planned.giver.received), planned.target.received) == (1, [])
    assert planned.asked() == [(GIVER, outcome)]
    assert planned.desk.call("audit").code == 0


def test_what_the_giver_gave_is_recorded_where_the_target_cannot_be_asked(planned: Planned) -> None:
    planned.target.status = "paused"
    applied = planned.desk.call(*planned.arguments)
    assert (applied.code, planned.target.received) == (2, [])
    assert "step 2 of 2: the VM does not run" in applied.err
    assert "make the plan again" in applied.err
    assert planned.asked() == [(GIVER, "completed")]


@pytest.mark.parametrize("at", [1, 2])
def test_a_plan_that_is_interrupted_says_how_to_go_on(planned: Planned, at: int) -> None:
    peer = (planned.giver, planned.target)[at - 1]
    peer.reactions = [Reaction(moves=(Move(448 if at == 1 else 320),))]
    running = subprocess.Popen(
        [str(NILO), *planned.arguments],
        env={**os.environ, **planned.desk.environment()},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    peer.on_look = once(lambda: running.send_signal(signal.SIGINT))
    _, messages = running.communicate(timeout=60)
    said = messages.decode()
    assert (running.returncode, "Traceback" in said) == (130, False), said
    left = "; step 2 was not sent" if at == 1 else ""
    assert f"step {at} of 2 was interrupted{left}; what was sent stays open" in said
    assert "make the plan again" in said
    assert planned.asked() == [(GIVER, None)] if at == 1 else [(GIVER, "completed"), (TARGET, None)]
    assert len(planned.target.received) == at - 1
    # When the peer moves on by itself, and the plan is made again
    peer.move(384)
    vm = (GIVER, TARGET)[at - 1]
    assert planned.desk.call("drive", vm, "640MiB", "--config", planned.arguments[3]).code == 0
    assert planned.asked()[-1] == (vm, "completed")
    assert planned.desk.call("audit").code == 0


def once(action: Callable[[], None]) -> Callable[[], None]:
    """Does it at the first call only."""
    done: list[bool] = []

    def call() -> None:
        if not done:
            done.append(True)
            action()

    return call


def test_a_guest_of_which_nobody_knows_what_it_holds_gives_only_what_it_leaves(planned: Planned) -> None:
    answer = json.loads(planned.desk.call("can", "add-memory", TARGET, "128MiB", "--format", "json").out)
    assert [[step["command"] for step in option["steps"]] for option in answer["options"]] == [["remove-memory"]]
