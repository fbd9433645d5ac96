"""Spools of Hyper-V at the command line: who asked for what, once. The spools are synthetic."""

from __future__ import annotations

from tests.nilometer.cli.calling import Desk
from tests.nilometer.cli.test_schemas import problems
from tests.nilometer.importers.hyperv.synthetic import ERP, WEB, Spool, dynamic, job, vm
from tests.paths import EXAMPLES

DAY = EXAMPLES / "HV01-20261123.jsonl"

BEN = "#14 2026-11-23 09:03:00Z, at the latest · CONTOSO\\ben via hyper-v job (modify-resources) requested for web01"
ANNA = "#7 2026-11-23 09:01:54Z, at the latest · CONTOSO\\anna via powershell requested for web01"
SOMEBODY = "#23 between 2026-11-23 09:05:00Z and 09:10:00Z · an unnamed user changed web01"


def test_the_example_says_that_it_is_synthetic() -> None:
    assert b"SYNTHETIC" in DAY.read_bytes().splitlines()[0]


def test_the_log_says_who_asked_with_what_tool_and_what_came_of_it(desk: Desk) -> None:
    assert desk.call("import-hyperv", str(DAY)).code == 0
    result = desk.call("log", "--asked")
    assert result.out.splitlines() == [
        f"{ANNA}: +4 GiB (4 GiB -> 8 GiB)",
        "    within 36 s: completed, 4 GiB",
        f"{BEN}: -6144 MiB (8192 MiB -> 2048 MiB)",
        "    after 2 to 3 min: partially-completed, 2500 MiB of 6144 MiB, memory-in-use (inferred), still open",
        "    after 2 to 8 min: partially-completed, 2500 MiB of 6144 MiB, superseded (inferred)",
        f"{SOMEBODY}: +452 MiB (5692 MiB -> 6144 MiB)",
        "    within 5 min: completed, 452 MiB",
    ]
    assert len(desk.call("log", "--asked", "--actor", "CONTOSO\\ben", "--format", "json").lines) == 1
    assert len(desk.call("log", "--asked", "--vm", "web01", "--format", "json").lines) == 3


def test_what_was_asked_for_is_found_by_what_came_of_it_in_the_end(desk: Desk) -> None:
    assert desk.call("import-hyperv", str(DAY)).code == 0
    asked = ("log", "--asked", "--format", "json", "--outcome")
    found = {
        outcome: [entry["position"] for entry in desk.call(*asked, outcome).lines]
        for outcome in ("partially-completed", "completed", "failed", "rejected")
    }
    assert found == {"partially-completed": [14], "completed": [7, 23], "failed": [], "rejected": []}
    assert [entry["position"] for entry in desk.call(*asked, "completed", "-n", "1").lines] == [23]
    result = desk.call("log", "--asked", "--since", "2026-11-17", "--outcome", "partially-completed", "--vm", "web01")
    assert result.out.startswith(BEN)
    assert [entry["position"] for entry in desk.call("log", "--outcome", "rejected", "--format", "json").lines] == []


def test_the_log_says_who_tried_and_failed_though_nobody_told_what(desk: Desk) -> None:
    failed = job(0.5, "CONTOSO\\ben", 42, state=10, error=32773, id="7F3A")
    spool = Spool().poll(0, vm()).poll(1, vm(), jobs=[failed]).poll(2, vm(), jobs=[failed])
    assert desk.call("import-hyperv", desk.write("s.jsonl", spool.data)).code == 0
    by = "#5 2026-11-23 09:00:31Z, at the latest · CONTOSO\\ben via hyper-v job (remove-memory)"
    lines = [
        f"{by} requested a change to web01 (details not recorded)",
        "    failed: job 7F3A ended in error 32773",
    ]
    for wanted in ([], ["--outcome", "failed"], ["--actor", "CONTOSO\\ben"], ["--vm", "web01"]):
        assert desk.call("log", "--asked", *wanted).out.splitlines() == lines
    assert desk.call("log", "--asked", "--outcome", "completed").out == "No matching events.\n"
    what = "was to be changed, which failed (details not recorded): job 7F3A ended in error 32773"
    assert desk.call("log", "--actor", "CONTOSO\\ben").out == f"{by}: VM web01 {what}\n"
    assert "word for word: job 7F3A ended in error 32773" in desk.call("show", "5").out
    assert desk.call("audit").code == 0
    assert desk.call("replay").code == 0


def test_what_is_there_is_not_recorded_again_and_the_document_is_as_its_schema_says(desk: Desk) -> None:
    first = desk.call("import-hyperv", str(DAY), "--format", "json").json
    assert problems("import-hyperv", first) == []
    assert (first["recorded"], first["records"], first["files"][0]["format"]) == (28, 27, "hyperv-spool")
    again = desk.call("import-hyperv", str(DAY), "--format", "json").json
    assert (again["recorded"], again["records"], again["not_needed"]) == (0, 27, {"read before": 27})
    grown = desk.write("grown.jsonl", DAY.read_bytes() + Spool().poll(12, vm(6144, 8192)).poll(13, vm(8192, 8192)).data)
    assert desk.call("import-hyperv", grown, "--format", "json").json["recorded"] > 0
    assert desk.call("import-hyperv", grown, "--format", "json").json["recorded"] == 0
    assert "violated" not in desk.call("audit").out
    assert desk.call("audit").code in (0, 3)


def test_the_files_of_two_hosts_are_read_together(desk: Desk) -> None:
    one = desk.write("1.jsonl", Spool("HV01").poll(0, vm()).poll(2).data)
    other = desk.write("2.jsonl", Spool("HV02").poll(1, vm()).poll(3, vm()).data)
    assert desk.call("import-hyperv", other, one, "--as", "lab").code == 0
    (shown,) = desk.call("view", "--vm", "web01", "--format", "json").json["vms"]
    assert (shown["vm"], shown["host"]) == (f"lab.{WEB}", "lab.hv02")


def test_who_keeps_going_is_told_of_what_was_not_read_and_gets_the_rest(desk: Desk) -> None:
    rest = Spool().poll(1, vm(8192, 8192)).poll(2, vm(8192, 8192)).data
    bad = desk.write("bad.jsonl", Spool().poll(0, vm()).data + b'{"schema": 9}\n' + rest)
    strange = desk.write("strange.txt", "hello\n")
    result = desk.call("import-hyperv", bad, strange, "--keep-going", "--format", "json")
    assert result.code == 2
    assert f"error: {bad}:2: the spool's schema is None" not in result.err
    assert f"error: {bad}:2: the spool's schema is 9" in result.err
    assert f"error: {strange}: is not a file that nilo import-hyperv knows" in result.err
    assert [entry["file"] for entry in result.json["files"]] == [bad]
    assert len(desk.call("log", "--asked", "--format", "json").lines) == 1
    assert desk.call("import-hyperv", strange).code == 2


def test_a_line_that_breaks_off_is_noted(desk: Desk) -> None:
    cut = desk.write("cut.jsonl", DAY.read_bytes()[:-20])
    result = desk.call("import-hyperv", cut)
    assert result.code == 0
    assert f"note: {cut}:10: is not JSON" in result.err
    assert "what stands before it is kept" in result.err


def test_a_host_that_is_decided_here_is_not_observed(desk: Desk) -> None:
    desk.with_history()
    result = desk.call("import-hyperv", desk.write("s.jsonl", Spool("hv01").poll(0, vm(), jobs=[job(0)]).data))
    assert result.code == 2
    assert "is decided by this ledger" in result.err


def test_what_another_tool_did_is_recorded_of_the_vm_that_is_called_so(desk: Desk) -> None:
    assert desk.call("import-hyperv", str(DAY)).code == 0
    change = ("--asked", "8GiB", "--before", "6GiB", "--after", "8GiB")
    for word, number in (("web01", 4), ("WEB01", 5)):
        result = desk.call("record", word, *change, "--format", "json")
        assert result.code == 0
        assert result.err.startswith(f"note: {word} is the VM {WEB}\n")
        assert result.json["target"] == f"vm/{WEB}"
        assert desk.call("log", "--asked", "--format", "json").lines[-1]["request"] == number
    assert "is the VM" not in desk.call("record", WEB, *change).err
    assert len(desk.call("view", "--format", "json").json["vms"]) == 2
    assert desk.call("record", "web02", "--new", *change).code == 0
    assert len(desk.call("view", "--format", "json").json["vms"]) == 3


def test_what_another_tool_did_is_not_recorded_of_either_of_two_vms_that_are_called_so(desk: Desk) -> None:
    two = Spool().poll(0, vm(), vm(id=ERP, name="WEB01")).poll(1, vm(), vm(id=ERP, name="WEB01"))
    assert desk.call("import-hyperv", desk.write("s.jsonl", two.data)).code == 0
    before = desk.events
    for word in ("Web01", "web01"):
        result = desk.call("record", word, "--asked", "8GiB", "--before", "4GiB", "--after", "8GiB")
        assert (result.code, result.out) == (2, "")
        assert result.err == f"error: 2 VMs have the name '{word}'\nhint: give an id: {ERP}, {WEB}\n"
    assert desk.events == before


def test_a_host_is_found_whatever_the_case_it_is_typed_in(desk: Desk) -> None:
    assert desk.call("import-hyperv", str(DAY)).code == 0
    for asked in (("view", "--host"), ("log", "--host"), ("log", "--asked", "--host")):
        assert desk.call(*asked, "HV01").out == desk.call(*asked, "hv01").out
        assert desk.call(*asked, "HV01").code == 0
    assert desk.call("view", "--host", "HV02").code == 2


def test_of_a_vm_whose_power_nobody_told_the_view_says_so(desk: Desk) -> None:
    desk.call("record", "web07", "--new", "--asked", "8GiB", "--before", "4GiB", "--after", "8GiB")
    (line,) = desk.call("view").out.splitlines()[1:]
    assert line.startswith("VM web07 on unknown (observed): power unknown, assigned 8 GiB, ")


def test_a_service_account_is_the_tool_of_what_it_owns_and_no_user(desk: Desk) -> None:
    spool = Spool().poll(0, vm()).poll(1, vm(8192, 8192), jobs=[job(0.5, "CONTOSO\\svc-vmm")]).poll(2, vm(8192, 8192))
    file = desk.write("s.jsonl", spool.data)
    refused = desk.call("import-hyperv", file, "--service-account", "")
    assert (refused.code, "service_accounts: '' is empty" in refused.err) == (2, True)
    assert desk.call("import-hyperv", file, "--service-account", "x", "--service-account", "svc-vmm").code == 0
    assert "an unnamed user via CONTOSO\\svc-vmm changed web01" in desk.call("log", "--asked").out
    assert desk.call("log", "--asked", "--nobody", "--format", "json").json["actor"] is None


def test_an_hour_of_dynamic_memory_is_shown_with_its_tightest_poll(desk: Desk) -> None:
    spool = Spool()
    for minute in range(62):
        spool.poll(minute, dynamic(2048 + 256 * (minute % 3), free=100 if minute == 31 else 700))
    assert desk.call("import-hyperv", desk.write("s.jsonl", spool.data), "--final").code == 0
    shown = "60 moves, tightest at 2026-11-23 09:31:00Z with 2204 MiB of 2304 MiB in use, by Dynamic Memory"
    assert shown in desk.call("log").out
