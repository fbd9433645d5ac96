"""Shares of an export as Parquet that is divided into buckets: each reads the bodies of its own."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest

from nilometer.history.parquet import dividing, writing
from nilometer.history.parquet.dividing import Division
from nilometer.history.parquet.manifest import NAME
from nilometer.history.parquet.pieces import Piece
from nilometer.history.parquet.reading import LedgerFile
from tests.nilometer.audit.mixed import Line
from tests.nilometer.cli.audit.shares import refused, stored, without_times
from tests.nilometer.cli.calling import Desk
from tests.nilometer.cli.reading.test_export_parquet import damage_a_body
from tests.nilometer.cli.test_schemas import problems


@pytest.fixture
def buckets(desk: Desk, lines: list[Line], monkeypatch: pytest.MonkeyPatch) -> Path:
    """An export with four buckets of each day, and runs of some events."""
    stored(desk.url, lines, desk)
    monkeypatch.setattr(dividing, "BUCKET_EVENTS", len(lines) // 4)
    monkeypatch.setattr(writing, "RUN_EVENTS", len(lines) // 2)
    folder = desk.folder / "parquet"
    assert desk.call("export", "--as", "parquet", "-o", str(folder)).code == 0
    assert {path.name for path in folder.rglob("group=*")} == {f"group=0{number}" for number in range(4)}
    return folder


def test_a_share_of_an_export_with_buckets_reads_the_bodies_of_its_own(
    desk: Desk, buckets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bodies = list[str]()
    read = LedgerFile.pieces

    def noted(file: LedgerFile) -> Iterator[Piece]:
        bodies.append(file.name)
        return read(file)

    whole = desk.call("audit", str(buckets), "--format", "json")
    names = list[str]()
    monkeypatch.setattr(LedgerFile, "pieces", noted)
    for number in (1, 2, 3):
        bodies.clear()
        made = desk.call("audit", str(buckets), "--share", f"{number}/3")
        assert problems("audit-share", made.json) == []
        assert made.json["events"] > 0
        files = {Path(body).parent.name for body in bodies}
        assert len(files) == (1, 1, 2)[number - 1], files
        names.append(desk.write(f"share-{number}.json", made.out))
    joined = desk.call("audit", "--join", *names, "--format", "json")
    (listed,) = joined.json["about"]["files"]
    content = (buckets / NAME).read_bytes()
    assert listed == {
        "name": str(buckets / NAME),
        "bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    assert joined.code == whole.code == 1
    expected = without_times(whole.json)
    expected["about"]["files"] = [listed]
    assert without_times(joined.json) == expected


def test_more_shares_than_buckets_judge_each_bucket_once_and_say_that_they_do_not_help(
    desk: Desk, buckets: Path
) -> None:
    made = [desk.call("audit", str(buckets), "--share", f"{number}/6") for number in range(1, 7)]
    assert sorted(bool(share.json["events"]) for share in made) == [False, False, True, True, True, True]
    note = "note: the export has 4 buckets, and a bucket is judged in one piece: more shares do not help\n"
    assert {share.err for share in made} == {note}
    names = [desk.write(f"share-{number}.json", share.out) for number, share in enumerate(made)]
    joined = without_times(desk.call("audit", "--join", *names, "--format", "json").json)
    whole = without_times(desk.call("audit", str(buckets), "--format", "json").json)
    assert {**joined, "about": None} == {**whole, "about": None}


def test_what_the_columns_say_is_compared_with_the_bodies_by_the_share_that_judges_them(
    desk: Desk, buckets: Path
) -> None:
    file = min(buckets.rglob("group=03/*.parquet"))
    read = pyarrow.parquet.ParquetFile(file)
    table = read.read()
    read.close()
    moved = [None if moment is None else moment + timedelta(hours=1) for moment in table.column("recorded").to_pylist()]
    columns = [
        pyarrow.array(moved, pyarrow.timestamp("us", tz="UTC")) if name == "recorded" else table.column(name)
        for name in table.schema.names
    ]
    changed = pyarrow.Table.from_arrays(columns, schema=table.schema)
    pyarrow.parquet.write_table(changed, file)
    made = [desk.call("audit", str(buckets), "--share", f"{number}/4") for number in (1, 2, 3, 4)]
    (refused,) = [each for each in made if each.code]
    assert (refused.code, refused.out) == (2, "")
    assert "the columns of this event do not say what its body says" in refused.err
    assert "hint: " in refused.err


def test_a_body_that_is_no_json_has_the_hint_for_parquet(desk: Desk, buckets: Path) -> None:
    damage_a_body(min(buckets.rglob("group=03/*.parquet")))
    made = [desk.call("audit", str(buckets), "--share", f"{number}/4") for number in (1, 2, 3, 4)]
    (wrong,) = [each for each in made if each.code]
    refused(wrong, "is not JSON", "hint: copy it again, or export the ledger again: nilo export --as parquet -o DIR")


def test_a_vm_in_another_bucket_than_its_host_is_refused(
    desk: Desk, lines: list[Line], buckets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = next(line["subject"] for line in lines if line["subject"].startswith("vm/s1"))
    divided = {line["subject"]: int(line["subject"] == alone) for line in lines}

    def divide(*_: object) -> Division:
        return Division(divided, ())

    monkeypatch.setattr(writing, "divide", divide)
    folder = str(buckets.with_name("wrong"))
    assert desk.call("export", "--as", "parquet", "-o", folder).code == 0
    made = [desk.call("audit", folder, "--share", f"{number}/2") for number in (1, 2)]
    (refused,) = [each for each in made if each.code]
    assert (refused.code, refused.out) == (2, "")
    assert "which is in another bucket of the export" in refused.err
    assert "hint: judge it in one piece: nilo audit DIR" in refused.err
    assert desk.call("audit", folder, "--format", "json").json["verdict"] == "violated"
