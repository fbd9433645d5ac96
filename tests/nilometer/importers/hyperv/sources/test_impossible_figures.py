"""Sizes that cannot be: in another unit they are refused with what they probably are; what a machine wrote in place of
a figure is unknown and counted, and the rest of its record is read.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.quantities import FLOOR, GiB, KiB, MiB
from nilometer.importers.hyperv.readings import Reading
from nilometer.importers.hyperv.sources.counters import pdh_csv, prometheus, sample_sets
from nilometer.importers.hyperv.sources.get_vm import converted_json
from nilometer.importers.hyperv.sources.source import FileContext
from nilometer.importers.hyperv.sources.spool.spool_lines import SPOOL
from tests.nilometer.importers.hyperv.sources.counters.test_counters import (
    BERLIN_WINTER,
    CELLS,
    at,
    synthetic_set,
    table,
)
from tests.nilometer.importers.hyperv.sources.counters.test_prometheus import NEW, NINE, answer, series
from tests.nilometer.importers.hyperv.sources.files import AT, hosts, read, read_on, vms
from tests.nilometer.importers.hyperv.sources.get_vm.test_get_vm import SYNTHETIC_HOST, SYNTHETIC_MEMORY, SYNTHETIC_VM
from tests.nilometer.importers.hyperv.synthetic import Spool
from tests.nilometer.importers.hyperv.synthetic import vm as spooled_vm

NOT_MEASURED = [-1, 2**31 - 1, 2**32 - 1, 2**63 - 1, 2**64 - 1]
KEYS = [
    (SYNTHETIC_VM, "MemoryAssigned"), (SYNTHETIC_VM, "MemoryStartup"), (SYNTHETIC_VM, "MemoryMinimum"),
    (SYNTHETIC_VM, "MemoryMaximum"), (SYNTHETIC_MEMORY, "Startup"), (SYNTHETIC_MEMORY, "Minimum"),
    (SYNTHETIC_MEMORY, "Maximum"), (SYNTHETIC_HOST, "MemoryCapacity"),
]  # fmt: skip
"""Every property that is in bytes."""


def spooled(**changes: Any) -> tuple[list[Reading], FileContext]:
    """What a poll of one VM gives, and its counts."""
    context = FileContext()
    lines = enumerate(Spool().poll(0, spooled_vm() | changes).data.splitlines(), 1)
    return [reading for record in SPOOL.read(lines, "file", context) for reading in record.readings], context


@pytest.mark.parametrize(("properties", "key"), KEYS)
@pytest.mark.parametrize("as_text", [False, True])
@pytest.mark.parametrize(
    ("value", "divisor"), [(2048, "1MB"), (65536, "1MB"), (8, "1GB"), (8.0, "1GB"), (8.5, "1GB"), (4 * MiB, "1KB")]
)
def test_a_size_in_another_unit_is_refused_with_what_it_probably_is(
    properties: dict[str, Any], key: str, as_text: bool, value: float, divisor: str
) -> None:
    changed = properties | {key: str(value) if as_text else value}
    readings, errors = read_on(converted_json, json.dumps(changed))
    owner = "a host" if key == "MemoryCapacity" else "a VM"
    assert readings == []
    written = f"{value:g}" if isinstance(value, float) else str(value)
    assert errors == [f"file:1: {key} {written} is not a size in bytes of {owner}: was it divided by {divisor}?"]


@pytest.mark.parametrize(("properties", "key"), KEYS)
@pytest.mark.parametrize("text", ["2048 MB", "4GB", "4,5 GiB", "1073741824 bytes", "512 M"])
def test_a_text_with_a_unit_is_named_as_one(properties: dict[str, Any], key: str, text: str) -> None:
    readings, errors = read_on(converted_json, json.dumps(properties | {key: text}))
    assert readings == []
    assert errors == [f"file:1: {key} {text!r} is a text with a unit, not a size in bytes"]


@given(st.sampled_from(KEYS[:7]), st.integers(1, 2**52))
def test_no_size_of_a_vm_is_read_that_is_under_32_mib_or_no_whole_number_of_mib(
    where: tuple[dict[str, Any], str], size: int
) -> None:
    properties, key = where
    readings, errors = read_on(converted_json, json.dumps(properties | {key: size}))
    possible = size >= FLOOR and size % MiB == 0
    assert bool(vms(readings)) == (possible or size in NOT_MEASURED)
    assert bool(errors) != bool(readings)


@pytest.mark.parametrize(("properties", "key"), KEYS)
@pytest.mark.parametrize("value", NOT_MEASURED)
def test_a_number_that_stands_for_no_figure_is_unknown_and_counted(
    properties: dict[str, Any], key: str, value: int
) -> None:
    context = FileContext(at=AT)
    assert len(read(converted_json, json.dumps(properties | {key: value}), context)) == 1
    assert context.counts.notes == [f"file:1: {key} {value} is not a figure: it is read as unknown"]
    assert context.counts.remarks == {"impossible figure": 1}


@pytest.mark.parametrize("key", ["assigned", "startup", "physical_mb", "visible_mb", "guest_available_mb", "uptime"])
@pytest.mark.parametrize("value", [*NOT_MEASURED, 2**60])
def test_one_impossible_figure_of_a_poll_is_unknown_and_the_rest_is_read(key: str, value: int) -> None:
    readings, context = spooled(**{key: value})
    (listed,) = vms(readings)
    (host,) = hosts(readings)
    figures = {
        "assigned": listed.listing.assigned, "startup": listed.listing.startup, "physical_mb": listed.physical,
        "visible_mb": listed.listing.visible, "guest_available_mb": listed.guest_available, "uptime": listed.uptime,
    }  # fmt: skip
    assert [name for name, figure in figures.items() if figure is None] == [key]
    assert (host.total, host.available) == (65536 * MiB, 40000 * MiB)
    assert context.counts.notes == [f"file:1: {key} {value} is not a figure: it is read as unknown"]


@pytest.mark.parametrize("value", [2048, 4 * GiB + 1, 4 * GiB - KiB])
def test_a_poll_with_a_size_that_no_vm_has_leaves_it_unknown(value: int) -> None:
    for key in ("assigned", "startup"):
        readings, context = spooled(**{key: value})
        assert getattr(vms(readings)[0].listing, key) is None
        assert context.counts.remarks == {"impossible figure": 1}


def test_a_counter_of_a_poll_with_less_than_any_vm_has_is_unknown() -> None:
    readings, context = spooled(physical_mb=4, visible_mb=31)
    (listed,) = vms(readings)
    assert (listed.physical, listed.listing.visible, listed.listing.assigned) == (None, None, 4096 * MiB)
    assert context.counts.remarks == {"impossible figure": 2}
    (listed,) = vms(spooled(physical_mb=32, visible_mb=32)[0])
    assert (listed.physical, listed.listing.visible) == (32 * MiB, 32 * MiB)


@pytest.mark.parametrize("cell", ["4", "4,096", "31.9"])
def test_a_counter_with_less_than_any_vm_has_is_unknown(cell: str) -> None:
    context = FileContext()
    row = at("11/23/2026 10:00:00", CELLS[0], cell, *CELLS[2:])
    (listed,) = vms(read(pdh_csv, table(row, head=BERLIN_WINTER), context))
    assert (listed.listing.assigned, listed.listing.visible) == (640 * MiB, None)
    assert context.counts.remarks == {"impossible figure": 1}


@pytest.mark.parametrize("cell", ["-5", "nan", "inf", "1e300", "4294967295", "4294967295.000000", "2147483647"])
def test_one_impossible_counter_is_unknown_and_the_rest_of_its_line_is_read(cell: str) -> None:
    context = FileContext()
    row = at("11/23/2026 10:00:00", CELLS[0], cell, *CELLS[2:])
    (listed,) = vms(read(pdh_csv, table(row, head=BERLIN_WINTER), context))
    assert (listed.listing.assigned, listed.listing.visible) == (640 * MiB, None)
    assert context.counts.notes == [f"file:2: column 3: visible {cell} is not a figure: it is read as unknown"]


def test_one_impossible_sample_is_unknown_and_the_others_are_read() -> None:
    context = FileContext()
    text = json.dumps(synthetic_set(**{"physical memory": 640, "guest visible physical memory": 2**32 - 1}))
    (listed,) = vms(read(sample_sets, text, context))
    assert (listed.listing.assigned, listed.listing.visible) == (640 * MiB, None)
    assert context.counts.remarks == {"impossible figure": 1}


@pytest.mark.parametrize("value", ["-1", "+Inf", "1e300", "4294967295", "2048", "33554431"])
def test_one_impossible_value_of_a_series_is_unknown_and_the_others_are_read(value: str) -> None:
    context = FileContext()
    text = answer(series(f"{NEW}vm_physical_bytes", (NINE, value), (NINE + 60, str(GiB))))
    (listed,) = vms(read(prometheus, text, context))
    assert listed.listing.assigned == GiB
    assert context.counts.remarks == {"impossible figure": 1}
