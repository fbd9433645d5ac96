"""What shops have already, imported with the spool's own machinery: the readings come to observed hosts and VMs."""

from __future__ import annotations

import gzip
import io

import pytest

from domain.errors import InputError
from domain.quantities import MiB
from domain.state import Power
from nilometer.importers.hyperv.hyperv_file import HypervFile
from nilometer.importers.hyperv.sources.registry import open_file
from nilometer.importers.hyperv.sources.source import FileContext
from nilometer.importers.hyperv.sources.spool.spool_lines import SPOOL
from nilometer.importers.run import DigestedStream, SkippedRecords
from tests.nilometer.importers.hyperv.sources.counters.test_counters import BERLIN_WINTER, table
from tests.nilometer.importers.hyperv.sources.event_logs.test_event_log import at
from tests.nilometer.importers.hyperv.sources.files import AT, Parser, read
from tests.nilometer.importers.hyperv.sources.test_encodings import FILES
from tests.nilometer.importers.hyperv.synthetic import ERP, WEB, Spool, Store, dynamic, vm

NAMES = ("Physical Memory", "Guest Visible Physical Memory", "Guest Available Memory")


@pytest.mark.parametrize(("parser", "text"), FILES)
def test_a_file_is_known_by_what_is_in_it_and_read_as_its_parser_reads_it(parser: Parser, text: str) -> None:
    context = FileContext(at=AT)
    for data in (text.encode(), gzip.compress(f"\r\n\n{text}".encode("utf-8-sig"))):
        found = open_file(io.BytesIO(data), "file", context)
        assert found is not None
        given = [each for record in found.records for each in record.readings]
        due = read(parser, text if data.startswith(text.encode()) else f"\n\n{text}")
        assert [(each.at, each.record) for each in given] == [(each.at, each.record) for each in due]
        assert given == due


def test_a_spool_is_still_a_spool() -> None:
    found = open_file(io.BytesIO(Spool().poll(0, vm()).data), "file", FileContext())
    assert found is not None
    assert found.format is SPOOL


def test_what_cannot_be_read_is_refused_or_passed_over_as_the_import_says() -> None:
    text = f"{at(0, 18500, 1)}\n<Event><Sys/></Event>\n{at(5, 18502, 2)}"
    skipped = SkippedRecords(keep_going=True)
    found = open_file(io.BytesIO(text.encode()), "file", FileContext(skipped=skipped))
    assert found is not None
    assert [each.record for record in found.records for each in record.readings] == ["file:1", "file:3"]
    assert [error.message for error in skipped.errors] == ["file:2: has no System: is it an event of Windows?"]
    found = open_file(io.BytesIO(text.encode()), "file", FileContext())
    assert found is not None
    with pytest.raises(InputError, match="file:2: has no System"):
        list(found.records)


def test_an_event_log_is_polled_event_by_event_the_oldest_first() -> None:
    text = "\n".join([at(9, 18502, 12), at(5, 18514, 11), at(0, 18500, 9)])
    file = HypervFile("events.xml", DigestedStream(io.BytesIO(text.encode())))
    file.open()
    polls = list(file.polls())
    assert [poll.at[14:16] for poll in polls] == ["00", "05", "09"]
    assert [len(poll.record.readings) for poll in polls] == [1, 1, 1]
    assert file.format == "hyperv-eventlog"


def test_what_the_counters_and_the_log_tell_of_a_vm_goes_on_where_the_spool_stopped() -> None:
    store = Store()
    store.take(Spool().poll(0, vm(), dynamic(2048)))
    columns = tuple(rf"\\HV01\Hyper-V Dynamic Memory VM(erp01)\{name}" for name in NAMES)
    rows = [(f"11/23/2026 10:{minute:02}:00.000", "640", "2048", "100") for minute in (1, 2, 3)]
    files = store.take(
        table(*rows, head=BERLIN_WINTER, columns=columns).encode(), at(5, 18508, 12).encode(), final=True
    )
    assert [file.format for file in files] == ["hyperv-counters", "hyperv-eventlog"]
    erp, web = store.vm(ERP), store.vm(WEB)
    assert (erp.assigned, erp.visible, erp.in_use) == (640 * MiB, 2048 * MiB, 540 * MiB)
    assert (web.power, web.assigned, web.measured["power"]) == (Power.OFF, 0, "2026-11-23T09:05:00.000000Z")


def test_importing_the_same_exports_again_records_nothing_twice() -> None:
    store = Store()
    log = f"{at(0, 18500, 1)}\n{at(5, 18502, 2)}".encode()
    store.take(log)
    before = len(store.of(f"vm/{WEB}"))
    store.take(log + at(7, 18500, 3).encode())
    assert (before, len(store.of(f"vm/{WEB}"))) == (2, 3)
