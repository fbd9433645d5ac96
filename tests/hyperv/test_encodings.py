"""Every kind of file as PowerShell and people leave it: any encoding and line ends, packed, cut off on its way."""

from __future__ import annotations

import gzip
import json

import pytest

from nilometer.importers import (
    hyperv_counters,
    hyperv_counters_json,
    hyperv_eventlog,
    hyperv_json,
    hyperv_prometheus,
)
from nilometer.importers.hyperv_context import Context
from tests.hyperv.files import AT, Parser, read, read_on
from tests.hyperv.test_counters import CELLS, synthetic_set, table
from tests.hyperv.test_eventlog import event
from tests.hyperv.test_get_vm_json import SYNTHETIC_VM
from tests.hyperv.test_prometheus import NEW, NINE, answer, series
from tests.importers.damages import ENCODINGS, PACKINGS

UMLAUT = {"Name": "Prüfstand"}
FILES: list[tuple[Parser, str]] = [
    (hyperv_json, json.dumps(SYNTHETIC_VM | UMLAUT, indent=2, ensure_ascii=False)),
    (hyperv_counters, table(*((f"11/23/2026 10:0{minute}:00.000", *CELLS) for minute in range(3)))),
    (hyperv_counters_json, json.dumps([synthetic_set(), synthetic_set("2026-11-23T09:01:00Z")], indent=4)),
    (hyperv_prometheus, answer(series(f"{NEW}vm_physical_bytes", (NINE, "1048576"), vm="Prüfstand"))),
    (hyperv_eventlog, f"<Events>\n{event()}\n{event(18502)}\n</Events>"),
]
CONTEXT = Context(at=AT)


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
    more = "\n" + text if parser is not hyperv_counters else text.splitlines(keepends=True)[-1]
    packed = gzip.compress(text.encode() + more.encode() * 300, 1)
    readings, errors = read_on(parser, packed[:-20], CONTEXT)
    assert readings
    assert "its gzip ends too early" in " ".join(errors)


@pytest.mark.parametrize(("parser", "text"), FILES)
def test_each_kind_is_recognised_by_its_own_parser_alone(parser: Parser, text: str) -> None:
    assert [each for each, _ in FILES if each.recognises(text.encode())] == [parser]
