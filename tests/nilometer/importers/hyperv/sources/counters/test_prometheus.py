"""Series of windows_exporter as ``query_range`` answers. All files here are synthetic.

Names and units are windows_exporter's own (its code at 589ec15, and at v0.29.0 for the older names).
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from domain.errors import InputError
from domain.identifiers import UtcTime
from domain.quantities import GiB, MiB
from nilometer.importers.hyperv.readings import HostReading, VmListing, VmReading
from nilometer.importers.hyperv.sources.counters import prometheus
from nilometer.importers.hyperv.sources.source import FileContext
from tests.nilometer.importers.hyperv.sources.files import hosts, read, read_on, vms

NEW, OLD = "windows_hyperv_dynamic_memory_", "windows_hyperv_vm_memory_"
NINE = 1795424400
NINE_O_CLOCK = UtcTime("2026-11-23T09:00:00.000000Z")


def series(name: str, *values: tuple[float, str], **labels: str) -> dict[str, Any]:
    metric = {"__name__": name, "instance": "HV01:9182", "job": "windows", "vm": "web01"} | labels
    return {"metric": metric, "values": [list(value) for value in values]}


def answer(*result: object) -> str:
    return json.dumps({"status": "success", "data": {"resultType": "matrix", "result": list(result)}})


def test_the_series_of_a_vm_become_one_reading_for_each_time() -> None:
    text = answer(
        series(f"{NEW}vm_physical_bytes", (NINE, "671088640"), (NINE + 60, str(4 * GiB))),
        series(f"{NEW}vm_guest_visible_physical_memory_bytes", (NINE, str(2 * GiB))),
        series(f"{NEW}vm_guest_available_bytes", (NINE, "1.048576e+06")),
        series(f"{NEW}vm_added_total", (NINE, "0")),
        series(f"{NEW}vm_removed_bytes_total", (NINE, str(1408 * MiB))),
        series(f"{NEW}vm_pressure_current_ratio", (NINE, "0.97")),
    )
    first, second = vms(read(prometheus, text, FileContext()))
    assert first == VmReading(
        at=NINE_O_CLOCK,
        record=f"file:1: {NINE_O_CLOCK}",
        guest_available=MiB,
        added=0,
        removed=1408 * MiB,
        listing=VmListing(host="hv01", name="web01", assigned=640 * MiB, visible=2 * GiB),
    )
    assert (second.at, second.listing.assigned, second.listing.visible) == (
        "2026-11-23T09:01:00.000000Z",
        4 * GiB,
        None,
    )


def test_until_0_29_the_exporter_told_mb() -> None:
    text = answer(series(f"{OLD}physical", (NINE, "640")), series(f"{OLD}physical_guest_visible", (NINE, "2048")))
    (told,) = vms(read(prometheus, text, FileContext()))
    assert (told.listing.vm_id, told.listing.name, told.listing.assigned, told.listing.visible) == (
        None,
        "web01",
        640 * MiB,
        2048 * MiB,
    )


def test_a_document_for_each_metric_in_one_file_is_one_history_in_order_of_time() -> None:
    text = "\n".join(
        [
            answer(series(f"{NEW}vm_physical_bytes", (NINE + 60, "2147483648"), vm="db01")),
            answer(series(f"{NEW}vm_physical_bytes", (NINE, "1073741824"), (NINE + 60, "1073741824"))),
            answer(series(f"{NEW}vm_added_total", (NINE, "5"))),
        ]
    )
    told = vms(read(prometheus, text, FileContext()))
    assert [(each.at[14:16], each.listing.name, each.added) for each in told] == [
        ("00", "web01", 5),
        ("01", "db01", None),
        ("01", "web01", None),
    ]
    assert [each.record for each in told] == [f"file:1: 2026-11-23T09:0{minute}:00.000000Z" for minute in (0, 1, 1)]


def test_the_balancers_available_memory_is_the_hosts() -> None:
    one = series(f"{NEW}balancer_available_memory_bytes", (NINE, str(GiB)), vm="", balancer="System Balancer")
    assert hosts(read(prometheus, answer(one), FileContext())) == [
        HostReading(at=NINE_O_CLOCK, host="hv01", record=f"file:1: {NINE_O_CLOCK}", available=GiB)
    ]


def test_two_hosts_have_a_vm_of_one_name_each() -> None:
    text = answer(
        series(f"{NEW}vm_physical_bytes", (NINE, "1073741824")),
        series(f"{NEW}vm_physical_bytes", (NINE, "2147483648"), instance="hv02.corp.local"),
    )
    assert [(each.listing.host, each.listing.assigned) for each in vms(read(prometheus, text, FileContext()))] == [
        ("hv01", GiB),
        ("hv02.corp.local", 2 * GiB),
    ]


def test_an_exporter_that_is_asked_on_its_own_host_does_not_name_it() -> None:
    for instance in ("localhost:9182", "127.0.0.1:9182", "[::1]:9182"):
        text = answer(series(f"{NEW}vm_physical_bytes", (NINE, "1073741824"), instance=instance))
        assert [each.listing.host for each in vms(read(prometheus, text, FileContext(host="HV03")))] == ["hv03"]
        assert [each.listing.host for each in vms(read(prometheus, text, FileContext()))] == [None]
    balancer = series(f"{NEW}balancer_available_memory_bytes", (NINE, "1073741824"), instance="localhost:9182")
    assert read_on(prometheus, answer(balancer)) == ([], ["file:1: series 1: does not name its host"])


def test_not_a_number_was_not_measured_and_nothing_assigned_is_not_reported_yet() -> None:
    text = answer(series(f"{NEW}vm_physical_bytes", (NINE, "NaN"), (NINE + 60, "0")))
    (told,) = vms(read(prometheus, text, FileContext()))
    assert (told.at[14:16], told.listing.assigned) == ("01", None)


def test_an_instant_query_is_read_too() -> None:
    one = series(f"{NEW}vm_physical_bytes")
    del one["values"]
    (told,) = vms(read(prometheus, answer(one | {"value": [NINE + 0.123, "1073741824"]}), FileContext()))
    assert (told.at, told.listing.assigned) == ("2026-11-23T09:00:00.123000Z", GiB)


GOOD = series(f"{NEW}vm_physical_bytes", (NINE, "1073741824"))


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        (series(f"{NEW}vm_physical_bytes", (NINE, "x")), "'x' is not a number"),
        (series(f"{NEW}vm_physical_bytes", (1e30, "1")), "a time is out of range"),
        (series(f"{NEW}vm_physical_bytes", (-1, "1")), "a time is out of range"),
        (
            series(f"{NEW}vm_physical_bytes", (NINE, "2147483648")),
            "assigned of web01 differs from that of another series",
        ),
        (series(f"{NEW}vm_physical_bytes", vm=""), "has no vm"),
        ({"metric": GOOD["metric"], "values": [[NINE]]}, "a value is not a pair of a time and a text"),
        ({"metric": GOOD["metric"], "values": 7}, "has no values"),
        (
            {"metric": {"vm": "web01"}, "values": []},
            "has no __name__: query the metric itself, not an expression",
        ),
        ({"values": []}, "has no metric"),
        (7, "has no metric"),
    ],
)
def test_a_series_that_cannot_be_read_is_told_and_does_not_hide_the_rest(bad: object, says: str) -> None:
    readings, errors = read_on(prometheus, answer(GOOD, bad))
    assert errors == [f"file:1: series 2: {says}"]
    assert [each.listing.assigned for each in vms(readings)] == [GiB]
    with pytest.raises(InputError, match="series 2"):
        read(prometheus, answer(GOOD, bad))


def test_an_answer_that_is_an_error_and_one_without_a_known_metric_are_refused() -> None:
    failed = '{"status": "error", "errorType": "bad_data", "error": "parse error"}'
    assert read_on(prometheus, failed)[1][0] == "file:1: Prometheus answered with an error: 'parse error'"
    nothing = "file:1: no series is a metric of Dynamic Memory that windows_exporter has"
    assert read_on(prometheus, answer(series("up", (NINE, "1"))))[1] == [nothing]
    assert read_on(prometheus, "[]")[1][0] == "file:1: is not an answer of Prometheus: it has no data.result"


def test_the_kind_of_file_is_told_from_its_beginning() -> None:
    assert prometheus.recognises(answer().encode())
    assert not prometheus.recognises(b'{"MemoryAssigned": 1}')
