"""``nilo export --as parquet``: what it writes, who reads it, and how it refuses."""

from __future__ import annotations

import os
import re
import signal
import stat
import subprocess
import sys
from pathlib import Path

import duckdb
import pyarrow.parquet
import pytest

from nilometer.history.columns import COLUMNS
from nilometer.history.parquet import dividing
from nilometer.history.parquet.manifest import NAME
from tests.nilometer.cli.calling import NILO, Desk
from tests.paths import DOCS

FOLDER = "history"


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path).with_history()


def export(desk: Desk) -> str:
    folder = str(desk.folder / FOLDER)
    result = desk.call("export", "--as", "parquet", "-o", folder)
    assert (result.code, result.out) == (0, ""), result.err
    assert result.err == f"note: 9 events in 1 file in {folder}\n"
    return folder


def test_an_audit_of_it_finds_what_an_audit_of_the_lines_finds(desk: Desk) -> None:
    folder = export(desk)
    lines = desk.write("history.jsonl", desk.events)
    (file,) = map(str, Path(folder).rglob("*.parquet"))
    documents = [desk.call("audit", name, "--format", "json").json for name in (lines, folder, file)]
    abouts = [document.pop("about") for document in documents]
    assert documents[0] == documents[1] == documents[2]
    assert documents[0]["events"] == 9
    digests = [{(each["bytes"], each["sha256"]) for each in about["files"]} for about in abouts]
    assert digests[0] == digests[1] == digests[2]  # it is the same history


def test_it_is_audited_beside_others_and_by_several_cores(desk: Desk) -> None:
    folder = export(desk)
    lines = desk.write("history.jsonl", desk.events)
    assert desk.call("audit", folder, lines, "--format", "json").json["events"] == 9
    assert desk.call("audit", folder, "--cores", "2", "--format", "json").json["events"] == 9


def test_it_is_imported_and_exports_the_same_lines(desk: Desk) -> None:
    folder = export(desk)
    other = {"NILO_LEDGER": f"sqlite:///{desk.folder}/other.db"}
    assert desk.call("import", folder, env=other).code == 0
    assert desk.call("import", folder, "--format", "json", env=other).json["there"] == 9
    assert desk.call("export", env=other).out == desk.events


def test_a_report_is_made_of_it(desk: Desk) -> None:
    page = desk.folder / "report.html"
    assert desk.call("report", export(desk), "-o", str(page)).code == 0
    assert "web01" in page.read_text()


def test_what_it_writes_is_its_owners_alone(desk: Desk) -> None:
    folder = Path(export(desk))
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    for file in (folder / NAME, *folder.rglob("*.parquet")):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_second_export_into_the_same_folder_writes_nothing(desk: Desk) -> None:
    folder = Path(export(desk))
    (file,) = folder.rglob("*.parquet")
    before = file.stat().st_mtime_ns
    export(desk)
    assert file.stat().st_mtime_ns == before


def test_it_grows_with_the_ledger_and_is_read_as_one_that_was_made_at_once(desk: Desk) -> None:
    folder = Path(export(desk))
    before = {file: file.read_bytes() for file in folder.rglob("*.parquet")}
    assert desk.call("do", "add-memory", "web01", "2MiB").code == 0
    result = desk.call("export", "--as", "parquet", "-o", str(folder))
    assert (result.code, result.err) == (0, f"note: 11 events in 2 files in {folder}\n")
    assert {file: file.read_bytes() for file in before} == before
    at_once = desk.folder / "at-once"
    assert desk.call("export", "--as", "parquet", "-o", str(at_once)).code == 0
    lines = desk.write("history.jsonl", desk.call("export").out)
    audits = [desk.call("audit", name, "--format", "json").json for name in (str(folder), str(at_once), lines)]
    abouts = [document.pop("about") for document in audits]
    assert audits[0] == audits[1] == audits[2]
    digests = [{(each["bytes"], each["sha256"]) for each in about["files"]} for about in abouts]
    assert digests[0] == digests[1] == digests[2]
    other = {"NILO_LEDGER": f"sqlite:///{desk.folder}/other.db"}
    assert desk.call("import", str(folder), env=other).code == 0
    assert desk.call("export", env=other).out == Path(lines).read_text()
    assert desk.call("audit", "--sieve", str(folder), "--format", "json").json["events"] == 11


def test_one_that_would_have_more_buckets_if_it_were_new_says_so(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = export(desk)
    monkeypatch.setattr(dividing, "BUCKET_EVENTS", 2)
    assert desk.call("do", "add-memory", "web01", "2MiB").code == 0
    result = desk.call("export", "--as", "parquet", "-o", folder)
    assert "note: it keeps its 1 bucket; exported into a new folder, the ledger has 5, to be judged apart" in result.err


@pytest.mark.parametrize("is_there", [False, True], ids=["new", "grown"])
def test_one_that_was_killed_is_read_by_nothing_until_it_is_finished(desk: Desk, is_there: bool) -> None:
    folder = desk.folder / FOLDER
    if is_there:
        export(desk)
    commands = "".join(f'{{"command": "report-in-use", "vm": "web01", "in_use": {n}}}\n' for n in range(1, 1500))
    assert desk.call("run", "-", stdin=commands).code == 0
    environment = {**os.environ, **desk.environment()}
    with subprocess.Popen([NILO, "export", "--as", "parquet", "-o", folder], env=environment) as running:
        while running.poll() is None:
            if list(folder.rglob(".events-*")):  # a file is being written
                running.send_signal(signal.SIGKILL)
                break
        running.wait()
    # of no new file it is said that it is whole
    assert (folder / NAME).read_bytes().count(b"\n") == (2 if is_there else 1)
    refused = desk.call("audit", str(folder))
    assert refused.code == 2
    assert f"error: {folder}: the export was not finished" in refused.err
    assert f"hint: finish it: nilo export --as parquet -o {folder}" in refused.err
    assert desk.call("export", "--as", "parquet", "-o", str(folder)).code == 0
    assert desk.call("audit", str(folder), "--format", "json").json["events"] == 1508
    other = {"NILO_LEDGER": f"sqlite:///{desk.folder}/other.db"}
    assert desk.call("import", str(folder), env=other).code == 0
    assert desk.call("export", env=other).out == desk.call("export").out


@pytest.mark.parametrize("target", [(), ("-o", "-")])
def test_it_has_no_stdout(desk: Desk, target: tuple[str, ...]) -> None:
    result = desk.call("export", "--as", "parquet", *target)
    assert result.code == 2
    assert result.err == (
        "error: --as parquet writes a folder\nhint: name a new one: nilo export --as parquet -o DIR\n"
    )


def test_without_pyarrow_it_says_what_to_install(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = export(desk)
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    for command in (
        ["export", "--as", "parquet", "-o", str(desk.folder / "new")],
        ["audit", folder],
        ["import", folder],
    ):
        result = desk.call(*command)
        assert result.code == 2
        assert "hint: pip install 'nilometer[parquet]'" in result.err
    assert not (desk.folder / "new").exists()


def test_parquet_of_something_else_is_refused(desk: Desk) -> None:
    table = pyarrow.Table.from_arrays(
        [pyarrow.array([1], pyarrow.int64())], schema=pyarrow.schema([("n", pyarrow.int64())])
    )
    file = desk.folder / "other.parquet"
    pyarrow.parquet.write_table(table, file)
    for command in ("audit", "import"):
        result = desk.call(command, str(file))
        assert result.code == 2
        assert f"error: {file}: nilo export did not write this Parquet file" in result.err
    result = desk.call("run", str(file))
    assert result.code == 2
    assert "this is a Parquet file" in result.err


def damage_a_body(file: Path) -> None:
    """Puts something into the body of one row that is no JSON."""
    table = pyarrow.parquet.ParquetFile(file).read()
    index = table.schema.names.index("body")
    columns: list[pyarrow.Array] = [table.column(name) for name in table.schema.names]
    bodies: list[str] = columns[index].to_pylist()
    bodies[2] = bodies[2].replace('"data":{', '"data":{,')
    columns[index] = pyarrow.array(bodies, pyarrow.string())
    pyarrow.parquet.write_table(pyarrow.Table.from_arrays(columns, schema=table.schema), file)


READERS = ("audit", "audit --cores 2", "audit --share 1/1", "import", "report")


@pytest.mark.parametrize(
    ("args", "is_folder"), [("audit --sieve", True), *[(args, kind) for args in READERS for kind in (True, False)]]
)
def test_a_body_that_is_no_json_has_the_hint_for_parquet(desk: Desk, args: str, is_folder: bool) -> None:
    folder = export(desk)
    (file,) = Path(folder).rglob("*.parquet")
    damage_a_body(file)
    output = ("-o", str(desk.folder / "report.html")) if args == "report" else ()
    new = {"NILO_LEDGER": f"sqlite:///{desk.folder}/new.db"} if args == "import" else {}
    found = desk.call(*args.split(), folder if is_folder else str(file), *output, env=new)
    assert (found.code, found.out) == (2, ""), found
    assert found.err.splitlines()[-1] == (
        "hint: copy it again, or export the ledger again: nilo export --as parquet -o DIR"
    )


def test_the_question_in_the_docs_is_answered_by_duckdb(desk: Desk) -> None:
    (question,) = re.findall(r"```sql\n(-- DuckDB: .*?)```", (DOCS / "parquet.md").read_text(), re.DOTALL)
    with duckdb.connect() as database:
        found = database.execute(question.replace("'history/", f"'{export(desk)}/")).fetchall()
    assert [row[1:] for row in found] == [
        ("ann", "nilo", None, "web01", "hv01", 4 << 30, 3190 << 20, "memory-in-use"),
    ]


def test_the_docs_name_every_column() -> None:
    page = (DOCS / "parquet.md").read_text()
    described = re.findall(r"^\| `(\w+)` \| ([\w, ]+) \| (.*) \|$", page, re.MULTILINE)
    assert described == [(column.name, str(column.type), column.meaning) for column in COLUMNS]
