"""The collector's script names nothing that Microsoft does not document. It cannot be run here."""

from __future__ import annotations

import json
import re
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from tests.cli.calling import Desk

SCRIPT: Final = files("nilometer").joinpath("collect.ps1").read_text("utf-8")
CODE: Final = re.sub(r"(?<!\S)#.*", "", SCRIPT)
FOLDER: Final = Path(__file__).parent / "hyperv"
BUILT_IN: Final = {"Get-Counter", "Get-CimInstance", "Get-CimAssociatedInstance", "Start-Sleep", "Join-Path"}
PLAIN: Final = {"Where-Object", "Select-Object", "New-Object", "ConvertTo-Json"}
HYPER_V: Final = {"Get-VM", "Get-VMHost", "Get-VMMemory"}


def documented(file: str, kind: str) -> set[str]:
    """The documented names of a class."""
    read: dict[str, Any] = json.loads((FOLDER / file).read_text("utf-8"))
    return set(read[kind])


def named(pattern: str) -> set[str]:
    """What stands behind a dot, and is no method."""
    return set(re.findall(rf"{pattern}\.(\w+)(?![\w(])", CODE))


def test_every_property_of_a_vm_is_documented() -> None:
    used = named(r"\$(?:vm|after|vm\[0\]|_)") - {"CimClass"}
    assert {"Id", "MemoryAssigned", "MemoryStartup", "State", "Uptime"} <= used
    assert used - {"Count"} <= documented("powershell_types_memory.json", "VirtualMachine")


def test_every_property_of_memory_and_host_is_documented() -> None:
    assert named(r"\$one") | named(r"\$memory\[[^]]*\]") == {"VMId", "Buffer", "Priority"}
    assert {"VMId", "Buffer", "Priority"} <= documented("powershell_types_memory.json", "VMMemory")
    assert named(r"\(Get-VMHost\)") <= documented("powershell_types_memory.json", "VMHost")


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
    assert looked_up == {counter for _, _, counter in asked}


def test_nothing_is_called_but_reading_commands_of_hyper_v_and_of_powershell_itself() -> None:
    called = set(re.findall(r"(?<![\w\\$'-])[A-Z][a-z]+-[A-Z]\w+", CODE))
    own = set(re.findall(r"function ([\w-]+)", CODE))
    assert called - own - BUILT_IN - PLAIN == HYPER_V


def test_the_script_is_printed_as_it_is_and_says_that_it_was_not_run(tmp_path: Path) -> None:
    said = Desk(tmp_path).call("collector")
    assert (said.code, said.out) == (0, SCRIPT)
    assert "NOT RUN" in said.out
    assert SCRIPT.isascii()
