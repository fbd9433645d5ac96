"""Spools as files: grown, cut, twice, packed, in other encodings, damaged; and one's own changes. All synthetic."""

from __future__ import annotations

import gzip
import json

import pytest

from domain.decision import Code, Outcome
from domain.errors import InputError
from domain.observed.events import HostWatched, VmChangeRequested, VmMemoryMoved, VmObserved, VmRequestSettled
from domain.observed.imports import ImportRecorded
from domain.observed.words import CauseIs, ObservedCode
from domain.quantities import MiB
from tests.nilometer.importers.hyperv.synthetic import ERP, WEB, Spool, Store, dynamic, imported, job, vm

ANNA = "CONTOSO\\anna"


def day() -> Spool:
    """A spool with all that happens: a partial request, own changes, Dynamic Memory, a restart."""
    spool = Spool().poll(0, vm(), dynamic(2048)).poll(1, vm(4096, 8192), dynamic(2100), jobs=[job(0.5)])
    spool.poll(2, vm(6144, 8192), dynamic(2200)).poll(3, vm(6144, 8192), dynamic(2300))
    spool.change(3.2, 3.4, 6144, 4096, 4096, command="Set-VMMemory web01 -StartupBytes 4GB")
    spool.poll(4, vm(4096, 4096), dynamic(2300)).poll(61, vm(4096, 4096), dynamic(2500))
    return spool.poll(62, vm(4096, 5120), dynamic(2048, uptime=10)).poll(63, vm(5120, 5120), dynamic(2048, uptime=70))


def told(store: Store) -> list[object]:
    """All that is recorded, but for the imports, which time each covers, and the places in files."""
    return [
        (each.stream, each.metadata.happened, each.metadata.earliest, each.metadata.actor, each.event.KIND)
        for each in store.stored
        if not isinstance(each.event, ImportRecorded | HostWatched)
    ]


def test_a_file_that_is_there_adds_nothing() -> None:
    store = imported(day())
    before = told(store)
    (file,) = store.take(day(), final=True)
    assert told(store) == before
    assert (file.counts.recorded, file.counts.events, file.counts.repeats) == (0, 0, 26)


@pytest.mark.parametrize("final", [False, True])
def test_a_file_that_grows_line_by_line_comes_to_the_same(final: bool) -> None:
    whole, store = imported(day()), Store()
    for count in range(1, len(day().lines) + 1):
        store.take(b"".join(day().lines[:count]), final=final)
    store.take(day(), final=True)
    for id in (WEB, ERP):
        for name in ("assigned", "in_use", "session", "memory", "high_watermark", "requests_made", "held"):
            if name != "high_watermark" or not final:
                assert getattr(store.vm(id), name) == getattr(whole.vm(id), name), name
    moves = store.events(VmMemoryMoved, ERP)
    assert all(each.size_from != each.size_to for each in moves), "what was told as final is not told again"
    if not final:
        assert sorted(map(str, told(store))) == sorted(map(str, told(whole)))
    assert [each for each in store.findings() if each.verdict == "violated"] == []


@pytest.mark.parametrize("cut", range(1, 8))
def test_a_file_that_is_cut_in_two_comes_to_the_same(cut: int) -> None:
    whole, store = imported(day()), Store()
    store.take(b"".join(day().lines[:cut]), final=True)
    store.take(b"".join(day().lines[cut:]), final=True)
    for id in (WEB, ERP):
        assert store.vm(id).assigned == whole.vm(id).assigned
        assert store.vm(id).memory == whole.vm(id).memory
    assert [each for each in store.findings() if each.verdict == "violated"] == []


@pytest.mark.parametrize(
    "data",
    [
        gzip.compress(day().data),
        b"\xef\xbb\xbf" + day().data,
        b"\xff\xfe" + day().data.decode().replace("\n", "\r\n").encode("utf-16-le"),
        b"\n" + day().data.replace(b"\n", b"\n\n"),
    ],
    ids=["gzip", "BOM", "UTF-16", "empty lines"],
)
def test_a_spool_is_the_same_packed_or_in_another_encoding(data: bytes) -> None:
    store = imported(day())
    (file,) = store.take(data, final=True)
    assert (file.counts.recorded, file.counts.repeats) == (0, 26)


def test_numbers_may_be_texts_and_what_is_null_is_unknown() -> None:
    as_text = {"startup": str(4096 * MiB), "assigned": str(4096 * MiB), "dynamic": "False", "uptime": "3600"}
    odd = vm(physical_mb=4096.0, visible_mb=None, weight=None) | as_text
    fold = imported(Spool().poll(0, odd)).vm(WEB)
    assert (fold.assigned, fold.in_use, fold.visible) == (4096 * MiB, 3096 * MiB, None)


def test_a_last_line_that_breaks_off_is_told_and_the_rest_kept() -> None:
    store = Store()
    (file,) = store.take(day().data[:-40])
    assert file.counts.remarks == {"cut off": 1}
    assert file.counts.notes[0].startswith("spool1.jsonl:9: is not JSON")
    assert file.counts.records == 23


def test_a_bad_line_is_refused_with_its_place_and_does_not_hide_the_rest_from_who_keeps_going() -> None:
    lines = day().lines
    for bad in (
        b'{"schema": 1, "kind": "poll"}\n',
        b'{"schema": 2, "kind": "poll"}\n',
        b'{"schema": 1, "schema": 1}\n',
        b"[1]\n",
        lines[1][:100] + b"\n",
        lines[1].replace(b'"HV01"', b"12"),
        lines[1].replace(WEB.encode(), b"web01"),
        lines[1].replace(b'"assigned": 4294967296', b'"assigned": "much"'),
        lines[1].replace(b'"dynamic": false', b'"dynamic": "perhaps"'),
        lines[1].replace(b"2026-11-23T", b"23.11.2026 "),
        b"\xff\xfe\xfd\n",
    ):
        data = b"".join([lines[0], bad, *lines[1:]])
        with pytest.raises(InputError, match=r"^spool1\.jsonl:2: "):
            Store().take(data)
        store = Store()
        (file,) = store.take(data, final=True, keep_going=True)
        assert [error.message[:15] for error in file.skipped.errors] == ["spool1.jsonl:2:"]
        assert told(store) == told(imported(day()))


def test_an_impossible_figure_is_counted_and_does_not_hide_the_rest_of_its_poll() -> None:
    lines = day().lines
    for figure in (b"-1", b"9007199254740992", b"4294967295"):
        store = Store()
        (file,) = store.take(
            b"".join([*lines[:1], lines[1].replace(b'"assigned": 4294967296', b'"assigned": ' + figure), *lines[1:]]),
            final=True,
        )
        assert file.counts.remarks == {"impossible figure": 1}
        assert told(store) == told(imported(day()))


def test_what_stands_before_a_bad_line_stays_recorded() -> None:
    store = Store()
    with pytest.raises(InputError):
        store.take(b"".join([*day().lines[:4], b"{}\n"]))
    assert store.vm(WEB).assigned == 6144 * MiB


def test_a_file_of_another_kind_is_refused_with_what_was_expected() -> None:
    for data in (b"hello\n", b'{"specversion": "1.0"}\n', b"<Events>\n"):
        with pytest.raises(InputError, match="is not a file that nilo import-hyperv knows") as refused:
            Store().take(data)
        assert "the spool of nilo collector" in str(refused.value.hint)
    with pytest.raises(InputError, match="no records in it"):
        Store().take(b"\n")


def test_one_that_powershell_wrote_as_one_is_a_list_of_one() -> None:
    line = json.loads(Spool().poll(0, vm()).data)
    spool = Spool().add(line | {"vms": line["vms"][0], "jobs": None})
    assert imported(spool).vm(WEB).assigned == 4096 * MiB


def test_what_the_collector_could_not_read_is_told_and_the_rest_taken() -> None:
    store = Store()
    (file,) = store.take(Spool().poll(0, vm(), error="no counter: access denied", capacity=None).poll(1, vm()))
    assert file.counts.remarks == {"poll in part": 1}
    assert file.counts.notes == ["spool1.jsonl:1: the collector could not read all: 'no counter: access denied'"]
    assert store.vm(WEB).assigned == 4096 * MiB


def test_the_import_is_in_the_trail() -> None:
    (trail,) = [each.event for each in imported(day()).stored if isinstance(each.event, ImportRecorded)]
    assert (trail.file, trail.format, trail.records) == ("spool1.jsonl", "hyperv-spool", 26)


# One's own changes


def own(store: Store) -> list[tuple[str, str, type]]:
    """Who did what, with what tool."""
    kinds = (VmChangeRequested, VmRequestSettled)
    return [
        (each.metadata.actor, each.metadata.via, type(each.event))
        for each in store.of(f"vm/{WEB}")
        if isinstance(each.event, kinds)
    ]


def test_an_own_change_tells_who_asked_with_what_words_and_what_came_of_it() -> None:
    spool = Spool().poll(0, vm()).change(0.1, 0.5, 4096, 6144, 8192).poll(1, vm(6144, 8192), available_mb=10)
    store = imported(spool)
    assert own(store) == [(ANNA, "powershell", VmChangeRequested), (ANNA, "powershell", VmRequestSettled)]
    (asked,) = store.events(VmChangeRequested)
    assert (asked.asked, asked.target) == ("Set-VMMemory web01 -StartupBytes 8GB", 8192 * MiB)
    (settled,) = store.events(VmRequestSettled)
    assert (settled.outcome, settled.granted) == (Outcome.PARTIALLY_COMPLETED, 2048 * MiB)


def test_a_poll_in_the_midst_of_an_own_change_does_not_tell_it_twice() -> None:
    spool = Spool().poll(0, vm()).poll(1, vm(4096, 8192)).change(0.9, 1.5, 4096, 8192, 8192).poll(2, vm(8192, 8192))
    store = imported(spool)
    assert own(store) == [(ANNA, "powershell", VmChangeRequested), (ANNA, "powershell", VmRequestSettled)]


def test_a_refused_change_is_told_with_what_the_command_asked_for() -> None:
    spool = Spool().poll(0, vm()).change(0.1, 0.5, 4096, 4096, None, error="Nicht genug Speicher").poll(1, vm())
    store = imported(spool)
    (asked,), (settled,) = store.events(VmChangeRequested), store.events(VmRequestSettled)
    assert (asked.accepted, asked.target, asked.answer) == (False, 8192 * MiB, "Nicht genug Speicher")
    assert (settled.outcome, settled.code) == (Outcome.REJECTED, ObservedCode.REFUSED_BY_HYPERVISOR)


def test_a_change_that_took_less_than_asked_because_the_guest_uses_it() -> None:
    spool = Spool().poll(0, vm()).change(0.1, 0.5, 4096, 3096, 2048).poll(1, vm(3096, 2048, free=4))
    (settled,) = [each for each in imported(spool).events(VmRequestSettled) if not each.late]
    assert (settled.granted, settled.remaining) == (1000 * MiB, 1048 * MiB)
    spool = Spool().poll(0, vm()).poll(1, vm(3096, 2048, free=4)).poll(2, vm(3096, 2048, free=4))
    (settled,) = imported(spool.poll(3, vm(3096, 2048, free=4))).events(VmRequestSettled)
    assert (settled.code, settled.cause_is) == (Code.MEMORY_IN_USE, CauseIs.INFERRED)


def test_a_change_of_something_else_is_kept_word_for_word() -> None:
    spool = Spool().poll(0, vm()).change(0.1, 0.5, 4096, 4096, 4096, command="Set-VM web01 -Notes x").poll(1, vm())
    store = imported(spool)
    assert store.events(VmChangeRequested) == []
    assert [each.told for each in store.events(VmObserved) if each.label == "change"] == ["Set-VM web01 -Notes x"]


def test_an_own_change_of_the_maximum_is_its_users_also_where_the_next_poll_shows_it() -> None:
    command = "Set-VMMemory erp01 -MaximumBytes 16GB"
    change = {"vm": ERP, "name": "erp01", "command": command}
    spool = Spool().poll(0, dynamic(2048)).change(0.3, 0.6, 2048, 2048, 2048, **change)
    spool.poll(1, dynamic(2048, maximum=16384 * MiB)).poll(2, dynamic(2048, maximum=20480 * MiB))
    of = imported(spool).of(f"vm/{ERP}")
    by = [each.metadata.actor for each in of if isinstance(each.event, VmObserved) and each.event.memory is not None]
    assert by[1:] == [ANNA, "nobody we know of"]


def test_the_file_of_another_host_that_comes_late_does_not_undo_what_is_known() -> None:
    here, there = Spool("HV01"), Spool("HV02")
    for minute in (0, 1, 4, 5):
        here.poll(minute, vm())
    store = Store()
    store.take(here)
    there.poll(2, vm()).poll(3, vm(6144, 6144)).poll(3.5, vm(6144, 6144))
    store.take(here.poll(6, vm(5120, 5120)).poll(7, vm(5120, 5120)), there)
    assert [(each.size_from, each.size_to) for each in store.events(VmMemoryMoved)] == [
        (4096 * MiB, 6144 * MiB),
        (6144 * MiB, 5120 * MiB),
    ]
    assert store.violations() == []
