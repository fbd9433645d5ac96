"""``nilo can``: what it answers is what the ledger then decides, and each option makes it possible."""

from __future__ import annotations

import json
import shlex
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.commands import AddMemory, DefineVm, MoveVm, RegisterHost, RemoveMemory, ReportInUse, Start, Stop
from domain.deciding.world import World
from domain.decision import Outcome
from domain.guests import Guest
from domain.identifiers import UtcTime
from domain.observed.host import ObservedHost
from domain.observed.vm import ObservedVm
from domain.quantities import GiB
from domain.settings import ConfigVersion, HostVersion, MemorySetting, Mode
from domain.state import Power
from nilometer.planning.asking import CanAnswer, ask
from nilometer.planning.givers import PlanStep
from nilometer.planning.observed import ObservedAnswer, ask_observed
from projections.fleet import Fleet
from projections.tracked import Tracked
from tests.nilometer.cli.calling import Desk
from tests.nilometer.cli.test_schemas import problems
from tests.nilometer.importers.hyperv.synthetic import ERP, START, Spool, dynamic, moment, off, vm

SIZES = {"db02": 16, "web01": 12, "erp01": 20, "dev07": 8}
"""GiB of the VMs on hv01, which has 64 and a reserve of 2; hv02 has 32 and holds nothing."""


def fill(world: World, sizes: dict[str, int], total: int = 64, other: int = 32) -> World:
    """Two hosts, and running VMs on the first that use half of what they have. Sizes are GiB."""
    commands: list[Any] = [
        RegisterHost("hv01", HostVersion.V2022, total * GiB, 2 * GiB),
        RegisterHost("hv02", HostVersion.V2022, other * GiB, 2 * GiB),
    ]
    for id, size in sizes.items():
        memory = MemorySetting(mode=Mode.STATIC, startup=size * GiB, minimum=0, maximum=0, buffer=0, weight=0)
        commands += [
            DefineVm(
                vm=id,
                host="hv01",
                generation=2,
                guest=Guest.WINDOWS,
                config_version=ConfigVersion(10, 0),
                memory=memory,
            ),
            Start(id),
            ReportInUse(id, size * GiB // 2),
        ]
    for command in commands:
        world.execute(command)
    return world


@pytest.fixture
def full(desk: Desk) -> Desk:
    """A desk whose host hv01 has 6 GiB left."""
    lines: list[dict[str, Any]] = [
        {"command": "register-host", "host": host, "version": "2022", "total": total, "reserve": "2GiB"}
        for host, total in (("hv01", "64GiB"), ("hv02", "32GiB"))
    ]
    for id, size in SIZES.items():
        lines += [
            {"command": "define-vm", "vm": id, "host": "hv01", "generation": 2, "guest": "windows",
             "config_version": "10.0", "memory": {"static": {"size": f"{size}GiB"}}},
            {"command": "start", "vm": id},
            {"command": "report-in-use", "vm": id, "in_use": f"{size // 2}GiB"},
        ]  # fmt: skip
    assert desk.call("run", desk.write("fill.jsonl", "\n".join(map(json.dumps, lines)))).code == 0
    return desk


@pytest.mark.parametrize(
    ("question", "code", "begin"),
    [
        ("add-memory db02 6GiB", 0, "yes: add-memory db02 would be granted in full, 6 GiB."),
        ("add-memory db02 16GiB", 1, "partly: 6 GiB of 16 GiB."),
        ("set-memory db02 32GiB", 1, "partly: 6 GiB of 16 GiB."),
        ("add-memory DB02 6GiB", 0, "yes: add-memory db02"),
        ("move-vm db02 hv02", 0, "yes: move-vm db02 would be granted in full."),
        ("start db02", 1, "no: Cannot start db02: it is already running."),
        ("move-vm db02 hv01", 1, "no: Cannot move db02: it is already on host hv01."),
        (
            "remove-memory db02 12GiB",
            1,
            "partly: 8 GiB of 12 GiB. 8 GiB of 12 GiB was removed from db02; ",
        ),
        ("set-memory db02 16GiB", 0, "yes: db02 has that already: set-memory would change nothing."),
    ],
)
def test_the_answer_is_what_the_ledger_then_decides(full: Desk, question: str, code: int, begin: str) -> None:
    before = full.events
    asked = full.call("can", *question.split())
    assert (asked.code, full.events) == (code, before)
    assert asked.out.startswith(begin)
    document = full.call("can", *question.split(), "--format", "json").json
    assert problems("can", document) == []
    decided = full.call("do", *question.replace("DB02", "db02").split(), "--format", "json").json
    assert document["granted"] == decided["granted"]
    assert (document["answer"] == "yes") == (decided["outcome"] in ("completed", "done"))


def test_each_option_makes_it_possible(full: Desk) -> None:
    document = full.call("can", "add-memory", "db02", "16GiB", "--all", "--format", "json").json
    shown = full.call("can", "add-memory", "db02", "16GiB", "--all").out.splitlines()
    assert (
        "Host hv01 has 6 GiB free; erp01 holds 20 GiB, db02 holds 16 GiB, web01 holds 12 GiB, dev07 holds 8 GiB."
        in shown
    )
    lines = [line.strip() for line in shown if line.startswith("  nilo do")]
    assert len(lines) == len(document["options"]) == 11
    history = full.write("history.jsonl", full.events)
    for number, line in enumerate(lines):
        url = f"{full.url}{number}"
        assert full.call("import", history, "--ledger", url).code == 0
        for step in line.split(", then "):
            assert full.call(*shlex.split(step)[1:], "--ledger", url).code == 0, line
        assert full.call("do", "add-memory", "db02", "16GiB", "--ledger", url).code == 0, line


def test_steps_that_are_not_wanted_are_left_out_and_the_rest_is_counted(full: Desk) -> None:
    question = ("can", "add-memory", "db02", "16GiB")
    assert full.call(*question).out.splitlines()[-1] == "  and 6 more: --all"
    found = full.call(*question, "--without", "stop, move-vm,set-reserve", "--format", "json").json
    assert {step["command"] for option in found["options"] for step in option["steps"]} == {"remove-memory"}
    alone = full.call("can", "add-memory", "db02", "40GiB", "--without", "stop,move-vm,set-reserve").out
    assert alone.splitlines()[-1] == (
        "Without move-vm, set-reserve, stop, no plan makes it possible: the host lacks 34 GiB, and all others could "
        "give 20 GiB. On no host are fewer than 14 GiB missing, whatever is done without that."
    )
    wrong = full.call(*question, "--without", "stopp")
    assert (wrong.code, wrong.err.splitlines()[0]) == (2, "error: --without: 'stopp' is no kind of step")


def test_what_no_plan_can_reach_says_what_is_missing(full: Desk) -> None:
    shown = full.call("can", "add-memory", "db02", "300GiB").out
    assert shown.endswith(
        "\nNo plan makes it possible: the host lacks 294 GiB, and all others could give 42 GiB. "
        "On no host are fewer than 252 GiB missing, whatever else is done.\n"
    )
    document = full.call("can", "add-memory", "db02", "300GiB", "--format", "json").json
    assert (document["missing"], document["options"]) == (252 * GiB, [])
    over = full.call("can", "add-memory", "db02", "300TiB")
    assert (over.code, over.out) == (1, "never: 240 TiB is the most that such a VM can have on any host here.\n")


KEEP = '''
def quarter_stays_free(host: Host) -> bool:
    """A quarter of the host stays free."""
    return host.free * 4 >= host.total
'''


def test_a_policy_that_is_to_be_kept_is_kept_by_every_option(full: Desk) -> None:
    keep = full.write("keep.py", KEEP.replace("* 4", "* 16"))
    assert full.call("can", "add-memory", "db02", "2GiB", "--keep", keep).code == 0
    shown = full.call("can", "add-memory", "db02", "4GiB", "--keep", keep)
    assert shown.code == 1
    assert shown.out.splitlines()[0] == (
        "no: after it, the policy quarter_stays_free would not hold of hv01: A quarter of the host stays free."
    )
    assert "  nilo do remove-memory web01 2GiB" in shown.out.splitlines()
    document = full.call("can", "add-memory", "db02", "4GiB", "--keep", keep, "--all", "--format", "json").json
    assert problems("can", document) == []
    assert (document["answer"], document["granted"]) == ("not-now", 0)
    assert document["policy"]["name"] == "quarter_stays_free"
    planned = full.call("plan", "db02 >= 20GiB", "--keep", keep)
    assert planned.out.splitlines()[:2] == [
        "1. remove-memory dev07: completed, 2 GiB",
        "2. set-memory db02: completed, 4 GiB",
    ]
    wrong = full.call("can", "add-memory", "db02", "4GiB", "--keep", full.write("wrong.py", "x = 1"))
    assert (wrong.code, wrong.out) == (2, "")
    assert full.call("plan", "fill.jsonl", "--keep", keep).code == 2


def test_what_there_is_not_is_an_error(full: Desk) -> None:
    for args in (["add-memory", "db2", "1GiB"], ["add-memory", "db02", "-1"], ["add-memory", "db02", "x"]):
        result = full.call("can", *args)
        assert (result.code, result.out) == (2, "")
        assert "hint: " in result.err


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(st.integers(1, 12), min_size=2, max_size=5),
    st.integers(1, 40),
    st.integers(8, 64),
)
def test_every_option_is_minimal_and_completed(sizes: list[int], amount: int, other: int) -> None:
    named = {f"vm{number}": size for number, size in enumerate(sizes)}
    world = fill(World(), named, total=sum(sizes) + 6, other=other)
    command = AddMemory("vm0", amount * GiB)
    asked = ask(world, command)
    if asked.answer is CanAnswer.YES:
        assert amount <= 4
        return
    assert asked.options is not None
    for option in asked.options.found:
        for length in range(len(option.steps)):
            copy = fill(World(), named, total=sum(sizes) + 6, other=other)
            for step in option.steps[:length]:
                copy.execute(step.command)
            assert copy.execute(command).outcome is not Outcome.COMPLETED  # each step is needed
        copy = fill(World(), named, total=sum(sizes) + 6, other=other)
        assert all(copy.execute(step.command).outcome in (Outcome.COMPLETED, Outcome.DONE) for step in option.steps)
        assert copy.execute(command).outcome is Outcome.COMPLETED
    assert world.vms["vm0"].state.assigned == named["vm0"] * GiB  # nothing was changed


def test_a_full_destination_has_options_of_its_own() -> None:
    world = fill(World(), {"vm0": 8, "vm1": 8}, other=12)
    world.execute(MoveVm("vm1", "hv02"))
    asked = ask(world, MoveVm("vm0", "hv02"))
    assert (asked.answer, asked.host, asked.free) == (CanAnswer.NOT_NOW, "hv02", 2 * GiB)
    assert asked.options is not None
    assert {option.steps[0].name for option in asked.options.found} == {"remove-memory", "move-vm", "stop"}


# Observed hosts


def observed(desk: Desk, spool: Spool, hours: int = 3) -> Desk:
    """A desk with what a spool has, some hours after its beginning."""
    desk = replace(desk, clock=lambda: START + timedelta(hours=hours))
    assert desk.call("import-hyperv", desk.write("s.jsonl", spool.data), "--final").code == 0
    return desk


def lines_of(desk: Desk, *args: str) -> tuple[int, list[str]]:
    """What a question gives: the exit code and the lines."""
    result = desk.call("can", *args)
    return result.code, result.out.splitlines()


def test_of_an_observed_host_old_figures_give_an_answer_only_if_the_whole_day_agrees(desk: Desk) -> None:
    desk = observed(desk, Spool().poll(0, vm(), available_mb=4096).poll(1, vm(), available_mb=16384))
    shown = desk.call("can", "add-memory", "web01", "8GiB")
    assert shown.code == 3
    assert shown.out.startswith("unknown: hv01 had 16 GiB free at 2026-11-23 09:01:00Z (2 h 59 min ago)")
    assert "Hyper-V decides; this sent nothing." in shown.out
    document = desk.call("can", "add-memory", "web01", "8GiB", "--format", "json").json
    assert problems("can", document) == []
    assert (document["answer"], document["granted"]) == ("unknown", None)
    assert lines_of(desk, "add-memory", "web01", "4GiB")[0] == 0  # the whole day agrees
    assert lines_of(desk, "add-memory", "web01", "17GiB")[0] == 1


def test_a_vm_that_was_not_seen_for_a_day_is_unknown(desk: Desk) -> None:
    desk = observed(desk, Spool().poll(0, vm(), available_mb=4096).poll(1, vm(), available_mb=16384), hours=25)
    code, lines = lines_of(desk, "add-memory", "web01", "1GiB")
    assert code == 3
    assert lines[0] == (
        "unknown: web01 was last seen at 2026-11-23 09:01:00Z (1 d ago). "
        "Import what was collected since, or ask with it: nilo can … --spool DIR"
    )


def test_a_spool_is_asked_and_not_recorded(desk: Desk) -> None:
    spool = Spool().poll(0, vm(), available_mb=4096).poll(1, vm(), available_mb=9216)
    (desk.folder / "spool" / "changes").mkdir(parents=True)
    (desk.folder / "spool" / "HV01-20261123.jsonl").write_bytes(spool.data)
    now = replace(desk, clock=lambda: START + timedelta(minutes=2))
    question = ("can", "add-memory", "web01", "4GiB", "--spool", str(desk.folder / "spool"))
    code, lines = lines_of(now, *question[1:])
    assert (code, now.events) == (0, "")
    assert lines[0].startswith("yes: hv01 has 4 GiB for web01. hv01 had 9 GiB free at 2026-11-23 09:01:00Z (1 min")
    assert now.call(*question[:3], "10GiB", *question[4:]).code == 1
    later = replace(desk, clock=lambda: START + timedelta(hours=25))
    code, lines = lines_of(later, *question[1:])
    assert code == 3
    assert lines[0].endswith(
        f". {desk.folder}/spool has nothing newer: let the collector poll (Invoke-NiloPoll), or name the spool that it "
        "writes now."
    )
    missing = now.call(*question[:-1], str(desk.folder / "none"))
    assert (missing.code, missing.out) == (2, "")
    assert missing.err.startswith(f"error: {desk.folder}/none: there is no such file or folder\nhint: ")


def test_an_observed_vm_that_is_off_can_be_asked_to_start_and_to_move(desk: Desk) -> None:
    spool = Spool().poll(0, off(8192), dynamic(4096), available_mb=8192).poll(1, off(8192), dynamic(4096))
    other = Spool("HV02").poll(0, available_mb=2048).poll(1, available_mb=2048)
    desk = observed(desk, spool)
    assert desk.call("import-hyperv", desk.write("t.jsonl", other.data), "--final").code == 0
    desk = replace(desk, clock=lambda: START + timedelta(minutes=3))
    code, lines = lines_of(desk, "start", "web01")
    assert (code, lines[0].partition(".")[0]) == (0, "yes: hv01 has 8 GiB for web01")
    later = replace(desk, clock=lambda: START + timedelta(hours=3))
    assert lines_of(later, "start", "web01")[0] == 0
    more = Spool().poll(2, off(65536), dynamic(4096), available_mb=9216).poll(3, off(65536), dynamic(4096))
    assert later.call("import-hyperv", desk.write("u.jsonl", more.data), "--final").code == 0
    code, lines = lines_of(later, "start", "web01")  # it starts with all of it, or not at all
    assert (code, lines[0].partition(".")[0]) == (1, "no: 64 GiB are asked for")
    for to, error in (("hv01", "erp01 is on hv01 already"), ("hv9", "there is no host 'hv9'")):
        wrong = desk.call("can", "move-vm", "erp01", to)
        assert (wrong.code, wrong.out) == (2, "")
        assert wrong.err.startswith(f"error: {error}\nhint: ")
    code, lines = lines_of(desk, "move-vm", "erp01", "HV02")
    assert (code, lines[0].partition(" (")[0]) == (
        1,
        "no: 4 GiB are asked for. hv02 had 2 GiB free at 2026-11-23 09:01:00Z",
    )


def test_of_an_observed_vm_is_taken_what_its_guest_does_not_use(desk: Desk) -> None:
    desk = observed(desk, Spool().poll(0, vm(8192, 8192, free=5000)).poll(1, vm(8192, 8192, free=5000)))
    now = replace(desk, clock=lambda: START + timedelta(minutes=3))
    code, lines = lines_of(now, "remove-memory", "web01", "4GiB")
    assert (code, lines) == (0, [
        "yes: web01 can give up 4096 MiB. Its guest used 3192 MiB of 8192 MiB at 2026-11-23 09:00:00Z (3 min ago).",
        "Hyper-V decides; this sent nothing.",
    ])  # fmt: skip
    code, lines = lines_of(now, "set-memory", "web01", "2GiB")
    assert (code, lines[0].partition(".")[0]) == (1, "partly: 5000 MiB of 6144 MiB")
    code, lines = lines_of(desk, "remove-memory", "web01", "4GiB")
    assert (code, lines[0]) == (
        3,
        (
            "unknown: what the guest of web01 uses was last measured at 2026-11-23 09:00:00Z (3 h ago), so 4 GiB "
            "may or may not be in use. Import what was collected since, or ask with it: nilo can … --spool DIR"
        ),
    )
    assert lines_of(desk, "remove-memory", "web01", "8GiB") == (1, [
        "no: web01 has 8 GiB and keeps 32 MiB whatever its guest uses: 8 GiB cannot be taken.",
        "Hyper-V decides; this sent nothing.",
    ])  # fmt: skip
    for question in (["remove-memory", "web01", "6GiB"], ["set-memory", "web01", "8GiB"]):
        document = now.call("can", *question, "--format", "json").json
        assert problems("can", document) == []
    assert now.call("can", "remove-memory", "web01", "6GiB", "--format", "json").json["code"] == "memory-in-use"


def test_a_guest_that_is_steady_for_longer_is_a_giver(desk: Desk) -> None:
    steady = vm(8192, 8192, id="11111111-0000-4000-8000-000000000001", name="dev07", free=6000)
    spool = Spool()
    for minute in range(30):
        spool.poll(minute, vm(), steady, available_mb=1024)
    (desk.folder / "spool" / "changes").mkdir(parents=True)
    (desk.folder / "spool" / "HV01-20261123.jsonl").write_bytes(spool.data)
    desk = replace(desk, clock=lambda: START + timedelta(minutes=31))
    question = ("add-memory", "web01", "4GiB")
    by_spool = lines_of(desk, *question, "--spool", str(desk.folder / "spool"))
    assert desk.call("import-hyperv", str(desk.folder / "spool")).code == 0
    _, lines = lines_of(desk, *question)
    assert by_spool[1] == lines
    assert lines[1] == "  It would be yes if dev07 gave 3 GiB (it had 6000 MiB available at 2026-11-23 09:29:00Z)."
    assert desk.call("plan", "web01 >= 8GiB").code == 0


def test_what_cannot_be_resized_while_it_runs_is_told_why(desk: Desk) -> None:
    old = vm(version="5.0")
    stopped = off(id="11111111-0000-4000-8000-000000000001", name="dev07")
    desk = observed(desk, Spool().poll(0, old, dynamic(4096), stopped).poll(1, old, dynamic(4096), stopped), hours=1)
    for question in ("add-memory web01 1GiB", "remove-memory web01 1GiB"):
        assert lines_of(desk, *question.split()) == (1, [
            "no: web01 cannot be resized while it runs: its configuration version is below 6.2.",
            "Hyper-V decides; this sent nothing.",
        ])  # fmt: skip
    code, lines = lines_of(desk, "remove-memory", "erp01", "1GiB")
    assert (code, lines[0]) == (
        1,
        (
            "no, not this way: erp01 is sized by Dynamic Memory (now 4 GiB, minimum 512 MiB): it gives back by itself "
            "what its guest does not need. Its maximum can be lowered only while it is off."
        ),
    )
    result = desk.call("can", "remove-memory", "dev07", "1GiB")
    assert (result.code, result.err) == (
        2,
        (
            "error: dev07 is off: only a VM that runs can be resized\nhint: ask whether it starts: nilo can start "
            "11111111-0000-4000-8000-000000000001\n"
        ),
    )


def test_a_vm_under_dynamic_memory_is_pointed_to_its_maximum(desk: Desk) -> None:
    desk = observed(desk, Spool().poll(0, dynamic(4096)).poll(1, dynamic(4096)))
    shown = desk.call("can", "add-memory", "erp01", "8GiB")
    assert shown.code == 1
    assert shown.out.startswith(
        "no, not this way: erp01 is sized by Dynamic Memory (now 4 GiB, maximum 8 GiB). Raise its maximum: "
        "Set-VMMemory erp01 -MaximumBytes 12GB\n"
    )
    assert desk.call("can", "start", ERP).code == 2
    assert lines_of(desk, "set-memory", "erp01", "6GiB") == (1, [
        (
            "no, not this way: erp01 is sized by Dynamic Memory (now 4 GiB, maximum 8 GiB). "
            "Its guest gets 6 GiB by itself when it needs that and the host has it."
        ),
        "Hyper-V decides; this sent nothing.",
    ])  # fmt: skip


def asked_for(fleet: Fleet, vm: ObservedVm, amount: int, now: UtcTime) -> ObservedAnswer:
    """The answer by the figures of the fleet alone."""
    return ask_observed(fleet, vm, AddMemory(vm.id, amount), now, lambda _: ())


def test_fresh_figures_are_taken_as_they_are() -> None:
    now = UtcTime("2026-11-23T09:05:00.000000Z")
    seen = UtcTime("2026-11-23T09:04:00.000000Z")
    fleet = Fleet()
    host = ObservedHost(id="hv01", name="hv01", free=9 * GiB, measured={"free": seen})
    fleet.put_host("hv01", Tracked(host, seen))
    target = ObservedVm(id="db02", name="db02", host="hv01", power=Power.RUNNING)
    static = MemorySetting(mode=Mode.STATIC, startup=16 * GiB, minimum=0, maximum=0, buffer=0, weight=0)
    erp = ObservedVm(
        id="erp01", name="erp01", host="hv01", power=Power.RUNNING, memory=static, assigned=16 * GiB, in_use=5 * GiB,
        told_held=16 * GiB, measured={"in_use": seen},
    )  # fmt: skip
    for one in (target, erp):
        fleet.put_vm(one.id, Tracked(one, seen))
    yes, partly = (asked_for(fleet, target, amount * GiB, now) for amount in (9, 16))
    assert (yes.answer, yes.granted) == (CanAnswer.YES, 9 * GiB)
    assert (partly.answer, partly.granted) == (CanAnswer.PARTLY, 9 * GiB)
    assert partly.options is not None
    assert [option.steps for option in partly.options.plans.found] == [
        (PlanStep(RemoveMemory("erp01", 7 * GiB), 7 * GiB),),
        (PlanStep(Stop("erp01"), 16 * GiB),),
    ]
    assert partly.options.uses["erp01"].removable == 11 * GiB
    late = UtcTime("2026-11-23T09:09:00.000001Z")
    assert asked_for(fleet, target, 9 * GiB, late).answer is CanAnswer.UNKNOWN
    big = replace(target, generation=1)
    fleet.put_vm(big.id, Tracked(big, seen))
    never = asked_for(fleet, big, 2 * 2**40, now)
    assert (never.answer, never.limit) == (CanAnswer.NEVER, 2**40)


# A host fails


def test_what_becomes_of_the_vms_of_a_host_is_said_with_a_placement(full: Desk) -> None:
    assert full.call("can", "fail", "HV01").code == 1
    full.call("do", "register-host", "hv03", "--version", "2022", "--total", "40GiB", "--reserve", "2GiB")
    shown = full.call("can", "fail", "hv01")
    assert shown.code == 0
    assert shown.out.startswith(
        "only if placed so: if host hv01 fails, its 4 VMs of 56 GiB find a place on the others (68 GiB free):\n"
    )
    document = full.call("can", "fail", "hv01", "--format", "json").json
    assert problems("can-fail", document) == []
    assert sorted(document["hosts"][0]["placement"]) == sorted(SIZES)
    every = full.call("can", "--survive", "1", "--format", "json").json
    assert problems("can-fail", every) == []
    assert [host["host"] for host in every["hosts"]] == ["hv01", "hv02", "hv03"]
    alone = full.call("can", "--survive", "1", "--cluster", "hv01, HV02", "--format", "json").json
    assert [(host["host"], host["answer"]) for host in alone["hosts"]] == [
        ("hv01", "no"),
        ("hv02", "whatever-the-order"),
    ]
    assert full.call("can", "fail", "hv01", "--cluster", "hv02").code == 1


def test_an_observed_host_may_fail_too_and_its_figures_have_ages(desk: Desk) -> None:
    desk = observed(desk, Spool().poll(0, vm(), dynamic(4096)).poll(1, vm(), dynamic(4096)))
    for host, free in (("HV02", 8192), ("HV03", 1024)):
        other = Spool(host).poll(0, available_mb=free).poll(1, available_mb=free)
        assert desk.call("import-hyperv", desk.write("t.jsonl", other.data), "--final").code == 0
    desk = replace(desk, clock=lambda: START + timedelta(minutes=3))
    assert lines_of(desk, "fail", "HV01") == (0, [
        "yes: if host hv01 fails, its 2 VMs of 6 GiB find a place on the others (9 GiB free), whatever the order.",
        "  The oldest figure is of hv02, at 2026-11-23 09:01:00Z (2 min ago).",
        "Memory only; nothing was recorded; Hyper-V decides about observed hosts, this sent nothing.",
    ])  # fmt: skip
    assert desk.call("can", "fail", "hv01", "--cluster", "hv01,hv03").code == 1
    document = desk.call("can", "--survive", "1", "--format", "json").json
    assert problems("can-fail", document) == []
    assert [host["host"] for host in document["hosts"]] == ["hv01", "hv02", "hv03"]
    late = replace(desk, clock=lambda: START + timedelta(hours=30))
    code, lines = lines_of(late, "fail", "hv01")
    assert (code, lines[0].partition(":")[0]) == (3, "unknown")


def test_decided_and_observed_hosts_are_asked_apart_and_that_is_said(desk: Desk) -> None:
    desk = replace(observed(desk, Spool().poll(0, vm()).poll(1, vm())), clock=lambda: START + timedelta(minutes=3))
    apart = "Decided and observed hosts are asked apart: a VM finds no place on the other kind."
    assert apart not in desk.call("can", "--survive", "1").out
    define = "--host dec1 --guest windows --config-version 10.0 --generation 2 --size 1GiB"
    for command in (
        "register-host dec1 --version 2022 --total 8GiB --reserve 0", f"define-vm x1 {define}", "start x1"
    ):  # fmt: skip
        assert desk.call("do", *command.split()).code == 0
    shown = desk.call("can", "--survive", "1")
    assert (shown.code, shown.out.splitlines()[0]) == (
        1,
        "no: if host dec1 fails, its 1 VM of 1 GiB finds no place: x1 (1 GiB) fits on no other host.",
    )
    assert apart in shown.out.splitlines()
    for question, error in (
        (("move-vm", "x1", "hv01"), "hv01 is an observed host, and x1 is a decided VM\nhint: name a decided host"),
        (("move-vm", "web01", "dec1"), "dec1 is a decided host, and web01 is an observed VM\nhint: name an observed "),
    ):
        wrong = desk.call("can", *question)
        assert (wrong.code, wrong.out) == (2, "")
        assert wrong.err.startswith(f"error: {error}")


def in_cluster(desk: Desk, clusters: dict[str, str | None]) -> Desk:
    """A desk with observed hosts, each with what it reports as its cluster."""
    for host, cluster in clusters.items():
        spool = Spool(host).poll(0, available_mb=8192).poll(1, available_mb=8192)
        booted = "2026-11-20T09:00:00.0000000Z"
        spool.add({
            "schema": 2, "kind": "inventory", "time": moment(1), "host": host, "boot": booted, "cluster": cluster
        })  # fmt: skip
        assert desk.call("import-hyperv", desk.write(f"{host}.jsonl", spool.data), "--final").code == 0
    return replace(desk, clock=lambda: START + timedelta(minutes=3))


def test_a_cluster_is_named_as_its_hosts_report_it(desk: Desk) -> None:
    desk = in_cluster(desk, {"HV01": "CLU1", "HV02": "CLU1", "HV03": "CLU2", "HV04": None})
    code, lines = lines_of(desk, "--survive", "1", "--cluster", "clu1")
    assert code == 0
    assert [line for line in lines if line.startswith(("yes", "Cluster"))] == [
        "yes: no VM runs on host hv01.",
        "yes: no VM runs on host hv02.",
        "Cluster CLU1 is hv01, hv02, as these hosts report.",
    ]
    mixed = desk.call("can", "--survive", "1", "--cluster", "HV04,CLU2,hv03", "--format", "json").json
    assert [host["host"] for host in mixed["hosts"]] == ["hv04", "hv03"]
    assert desk.call("can", "fail", "hv01", "--cluster", "CLU2").code == 0
    near = desk.call("can", "--survive", "1", "--cluster", "CLU3")
    assert (near.code, near.err.splitlines()[0]) == (2, "error: there is no host and no cluster 'CLU3'")
    unknown = desk.call("can", "--survive", "1", "--cluster", "production")
    assert (unknown.code, unknown.out, unknown.err) == (
        2,
        "",
        "error: there is no host and no cluster 'production'\nhint: clusters: CLU1, CLU2; nilo view lists the hosts\n",
    )


def test_where_no_vm_may_span_numa_nodes_there_is_no_yes_that_a_node_may_refuse(desk: Desk) -> None:
    nodes = [{"id": id, "total_mb": 32768, "available_mb": 20000} for id in range(2)]
    inventory = {
        "schema": 2, "kind": "inventory", "time": moment(1), "host": "HV01", "numa_spanning": False, "numa": nodes
    }  # fmt: skip
    spool = Spool().poll(0, vm(), available_mb=40960).poll(1, vm(), available_mb=40960).add(inventory)
    desk = replace(observed(desk, spool), clock=lambda: START + timedelta(minutes=3))
    code, lines = lines_of(desk, "add-memory", "web01", "16GiB")
    assert (code, lines[0].partition(" Import")[0]) == (
        3,
        (
            "unknown: hv01 had 40 GiB free at 2026-11-23 09:01:00Z (2 min ago); in the last 24 h it had between 40 GiB "
            "and 40 GiB free; no VM may span its NUMA nodes (2 nodes of 32 GiB, 32 GiB), and which of them is free was "
            "not measured, so 16 GiB may or may not fit."
        ),
    )
    assert lines_of(desk, "add-memory", "web01", "8GiB")[0] == 0
    assert lines_of(desk, "add-memory", "web01", "41GiB")[0] == 1
    log = desk.call("log", "--host", "hv01").out
    assert "NUMA spanning is off, NUMA nodes of 32 GiB, 32 GiB" in log


def test_a_name_that_a_host_and_a_cluster_have_is_refused(desk: Desk) -> None:
    desk = in_cluster(desk, {"HV01": "hv02", "HV02": "hv02"})
    answer = desk.call("can", "--survive", "1", "--cluster", "hv02")
    assert (answer.code, answer.err) == (
        2,
        "error: 'hv02' is a host and a cluster\nhint: name the cluster's hosts: --cluster hv01,hv02\n",
    )


@pytest.mark.parametrize(
    ("args", "error"),
    [
        ([], "a question is missing"),
        (["fail", "hv9"], "there is no host 'hv9'"),
        (["--survive", "2"], "--survive 2 cannot be asked yet"),
        (["--survive", "1", "start", "db02"], "--survive does not go with a command"),
        (["--survive", "1", "--cluster", ", "], "--cluster names no host"),
        (["--survive", "1", "--cluster", "hv01,hv7"], "there is no host and no cluster 'hv7'"),
        (["move-vm", "db02", "hv7"], "there is no host 'hv7'\nhint: did you mean hv0"),
    ],
)
def test_what_cannot_be_asked_is_told(full: Desk, args: list[str], error: str) -> None:
    result = full.call("can", *args)
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith(f"error: {error}")


def test_a_host_that_there_is_not_is_named_with_one_that_is_near(desk: Desk) -> None:
    desk.with_history()
    answer = desk.call("can", "fail", "hv0")
    assert (answer.code, answer.err) == (2, "error: there is no host 'hv0'\nhint: did you mean hv01?\n")
