"""Every kind of file as PowerShell and people leave it: any encoding and line ends, packed, cut off on its way."""

from __future__ import annotations

import gzip
import json

import pytest

from nilometer.importers.hyperv.sources.counters import pdh_csv, prometheus, sample_sets
from nilometer.importers.hyperv.sources.event_logs import event_log
from nilometer.importers.hyperv.sources.get_vm import converted_json
from nilometer.importers.hyperv.sources.source import FileContext
from tests.nilometer.importers.hyperv.sources.counters.test_counters import CELLS, synthetic_set, table
from tests.nilometer.importers.hyperv.sources.counters.test_prometheus import NEW, NINE, answer, series
from tests.nilometer.importers.hyperv.sources.event_logs.test_event_log import event
from tests.nilometer.importers.hyperv.sources.files import AT, Parser, read, read_on
from tests.nilometer.importers.hyperv.sources.get_vm.test_get_vm import SYNTHETIC_VM
from tests.nilometer.importers.qemu.damages import ENCODINGS, PACKINGS

UMLAUT = {"Name": "Prüfstand"}
FILES: list[tuple[Parser, str]] = [
    (converted_json, json.dumps(SYNTHETIC_VM | UMLAUT, indent=2, ensure_ascii=False)),
    (pdh_csv, table(*((f"11/23/2026 10:0{minute}:00.000", *CELLS) for minute in range(3)))),
    (sample_sets, json.dumps([synthetic_set(), synthetic_set("2026-11-23T09:01:00Z")], indent=4)),
    (prometheus, answer(series(f"{NEW}vm_physical_bytes", (NINE, "1073741824"), vm="Prüfstand"))),
    (event_log, f"<Events>\n{event()}\n{event(18502)}\n</Events>"),
]
CONTEXT = FileContext(at=AT)


@pytest.mark.parametrize(("parser", "text"), FILES)
@pytest.mark.parametrize("encoding", sorted(ENCODINGS))
@pytest.mark.parametrize("packing", sorted(PACKINGS))
def test_a_file_tells_the_same_in_every_encoding_and_packing(
    parser: Parser, text: str, encoding: str, packing: str
) -> None:
    due = read(parser, text, CONTEXT)
    assert due
    assert read(parser, PACKINGS[packing](ENCODINGS[encoding](text)), CONTEXT) == due
    assert read(parser, ENCODINGS[encoding](text.replace("\r\n", "\n").replace("\n", "\r\n")), CONTEXT) == due


@pytest.mark.parametrize(("parser", "text"), FILES)
def test_of_a_packed_file_that_was_cut_off_what_can_be_unpacked_is_read_and_the_cut_is_told(
    parser: Parser, text: str
) -> None:
    more = "\n" + text if parser is not pdh_csv else text.splitlines(keepends=True)[-1]
    packed = gzip.compress(text.encode() + more.encode() * 300, 1)
    readings, errors = read_on(parser, packed[:-20], CONTEXT)
    assert readings
    assert "its gzip ends too early" in " ".join(errors)


@pytest.mark.parametrize(("parser", "text"), FILES)
def test_each_kind_is_recognised_by_its_own_parser_alone(parser: Parser, text: str) -> None:
    assert [each for each, _ in FILES if each.recognises(text.encode())] == [parser]
