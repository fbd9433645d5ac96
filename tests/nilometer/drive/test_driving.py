"""``nilo drive`` against a scripted QEMU: what is sent, written down, recorded and answered."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from domain.observed.vm import ObservedVm
from domain.quantities import MiB
from nilometer.drive import bringing_in
from nilometer.drive.driver import CannotBeAsked
from nilometer.drive.driving import DrivePace, DriveRequest
from nilometer.drive.loops import run_to_end
from nilometer.drive.places import VmPlace
from nilometer.drive.qmp import QmpDriver
from nilometer.ledger.ledger import Ledger
from tests.nilometer.cli.calling import Desk
from tests.nilometer.cli.test_schemas import problems
from tests.nilometer.drive.asking import VM, drive, history, imported, kinds, records
from tests.nilometer.drive.peer import Move, Reaction, guest
from tests.paths import RECORDINGS


def test_a_guest_grows_and_all_of_it_is_written_down_before_the_ledger_has_it(desk: Desk) -> None:
    with guest() as peer:
        answer = drive(desk, peer, "640MiB", "--reason", "month end", "--correlation", "CHG-7")
    assert (answer.code, answer.err) == (0, "")
    document = answer.json
    assert problems("drive", document) == []
    assert (document["outcome"], document["requested"], document["granted"]) == ("completed", 384 * MiB, 384 * MiB)
    assert kinds(desk) == ["attach", "intent", "command", "event", "step", "meta"]
    intent, command = records(desk)[1:3]
    assert peer.received == [intent["qmp"]] == [command["qmp"]]
    assert (command["actor"], command["reason"], command["correlation"]) == ("ann", "month end", "CHG-7")
    assert history(desk) == imported(desk, "again")
    (asked,) = desk.call("log", "--asked", "--format", "json").lines
    assert (asked["actor"], asked["reason"], asked["correlation"]) == ("ann", "month end", "CHG-7")
    assert desk.call("audit").code == 0


def test_what_came_is_told_beside_what_was_expected(desk: Desk) -> None:
    with guest(virtio={"vm0": 768 * MiB}, targets={"vm0": 768 * MiB}, balloon=256 * MiB, available=340) as peer:
        peer.reactions = [Reaction(moves=(Move(640), Move(512)))]
        answer = drive(desk, peer, "640MiB")
    document = answer.json
    assert answer.code == 1
    assert (document["outcome"], document["granted"], document["expected"]) == (
        "partially-completed",
        256 * MiB,
        340 * MiB,
    )
    (remark,) = [
        finding
        for finding in desk.call("audit", "--format", "json").json["findings"]
        if "expected another grant" in finding["message"]
    ]
    assert remark["verdict"] == "remark"
    assert history(desk) == imported(desk, "again")


def test_a_refusal_is_recorded_word_for_word(desk: Desk) -> None:
    with guest() as peer:
        peer.reactions = [Reaction(error="'requested-size' cannot exceed the memory backend size")]
        answer = drive(desk, peer, "512MiB")
    assert answer.code == 1
    assert answer.json["outcome"] == "rejected"
    assert "cannot exceed" in answer.json["error"]["message"]
    assert history(desk) == imported(desk, "again")


@pytest.mark.parametrize(
    ("size", "hint"),
    [("257MiB", "256MiB or 258MiB"), ("2GiB", "the most is 1280MiB"), ("128MiB", "the least is 256MiB")],
)
def test_a_size_that_it_cannot_have_is_refused_with_the_nearest_that_it_can(desk: Desk, size: str, hint: str) -> None:
    with guest() as peer:
        answer = drive(desk, peer, size)
    assert (answer.code, peer.received) == (2, [])
    assert hint in answer.err


def test_a_line_that_breaks_leaves_it_unknown_and_the_next_run_says_which_it_was(desk: Desk) -> None:
    with guest() as peer:
        peer.reactions = [Reaction(cut="after", moves=(Move(384, told=False),))]
        broken = drive(desk, peer, "640MiB")
        assert (broken.code, broken.json["outcome"]) == (3, "unknown")
        again = drive(desk, peer, "640MiB")
    assert (again.code, again.json["sent"]) == (0, False)
    assert re.search(r"request 1, which was open, settled between \S+ \S+ and \S+ \S+: completed, 384 MiB", again.err)
    assert history(desk) == imported(desk, "again")


def test_a_line_that_breaks_before_it_was_carried_out_is_told_too(desk: Desk) -> None:
    with guest() as peer:
        peer.reactions = [Reaction(cut="before")]
        assert drive(desk, peer, "640MiB").code == 3
        again = drive(desk, peer, "640MiB")
    assert again.code == 0
    assert "not-carried-out" in again.err
    assert history(desk) == imported(desk, "again")


def test_a_balloon_is_never_set_below_what_the_guest_uses(desk: Desk) -> None:
    with guest(virtio={}, balloon=256 * MiB, available=100) as peer:
        answer = drive(desk, peer, "160MiB", "--balloon")
        assert (answer.code, answer.json["outcome"], peer.received) == (1, "rejected", [])
        assert drive(desk, peer, "200MiB", "--balloon").code == 0
    assert peer.received == [{"execute": "balloon", "arguments": {"value": 200 * MiB}}]
    assert peer.interval == 0
    assert history(desk) == imported(desk, "again")


def test_nobody_answers(desk: Desk, tmp_path: Path) -> None:
    answer = desk.call("drive", VM, "1GiB", "--qmp", str(tmp_path / "none"))
    assert answer.code == 2
    assert "No such file" in answer.err
    assert not (desk.folder / "ledger.db").exists()


def test_a_dry_run_says_what_is_expected_and_leaves_nothing(desk: Desk) -> None:
    with guest(virtio={"vm0": 512 * MiB}, targets={"vm0": 512 * MiB}, balloon=256 * MiB, available=300) as peer:
        all_of_it = desk.call("drive", VM, "512MiB", "--qmp", peer.path, "--dry-run")
        short = desk.call("drive", VM, "384MiB", "--qmp", peer.path, "--dry-run", "--format", "json")
    assert (all_of_it.code, all_of_it.out) == (0, f"{VM}: expected: 256 MiB, all of it\n")
    assert (short.code, short.json["expected"], short.json["sent"]) == (1, 300 * MiB, False)
    assert (peer.received, list(desk.folder.iterdir())) == ([], [])


def test_only_in_full_sends_nothing_that_is_not_expected_in_full(desk: Desk) -> None:
    with guest(virtio={"vm0": 512 * MiB}, targets={"vm0": 512 * MiB}, balloon=256 * MiB, available=300) as peer:
        answer = drive(desk, peer, "384MiB", "--only-in-full")
        assert (answer.code, answer.json["outcome"], peer.received) == (1, "rejected", [])
        assert "300 MiB of 384 MiB (memory-in-use)" in answer.json["error"]["message"]
        assert drive(desk, peer, "512MiB", "--only-in-full").code == 0


def test_another_vm_on_the_socket_is_refused(desk: Desk) -> None:
    with guest(uuid="6f1c0d7e-1111-4222-8333-944455556666") as peer:
        assert drive(desk, peer, "512MiB").code == 0
        peer.uuid = "6f1c0d7e-1111-4222-8333-000000000000"
        answer = drive(desk, peer, "640MiB")
    assert (answer.code, len(peer.received)) == (2, 1)
    assert "this is another VM than lab.vm0 was" in answer.err


@pytest.mark.parametrize("name", ["../../etc.passwd", "lab.", ".vm0", "lab.a\nb", "l" * 100 + "." + "v" * 100])
def test_what_is_no_id_names_no_file(desk: Desk, name: str) -> None:
    with guest() as peer:
        answer = desk.call("drive", name, "512MiB", "--qmp", peer.path)
    assert (answer.code, peer.received, list(desk.folder.iterdir())) == (2, [], [])
    assert "is not an id" in answer.err


def test_a_vm_that_something_else_observed_is_not_driven_under_its_id(desk: Desk) -> None:
    assert desk.call("import-qemu", str(RECORDINGS / "s1_idle_grow_shrink.jsonl"), "--as", "lab").code == 0
    with guest() as peer:
        answer = drive(desk, peer, "512MiB")
    assert (answer.code, peer.received) == (2, [])
    assert "its evidence is not in" in answer.err


def test_a_monitor_that_another_program_holds_does_not_greet(tmp_path: Path) -> None:
    with guest(greets=False) as peer, pytest.raises(CannotBeAsked, match="another program holds this monitor"):
        run_to_end(QmpDriver(peer.path, greeting=0.05).capabilities())


def test_a_plain_answer_is_for_people(desk: Desk) -> None:
    with guest() as peer:
        answer = desk.call("drive", VM, "640MiB", "--qmp", peer.path)
    first, expected, recorded = answer.out.splitlines()
    assert first.startswith(f"completed: drive {VM}, 384 MiB, after ")
    assert expected == "    expected: 384 MiB, all of it"
    assert recorded.startswith("    recorded in sqlite:///")


@pytest.mark.parametrize("age", [-1, 5])
def test_a_figure_of_the_guest_counts_only_if_it_is_newer_than_the_last_move(tmp_path: Path, age: int) -> None:
    place = VmPlace(host="lab", name="vm0", folder=tmp_path)
    request = DriveRequest(size=512 * MiB, actor="ann", settle=0.05)
    sizes = {"vm0": 512 * MiB}
    with (
        guest(virtio=dict(sizes), targets=dict(sizes), balloon=256 * MiB, available=300, report_age=age) as peer,
        Ledger.open(f"sqlite:///{tmp_path}/l.db", create=True) as ledger,
    ):
        result = bringing_in.drive(ledger, place, request, QmpDriver(peer.path), pace=DrivePace(report=0.05))
        assert result.came.expectation is not None
        assert (result.came.expectation.granted is None) is (age > 0)
        vm = ledger.views.fleet().vms["lab.vm0"].subject
    assert isinstance(vm, ObservedVm)
    assert (vm.assigned, vm.in_use is None) == (512 * MiB, age > 0)
