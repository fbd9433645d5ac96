"""The collector's script names nothing that Microsoft does not document. It cannot be run here."""

from __future__ import annotations

import json
import re
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from nilometer.importers.hyperv.names import as_instance
from tests.nilometer.cli.calling import Desk
from tests.nilometer.importers.hyperv.synthetic import WEB, Spool, imported, vm

SCRIPT: Final = files("nilometer").joinpath("collect.ps1").read_text("utf-8")
CODE: Final = re.sub(r"(?<!\S)#.*", "", SCRIPT)
FOLDER: Final = Path(__file__).with_name("types")
BUILT_IN: Final = {"Get-Counter", "Get-CimInstance", "Get-CimAssociatedInstance", "Start-Sleep", "Join-Path"}
PLAIN: Final = {"Where-Object", "Select-Object", "New-Object", "ConvertTo-Json"}
ITSELF: Final = {"New-Module", "Export-ModuleMember", "Set-StrictMode", "Remove-Variable"}
HYPER_V: Final = {"Get-VM", "Get-VMHost", "Get-VMMemory"}


def documented(file: str, kind: str) -> set[str]:
    """The documented names of a class."""
    read: dict[str, Any] = json.loads((FOLDER / file).read_text("utf-8"))
    return set(read[kind])


def named(pattern: str) -> set[str]:
    """What stands behind a dot, and is no method."""
    return set(re.findall(rf"{pattern}\.(\w+)(?![\w(])", CODE))


def function(name: str) -> str:
    """The text of one of the script's functions."""
    found = re.search(rf"^function {name}\b.*?^(?=function |Export|}}$)|^function {name}\b.*$", CODE, re.M | re.S)
    assert found is not None
    return found[0]


def test_every_property_of_a_vm_is_documented() -> None:
    used = named(r"\$(?:vm|after|vm\[0\]|_)") - {"CimClass"}
    assert {"Id", "MemoryAssigned", "MemoryStartup", "State", "Uptime"} <= used
    assert used - {"Count"} <= documented("powershell_types_memory.json", "VirtualMachine")


def test_every_property_of_memory_and_host_is_documented() -> None:
    assert named(r"\$one") | named(r"\$memory\[[^]]*\]") == {"VMId", "Buffer", "Priority"}
    assert {"VMId", "Buffer", "Priority"} <= documented("powershell_types_memory.json", "VMMemory")
    assert named(r"\(Get-VMHost @tell\)") == {"MemoryCapacity"} <= documented("powershell_types_memory.json", "VMHost")


def test_every_property_of_a_job_is_documented() -> None:
    used = named(r"\$job")
    assert {"InstanceID", "JobType", "JobState", "Owner", "TimeSubmitted", "ErrorCode", "ElapsedTime"} == used
    assert used <= documented("msvm_jobs.json", "Msvm_ConcreteJob")
    for kind in re.findall(r"Msvm_\w+", CODE):
        assert documented("msvm_jobs.json", kind)


def test_every_counter_is_documented() -> None:
    counters = json.loads((FOLDER / "perf_counters.json").read_text("utf-8"))
    asked = re.findall(r"'\\(Hyper-V [^(]+)\(([^)]*)\)\\([^']+)'", CODE)
    assert len(asked) == 6
    for kind, instance, counter in asked:
        full = f"{kind}({'<vm name>' if instance == '*' else instance})"
        assert counter in counters[full]
    looked_up = set(re.findall(r"\|(\w[\w ]+)[\"']\]", CODE))
    assert looked_up == {counter.lower() for _, _, counter in asked}


def test_every_property_of_a_sample_is_documented_and_one_that_is_not_valid_is_no_figure() -> None:
    used = named(r"\$sample")
    assert used == {"InstanceName", "Path", "CookedValue", "Status"}
    assert used <= documented("counter_samples.json", "PerformanceCounterSample")
    assert named(r"\$read") <= documented("counter_samples.json", "PerformanceCounterSampleSet")
    assert CODE.index("$sample.Status -ne 0) { continue }") < CODE.index("$sample.CookedValue")


def test_a_name_is_written_as_the_importer_takes_it_to_be_written() -> None:
    body = function("ConvertTo-NiloInstance")
    replaced = re.findall(r"\.Replace\('(.)', '(.)'\)", body)
    assert body.count(".Replace(") == len(replaced) == 5
    assert "".join(new for _, new in replaced) == as_instance("".join(old for old, _ in replaced))
    whole = "".join(map(chr, range(32, 127)))
    script = whole
    for old, new in replaced:
        script = script.replace(old, new)
    assert script.lower() == as_instance(whole)
    assert ".ToLowerInvariant()" in body


def test_tables_are_looked_into_letter_by_letter_and_names_counted_once() -> None:
    assert "[StringComparer]::Ordinal" in function("New-NiloTable")
    for table in ("found", "counters", "memory", "called"):
        made = re.findall(rf"^ *\${table} = (.*)$", CODE, re.MULTILINE)
        assert made == ["New-NiloTable"]
    assert "Where-Object { $_.Name" not in CODE


def test_nothing_is_written_in_the_way_of_the_system_s_language_or_with_its_short_name() -> None:
    assert "COMPUTERNAME" not in CODE
    assert CODE.count("[Net.Dns]::GetHostName()") == 3
    assert not re.search(r"\{\d:", CODE)  # the operator -f takes the language of the session
    assert "ToString('yyyyMMdd', [Globalization.CultureInfo]::InvariantCulture)" in CODE


def test_what_is_unknown_is_null_and_not_an_empty_object() -> None:
    for name in ("ConvertTo-NiloTime", "Get-NiloMessage"):
        assert "else { $null }" in function(name)


def test_each_part_of_a_poll_is_read_on_its_own() -> None:
    body = function("Get-NiloPoll")
    for part in ("Get-VMHost", "Get-VM @tell", "Get-VMMemory", "Get-NiloCounters", "Get-NiloJobs", "$vm.Uptime"):
        before = body[: body.index(part)]
        assert before.count("try {") == before.count("catch {") + 1, part
    assert body.count("try {") == body.count("catch { [void]$failed.Add($_) }") == 6
    assert "error = Get-NiloMessage $failed" in body


def test_a_poll_of_which_a_part_failed_is_read() -> None:
    whole = imported(Spool().poll(0, vm()))
    told = imported(Spool().poll(0, vm(), error="jobs could not be read"))
    for stream in (f"vm/{WEB}", "host/hv01"):
        assert [each.event for each in told.of(stream)] == [each.event for each in whole.of(stream)] != []
    nothing: dict[str, Any] = {"capacity": None, "available_mb": None, "vms": [], "error": "Access is denied."}
    assert imported(Spool().poll(0, **nothing)).names() == []
    unread = vm(physical_mb=None, visible_mb=None, guest_available_mb=None, added_mb=None, removed_mb=None)
    assert [name for _, name, _ in imported(Spool().poll(0, unread, error="no counter: ")).names()] == ["web01"]


def test_errors_that_stop_nothing_are_spooled_and_written_again() -> None:
    body = function("Invoke-NiloChange")
    assert "& $Change 2>&1" in body
    spooled = body.index("Write-NiloLine")
    assert body.index("error = $wrong") > spooled
    assert body.index("$PSCmdlet.WriteError($each)") > spooled
    assert body.index("throw $thrown") > spooled


def test_nothing_but_one_function_is_left_in_the_session() -> None:
    outside, _, inside = CODE.partition("-ErrorAction Stop -ScriptBlock {\n")
    assert re.findall(r"Export-ModuleMember (.*)", inside) == ["-Function Invoke-NiloChange"]
    assert set(re.findall(r"^\$(\w+) =", outside, re.MULTILINE)) == {"null"}
    assert inside.rstrip().splitlines()[-2] == "}"
    assert "Remove-Variable -Name 'Spool', 'Define'" in inside


def test_nothing_is_called_but_reading_commands_of_hyper_v_and_of_powershell_itself() -> None:
    called = set(re.findall(r"(?<![\w\\$'-])[A-Z][a-z]+-[A-Z]\w+", CODE))
    own = set(re.findall(r"function ([\w-]+)", CODE))
    assert called - own - BUILT_IN - PLAIN - ITSELF == HYPER_V


def test_the_script_is_printed_as_it_is_and_says_that_it_was_not_run(tmp_path: Path) -> None:
    said = Desk(tmp_path).call("collector")
    assert (said.code, said.out) == (0, SCRIPT)
    assert "NOT RUN" in said.out
    assert SCRIPT.isascii()
