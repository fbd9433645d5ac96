"""Files that grow, come again, are cut off, or are something else: what is recorded, and what people are told."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from domain.errors import InputError
from domain.observed.imports import ImportRecorded, KindCount
from nilometer.importers.qemu.importer import FORMAT, QemuImporter
from nilometer.importers.run import DigestedStream, ImportCounts, SkippedRecords, import_file
from nilometer.ledger.ledger import Ledger
from tests.nilometer.importers.qemu.reading import NAMES, S2, S5, S7, Store, facts, lines_of, observations


def import_into(
    store: Store, lines: list[bytes], prefix: str | None = None, skipped: SkippedRecords | None = None
) -> ImportCounts:
    importer = QemuImporter("file.jsonl", prefix)
    file = DigestedStream(io.BytesIO(b"".join(lines)))
    return import_file(importer, file, name="file.jsonl", format=FORMAT, write=store.record, skipped=skipped)


@pytest.mark.parametrize("name", NAMES)
def test_a_file_that_has_grown_gives_in_the_end_what_it_would_have_given_at_once(name: str) -> None:
    lines, grown = lines_of(name), Store()
    for count in range(1, len(lines) + 1):
        grown.record(observations(lines[:count])[0])
    assert grown.facts == facts(lines)


@pytest.mark.parametrize("name", [S2, S5, S7])
def test_importing_again_after_only_a_part_records_each_fact_once(name: str) -> None:
    lines = lines_of(name)
    for part in range(1, len(lines), 7):
        store = Store()
        store.record(observations(lines[:part])[0])
        store.record(observations(lines)[0])
        store.record(observations(lines)[0])
        assert store.facts == facts(lines)


def test_the_same_recording_under_another_prefix_is_another_host() -> None:
    store = Store()
    import_into(store, lines_of(S2))
    import_into(store, lines_of(S2), prefix="lab")
    streams = {fact.stream for fact in store.facts}
    assert {f"vm/{S2}.vm0", "vm/lab.vm0"} <= streams
    assert len(store.facts) == 2 * (len(facts(lines_of(S2))) + 1)


def test_who_imported_what_is_recorded_once_for_each_state_of_a_file(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    lines = lines_of(S7)
    with Ledger.open(url, create=True) as ledger:

        def record_into(part: list[bytes]) -> ImportCounts:
            return import_file(
                QemuImporter("s7.jsonl"),
                DigestedStream(io.BytesIO(b"".join(part))),
                name="s7.jsonl",
                format=FORMAT,
                write=lambda given: ledger.record(given, actor="ops", via="import-qemu"),
            )

        cut = record_into(lines[:30])
        whole = record_into(lines)
        position = ledger.position
        again = record_into(lines)
        assert ledger.position == position
        assert (cut.recorded + whole.recorded, again.recorded) == (58, 0)
        assert (whole.facts, again.facts) == (58, 58)
        assert position == 58 + 2
        stored = [envelope for envelope in ledger.events() if isinstance(envelope.event, ImportRecorded)]
        assert [envelope.stream.partition("/")[0] for envelope in stored] == ["import", "import"]
        last = stored[-1].event
        assert isinstance(last, ImportRecorded)
        assert (last.records, last.telling, last.repeats, last.events) == (53, 45, 6, 58)
        assert last.not_needed == (KindCount("meta", 2),)
        assert stored[-1].stream == f"import/{last.sha256[:16]}"
        stored_events = [
            envelope.event for envelope in ledger.events() if not isinstance(envelope.event, ImportRecorded)
        ]
        assert stored_events == [fact.event for fact in facts(lines)]


def test_a_request_and_all_that_came_of_it_have_one_correlation() -> None:
    given, _ = observations(lines_of(S7))
    story = [fact.event.KIND for o in given if o.correlation == f"{S7}.vm1/1" for fact in o.facts]
    assert story == [
        "vm.change-requested",
        "vm.memory-moved",
        "vm.request-settled",
        "vm.memory-moved",
        "vm.request-settled",
    ]


def broken(line: int, text: bytes) -> list[bytes]:
    lines = lines_of(S2)
    lines[line - 1] = text + b"\n"
    return lines


def edited(line: int, **changes: object) -> list[bytes]:
    record = json.loads(lines_of(S2)[line - 1]) | changes
    return broken(line, json.dumps({key: value for key, value in record.items() if value != "gone"}).encode())


TWICE = lines_of(S2)[3].strip().removesuffix(b"}") + b', "accepted": false}'


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        (broken(3, b"{"), "file.jsonl:3: is not JSON: expecting property name"),
        (broken(3, b"[1]"), "file.jsonl:3: "),
        (broken(3, b'"\xff"'), "file.jsonl:3: byte 0xff at column 2 is not UTF-8"),
        (broken(3, b'{"v": 1, "v": 1}'), "file.jsonl:3: has the key 'v' twice"),
        (broken(4, TWICE), "file.jsonl:4: has the key 'accepted' twice"),
        (broken(3, b'{"v": NaN}'), "file.jsonl:3: NaN is not a number in JSON"),
        (broken(3, b"[" * 100_000), "file.jsonl:3: is nested more than 100 deep"),
        (edited(4, kind="gone"), "file.jsonl:4: Unable to extract tag using discriminator 'kind'"),
        (edited(4, kind="comand", seq="4"), "file.jsonl:4: seq: is not a whole number"),
        (edited(4, requested="1GiB"), "file.jsonl:4: requested: is not a whole number"),
        (edited(4, requested=-1), "file.jsonl:4: requested: is under 0"),
        (edited(4, requested=1.5), "file.jsonl:4: requested: is not a whole number"),
        (edited(4, requested=2**60), "file.jsonl:4: requested: is over 4503599627370496"),
        (edited(4, t="yesterday"), "file.jsonl:4: t: 'yesterday' is not a time"),
        (
            edited(4, t="2026-11-23T14:47:10.086"),
            "file.jsonl:4: t: '2026-11-23T14:47:10.086' does not say its time zone",
        ),
        (edited(4, vm=None), "file.jsonl:4: vm: is not a text"),
        (edited(4, vm="a/b"), "file.jsonl:4: vm: has a '/'"),
        (edited(4, v=2), "file.jsonl:4: v: is not 1"),
        (edited(4, scenario="other"), "file.jsonl:4: the record is of the scenario 'other'"),
        (edited(3, qmp={"event": "BALLOON_CHANGE"}), "file.jsonl:3: qmp.data: BALLOON_CHANGE reports no size"),
        ([b"", b"\n"], "file.jsonl: this is an empty file: there are no records in it"),
        ([], "file.jsonl: this is an empty file: there are no records in it"),
        ([b'{"specversion": "1.0"}\n'], "file.jsonl:1: Unable to extract tag"),
        (["{\n".encode("utf-16")], "file.jsonl:1: is not JSON"),
        ([b" " * (2**24 + 1) + b"x"], "file.jsonl:1: the line is over 16777216 bytes long"),
    ],
)
def test_a_line_that_cannot_be_read_is_told_with_its_place_and_a_hint(lines: list[bytes], says: str) -> None:
    with pytest.raises(InputError) as error:
        import_into(Store(), lines)
    assert str(error.value).startswith(says)
    assert error.value.hint


def test_what_was_read_before_an_unreadable_line_is_recorded() -> None:
    store = Store()
    with pytest.raises(InputError):
        import_into(store, broken(20, b"{"))
    assert len(store.facts) > 10
    assert facts(lines_of(S2))[: len(store.facts)] == store.facts


def test_an_unreadable_line_is_passed_over_and_counted_if_one_keeps_going() -> None:
    store, skipped = Store(), SkippedRecords(keep_going=True)
    counts = import_into(store, broken(20, b"{"), skipped=skipped)
    assert [str(error).partition(": ")[0] for error in skipped.errors] == ["file.jsonl:20"]
    assert counts.records == 38
    last = store.facts[-1].event
    assert isinstance(last, ImportRecorded)
    assert last.unreadable == 1


def test_a_file_cut_off_in_a_line_goes_on_where_it_stopped_when_it_is_whole() -> None:
    lines, store = lines_of(S7), Store()
    with pytest.raises(InputError, match=r"file.jsonl:25: is not JSON"):
        import_into(store, [*lines[:24], lines[24][:50]])
    import_into(store, lines)
    assert [fact for fact in store.facts if not isinstance(fact.event, ImportRecorded)] == facts(lines)


def test_line_ends_a_byte_order_mark_and_unknown_keys_do_not_matter() -> None:
    lines = [json.dumps(json.loads(line) | {"new": [1.5, None]}).encode() + b"\r\n" for line in lines_of(S2)]
    store = Store()
    import_into(store, [b"\xef\xbb\xbf" + lines[0], *lines[1:]])
    assert store.facts[:-1] == facts(lines_of(S2))


def test_a_prefix_that_is_no_id_is_refused() -> None:
    with pytest.raises(InputError, match="is not an id") as error:
        import_into(Store(), lines_of(S2), prefix="a/b")
    assert "--as" in error.value.hint
