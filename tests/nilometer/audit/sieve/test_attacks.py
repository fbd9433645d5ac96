"""Exports in which one thing was changed, and all digests made true again: the sieve says what the judge says."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any, Final

import pyarrow.parquet
import pytest
from pydantic_core import to_json

from domain.identifiers import StreamName
from nilometer.errors import UnreadableEvent
from nilometer.history.cloudevents import source_uri, write_lines
from nilometer.history.columns import COLUMNS, ColumnType
from nilometer.history.cutting import cut_line
from nilometer.history.parquet.manifest import NAME, digest_of
from nilometer.storage.reader import StoredRow
from tests.nilometer.audit.sieve.exporting import export_of
from tests.nilometer.audit.sieve.known import known_history
from tests.nilometer.cli.calling import Desk
from tests.nilometer.history.parquet.exporting import spoil_text

LEDGER: Final = str(known_history(1, 40)[0]["source"]).removeprefix("urn:uuid:")
TYPES: Final = {column.name: column.type for column in COLUMNS}
Row = dict[str, Any]
Attack = Callable[[Random, list[Row]], None]


def line_of(row: Row) -> bytes:
    """The history line that is read of a row; none where there is none."""
    stored = StoredRow(row["position"], StreamName(row["stream"]), row["version"], row["topic"], row["body"].encode())
    try:
        line = cut_line(stored, to_json(source_uri(LEDGER)))
        return next(iter(write_lines([stored], LEDGER))) if line is None else line + b"\n"
    except UnreadableEvent:
        return b""


def attacked(export: Path, attack: Callable[[list[Row]], None]) -> Path:
    """An export whose rows were changed, with digests that are true."""
    (path,) = export.rglob("*.parquet")
    file = pyarrow.parquet.ParquetFile(path)
    table, told = file.read(), dict(file.metadata.metadata or {})
    names = table.schema.names
    columns = [table.column(name).to_pylist() for name in names]
    rows: list[Row] = [dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True)]
    attack(rows)
    facts = {
        "first": rows[0]["position"],
        "last": rows[-1]["position"],
        "events": len(rows),
        "sha256": hashlib.sha256(b"".join(map(line_of, rows))).hexdigest(),
    }
    told |= {f"nilometer.{name}".encode(): str(value).encode() for name, value in facts.items()}
    arrays = [pyarrow.array([row[name] for row in rows], table.column(name).type) for name in names]
    changed = pyarrow.Table.from_arrays(arrays, schema=table.schema).replace_schema_metadata(told)
    pyarrow.parquet.write_table(changed, path)
    head, run, _ = (json.loads(line) for line in (export / NAME).read_text().splitlines())
    run["files"][0] |= {**facts, "file_sha256": digest_of(path)}
    end = {"complete": True, "events": len(rows)}
    (export / NAME).write_text("".join(f"{json.dumps(line)}\n" for line in (head, run, end)))
    return export


def change_column(random: Random, rows: list[Row]) -> None:
    """Another value in a column, or none."""
    row, name = random.choice(rows), random.choice([*TYPES.keys() - {"body", "position"}])
    value = row[name]
    if value is None or random.random() < 0.3:
        row[name] = random.choice(rows)[name]
    elif TYPES[name] is ColumnType.MOMENT:
        row[name] = value + timedelta(microseconds=random.choice((1, -1, 10**10, -(10**10))))
    elif isinstance(value, str):
        row[name] = random.choice((f"{value}x", value.upper(), "", None if name not in ("stream", "topic") else "x"))
    else:
        row[name] = random.choice((int(value) + 1, 0, -1)) if type(value) is int else not value


def change_body(random: Random, rows: list[Row]) -> None:
    """Another body, or the same one in other words."""
    row = random.choice(rows)
    body = row["body"]
    digits = [index for index, character in enumerate(body) if character.isdigit()]
    letters = [index for index, character in enumerate(body) if character.isalpha()]
    digit, letter = random.choice(digits), random.choice(letters)
    row["body"] = random.choice(
        (
            body.replace(":", ": ", 1),
            f"{body} ",
            json.dumps(json.loads(body), sort_keys=True, separators=(",", ":")).replace(",", ", ", 1),
            f"{body[:digit]}{(int(body[digit]) + 1) % 10}{body[digit + 1 :]}",
            f"{body[:digit]}{body[digit]}.0{body[digit + 1 :]}",
            f"{body[:letter]}\\u{ord(body[letter]):04x}{body[letter + 1 :]}",
            f"{body[:letter]}{body[letter + 1 :]}",
            body.replace('"data":{', '"data":{"zzz":1,', 1),
            random.choice(rows)["body"],
        )
    )


def change_rows(random: Random, rows: list[Row]) -> None:
    """Other rows, or the same in another order."""
    index, other = random.sample(range(1, len(rows)), 2)
    match random.randrange(4):
        case 0:
            rows[index], rows[other] = rows[other], rows[index]
        case 1:
            rows.insert(index, dict(rows[index]))
        case 2:
            del rows[index]
        case _:
            positions = [row["position"] for row in rows]
            rows.insert(other, rows.pop(index))
            for row, position in zip(rows, positions, strict=True):
                row["position"] = position


@pytest.mark.parametrize("attack", [change_column, change_body, change_rows])
@pytest.mark.parametrize("seed", range(3))
def test_whatever_was_changed_an_audit_with_the_sieve_comes_to_the_same(
    attack: Attack, seed: int, tmp_path: Path
) -> None:
    desk, random = Desk(tmp_path), Random(f"{attack.__name__}{seed}")
    for number in range(3):
        export = attacked(export_of(known_history(1, 40), tmp_path / str(number)), lambda rows: attack(random, rows))
        assert_alike(desk, export)


def assert_alike(desk: Desk, export: Path) -> str:
    """Both come to the same; gives what the sieve noted."""
    plain = desk.call("audit", str(export), "--format", "json")
    sieved = desk.call("audit", "--sieve", str(export), "--format", "json")
    assert (sieved.code, bool(sieved.out)) == (plain.code, bool(plain.out)), (plain.err, sieved.err)
    assert plain.err in sieved.err
    if plain.out:
        assert {**sieved.json, "about": None} == {**plain.json, "about": None}
    return sieved.err


def escape_a_name(rows: list[Row]) -> None:
    row = next(row for row in rows if row["kind"] == "host.registered")
    row["body"] = row["body"].replace('"free"', '"fr\\u0065e"')


def misplace_a_moment(rows: list[Row]) -> None:
    rows[5]["recorded"] += timedelta(microseconds=1)
    rows[5]["body"] = rows[5]["body"].replace('"outcome":"done"', '"outcome":"failed"')


def spoil_a_number(rows: list[Row]) -> None:
    rows[5]["body"] = rows[5]["body"].replace('"session":0', '"session":0.5').replace('"free":', '"free":0.5,"f":')


def replace_a_body(rows: list[Row]) -> None:
    rows[5]["body"] = '{"some":"thing"}'


def test_a_number_that_no_event_has_is_said_by_the_judge_of_its_group(tmp_path: Path) -> None:
    export = attacked(export_of(known_history(1, 40), tmp_path), spoil_a_number)
    assert "after.free: is not a whole number" in assert_alike(Desk(tmp_path), export)


@pytest.mark.parametrize(
    ("attack", "why"),
    [
        (escape_a_name, "event #1 names a host in a spelling of its own"),
        (misplace_a_moment, "the columns of event #6 do not say what its body says"),
        (replace_a_body, "was changed after it was recorded"),
    ],
)
def test_what_contradicts_itself_is_left_to_the_judge(
    attack: Callable[[list[Row]], None], why: str, tmp_path: Path
) -> None:
    """What the sieve cannot make sense of, it does not refuse: whether it is wrong, the judge says."""
    export = attacked(export_of(known_history(1, 40), tmp_path), attack)
    noted = assert_alike(Desk(tmp_path), export)
    assert "note: the sieve clears nothing, and all is judged in one piece: " in noted
    assert why in noted


@pytest.mark.parametrize("name", ["actor", "body"])
def test_a_text_that_is_not_utf_8_is_left_to_the_judge(name: str, tmp_path: Path) -> None:
    export = export_of(known_history(1, 40), tmp_path)
    (path,) = export.rglob("*.parquet")
    before = digest_of(path)
    spoil_text(path, name, 5)
    (export / NAME).write_text((export / NAME).read_text().replace(before, digest_of(path)))
    assert "the sieve clears nothing" in assert_alike(Desk(tmp_path), export)
