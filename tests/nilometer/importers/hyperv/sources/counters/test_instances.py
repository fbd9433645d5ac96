"""Instances of counters that are not one VM's: numbered, nameless, or of a name that others have too."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from domain.quantities import MiB
from nilometer.importers.hyperv.sources.counters import pdh_csv, prometheus, sample_sets
from nilometer.importers.hyperv.sources.source import FileContext
from tests.nilometer.importers.hyperv.sources.counters.test_counters import BERLIN_WINTER, table
from tests.nilometer.importers.hyperv.sources.counters.test_prometheus import NEW, NINE, answer, series
from tests.nilometer.importers.hyperv.sources.files import Parser, read, vms

NO_VMS = ["(unknown)", "(unknown)#1", "[unknown]#12", "------", "------#3", "app01#1", "app01#27", "APP01#2"]


def in_csv(*instances: str) -> list[str]:
    columns = tuple(rf"\\HV01\Hyper-V Dynamic Memory VM({instance})\Physical Memory" for instance in instances)
    rows = [(f"11/23/2026 10:0{minute}:00", *["1024"] * len(instances)) for minute in range(2)]
    return names(pdh_csv, table(*rows, head=BERLIN_WINTER, columns=columns), len(rows) * len(instances))


def in_json(*instances: str) -> list[str]:
    path = r"\\hv01\hyper-v dynamic memory vm({})\physical memory"
    samples = [{"Path": path.format(instance), "CookedValue": 1024} for instance in instances]
    sets = [{"Timestamp": f"2026-11-23T09:0{minute}:00Z", "CounterSamples": samples} for minute in range(2)]
    return names(sample_sets, json.dumps(sets), len(sets) * len(instances))


def in_prometheus(*instances: str) -> list[str]:
    values = (NINE, str(1024 * MiB)), (NINE + 60, str(1024 * MiB))
    all_series = [series(f"{NEW}vm_physical_bytes", *values, vm=instance) for instance in instances]
    return names(prometheus, answer(*all_series), len(values) * len(instances))


def names(parser: Parser, text: str, figures: int) -> list[str]:
    """The VMs of which a file has readings; all others are counted, and each reason is said once."""
    context = FileContext()
    found = [reading.listing.name or "" for reading in vms(read(parser, text, context))]
    counts = context.counts
    assert counts.records == sum(counts.not_needed.values()) == figures - len(found)
    assert counts.remarks == dict.fromkeys(counts.not_needed, 1)
    return sorted(set(found))


@pytest.mark.parametrize("read_names", [in_csv, in_json, in_prometheus])
@pytest.mark.parametrize("instance", NO_VMS)
def test_what_is_not_one_vm_is_left_out_and_counted(read_names: Callable[..., list[str]], instance: str) -> None:
    assert read_names("web01", instance) == ["web01"]


@pytest.mark.parametrize("read_names", [in_csv, in_json, in_prometheus])
def test_of_several_vms_of_one_name_none_is_read(read_names: Callable[..., list[str]]) -> None:
    assert read_names("app01", "app01#1", "app01#2", "app02") == ["app02"]


@pytest.mark.parametrize("read_names", [in_csv, in_json, in_prometheus])
@pytest.mark.parametrize("name", ["web_1", "unknown", "web-unknown", "web 01", "数据库", "a#b", "-a-", "1"])
def test_names_that_look_alike_are_names(read_names: Callable[..., list[str]], name: str) -> None:
    assert read_names(name) == [name]
