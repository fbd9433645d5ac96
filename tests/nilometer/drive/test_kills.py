"""A driver that ends in the middle, however it ends, loses nothing: the next one goes on from what it left."""

from __future__ import annotations

import json
import os
import signal
import subprocess

import pytest

from tests.nilometer.cli.calling import NILO, CallResult, Desk
from tests.nilometer.drive.asking import VM, drive, evidence, history, imported, kinds
from tests.nilometer.drive.peer import Move, Peer, Reaction, guest


def begin(desk: Desk, peer: Peer, size: str) -> subprocess.Popen[bytes]:
    """Runs ``nilo drive`` as a process."""
    environment = {**os.environ, **desk.environment()}
    command = [str(NILO), "drive", VM, size, "--qmp", peer.path, "--limit", "30s"]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def signalled(desk: Desk, peer: Peer, size: str, number: int, at: str) -> tuple[int, str]:
    """The exit code and the messages of a driver that gets a signal when a request has come, or in a look after it."""
    running: list[subprocess.Popen[bytes]] = []

    def end() -> None:
        if running[0].poll() is None:
            running[0].send_signal(number)
        if number == signal.SIGKILL:
            running[0].wait(30)

    def on_request(_: object) -> None:
        if at == "request":
            end()

    looks: list[int] = []

    def on_look() -> None:
        looks.append(1)
        if at == "look" and len(looks) == 2:
            end()

    peer.on_request, peer.on_look = on_request, on_look
    running.append(begin(desk, peer, size))
    _, messages = running[0].communicate(timeout=60)
    peer.on_request, peer.on_look = lambda _: None, lambda: None
    return running[0].returncode, messages.decode()


@pytest.mark.parametrize(
    ("reaction", "told"),
    [
        (Reaction(moves=(Move(384),)), "completed, 384 MiB"),
        (Reaction(cut="before"), "not-carried-out"),
    ],
    ids=["carried out", "not carried out"],
)
def test_a_driver_that_was_killed_before_the_answer_came(desk: Desk, reaction: Reaction, told: str) -> None:
    with guest() as peer:
        peer.reactions = [reaction]
        assert signalled(desk, peer, "640MiB", signal.SIGKILL, "request")[0] == -signal.SIGKILL
        assert kinds(desk) == ["attach", "intent"]
        assert not history(desk)
        again = drive(desk, peer, "640MiB")
    assert again.code == 0
    assert told in again.err
    assert history(desk) == imported(desk, "again")
    assert desk.call("audit").code == 0


def test_a_driver_that_was_killed_while_it_waited(desk: Desk) -> None:
    with guest() as peer:
        peer.reactions = [Reaction(moves=(Move(128),))]
        assert signalled(desk, peer, "640MiB", signal.SIGKILL, "look")[0] == -signal.SIGKILL
        peer.move(384)  # nobody watches
        again = drive(desk, peer, "640MiB")
    assert again.code == 0
    assert "completed, 384 MiB" in again.err
    (late,) = [data for kind, _, _, data in history(desk) if "moved" in kind and data["size_to"] == 384 << 20]
    assert late["why"] == "request"
    assert history(desk) == imported(desk, "again")


def test_ctrl_c_leaves_what_was_sent_open_in_the_ledger(desk: Desk) -> None:
    with guest() as peer:
        peer.reactions = [Reaction(moves=(Move(128),))]
        code, messages = signalled(desk, peer, "640MiB", signal.SIGINT, "look")
        assert (code, "stays open" in messages) == (130, True)
        (asked,) = desk.call("log", "--asked", "--format", "json").lines
        assert asked["outcome"] is None
        peer.move(384)
        assert drive(desk, peer, "640MiB").code == 0
    (asked,) = desk.call("log", "--asked", "--format", "json").lines
    assert asked["outcome"] == "completed"
    assert history(desk) == imported(desk, "again")


@pytest.mark.parametrize("cut", [1, 40, -1])
def test_a_record_that_breaks_off_is_set_aside_and_said(desk: Desk, cut: int) -> None:
    with guest() as peer:
        assert drive(desk, peer, "640MiB").code == 0
        line = evidence(desk).read_bytes().splitlines()[1]
        broken = line[:cut]
        with evidence(desk).open("ab") as file:
            file.write(broken)
        again = drive(desk, peer, "512MiB")
    assert again.code == 0
    assert "set aside" in again.err
    assert evidence(desk).with_name(f"{VM}.jsonl.broken").read_bytes() == broken + b"\n"
    assert [json.loads(line)["seq"] for line in evidence(desk).read_bytes().splitlines()] == list(range(1, 13))
    assert history(desk) == imported(desk, "again")


def test_two_drivers_never_change_a_vm_at_once(desk: Desk) -> None:
    answers: list[CallResult] = []
    with guest() as peer, guest() as second:

        def on_request(_: object) -> None:
            answers.append(desk.process("drive", VM, "512MiB", "--qmp", second.path))

        peer.on_request = on_request
        assert drive(desk, peer, "640MiB").code == 0
        assert second.received == []
    (other,) = answers
    assert other.code == 2
    assert "is being changed by somebody else: ann via nilo" in other.err
