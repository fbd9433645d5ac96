"""Exports in which one value of one file was changed, and its digest with it: a column alone, or the body alone.

The sieve reads what events claim from columns, and compares with bodies what follows from it. So where the two differ,
it clears nothing that the event belongs to.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any, Final, cast

import pyarrow
import pyarrow.parquet
import pytest

from detection.corruptions import renumber
from detection.histories import Line
from domain.errors import InputError
from nilometer.audit.expected import expected_events
from nilometer.audit.sieve.events import READ
from nilometer.history.columns import COLUMNS, ColumnType
from nilometer.history.parquet.manifest import digest_of
from tests.nilometer.audit.sieve.exporting import copy_of, export_of, sieved_of
from tests.nilometer.audit.sieve.scripts import WITHOUT_A_LIE, Recorder, Script

TYPES: Final = {column.name: column.type for column in COLUMNS}
RELIED_ON: Final = (
    *("stream", "version", "topic", "command", "happened", "recorded", "actor", "via", "reason", "correlation"),
    *("read_host_id", "read_host_stream_version"),
)
"""What is read of every event that is decided, if it has it; besides there is what its form claims."""
OF_HALF: Final = ("stream", "version", "topic", "recorded")
"""What is read of the half of a change that stands on a host's stream; all else is written from the other half.

One of these that is stale ends the audit, or has all of it judged in one piece: there are no copies beside it then.
"""


def with_values(export: Path, changes: Sequence[tuple[int, str, object]]) -> None:
    """Changes what columns have of events, by position, and nothing else but the digest of the file."""
    (path,) = export.rglob("*.parquet")
    table = pyarrow.parquet.ParquetFile(path).read()
    columns = {name: table.column(name).combine_chunks() for name in table.schema.names}
    for position, column, value in changes:
        values = columns[column].to_pylist()
        values[position - 1] = value
        columns[column] = pyarrow.array(values, columns[column].type)
    before = digest_of(path)
    pyarrow.parquet.write_table(pyarrow.Table.from_arrays(list(columns.values()), schema=table.schema), path)
    manifest = export / "_nilometer.jsonl"
    manifest.write_text(manifest.read_text().replace(before, digest_of(path)))


def is_cleared(export: Path, stream: str) -> bool:
    try:
        return stream in sieved_of(export).streams
    except InputError:
        return False


def other_value(column: str, value: Any) -> object:
    """Another value of the type of a column."""
    match TYPES[column]:
        case ColumnType.INTEGER:
            return value + 1
        case ColumnType.MOMENT:
            return cast("datetime", value) + timedelta(microseconds=1)
        case _:
            return f"{value}x"


def columns_claimed(line: Line) -> set[str]:
    """The columns that have what an event of its form claims."""
    kind, _, version = line["type"].removeprefix("nilometer.").rpartition(".v")
    forms = [
        form
        for form in expected_events()
        if (form.topic, form.command) == (f"{kind}/{version}", line["data"]["command"])
    ]
    return {column_of(form.claims[name]) for form in forms for name in form.variables} & set(READ)


def column_of(path: Sequence[str]) -> str:
    if path[:2] == ("evidence", "vm"):
        return "read_vm"
    name = "_".join(path).replace("evidence_host", "read_host")
    return "after_in_use" if name == "in_use" else name


def last_decided(lines: list[Line]) -> Line:
    """The last event that is not the half of a change on a host's stream."""
    return next(line for line in reversed(lines) if "bytes" not in line["data"])


def named_apart(script: Script) -> Script:
    """The same script with an ``@`` in every name, for copies."""
    return [{key: f"{word}@" if key in ("host", "vm", "to") else word for key, word in line.items()} for line in script]


@pytest.fixture
def lines(request: pytest.FixtureRequest, tmp_path: Path) -> list[Line]:
    return Recorder(tmp_path).lines(named_apart(WITHOUT_A_LIE[request.param]))


of_each_form = pytest.mark.parametrize("lines", WITHOUT_A_LIE, indirect=True)


@of_each_form
@pytest.mark.usefixtures("together")
def test_no_stale_column_is_relied_on(lines: list[Line], tmp_path: Path) -> None:
    decided = last_decided(lines)
    wrong = [(decided, column) for column in sorted({*RELIED_ON, *columns_claimed(decided)})]
    wrong += [(line, column) for line in lines if line.get("causation") == decided["id"] for column in OF_HALF]
    stored = columns_of(export_of(lines, tmp_path))
    assert is_cleared(tmp_path / "parquet", decided["subject"])
    wrong = [(line, column) for line, column in wrong if stored[line["position"]][column] is not None]
    for number, (line, column) in enumerate(entry for entry in wrong if entry[1] in OF_HALF):
        export = export_of(lines, tmp_path / str(number))
        value = other_value(column, stored[line["position"]][column])
        with_values(export, [(line["position"], column, value)])
        assert not is_cleared(export, line["subject"]), (line["id"], column)
    assert_none_is_relied_on(lines, [entry for entry in wrong if entry[1] not in OF_HALF], tmp_path / "copies")


def assert_none_is_relied_on(lines: list[Line], wrong: Sequence[tuple[Line, str]], folder: Path) -> None:
    """In one export there is a copy of the history for each column that is stale, and one in which none is."""
    copies = [copy_of(lines, number) for number in range(len(wrong) + 1)]
    export = export_of(renumber([line for copy in copies for line in copy]), folder)
    subjects = [line["subject"].replace("@", f"{number}.") for number, (line, _) in enumerate(wrong)]
    unchanged = copies[-1][0]["subject"]
    assert sieved_of(export).streams >= {*subjects, unchanged}
    stored, changes = columns_of(export), list[tuple[int, str, object]]()
    for number, (line, column) in enumerate(wrong):
        position = number * len(lines) + line["position"]
        changes.append((position, column, other_value(column, stored[position][column])))
    with_values(export, changes)
    sieved = sieved_of(export)
    assert sieved.undivided == ""
    assert unchanged in sieved.streams
    relied_on = [wrong[number] for number, subject in enumerate(subjects) if subject in sieved.streams]
    assert [(line["id"], column) for line, column in relied_on] == []


def columns_of(export: Path) -> dict[int, dict[str, Any]]:
    """What the columns of an export have, by position."""
    (path,) = export.rglob("*.parquet")
    table = pyarrow.parquet.ParquetFile(path).read()
    columns = {name: table.column(name).to_pylist() for name in (*READ, "body")}
    rows = (dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True))
    return {row["position"]: row for row in rows}


def bodies_with_another_shape(body: str) -> Iterator[str]:
    """The body with a field more or less in each of its objects, twice, or written in another way."""
    whole = json.loads(body)
    for path in objects_in(whole):
        for name in (*at(whole, path), None):
            other = json.loads(body)
            if name is None:
                at(other, path)["zzz"] = 1
            else:
                del at(other, path)[name]
            yield json.dumps(other, separators=(",", ":"))
    yield json.dumps(whole)
    yield f"{body} "
    yield body.replace('"data":{', '"data":{"after":null,', 1)


def objects_in(value: object, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    if isinstance(value, dict):
        yield path
        for name, part in cast("Mapping[str, object]", value).items():
            yield from objects_in(part, (*path, name))


def at(value: Any, path: tuple[str, ...]) -> Any:
    for name in path:
        value = value[name]
    return value


@of_each_form
def test_no_body_with_another_shape_is_cleared(lines: list[Line], tmp_path: Path) -> None:
    decided = last_decided(lines)
    whole = export_of(lines, tmp_path)
    stored = columns_of(whole)
    for line in lines:
        if decided["id"] not in (line["id"], line.get("causation")):
            continue
        bodies = list(bodies_with_another_shape(stored[line["position"]]["body"]))
        for number, other in enumerate([*Random(line["id"]).sample(bodies[:-3], 10), *bodies[-3:]]):
            export = Path(shutil.copytree(whole, tmp_path / f"{line['position']}-{number}"))
            with_values(export, [(line["position"], "body", other)])
            assert not is_cleared(export, line["subject"]), other
