"""Files of every kind, damaged in any way, given to every parser: read, or refused with place and hint; no traceback.

``python -m tests.nilometer.importers.hyperv.sources.test_parsers_fuzz MINUTES``
goes on for longer, and says how many files it damaged.
"""

from __future__ import annotations

import io
import sys
import time
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.errors import InputError
from domain.quantities import LARGEST
from nilometer.importers.hyperv.readings import HostReading, PowerReading, Reading, VmReading
from nilometer.importers.hyperv.sources.counters import metrics_text, pdh_csv, prometheus, sample_sets, wmi
from nilometer.importers.hyperv.sources.event_logs import event_log, winlogbeat
from nilometer.importers.hyperv.sources.get_vm import converted_json, exported_clixml, exported_csv, scvmm
from nilometer.importers.hyperv.sources.source import FileContext
from nilometer.importers.run import SkippedRecords
from nilometer.times import parse_time
from tests.nilometer.importers.hyperv.sources.damaged_files import damaged_files
from tests.nilometer.importers.hyperv.sources.files import AT, Parser, sample

PARSERS: list[Parser] = [
    converted_json, exported_csv, exported_clixml, scvmm, pdh_csv, sample_sets, wmi, prometheus, metrics_text,
    event_log, winlogbeat,
]  # fmt: skip
CONTEXTS = [FileContext(), FileContext(host="hv09", at=AT, zone="Europe/Berlin"), FileContext(at=AT, zone="-05:00")]
SIZES = (
    "startup",
    "minimum",
    "maximum",
    "assigned",
    "visible",
    "guest_available",
    "added",
    "removed",
    "total",
    "available",
)


def check(data: bytes, context: FileContext) -> int:
    """Reads a file with every parser, and looks at all that it gives; how many readings that was."""
    count = 0
    for parser in PARSERS:
        parser.recognises(data[:65536])
        skipped = SkippedRecords(keep_going=True)
        readings = list(parser.read(io.BytesIO(data), "file", replace(context, skipped=skipped)))
        errors = skipped.errors
        assert all(error.hint for error in errors)
        assert all(error.message.startswith("file:") for error in errors)
        for reading in readings:
            check_reading(reading)
        check_first_fault(parser, data, context, readings, errors)
        count += len(readings)
    return count


def check_reading(reading: Reading) -> None:
    """A reading's values are possible ones."""
    assert parse_time(reading.at) == reading.at
    assert reading.record.startswith("file:")
    for part in (reading, reading.listing) if isinstance(reading, VmReading) else (reading,):
        for name in SIZES:
            value = getattr(part, name, None)
            assert value is None or (type(value) is int and 0 <= value <= LARGEST)
    if isinstance(reading, VmReading | PowerReading):
        named = reading.listing if isinstance(reading, VmReading) else reading
        assert named.vm_id or named.name
        assert named.vm_id is None or (len(named.vm_id) == 36 and named.vm_id == named.vm_id.lower())
    assert not isinstance(reading, HostReading) or reading.host


def check_first_fault(
    parser: Parser, data: bytes, context: FileContext, readings: list[Reading], errors: list[InputError]
) -> None:
    """Where errors are not collected, the first is raised, and what came before it was read."""
    before: list[Reading] = []
    said = ""
    try:
        for reading in parser.read(io.BytesIO(data), "file", context):
            before.append(reading)
    except InputError as error:
        said = error.message
    assert said == (errors[0].message if errors else "")
    assert before == readings[: len(before)]
    assert errors or before == readings


SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large]


@settings(max_examples=200, deadline=None, suppress_health_check=SLOW)
@given(damaged_files(), st.sampled_from(CONTEXTS))
def test_a_damaged_file_is_read_or_refused_by_every_parser(data: bytes, context: FileContext) -> None:
    check(data, context)


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200), st.sampled_from(CONTEXTS))
def test_anything_at_all_is_read_or_refused_by_every_parser(data: bytes, context: FileContext) -> None:
    check(data, context)


@pytest.mark.parametrize("parser", PARSERS)
def test_every_sample_is_recognised_by_one_parser_at_most(parser: Parser) -> None:
    for name in ("get-vm_json_small.json", "event_hyperv-worker_18590.xml", "get-vm_default_table.txt"):
        others = [each for each in PARSERS if each is not parser and each.recognises(sample(name))]
        assert not (parser.recognises(sample(name)) and others)


def main(minutes: float) -> None:
    """Goes on for so many minutes."""
    end, counts = time.monotonic() + minutes * 60, Counter[str]()

    @settings(max_examples=500, deadline=None, suppress_health_check=SLOW, database=None, print_blob=True)
    @given(damaged_files(), st.sampled_from(CONTEXTS))
    def files(data: bytes, context: FileContext) -> None:
        counts["files"] += 1
        counts["readings"] += check(data, context)

    while time.monotonic() < end:
        files()
        print(dict(counts), flush=True)


if __name__ == "__main__":
    main(float(sys.argv[1]))
