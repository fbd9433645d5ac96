"""Performance counters as CSV and JSON. All files here are synthetic: no real one of these counters is public.

They follow the documented names and units (``samples/perf_counters.json``) and the shapes of the tools that write them.
"""

from __future__ import annotations

import csv
import io
import json
from datetime import datetime, timedelta
from typing import Any

import pytest

from domain.errors import InputError
from domain.identifiers import UtcTime
from domain.quantities import MiB
from nilometer.importers.hyperv.readings import HostReading, VmListing, VmReading
from nilometer.importers.hyperv.sources.counters import pdh_csv, sample_sets
from nilometer.importers.hyperv.sources.local_time import parse_zone
from nilometer.importers.hyperv.sources.source import FileContext
from nilometer.importers.hyperv.sources.windows_zones import ZONES
from tests.nilometer.importers.hyperv.sources.files import hosts, read, read_on, vms

VM = r"\\HV01\Hyper-V Dynamic Memory VM"
BALANCER = r"\\HV01\Hyper-V Dynamic Memory Balancer(System Balancer)"
BERLIN_WINTER = "(PDH-CSV 4.0) (W. Europe Standard Time)(-60)"
COLUMNS = (
    rf"{VM}(web01)\Physical Memory",
    rf"{VM}(web01)\Guest Visible Physical Memory",
    rf"{VM}(web01)\Guest Available Memory",
    rf"{VM}(web01)\Added Memory",
    rf"{VM}(web01)\Removed Memory",
    rf"{VM}(web01)\Current Pressure",
    rf"{BALANCER}\Available Memory",
    rf"{BALANCER}\Available Memory For Balancing",
    rf"{VM}(_Total)\Physical Memory",
    r"\\HV01\Memory\Available MBytes",
)
CELLS = ("640.000000", "2048.000000", "300", "10", "1418", "97", "40960", "39000", "640", "1")


def table(*rows: tuple[str, ...], head: str = BERLIN_WINTER, columns: tuple[str, ...] = COLUMNS, by: str = ",") -> str:
    """Synthetic CSV, every cell quoted as the tools quote them."""
    out = io.StringIO()
    csv.writer(out, quoting=csv.QUOTE_ALL, delimiter=by, lineterminator="\r\n").writerows([(head, *columns), *rows])
    return out.getvalue()


def at(time: str, *cells: str) -> tuple[str, ...]:
    return (time, *(cells or CELLS))


def times(text: str, context: FileContext | None = None) -> list[str]:
    return [each.at[:16] for each in vms(read(pdh_csv, text, context or FileContext()))]


def physical(*moments: str, head: str = BERLIN_WINTER) -> str:
    return table(*((moment, "1024") for moment in moments), head=head, columns=COLUMNS[:1])


def test_the_counters_of_dynamic_memory_are_mb_and_become_bytes() -> None:
    told = read(pdh_csv, table(at("11/23/2026 10:00:00.123")), FileContext())
    moment = UtcTime("2026-11-23T09:00:00.123000Z")
    assert told == [
        HostReading(at=moment, host="hv01", record="file:2", available=40960 * MiB),
        VmReading(
            at=moment, record="file:2", guest_available=300 * MiB, added=10 * MiB, removed=1418 * MiB,
            listing=VmListing(host="hv01", name="web01", assigned=640 * MiB, visible=2048 * MiB),
        ),
    ]  # fmt: skip


def test_what_was_not_measured_is_missing_and_a_vm_without_figures_is_not_told_of() -> None:
    for blank in ("", " ", "-1"):
        row = at("11/23/2026 10:00:00", *([blank] * 5), "97", "40960", "", "640", "1")
        told = read(pdh_csv, table(row), FileContext())
        assert [type(each) for each in told] == [HostReading]


def test_nothing_assigned_is_not_reported_yet() -> None:
    (told,) = vms(read(pdh_csv, table(at("11/23/2026 10:00:00", "0", "0", *CELLS[2:])), FileContext()))
    assert (told.listing.assigned, told.listing.visible, told.removed) == (None, None, 1418 * MiB)


@pytest.mark.parametrize("by", [",", ";", "\t"])
def test_a_decimal_comma_and_other_separators_are_read(by: str) -> None:
    told = vms(read(pdh_csv, table(at("11/23/2026 10:00:00", "640,500000", *CELLS[1:]), by=by), FileContext()))
    assert told[0].listing.assigned == 640 * MiB + MiB // 2


def test_a_zone_whose_name_has_a_separator_in_it_is_no_matter() -> None:
    zone = "(PDH-CSV 4.0) (Maroc (heure d'été), ou; l'autre)(-60)"
    assert times(physical("11/23/2026 10:00:00", head=zone)) == ["2026-11-23T09:00"]
    assert times(table(("11/23/2026 10:00:00", "4096"), head=zone, columns=COLUMNS[:1], by=";")) == ["2026-11-23T09:00"]


def test_heads_in_any_case_are_known_and_a_host_that_is_not_named_is_the_one_that_is_assumed() -> None:
    text = table(("11/23/2026 10:00:00", "1024"), columns=(r"\hyper-v dynamic memory vm(web01)\physical memory",))
    (told,) = vms(read(pdh_csv, text, FileContext(host="HV09")))
    assert (told.listing.host, told.listing.assigned) == ("hv09", 1024 * MiB)


def test_heads_in_another_language_are_refused_with_what_was_expected_and_what_to_do() -> None:
    text = table(
        ("11/23/2026 10:00:00", "1024"),
        columns=(r"\\HV01\Dynamischer Hyper-V-Speicher - VM(web01)\Physischer Speicher",),
    )
    with pytest.raises(
        InputError, match="file:1: none of its counters is one of Dynamic Memory's by its English"
    ) as caught:
        read(pdh_csv, text, FileContext())
    assert "Dynamischer" in caught.value.message
    assert "Perflib" in caught.value.hint
    assert len(read_on(pdh_csv, text)[1]) == 1  # once, not for each line


def test_where_the_clock_was_set_back_the_order_tells_the_two_hours_apart() -> None:
    moments = (
        "10/25/2026 02:30:00",
        "10/25/2026 02:59:00",
        "10/25/2026 02:00:00",
        "10/25/2026 02:30:00",
        "10/25/2026 03:00:00",
    )
    due = ["2026-10-25T00:30", "2026-10-25T00:59", "2026-10-25T01:00", "2026-10-25T01:30", "2026-10-25T02:00"]
    assert times(physical(*moments, head="(PDH-CSV 4.0) (W. Europe Daylight Time)(-120)")) == due
    assert times(physical(*moments, head="(PDH-CSV 4.0)"), FileContext(zone="Europe/Berlin")) == due


def test_of_a_log_by_the_hour_the_same_time_comes_twice() -> None:
    moments = ("10/25/2026 01:00:00", "10/25/2026 02:00:00", "10/25/2026 02:00:00", "10/25/2026 03:00:00")
    due = ["2026-10-24T23:00", "2026-10-25T00:00", "2026-10-25T01:00", "2026-10-25T02:00"]
    assert times(physical(*moments, head="(PDH-CSV 4.0) (W. Europe Daylight Time)(-120)")) == due
    assert times(physical(*moments, head="(PDH-CSV 4.0)"), FileContext(zone="Europe/Berlin")) == due


def test_half_an_hour_apart_the_second_hour_begins_half_an_hour_before() -> None:
    moments = ("10/25/2026 02:00:00", "10/25/2026 02:30:00", "10/25/2026 02:00:00", "10/25/2026 02:30:00")
    due = ["2026-10-25T00:00", "2026-10-25T00:30", "2026-10-25T01:00", "2026-10-25T01:30"]
    assert times(physical(*moments, head="(PDH-CSV 4.0) (W. Europe Daylight Time)(-120)")) == due


def test_a_clock_that_was_put_right_by_seconds_is_not_daylight_saving() -> None:
    moments = ("11/23/2026 10:00:00", "11/23/2026 10:01:00", "11/23/2026 10:00:58", "11/23/2026 10:01:58")
    assert times(physical(*moments)) == ["2026-11-23T09:00", "2026-11-23T09:01", "2026-11-23T09:00", "2026-11-23T09:01"]


SPRING = ("03/29/2026 01:58:00", "03/29/2026 01:59:00", "03/29/2026 03:00:00", "03/29/2026 03:01:00")
SPRING_IN_BERLIN = ["2026-03-29T00:58", "2026-03-29T00:59", "2026-03-29T01:00", "2026-03-29T01:01"]
GERMAN = "(PDH-CSV 4.0) (Mitteleuropäische Zeit)(-60)"


def test_a_clock_that_was_set_forward_cannot_be_told_from_a_pause_unless_the_zone_is_said() -> None:
    text = physical(*SPRING, head=GERMAN)
    readings, errors = read_on(pdh_csv, text)
    assert [each.at[:16] for each in readings] == ["2026-03-29T00:58", "2026-03-29T00:59"]
    assert errors == ["file:4: the clock went from 01:59 to 03:00: is that a pause, or was the clock set?"]
    assert times(text, FileContext(zone="Europe/Berlin")) == SPRING_IN_BERLIN
    assert times(text, FileContext(zone="W. Europe Standard Time")) == SPRING_IN_BERLIN
    assert times(text, FileContext(zone="+01:00"))[2] == "2026-03-29T02:00"


def test_a_head_that_names_a_zone_as_windows_does_says_when_its_clock_is_set() -> None:
    assert times(physical(*SPRING)) == SPRING_IN_BERLIN
    pause = ("10/24/2026 20:00:00", "10/24/2026 20:01:00", "10/25/2026 10:00:00")
    assert times(physical(*pause, head="(PDH-CSV 4.0) (W. Europe Daylight Time)(-120)"))[2] == "2026-10-25T09:00"
    third = ("10/25/2026 02:30:00", "10/25/2026 02:31:00", "10/25/2026 03:01:00")
    assert times(physical(*third)) == ["2026-10-25T01:30", "2026-10-25T01:31", "2026-10-25T02:01"]


def test_a_head_whose_zone_and_offset_disagree_is_read_by_its_offset() -> None:
    assert times(physical("07/01/2026 10:00:00")) == ["2026-07-01T09:00"]


@pytest.mark.parametrize("minutes", [16, 30, 55, 61, 90, 180, 840, 60 * 24 * 20])
@pytest.mark.parametrize(
    ("zone", "bias"),
    [
        ("UTC", 0), ("Koordinierte Weltzeit", 0), ("Tokyo Standard Time", -540), ("東京 (標準時)", -540),
        ("W. Europe Daylight Time", -120), ("Mitteleuropäische Sommerzeit", -120), ("India Standard Time", -330),
        ("Newfoundland Daylight Time", 150), ("Lord Howe Standard Time", -630), ("Pacific Daylight Time", 420),
    ],
)  # fmt: skip
def test_a_pause_in_which_no_clock_is_set_is_a_pause_in_any_zone(zone: str, bias: int, minutes: int) -> None:
    start = datetime(2026, 6, 10, 9, 0)
    locals = [start, start + timedelta(minutes=1), start + timedelta(minutes=1 + minutes)]
    found = times(physical(*(f"{local:%m/%d/%Y %H:%M:%S}" for local in locals), head=f"(PDH-CSV 4.0) ({zone})({bias})"))
    assert found == [(local + timedelta(minutes=bias)).isoformat()[:16] for local in locals]


def test_every_zone_of_windows_is_one_of_the_tz_database_and_is_taken_in_any_case() -> None:
    for name, zone in ZONES.items():
        assert name == "utc" or parse_zone(name.upper()) == parse_zone(zone)
        assert name == "utc" or parse_zone(name.replace("standard", "daylight")) == parse_zone(zone)
    assert {"w. europe standard time", "gmt standard time", "russia time zone 3", "utc-11"} <= ZONES.keys()


@pytest.mark.parametrize(
    "end",
    [
        "Exiting, please wait...                         \r\nThe command completed successfully.\r\n\r\n",
        "Vorgang wird beendet, bitte warten...\r\nDer Befehl wurde erfolgreich ausgeführt.\r\n",
        "PS C:\\> ",
        "コマンドは正しく完了しました。\n",
        "^C",
        '"',
    ],
)
def test_what_a_tool_says_behind_its_rows_is_a_remark(end: str) -> None:
    context = FileContext()
    text = physical("11/23/2026 10:00:00", "11/23/2026 10:01:00")
    assert times(text + end, context) == ["2026-11-23T09:00", "2026-11-23T09:01"]
    assert context.counts.remarks == {"lines of a tool": 1}


def test_a_row_that_is_cut_off_at_the_end_is_damage_and_so_is_a_line_between_rows() -> None:
    text = physical("11/23/2026 10:00:00", "11/23/2026 10:01:00")
    assert read_on(pdh_csv, text + '"11/23/20')[1] == [
        "file:4: '11/23/20' is not a time such as 11/23/2026 09:00:00.000"
    ]
    lines = text.splitlines()
    readings, errors = read_on(pdh_csv, "\n".join([*lines[:2], "Exiting", *lines[2:], "Exiting"]))
    assert len(readings) == 2
    assert errors == ["file:3: 'Exiting' is not a time such as 11/23/2026 09:00:00.000"]
    assert read_on(pdh_csv, f"{lines[0]}\nError: no data\n")[1] == [
        "file:2: 'Error: no data' is not a time such as 11/23/2026 09:00:00.000"
    ]


def test_two_runs_of_a_tool_into_one_file_are_read_each_by_its_own_head() -> None:
    both = (
        physical("11/23/2026 10:00:00") + "Exiting\n" + physical("11/23/2026 10:05:00", head="(PDH-CSV 4.0) (UTC)(0)")
    )
    assert times(both) == ["2026-11-23T09:00", "2026-11-23T10:05"]


def test_a_pause_of_another_length_is_a_pause() -> None:
    assert times(physical("11/23/2026 10:00:00", "11/23/2026 10:01:00", "11/23/2026 14:00:00"))[2] == "2026-11-23T13:00"


def test_typeperf_does_not_write_the_zone_which_has_to_be_said_once() -> None:
    text = physical("11/23/2026 10:00:00", "11/23/2026 10:01:00", head="(PDH-CSV 4.0)")
    readings, errors = read_on(pdh_csv, text)
    assert readings == []
    assert errors == ["file:2: the time is a local one, and the file does not say its zone"]
    assert times(text, FileContext(zone="UTC")) == ["2026-11-23T10:00", "2026-11-23T10:01"]


def test_a_zone_that_is_not_one_is_refused() -> None:
    for zone in ("Middle/Earth", "+99:00", "+24:00", "+01:60", "../etc/passwd", ""):
        with pytest.raises(InputError, match="there is no time zone"):
            read(pdh_csv, physical("11/23/2026 10:00:00"), FileContext(zone=zone))


@pytest.mark.parametrize(
    ("row", "says"),
    [
        (("11/23/2026 10:01:00", "640"), "file:3: has 2 columns, and the head has 11"),
        (("11/23/2026 10:01:00", *CELLS, "1"), "file:3: has 12 columns, and the head has 11"),
        (("11/23/2026 10", *CELLS), "file:3: '11/23/2026 10' is not a time such as 11/23/2026 09:00:00.000"),
        (
            ("11/23/2026 10:00:00123", *CELLS),
            "file:3: '11/23/2026 10:00:00123' is not a time such as 11/23/2026 09:00:00.000",
        ),
        (("13/23/2026 10:00:00", *CELLS), "file:3: '13/23/2026 10:00:00' is not a time"),
        (("11/23/2026 10:01:00", "many", *CELLS[1:]), "file:3: column 2: 'many' is not a number"),
    ],
)
def test_a_line_that_cannot_be_read_is_told_and_does_not_hide_the_rest(row: tuple[str, ...], says: str) -> None:
    readings, errors = read_on(pdh_csv, table(at("11/23/2026 10:00:00"), row, at("11/23/2026 10:02:00")))
    assert [each.at[14:16] for each in vms(readings)] == ["00", "02"]
    assert errors == [says]


def test_empty_lines_and_blanks_around_values_are_no_matter() -> None:
    head, row = table(
        (" 11/23/2026 10:00:00 ", " 1024 ", " "), columns=COLUMNS[:1], head=f" {BERLIN_WINTER} "
    ).splitlines()
    (told,) = vms(read(pdh_csv, f"\n  \n{head}\n\n   \n{row}\n \n", FileContext()))
    assert (told.record, told.listing.assigned) == ("file:6", 1024 * MiB)


def test_a_last_column_without_a_name_is_no_matter() -> None:
    assert len(vms(read(pdh_csv, table(at("11/23/2026 10:00:00", *CELLS, "")), FileContext()))) == 1


def test_files_of_another_kind_are_refused() -> None:
    assert read_on(pdh_csv, "Name,State\nweb01,Running\n")[1] == ["file:1: is not CSV of performance counters"]
    assert read_on(pdh_csv, '"(PDH-CSV 4.0) (UTC)(0)"\n')[1] == ["file:1: names no counters"]


def test_the_kind_of_file_is_told_from_its_beginning() -> None:
    assert pdh_csv.recognises(physical().encode())
    assert pdh_csv.recognises(b'\r\n"(PDH-CSV 4.0)","')
    assert not pdh_csv.recognises(b"Name,State")
    assert sample_sets.recognises(json.dumps([synthetic_set()]).encode())
    assert not sample_sets.recognises(b'{"MemoryAssigned": 1}')


# JSON


def synthetic_set(timestamp: object = "/Date(1795424400000)/", **values: object) -> dict[str, Any]:
    """A PerformanceCounterSampleSet as ``ConvertTo-Json`` writes it; paths are in lower case there."""
    given = values or {"physical memory": 640, "guest visible physical memory": 2048.0, "current pressure": 97}
    samples = [
        {"Path": rf"\\hv01\hyper-v dynamic memory vm(web01)\{name}", "InstanceName": "web01", "CookedValue": value}
        for name, value in given.items()
    ]
    return {"Timestamp": timestamp, "CounterSamples": samples, "Readings": "…"}


JSON_TIME = UtcTime("2026-11-23T09:00:00.000000Z")


@pytest.mark.parametrize(
    "timestamp",
    [
        "/Date(1795424400000)/",
        {"value": "/Date(1795424400000)/", "DisplayHint": 2, "DateTime": "Montag, 23. November 2026 10:00:00"},
        "2026-11-23T10:00:00.0000000+01:00",
        "2026-11-23T10:00:00",
    ],
)
def test_get_counter_as_json_is_read_in_the_shapes_of_both_powershells(timestamp: object) -> None:
    told = read(sample_sets, json.dumps(synthetic_set(timestamp)), FileContext(zone="+01:00"))
    assert told == [
        VmReading(
            at=JSON_TIME,
            record="file:1",
            listing=VmListing(host="hv01", name="web01", assigned=640 * MiB, visible=2048 * MiB),
        )
    ]


def test_samples_alone_are_put_together_by_their_time() -> None:
    samples = [
        {**sample, "Timestamp": time}
        for time in ("2026-11-23T09:00:00Z", "2026-11-23T09:01:00Z")
        for sample in synthetic_set()["CounterSamples"]
    ]
    told = vms(read(sample_sets, json.dumps(samples), FileContext()))
    assert [(each.at[14:16], each.listing.assigned, each.listing.visible) for each in told] == [
        ("00", 640 * MiB, 2048 * MiB),
        ("01", 640 * MiB, 2048 * MiB),
    ]


def test_the_balancers_available_memory_is_the_hosts() -> None:
    one = {"Path": r"\\hv01\hyper-v dynamic memory balancer(system balancer)\available memory", "CookedValue": 7}
    told = read(sample_sets, json.dumps(synthetic_set() | {"CounterSamples": one}), FileContext())
    assert hosts(told) == [HostReading(at=JSON_TIME, host="hv01", record="file:1", available=7 * MiB)]


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ([7], "file:1: is not a set of samples"),
        ({"Timestamp": 1}, "file:1: has neither CounterSamples nor a Path"),
        (
            {"CounterSamples": ["Microsoft…"]},
            "file:1: a sample is not an object: was it written with too small a -Depth?",
        ),
        (synthetic_set(None), "file:1: has no Timestamp"),
        (
            synthetic_set("soon"),
            r"file:1: \\hv01\hyper-v dynamic memory vm(web01)\physical memory: 'soon' is not a time",
        ),
        (
            synthetic_set(**{"physical memory": "x"}),
            r"file:1: \\hv01\hyper-v dynamic memory vm(web01)\physical memory: 'x' is not a number",
        ),
    ],
)  # fmt: skip
def test_what_is_no_sample_is_told_with_its_place(document: object, says: str) -> None:
    readings, errors = read_on(sample_sets, f"{json.dumps(document)}\n{json.dumps(synthetic_set())}")
    assert errors == [says]
    assert [each.record for each in readings] == ["file:2"]


def test_samples_in_another_language_are_refused_with_what_was_expected() -> None:
    told = synthetic_set() | {"CounterSamples": {"Path": r"\\hv01\speicher(web01)\physisch", "CookedValue": 1}}
    readings, errors = read_on(sample_sets, json.dumps(told))
    assert readings == []
    assert errors == [
        r"file:1: no sample is of a counter of Dynamic Memory, such as \Hyper-V Dynamic Memory VM(*)\Physical Memory"
    ]
