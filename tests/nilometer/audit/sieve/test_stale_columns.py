"""Exports in which one value of one file was changed, and its digest with it: a column alone, or the body alone.

The sieve reads what events claim from columns, and compares with bodies what follows from it. So where the two differ,
it clears nothing that the event belongs to.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any, Final, cast

import pyarrow
import pyarrow.parquet
import pytest

from detection.histories import Line
from domain.errors import InputError
from nilometer.audit.sieve.events import READ
from nilometer.audit.sieve.expected import expected_events
from nilometer.history.columns import COLUMNS, ColumnType
from nilometer.history.parquet.manifest import digest_of
from tests.nilometer.audit.sieve.exporting import audit_of, export_of
from tests.nilometer.audit.sieve.test_lies import WITHOUT_A_LIE, Recorder

TYPES: Final = {column.name: column.type for column in COLUMNS}
RELIED_ON: Final = (
    *("stream", "version", "topic", "command", "happened", "recorded", "actor", "via", "reason", "correlation"),
    *("read_host_id", "read_host_stream_version"),
)
"""What is read of every event that is decided, if it has it; besides there is what its form claims."""
OF_HALF: Final = ("stream", "version", "topic", "recorded")
"""What is read of the half of a change that stands on a host's stream; all else is written from the other half."""


def with_value(export: Path, position: int, column: str, value: object) -> None:
    """Changes what a column has of one event, and nothing else but the digest of the file."""
    (path,) = export.rglob("*.parquet")
    table = pyarrow.parquet.ParquetFile(path).read()
    values = table.column(column).to_pylist()
    values[position - 1] = value
    columns = {name: table.column(name).combine_chunks() for name in table.schema.names}
    columns[column] = pyarrow.array(values, columns[column].type)
    before = digest_of(path)
    pyarrow.parquet.write_table(pyarrow.Table.from_arrays(list(columns.values()), schema=table.schema), path)
    manifest = export / "_nilometer.jsonl"
    manifest.write_text(manifest.read_text().replace(before, digest_of(path)))


def is_cleared(export: Path, stream: str) -> bool:
    try:
        _, sieved = audit_of(export)
    except InputError:
        return False
    return stream in sieved.streams


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


@pytest.fixture
def lines(request: pytest.FixtureRequest, tmp_path: Path) -> list[Line]:
    return Recorder(tmp_path).lines(WITHOUT_A_LIE[request.param])


of_each_form = pytest.mark.parametrize("lines", WITHOUT_A_LIE, indirect=True)


@of_each_form
@pytest.mark.usefixtures("together")
def test_no_stale_column_is_relied_on(lines: list[Line], tmp_path: Path) -> None:
    decided = last_decided(lines)
    wrong = [(decided, column) for column in sorted({*RELIED_ON, *columns_claimed(decided)})]
    wrong += [(line, column) for line in lines if line.get("causation") == decided["id"] for column in OF_HALF]
    stored = columns_of(export_of(lines, tmp_path))
    assert is_cleared(tmp_path / "parquet", decided["subject"])
    for number, (line, column) in enumerate(wrong):
        value = stored[line["position"]][column]
        if value is not None:
            export = export_of(lines, tmp_path / str(number))
            with_value(export, line["position"], column, other_value(column, value))
            assert not is_cleared(export, line["subject"]), (line["id"], column)


def columns_of(export: Path) -> dict[int, dict[str, Any]]:
    """What the columns of an export have, by position."""
    (path,) = export.rglob("*.parquet")
    table = pyarrow.parquet.ParquetFile(path).read()
    columns = {name: table.column(name).to_pylist() for name in READ}
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
    stored = columns_of(export_of(lines, tmp_path))
    for line in lines:
        if decided["id"] not in (line["id"], line.get("causation")):
            continue
        bodies = list(bodies_with_another_shape(stored[line["position"]]["body"]))
        for number, other in enumerate([*Random(line["id"]).sample(bodies[:-3], 10), *bodies[-3:]]):
            export = export_of(lines, tmp_path / f"{line['position']}-{number}")
            with_value(export, line["position"], "body", other)
            assert not is_cleared(export, line["subject"]), other
