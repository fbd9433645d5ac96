"""``nilo can`` of observed hosts: old figures are given with their age, and an answer only where they agree."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from tests.nilometer.cli.calling import Desk
from tests.nilometer.cli.planning.asking import lines_of, observed
from tests.nilometer.cli.test_schemas import problems
from tests.nilometer.importers.hyperv.synthetic import ERP, START, Spool, dynamic, moment, off, vm


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
