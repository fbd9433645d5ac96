"""The module names nothing of Hyper-V that is not documented."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Final

from nilometer.collector.module import read_files
from nilometer.importers.hyperv.names import as_instance

MODULE: Final = read_files()["Nilometer.psm1"].decode("ascii")
CODE: Final = re.sub(r"<#.*?#>", "", re.sub(r"(?m)(?<!\S)#(?!>).*$", "", MODULE), flags=re.DOTALL)
FOLDER: Final = Path(__file__).with_name("types")
NOT_OF_STUBS: Final = {"ReplicationState", "ReplicationMode"}
"""Of Get-VM's documentation; the list of types that the tests have lacks them."""


def documented(file: str, kind: str) -> set[str]:
    """The documented names of a class."""
    read: dict[str, Any] = json.loads((FOLDER / file).read_text("utf-8"))
    return set(read[kind])


def properties_of(variable: str) -> set[str]:
    """What stands behind a variable and a dot, and is no method."""
    return set(re.findall(rf"\${variable}\.(\w+)(?![\w(])", CODE))


def test_every_property_of_a_vm_and_its_memory_is_documented() -> None:
    used = properties_of("vm") | properties_of("now")
    assert {"Id", "MemoryAssigned", "MemoryStartup", "State", "Uptime", "SmartPagingFileInUse"} <= used
    assert used - NOT_OF_STUBS - {"time"} <= documented("powershell_types_memory.json", "VirtualMachine")
    assert properties_of("memory") == {"VMId", "Buffer", "Priority"}
    assert properties_of("memory") <= documented("powershell_types_memory.json", "VMMemory")
    assert properties_of("node") <= documented("powershell_types_memory.json", "VMHostNumaNode")


def test_every_property_of_a_job_is_documented() -> None:
    used = properties_of("job")
    assert {"InstanceID", "JobType", "JobState", "Owner", "TimeSubmitted", "ErrorCode", "ElapsedTime"} <= used
    of_migrations = {"DestinationHost"}
    assert used - {"CimClass"} - of_migrations <= documented("msvm_jobs.json", "Msvm_ConcreteJob")


def test_every_counter_is_documented() -> None:
    counters = json.loads((FOLDER / "perf_counters.json").read_text("utf-8"))
    asked = re.findall(r"\"\$\{set\}([^\"]+)\"", CODE)
    assert len(asked) == 5
    assert all(name in counters["Hyper-V Dynamic Memory VM(<vm name>)"] for name in asked)
    assert "Available Memory" in counters["Hyper-V Dynamic Memory Balancer(System Balancer)"]


def test_a_name_is_written_as_the_importer_takes_it_to_be_written() -> None:
    body = MODULE[MODULE.index("function ConvertTo-NiloInstance") :].partition("\n}")[0]
    replaced = re.findall(r"\.Replace\('(.)', '(.)'\)", body)
    whole = "".join(map(chr, range(32, 127)))
    written = whole
    for old, new in replaced:
        written = written.replace(old, new)
    assert written.lower() == as_instance(whole)
