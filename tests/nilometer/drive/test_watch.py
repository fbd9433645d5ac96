"""``nilo drive --watch``: what others do is recorded while it happens, and a drive beside it too."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
from collections.abc import Callable
from typing import Any

import pytest

from domain.quantities import MiB
from tests.nilometer.cli.calling import NILO, Desk
from tests.nilometer.drive.asking import VM, drive, evidence, history, imported
from tests.nilometer.drive.peer import Peer, Reaction, guest
from tests.nilometer.drive.test_kills import signalled


class Watcher:
    """``nilo drive --watch`` as a process."""

    def __init__(self, desk: Desk, *options: str) -> None:
        command = [str(NILO), "drive", "--watch", "--every", "50ms", "--format", "json", *options]
        environment = {**os.environ, **desk.environment(), "PYTHONUNBUFFERED": "1"}
        self.process = subprocess.Popen(
            command, cwd=desk.folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        self.seen: list[dict[str, Any]] = []

    def read_until(self, is_it: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The first event that is recorded and is the one. If none is within a minute, the watch is ended: it fails."""
        assert self.process.stdout is not None
        patience = threading.Timer(60, self.process.kill)
        patience.start()
        try:
            for line in self.process.stdout:
                event = json.loads(line)
                self.seen.append(event)
                if is_it(event):
                    return self.seen[-1]
        finally:
            patience.cancel()
        seen = [event["type"] for event in self.seen]
        raise AssertionError(f"not among {seen}: {self.process.communicate()[1].decode()}")

    def stop(self) -> tuple[int, str]:
        """Presses Ctrl-C."""
        self.process.send_signal(signal.SIGINT)
        _, messages = self.process.communicate(timeout=60)
        return self.process.returncode, messages.decode()


def moved_to(size: int) -> Callable[[dict[str, Any]], bool]:
    return lambda event: "memory-moved" in event["type"] and event["data"]["size_to"] == size * MiB


@pytest.mark.parametrize("told", [True, False])
def test_what_others_do_is_recorded_while_it_happens(desk: Desk, told: bool) -> None:
    with guest() as peer:
        watcher = Watcher(desk, VM, "--qmp", peer.path)
        watcher.read_until(lambda event: "vm.observed" in event["type"])
        peer.move(128, told=told)
        moved = watcher.read_until(moved_to(128))
        assert (moved["data"]["why"], "earliest" in moved) == ("unasked", not told)
        assert watcher.stop()[0] == 0
    assert history(desk) == imported(desk, "again")


def test_a_drive_beside_a_watch_is_recorded_once(desk: Desk) -> None:
    with guest() as peer:
        watcher = Watcher(desk, VM, "--qmp", peer.path)
        watcher.read_until(lambda event: "vm.observed" in event["type"])
        assert drive(desk, peer, "640MiB").code == 0
        assert drive(desk, peer, "512MiB").code == 0
        assert watcher.stop()[0] == 0
    (first, second) = desk.call("log", "--asked", "--format", "json").lines
    assert (first["outcome"], second["outcome"]) == ("completed", "completed")
    assert history(desk) == imported(desk, "again")
    assert desk.call("audit").code == 0


def test_a_watch_tells_what_became_of_a_driver_that_was_killed(desk: Desk) -> None:
    with guest() as peer:
        watcher = Watcher(desk, VM, "--qmp", peer.path)
        watcher.read_until(lambda event: "vm.observed" in event["type"])
        peer.reactions = [Reaction(cut="before")]
        assert signalled(desk, peer, "640MiB", signal.SIGKILL, "request")[0] == -signal.SIGKILL
        asked = watcher.read_until(lambda event: "change-requested" in event["type"])
        settled = watcher.read_until(lambda event: "request-settled" in event["type"])
        assert watcher.stop()[0] == 0
    assert (asked["data"]["accepted"], settled["data"]["code"]) == (None, "not-carried-out")
    assert history(desk) == imported(desk, "again")


def test_all_of_a_file_are_watched_and_come_back_after_the_line_broke(desk: Desk) -> None:
    with guest() as one, guest() as other:
        desk.write("drive.toml", configuration(one, other))
        watcher = Watcher(desk)
        both = {"vm/lab.vm0", "vm/lab.vm1"}
        watcher.read_until(lambda _: {event["subject"] for event in watcher.seen} == both)
        one.cut()
        watcher.read_until(lambda event: event["data"].get("label") == "lost")
        watcher.read_until(lambda event: event["data"].get("label") == "attached")
        code, messages = watcher.stop()
    assert (code, "the line to QEMU broke" in messages) == (0, True)
    assert evidence(desk).exists()


def configuration(one: Peer, other: Peer) -> str:
    return f'[vm."lab.vm0"]\nqmp = "{one.path}"\n[vm."lab.vm1"]\nqmp = "{other.path}"\n'


def test_a_file_of_vms_says_what_is_wrong_in_it(desk: Desk) -> None:
    for text, message in (
        ("x", "this is not TOML"),
        ("[vms]", "vms means nothing here"),
        ("", "there is no VM in it"),
        ("[vm.a]", "a: qmp is missing"),
        ("[vm.a]\nqpm='x'", "a: qpm means nothing here"),
        ("[vm.a]\nqmp=1", "a: qmp: 1 is not a text"),
        ("[vm.a]\nqmp='x'\nmeans='balon'", "a: means: there is no balon"),
    ):
        answer = desk.call("drive", "--watch", "--config", desk.write("drive.toml", text))
        assert (answer.code, message in answer.err) == (2, True), answer.err


def test_a_vm_of_a_file_is_driven_by_its_name(desk: Desk) -> None:
    with guest() as peer:
        file = desk.write("drive.toml", configuration(peer, peer))
        answer = desk.call("drive", "lab.vm1", "640MiB", "--config", file, "--format", "json")
        assert (answer.code, answer.json["vm"]) == (0, "lab.vm1")
        assert desk.call("drive", "lab.vm2", "640MiB", "--config", file).code == 2
