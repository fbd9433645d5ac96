"""An export shared by its buckets comes to what the history comes to in one piece, or is judged in one piece."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import event, example, given, settings
from hypothesis import strategies as st

from detection.corruptions import with_leaf
from domain.errors import InputError
from nilometer.audit.partitioning import parallel
from nilometer.audit.partitioning.buckets import BucketReader, open_bucketed
from nilometer.audit.partitioning.grouping import Grouping
from nilometer.audit.partitioning.parallel import check_absent
from nilometer.audit.partitioning.shares import ShareNumber, judge_share
from nilometer.audit.result import Audit
from nilometer.audit.sources import FileSource
from nilometer.history.cloudevents import envelope_to_cloudevent
from nilometer.history.cutting import recorded_at
from nilometer.history.parquet.manifest import NAME, read_manifest
from nilometer.history.parquet.pieces import Piece, merge_lines
from tests.domain.given import HOST, SMALL_HOST, START, WEB, do
from tests.nilometer.audit.mixed import LEDGER, contents_of, exported, judged_whole, mixed_history, with_faults
from tests.nilometer.cli.calling import Desk
from tests.rules.judging.histories import history


def shown(audit: Audit, folder: str) -> dict[str, object]:
    """What an audit shows; findings stand in another file, and streams are not listed of a share."""
    contents = contents_of(audit)
    return {**contents, "findings": repr(contents["findings"]).replace(f"{folder}:", "history.jsonl:"), "streams": None}


@settings(deadline=None, max_examples=8)
@example(seed=2024, faults=3, buckets=2, shares=2, pieces=1)  # a day with one event, then a clock that was set back
@given(
    seed=st.integers(0, 10**6),
    faults=st.integers(0, 3),
    buckets=st.integers(2, 5),
    shares=st.integers(2, 4),
    pieces=st.integers(1, 3),
)
def test_shares_of_buckets_come_to_what_the_whole_comes_to(
    seed: int, faults: int, buckets: int, shares: int, pieces: int
) -> None:
    lines = with_faults(mixed_history(seed, commands=20), seed, faults)
    with TemporaryDirectory() as folder:
        try:
            export = str(exported(lines, Path(folder), buckets, pieces))
        except InputError:
            event("no ledger takes it")
            return
        audits, absent, grouping = list[Audit](), list[str](), Grouping("")
        for number in range(1, shares + 1):
            source = open_bucketed(export, shares)
            if source is None:
                event("one bucket")
                return
            grouping = source.survey()
            audits.append(judge_share(source, grouping, ShareNumber(number, shares), lambda audit: None))
            absent += source.absent
        event("in one piece" if grouping.undivided else "divided")
        joined_buckets = read_manifest(Path(export)).joined
        event(f"buckets that were joined: {len(joined_buckets)}")
        if grouping.undivided:
            return
        assert len(absent) == len(set(absent))
        joined = Audit(minor=True)
        joined.merge(audits)
        assert shown(joined, export) == shown(judged_whole(lines), export)


def test_buckets_that_a_refused_migration_connects_after_an_export_are_judged_together(tmp_path: Path) -> None:
    events = history(
        HOST,
        SMALL_HOST,
        WEB,
        {**WEB, "vm": "two"},
        {**START, "vm": "two"},
        *(do("report-in-use", "two", in_use=f"{size}MiB") for size in range(600, 606)),
        {"command": "move-vm", "vm": "two", "to": "hv02"},
    )
    lines = [envelope_to_cloudevent(envelope, LEDGER) for envelope in events]
    folder = exported(lines, tmp_path, 2, pieces=2)
    assert read_manifest(folder).joined == ((0, 1),)  # the VM's events are in the one, its new host's in the other
    export = str(folder)
    audits = list[Audit]()
    for number in (1, 2):
        source = open_bucketed(export, 2)
        assert source is not None
        grouping = source.survey()
        assert grouping.sizes == [len(lines)]
        audits.append(judge_share(source, grouping, ShareNumber(number, 2), lambda audit: None))
    joined = Audit(minor=True)
    joined.merge(audits)
    assert shown(joined, export) == shown(judged_whole(lines), export)


def test_with_several_cores_each_process_reads_its_own_buckets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = mixed_history(3)
    index = next(i for i, line in enumerate(lines) if line["data"].get("outcome") == "completed")
    folder = str(exported(with_leaf(lines, index, ["data", "outcome"], "partially-completed"), tmp_path, 4))
    desk = Desk(tmp_path)
    whole = desk.call("audit", folder, "--format", "json")
    monkeypatch.setattr(parallel, "FEWEST_EVENTS", 0)
    monkeypatch.delattr(FileSource, "events")  # nothing reads all lines
    monkeypatch.delattr("nilometer.history.parquet.reading.read_export")
    ran = desk.call("audit", folder, "--cores", "2", "--format", "json")
    found, expected = ran.json, whole.json
    assert [each["name"] for each in found.pop("about")["files"]] == [f"{folder}/{NAME}"]
    del expected["about"]
    assert (found, ran.code) == (expected, 1)


def test_two_processes_that_name_a_host_without_events_are_refused() -> None:
    check_absent([("process 1", {"host/a"}), ("process 2", {"host/b"})])
    with pytest.raises(InputError, match="process 2: its events name host/a, which has no event") as error:
        check_absent([("process 1", {"host/a"}), ("process 2", {"host/b", "host/a"})])
    assert error.value.hint


def read_by(line: bytes) -> set[str]:
    """The hosts without events that a line names as what a decision read, in a bucket of the hosts hv01 and hv02."""
    recorded = "2026-11-23T09:00:00.000000Z"
    known = {b"host/hv01", b"host/hv02", b"host/elsewhere"}
    absent = set[str]()
    reader = BucketReader(name="export", known=known, is_wanted=lambda host: host != b"host/elsewhere", absent=absent)
    lines = [b'{"id":"hv01"} {"id":"vm/a/1"}', line, b'{"id":"hv02"} {"id":"vm/a/3"}']
    pieces = [
        Piece(
            positions=[position],
            streams=["vm/a"],
            topics=["vm.memory-added/2"],
            recorded=[recorded],
            lines=[each],
            recorded_in_lines=[recorded_at(recorded)],
        )
        for position, each in enumerate(lines, start=1)
    ]
    for _ in merge_lines([reader.checked(iter(pieces))]):
        pass
    return absent


def test_a_host_that_was_only_read_is_looked_for_in_each_line() -> None:
    assert read_by(b'{"id":"hv01"} {"id":"vm/a/2"}') == set()
    assert read_by(b'{"id":"gone"} {"id":"vm/a/2"}') == {"host/gone"}
    for wrong, why in (
        (
            b'{"id":"elsewhere"} {"id":"vm/a/2"}',
            "export:2: .* names host/elsewhere, which is in another bucket",
        ),
        (
            b'{"id":"hv\\\\01/2"} {"id":"vm/a/2"}',
            "export:2: this event names a host in a spelling of its own",
        ),
    ):
        with pytest.raises(InputError, match=why):
            read_by(wrong)
