"""Events for SIEMs: each is valid by the published schema, and says who, when, why and with which outcome."""

from __future__ import annotations

import csv
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final, cast

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nilometer.history.cloudevents import envelope_to_cloudevent, to_canonical_json
from nilometer.history.columns import ColumnReader
from nilometer.siem.cef import LENGTHS, to_cef
from nilometer.siem.facts import event_facts
from nilometer.siem.forms import FORMS, FormWriter
from nilometer.storage.bodies import encode
from nilometer.storage.reader import StoredRow
from tests.domain.given import HOST, START, WEB
from tests.nilometer.history.stored_rows import row_of
from tests.oracle.strategies import Seeded
from tests.paths import HISTORY_GOLDENS, POLICY_GOLDEN
from tests.rules.judging.histories import history, random_history

SCHEMAS: Final = Path(__file__).parent / "schemas"
DIGESTS: Final = {
    "ecs-9.4.0-fields.csv": "e56c8998eb6d546fbb562e0b93365ee49f4fb5ded88d81c27b82ae13960810d7",
    "ecs-9.4.0-values.json": "93e32a1feffc8b28dc3dd62e0b0ff27de95e9780e51364c9d7a683d3dc1587a9",
    "ocsf-1.8.0-entity_management.json": "f167e24dd0424fbb6a6410b959281dc196354a3e0d837b26cb8e3a129c2aa30a",
}
LEDGER: Final = "11111111-2222-4333-8444-555555555555"


def rows_of(golden: Path) -> list[StoredRow]:
    """The events of a golden, as they are stored."""
    return [row_of(json.loads(line)) for line in golden.read_bytes().splitlines()]


def decided_rows() -> Iterator[StoredRow]:
    for envelope in random_history(Seeded(4), 200):
        topic, body = encode(envelope.event, envelope.metadata)
        yield StoredRow(
            position=envelope.position, stream=envelope.stream, version=envelope.version, topic=topic, body=body
        )


HISTORIES: Final = {path.stem: rows_of(path) for path in [*sorted(HISTORY_GOLDENS.glob("*.jsonl")), POLICY_GOLDEN]} | {
    "decided": list(decided_rows())
}
UNKNOWN: Final = row_of(
    {
        "position": 1,
        "subject": "weather/berlin",
        "version": 1,
        "type": "nilometer.weather.changed.v1",
        "time": "2026-11-23T09:00:00.000000Z",
        "recorded": "2026-11-23T09:00:01.000000Z",
        "data": {"origin": ["no text"], "before": 3, "after": {"assigned": "much", "power": None}, "vm": 7},
    }
)
"""An event of a kind that this version does not know, in a stream of a kind that it does not know."""
histories = pytest.mark.parametrize("rows", [*HISTORIES.values(), [UNKNOWN]], ids=[*HISTORIES, "unknown"])


def lines(form: str, rows: list[StoredRow]) -> list[str]:
    written = b"".join(FormWriter(form, LEDGER).lines(rows)).decode()
    assert written.endswith("\n")
    found = written.removesuffix("\n").split("\n")
    assert len(found) == len(rows)
    return found


def documents(form: str, rows: list[StoredRow]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in lines(form, rows)]


def test_the_schemas_are_those_that_the_readme_says() -> None:
    assert {name: hashlib.sha256((SCHEMAS / name).read_bytes()).hexdigest() for name in DIGESTS} == DIGESTS
    assert {path.name for path in SCHEMAS.iterdir()} == {*DIGESTS, "README.md"}


# OCSF

OCSF: Final = jsonschema.Draft202012Validator(json.loads((SCHEMAS / "ocsf-1.8.0-entity_management.json").read_text()))


@histories
def test_every_event_is_valid_ocsf(rows: list[StoredRow]) -> None:
    for document in documents("ocsf", rows):
        OCSF.validate(document)  # pyright: ignore[reportUnknownMemberType]
        assert document["type_uid"] == 300400 + document["activity_id"]
        assert document["metadata"]["logged_time"] > 0
        assert (document["status_id"] == 99) == (document["status"] == "Partial")


def test_a_partial_grant_is_partial_and_its_reason_the_comment() -> None:
    found = {
        (document["unmapped"]["outcome"], document["status_id"], document["status"])
        for document in documents("ocsf", HISTORIES["decided"])
    }
    assert found == {
        ("done", 1, "Success"),
        ("completed", 1, "Success"),
        ("partially-completed", 99, "Partial"),
        ("failed", 2, "Failure"),
        ("rejected", 2, "Failure"),
    }


def test_the_reason_is_the_comment() -> None:
    line = json.loads((HISTORY_GOLDENS / "resizes-2.jsonl").read_bytes().splitlines()[0])
    (document,) = documents("ocsf", [row_of(line | {"reason": "month end"})])
    assert document["comment"] == "month end"


def test_the_entity_is_as_it_was_before_and_the_updated_one_as_it_is_after() -> None:
    for row, document in zip(HISTORIES["decided"], documents("ocsf", HISTORIES["decided"]), strict=True):
        data = json.loads(row.body)["data"]
        assert document["entity"].get("data") == known(data["before"])
        if document["status_id"] != 2:
            assert document["entity_result"]["data"] == known(data["after"])
        else:
            assert "entity_result" not in document


def test_an_event_of_a_host_has_the_name_of_its_vm_whatever_the_host_is_called() -> None:
    recorded = history({**HOST, "host": "web01"}, {**WEB, "name": "the shop", "host": "web01"}, START)
    rows = [row_of(envelope_to_cloudevent(each, LEDGER)) for each in recorded]
    *_, of_vm, of_host = documents("ocsf", rows)
    assert (of_vm["entity"]["name"], of_vm["entity"]["uid"]) == ("the shop", "web01")
    assert "vm_name" not in of_vm["unmapped"]
    assert (of_host["entity"]["name"], of_host["entity"]["type"]) == ("web01", "Hyper-V Host")
    assert of_host["unmapped"]["vm_name"] == "the shop"


def known(figures: dict[str, Any] | None) -> dict[str, Any] | None:
    return figures and {name: value for name, value in figures.items() if value is not None}


# ECS


def read_fields() -> dict[str, tuple[str, bool]]:
    """The published fields: the type of each, and whether it is a list."""
    with (SCHEMAS / "ecs-9.4.0-fields.csv").open(newline="") as stream:
        return {row["Field"]: (row["Type"], row["Normalization"] == "array") for row in csv.DictReader(stream)}


ECS_FIELDS: Final = read_fields()
ECS_VALUES: Final[Mapping[str, list[str]]] = json.loads((SCHEMAS / "ecs-9.4.0-values.json").read_text())


def flat(document: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in document.items():
        if isinstance(value, dict):
            yield from flat(cast("dict[str, Any]", value), f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def is_of_type(value: object, type: str) -> bool:
    match type:
        case "date":
            return isinstance(value, str) and datetime.fromisoformat(value).tzinfo is not None
        case "long":
            return value.__class__ is int
        case _:
            assert type in ("keyword", "match_only_text"), type
            return isinstance(value, str)


@histories
def test_every_field_is_one_of_ecs_and_of_its_type(rows: list[StoredRow]) -> None:
    for document in documents("ecs", rows):
        own = document.pop("nilometer")
        assert own["ledger"] == LEDGER
        for name, value in flat(document):
            type, is_list = ECS_FIELDS[name]
            values = cast("list[object]", value) if is_list else [value]
            assert isinstance(values, list)
            assert all(is_of_type(inner, type) for inner in values), (name, value)
            allowed = ECS_VALUES.get(name)
            assert allowed is None or set(map(str, values)) <= set(allowed)
        assert set(document["event"]["type"]) <= set(ECS_VALUES["event.type of configuration"])
        assert document["event"]["category"] == ["configuration"]


def test_a_partial_grant_has_a_tag_and_is_neither_success_nor_failure() -> None:
    found = {
        (each["nilometer"]["outcome"], each["event"].get("outcome"), *each.get("tags", ()))
        for each in documents("ecs", HISTORIES["decided"])
    }
    assert found == {
        ("done", "success"),
        ("completed", "success"),
        ("partially-completed", None, "partially-completed"),
        ("failed", "failure"),
        ("rejected", "failure"),
    }


# CEF: read again by the published rule


def parsed_cef(line: str) -> tuple[list[str], dict[str, str]]:
    """The header and the values of a line."""
    *header, extension = split_header(line)
    keys = list(re.finditer(r"(?:^| )([A-Za-z0-9]+)=", extension))  # no key can be taken for one that is in a value
    values: dict[str, str] = {}
    for key, following in zip(keys, [*keys[1:], None], strict=True):
        end = len(extension) if following is None else following.start()
        assert key[1] not in values, f"{key[1]} stands twice"
        values[key[1]] = unescaped(extension[key.end() : end])
    return header, values


def split_header(line: str) -> list[str]:
    parts, part, index = list[str](), "", 0
    while len(parts) < 7:
        if line[index] == "\\":
            part += line[index + 1]
            index += 2
        elif line[index] == "|":
            parts.append(part)
            part, index = "", index + 1
        else:
            part += line[index]
            index += 1
    return [*parts, line[index:]]


def unescaped(value: str) -> str:
    return re.sub(r"\\(.)", lambda match: {"n": "\n", "r": "\r"}.get(match[1], match[1]), value)


@histories
def test_every_line_of_cef_reads_and_no_text_is_too_long(rows: list[StoredRow]) -> None:
    for row, line in zip(rows, lines("cef", rows), strict=True):
        header, values = parsed_cef(line)
        assert header[:3] == ["CEF:0", "Nilometer", "Nilometer"]
        assert header[4] == row.topic.rpartition("/")[0]
        assert 0 <= int(header[6]) <= 10
        assert values["cs1"] == f"{LEDGER}/{row.stream}/{row.version}"
        for key, value in values.items():
            if re.fullmatch(r"(cs|cn|flexNumber)\d", key):
                assert values[f"{key}Label"]
            if key in ("rt", "start", "end", "cn1", "cn2", "cn3", "flexNumber1", "flexNumber2"):
                int(value)
            elif not key.endswith("Label"):
                assert len(value) <= LENGTHS[key]


TEXTS: Final = st.text(st.sampled_from("a |=\\\n\r\té漢\u2028"), min_size=1, max_size=12)


@given(actor=TEXTS, reason=TEXTS, vm=TEXTS, kind=TEXTS)
def test_whatever_a_text_has_in_cef_it_is_one_line_and_reads_as_it_was(
    actor: str, reason: str, vm: str, kind: str
) -> None:
    columns = {"stream": f"vm/{vm}", "version": 1, "position": 1, "kind": kind, "actor": actor, "reason": reason}
    line = to_cef(event_facts({**columns, "vm": vm, "code": "x=1 cs2=2|"}, {}, LEDGER))
    assert "\n" not in line
    assert "\r" not in line
    header, values = parsed_cef(line)
    assert header[4] == re.sub("[\n\r]", " ", kind)
    assert (values["suser"], values["reason"], values["dhost"]) == (actor, reason, vm)
    assert (values["cs3"], values["cs4"]) == (vm, "x=1 cs2=2|")


def test_a_long_text_is_cut_before_it_is_escaped() -> None:
    columns = {"stream": "vm/a", "version": 1, "position": 1, "kind": "vm.started", "reason": "=" * 5000}
    _, values = parsed_cef(to_cef(event_facts(columns, {}, LEDGER)))
    assert values["reason"] == "=" * 1023


# All forms


@histories
def test_all_forms_have_the_same_id_for_an_event_and_both_times(rows: list[StoredRow]) -> None:
    ocsf, ecs = documents("ocsf", rows), documents("ecs", rows)
    cef = [parsed_cef(line)[1] for line in lines("cef", rows)]
    ids = [document["metadata"]["uid"] for document in ocsf]
    assert ids == [document["event"]["id"] for document in ecs] == [values["cs1"] for values in cef]
    assert len(set(ids)) == len(rows)
    for row, one, other, values in zip(rows, ocsf, ecs, cef, strict=True):
        body = json.loads(row.body)
        assert one["metadata"]["original_time"] == other["@timestamp"] == body["happened"]
        assert other["event"]["created"] == body["recorded"]
        assert (one["time"], one["metadata"]["logged_time"]) == (int(values["end"]), int(values["rt"]))
        assert milliseconds(body["recorded"]) == one["metadata"]["logged_time"]


def milliseconds(time: str) -> int:
    return int(datetime.fromisoformat(time).timestamp() * 1000)


@pytest.mark.parametrize("form", FORMS)
def test_events_behind_a_position_are_the_same_as_among_all(form: str) -> None:
    rows = HISTORIES["observed-2"]
    after = b"".join(FormWriter(form, LEDGER).lines(rows, 5)).decode().splitlines()
    assert after == lines(form, rows)[5:]


def test_what_a_policy_refused_is_what_the_command_would_have_done() -> None:
    data = {"command": "move-vm", "outcome": "rejected", "code": "policy", "origin": "decided"}
    kinds = ("vm.refused-by-policy", "policy.adopted", "policy.retired")
    rows = [
        replace(UNKNOWN, topic=f"{kind}/1", body=to_canonical_json(json.loads(UNKNOWN.body) | {"data": changed}))
        for kind, changed in zip(kinds, (data, {}, {}), strict=True)
    ]
    assert [document["activity_name"] for document in documents("ocsf", rows)] == ["Move", "Create", "Delete"]


def test_a_column_of_another_type_is_left_out() -> None:
    columns = ColumnReader().read_named(
        UNKNOWN, {"data": json.loads(UNKNOWN.body)["data"], "time": "tomorrow", "actor": 5}
    )
    assert columns.keys() == {"position", "stream", "version", "kind", "topic", "body"}
