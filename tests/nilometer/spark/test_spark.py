"""On a real Spark a history comes to what ``nilo audit`` and ``nilo view`` say, in whatever order its rows are."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow.parquet
import pytest

from detection.corruptions import with_leaf
from domain.errors import InputError
from nilometer.audit.partitioning.shares import join_shares
from nilometer.history.parquet.manifest import NAME
from nilometer.spark import audit, replay, submit
from nilometer.spark.judging import judge_history
from tests.nilometer.audit.mixed import (
    Line,
    contents_of,
    exported,
    judged_whole,
    mixed_history,
    shuffled,
    text_of,
    with_faults,
)
from tests.nilometer.cli.calling import Desk

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytest.importorskip("pyspark", reason="make scale tests on Spark")


def written(folder: Path, lines: list[Line], name: str = "history.jsonl") -> str:
    text = text_of(lines)
    (folder / name).write_bytes(gzip.compress(text) if name.endswith(".gz") else text)
    return str(folder / name)


def shown(contents: dict[str, Any]) -> dict[str, Any]:
    """What an audit shows, but where a line stands, which Spark does not say, and streams, which no share lists."""
    findings = [
        replace(each.finding, about=None, at=replace(each.finding.at, place="")) for each in contents["findings"]
    ]
    return {**contents, "findings": findings, "streams": None}


@pytest.mark.parametrize(("seed", "faults", "name"), [(3, 0, "a.jsonl"), (4, 2, "b.jsonl.gz"), (6, 3, "c.jsonl")])
def test_whatever_the_order_of_rows_it_is_what_the_judge_says_of_the_history_in_order(
    spark: SparkSession, tmp_path: Path, seed: int, faults: int, name: str
) -> None:
    lines = with_faults(mixed_history(seed), seed, faults)
    shares, _ = judge_history(spark, written(tmp_path, shuffled(lines, seed), name))
    whole = judged_whole(sorted(lines, key=lambda line: line["position"]))
    assert shown(contents_of(join_shares(shares, minor=True))) == shown(contents_of(whole))


@pytest.mark.parametrize(("seed", "faults", "pieces"), [(3, 0, 1), (4, 2, 2)])
def test_an_export_as_parquet_is_judged_by_its_buckets_to_the_same_findings(
    spark: SparkSession, tmp_path: Path, seed: int, faults: int, pieces: int
) -> None:
    lines = mixed_history(seed)
    for leaf in range(faults):
        index = [i for i, line in enumerate(lines) if line["data"].get("outcome") == "completed"][leaf]
        lines = with_leaf(lines, index, ["data", "outcome"], "partially-completed")
    folder = exported(lines, tmp_path, 4, pieces)
    shares, history = judge_history(spark, str(folder))
    assert history.parts == len(history.grouping.sizes)
    assert history.parts == 4 if pieces == 1 else history.parts > 1
    assert {share.events for share in shares} == set(history.grouping.sizes)
    assert shown(contents_of(join_shares(shares, minor=True))) == shown(contents_of(judged_whole(lines)))
    views = {(row["kind"], row["id"]): row["view"] for row in replay(spark, str(folder)).collect()}
    expected = replay(spark, written(tmp_path, lines)).collect()
    assert views == {(row["kind"], row["id"]): row["view"] for row in expected}


def kept(spark: SparkSession) -> int:
    """How many results Spark keeps for later."""
    return len(spark.sparkContext._jsc.getPersistentRDDs())


def test_blank_lines_are_passed_over_and_nothing_is_kept_afterwards(spark: SparkSession, tmp_path: Path) -> None:
    lines, file = mixed_history(3), tmp_path / "history.jsonl"
    texts = text_of(lines).splitlines(keepends=True)
    file.write_bytes(b"\n".join([b"", *texts[:40], b"\t", *texts[40:]]))
    shares, history = judge_history(spark, str(file))
    assert history.parts > 1
    assert shown(contents_of(join_shares(shares, minor=True))) == shown(contents_of(judged_whole(lines)))
    file.write_bytes(b"".join(texts[:40]) + b"nonsense")
    with pytest.raises(InputError, match="lines that are not events"):
        judge_history(spark, str(file))
    assert kept(spark) == 0


@pytest.mark.parametrize("odd", ["a gap", "a double", "another spelling"])
def test_what_only_the_whole_shows_is_found(spark: SparkSession, tmp_path: Path, odd: str) -> None:
    lines = mixed_history(5)
    if odd == "a gap":
        lines = lines[:40] + lines[41:]
    elif odd == "a double":
        lines = [*lines[:41], lines[40], *lines[41:]]
    file = written(tmp_path, lines)
    if odd == "another spelling":
        texts = Path(file).read_bytes().splitlines(keepends=True)
        Path(file).write_bytes(b"".join([*texts[:40], json.dumps(lines[40]).encode() + b"\n", *texts[41:]]))
    shares, history = judge_history(spark, file)
    assert history.grouping.undivided
    assert shown(contents_of(join_shares(shares, minor=True))) == shown(contents_of(judged_whole(lines)))


def test_the_table_has_a_row_for_each_finding_and_for_each_rule(spark: SparkSession, tmp_path: Path) -> None:
    lines = mixed_history(3)
    index = next(i for i, line in enumerate(lines) if line["data"].get("outcome") == "completed")
    lines = with_leaf(lines, index, ["data", "outcome"], "partially-completed")
    table = audit(spark, written(tmp_path, lines))
    rows, whole = table.collect(), judged_whole(lines)
    found = [row["position"] for row in rows if row["kind"] == "finding"]
    assert found == [each.finding.at.position for each in whole.findings]
    checked = {row["rule"]: row["holds"] for row in rows if row["kind"] == "coverage"}
    assert checked == {rule: coverage.holds for rule, coverage in whole.coverage.rules.items()}
    assert table.where("verdict = 'violated' and kind = 'finding'").count() > 0


def test_a_replay_is_the_view_at_the_end(spark: SparkSession, tmp_path: Path) -> None:
    file = written(tmp_path, mixed_history(3))
    desk = Desk(tmp_path)
    assert desk.call("import", file).code == 0
    view = desk.call("view", "--format", "json").json
    rows = replay(spark, file).collect()
    for kind, name in (("vm", "vms"), ("host", "hosts")):
        found = {row["id"]: json.loads(row["view"]) for row in rows if row["kind"] == kind}
        assert found == {row[kind]: row for row in view[name]}
        assigned = {row["id"]: row["assigned"] for row in rows if row["kind"] == kind}
        assert assigned == {row[kind]: row.get("assigned") for row in view[name]}


# What is refused


def test_bad_input_is_an_error_with_a_reason_and_a_hint(spark: SparkSession, tmp_path: Path) -> None:
    lines = mixed_history(3)
    whole = text_of(lines)
    packed = gzip.compress(whole)
    for name, content, words in (
        ("broken.jsonl", whole.replace(b'"outcome":', b'"outcom":', 1), "position "),
        ("other.jsonl", b"nonsense\n", "it has lines that are not events"),
        ("empty.jsonl", b"\n", "there is no event in it"),
        ("cut.jsonl", whole[:-30], "it has lines that are not events"),
        ("events.parquet", b"PAR1 and so on", "on Spark an export as Parquet is read in its folder"),
        ("cut.jsonl.gz", packed[:-200], "it was cut off or damaged on its way"),
    ):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(InputError, match=words) as error:
            audit(spark, str(tmp_path / name))
        assert error.value.hint
        assert name in error.value.message
    with pytest.raises(InputError, match="it does not exist"):
        audit(spark, str(tmp_path / "none.jsonl"))


def without_an_order(file: Path) -> None:
    """Puts the rows of a file in another order."""
    table = pyarrow.parquet.ParquetFile(file).read()
    pyarrow.parquet.write_table(table.take(list(reversed(range(table.num_rows)))), file)


def test_an_export_as_parquet_that_is_not_what_was_written_is_refused(spark: SparkSession, tmp_path: Path) -> None:
    whole = exported(mixed_history(3), tmp_path, 4)

    def changed(name: str, change: Callable[[Path, Path], object]) -> str:
        folder = Path(shutil.copytree(whole, tmp_path / name))
        change(folder, min(folder.rglob("*.parquet")))
        return str(folder)

    def with_a_row_less(_: Path, file: Path) -> None:
        pyarrow.parquet.write_table(pyarrow.parquet.ParquetFile(file).read().slice(1), file)

    def unfinished(folder: Path, _: Path) -> None:
        (folder / NAME).write_bytes((folder / NAME).read_bytes().rpartition(b'{"complete"')[0])

    for folder, words in (
        (changed("missing", lambda _, file: file.unlink()), "is missing"),
        (changed("copied", lambda _, file: shutil.copy(file, file.with_name("copy.parquet"))), "is it a copy of one"),
        (changed("cut", lambda _, file: file.write_bytes(file.read_bytes()[:-100])), "is damaged, or was cut off"),
        (changed("order", lambda _, file: without_an_order(file)), "the rows were put in another order"),
        (changed("less", with_a_row_less), "its rows are not those that were written"),
        (changed("unfinished", unfinished), "the export was not finished"),
        (changed("unlisted", lambda folder, _: (folder / NAME).unlink()), "_nilometer.jsonl is missing"),
    ):
        with pytest.raises(InputError, match=words) as error:
            audit(spark, folder)
        assert error.value.hint
        assert Path(folder).name in error.value.message


def submitted(*args: str, path: str | None = None) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, **({} if path is None else {"PATH": path, "JAVA_HOME": ""})}
    call = [sys.executable, "-m", "nilometer.spark.submit", *args]
    return subprocess.run(call, capture_output=True, text=True, env=environment, check=False)


def test_without_java_it_says_what_to_install(tmp_path: Path) -> None:
    ran = submitted("audit", written(tmp_path, mixed_history(3)), path=str(tmp_path))
    assert (ran.returncode, ran.stdout) == (2, "")
    assert "error: Spark needs Java, and there is none here" in ran.stderr
    assert "hint: install Java 17" in ran.stderr


def test_of_a_file_that_does_not_exist_only_the_error_and_its_hint_are_seen(tmp_path: Path) -> None:
    ran = submitted("audit", str(tmp_path / "none.jsonl"))
    assert ran.returncode == 2
    assert ran.stderr.endswith(
        f"error: {tmp_path / 'none.jsonl'}: it does not exist\nhint: name an export: nilo export -o FILE\n"
    )
    assert "Exception" not in ran.stderr


def test_what_is_submitted_prints_what_nilo_audit_prints_and_exits_alike(spark: SparkSession, tmp_path: Path) -> None:
    file = written(tmp_path, with_faults(mixed_history(4), 4, 2))
    ran = submitted("audit", file, "--format", "json")
    one = Desk(tmp_path).call("audit", file, "--format", "json")
    assert ran.returncode == one.code, ran.stderr
    found, expected = json.loads(ran.stdout), one.json
    for finding in expected["findings"]:
        finding["file"] = finding["line"] = None
    for document in (found, expected):
        del document["about"]["begun"], document["about"]["ended"], document["about"]["files"]
        del document["about"]["actor"]
    assert found == expected


def test_a_replay_that_is_submitted_writes_a_table(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file, folder = written(tmp_path, mixed_history(3)), str(tmp_path / "views")
    monkeypatch.setattr(sys, "argv", ["submit", "replay", file, "-o", folder])
    # in the session that runs: Spark itself is started by the test before this one
    with pytest.raises(SystemExit) as ended:
        submit.main()
    assert ended.value.code == 0
    assert spark.read.parquet(folder).count() == replay(spark, file).count()
    capsys.readouterr()
    with pytest.raises(SystemExit) as again:
        submit.main()
    said = capsys.readouterr()
    assert (again.value.code, said.out) == (2, "")
    assert "views" in said.err
    assert "hint: name a folder that does not exist" in said.err
