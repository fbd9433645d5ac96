"""Reading histories to be judged: whatever stands there, as it stands; what is no event is errors with its place."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from io import BufferedReader, BytesIO
from itertools import permutations
from pathlib import Path
from typing import Any, BinaryIO, cast

import pytest

from domain.errors import InputError, NilometerError
from domain.events import VmDefined
from nilometer.audit.histories import histories
from nilometer.audit.reading import read_events, read_ledger
from nilometer.errors import UnreadableEvent
from nilometer.history.checked import read_history
from nilometer.history.cloudevents import TYPE, source_uri
from nilometer.history.restoring import restore
from nilometer.ledger.ledger import Ledger
from nilometer.storage.upcasters import UPCASTERS
from nilometer.textio.files import open_input
from rules.judging.completeness import PlacedEvent
from tests.paths import HISTORY_GOLDENS

HISTORY = HISTORY_GOLDENS / "version-1.jsonl"
LINES = HISTORY.read_bytes().splitlines()


def stream_of(*lines: bytes) -> BinaryIO:
    return cast("BinaryIO", BufferedReader(BytesIO(b"".join(line + b"\n" for line in lines))))


def read(*lines: bytes) -> list[PlacedEvent]:
    return list(read_events(stream_of(*lines), "h.jsonl"))


def problem(*lines: bytes) -> InputError:
    with pytest.raises(InputError) as caught:
        read(*lines)
    return caught.value


def changed(line: bytes, **values: object) -> bytes:
    return json.dumps(json.loads(line) | values, sort_keys=True, separators=(",", ":")).encode()


def with_data(line: bytes, **values: object) -> bytes:
    return changed(line, data=json.loads(line)["data"] | values)


# What is read


def test_a_history_is_read_as_it_is_imported_each_event_with_its_line(tmp_path: Path) -> None:
    with Ledger.open(f"sqlite:///{tmp_path}/ledger.db", create=True) as ledger:
        restore(ledger, read_history(BytesIO(HISTORY.read_bytes()), "h"))
        expected = list(ledger.events())
        source = source_uri(ledger.id)
        assert list(read_ledger(ledger)) == [(envelope, "", source) for envelope in expected]
    assert read(*LINES) == [
        (envelope, f"h.jsonl:{number}", source) for number, envelope in enumerate(expected, start=1)
    ]


def test_an_older_shape_is_brought_up_to_date() -> None:
    defined = [envelope.event for envelope, _, _ in read(*LINES) if isinstance(envelope.event, VmDefined)]
    assert [event.name for event in defined] == ["web01"]


def respelled(line: bytes) -> bytes:
    return json.dumps(dict(reversed(json.loads(line).items())), separators=(" , ", " : ")).encode()


def with_escapes(line: bytes) -> bytes:
    return line.replace(b"nilometer.", b"\\u006eilometer.").replace(b"urn:", b"urn\\u003a")


def with_spaces_around(line: bytes) -> bytes:
    return b"\t" + line + b" \r"


@pytest.mark.parametrize("spell", [respelled, with_escapes, with_spaces_around])
def test_it_does_not_matter_how_another_program_spelled_a_line(spell: Callable[[bytes], bytes]) -> None:
    assert read(*map(spell, LINES)) == read(*LINES)


def test_a_line_as_nilometer_writes_it_is_read_in_one_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    types = [TYPE.fullmatch(json.loads(line)["type"]) for line in LINES]
    older = [found is not None and (found[1], int(found[2])) in UPCASTERS for found in types]
    current = [line for line, old in zip(LINES, older, strict=True) if not old]

    def again(_: bytes) -> None:
        raise AssertionError("it is read again")

    monkeypatch.setattr("nilometer.history.parsing.parse_object", again)
    assert len(read(*current)) == len(current) > 1
    with pytest.raises(AssertionError, match="it is read again"):
        read(respelled(current[0]))


def test_the_same_moment_may_be_written_otherwise() -> None:
    (moved, _, _), *_ = read(changed(LINES[0], time="2026-11-23T10:00:00+01:00", recorded="2026-11-23T09:00:00.5Z"))
    assert moved.metadata.happened == "2026-11-23T09:00:00.000000Z"
    assert moved.metadata.recorded == "2026-11-23T09:00:00.500000Z"


def test_gaps_doubles_and_disorder_are_for_the_judge() -> None:
    amiss = [LINES[3], LINES[1], LINES[1], LINES[8]]
    assert [envelope.position for envelope, _, _ in read(*amiss)] == [4, 2, 2, 9]


def test_blank_lines_count_and_say_nothing() -> None:
    assert [place for _, place, _ in read(b"", LINES[0], b"  ", LINES[1])] == ["h.jsonl:2", "h.jsonl:4"]


def test_a_packed_history_is_unpacked() -> None:
    packed = BytesIO(gzip.compress(HISTORY.read_bytes()))
    found = list(read_events(cast("BinaryIO", BufferedReader(packed)), "h.jsonl.gz"))
    assert [judged.envelope.position for judged in found] == list(range(1, 10))


# What cannot be read

GOOD = LINES[0]
BODY = json.loads(GOOD)["data"]


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (GOOD[:-1], "is not JSON: expecting ',' delimiter at column "),
        (GOOD[:200], "is not JSON: unterminated string at column "),
        (GOOD + b"}", "is not JSON: extra data at column "),
        (b"what?", "is not JSON: expecting value at column 1"),
        (b"null", "is not a JSON object"),
        (b'{"data":' + b"[" * 200_000, "is nested more than 100 deep"),
        (b"\xff" + GOOD, "is not UTF-8"),
        (GOOD.replace(b'"position":1', b'"position":NaN'), "NaN is not a number in JSON"),
        (GOOD.replace(b'"position":1', b'"position":1.0'), "position: is not a whole number"),
        (GOOD.replace(b'"position":1', b'"position":0'), "position: is under 1"),
        (GOOD.replace(b'"position":1', b'"position":true'), "position: is not a whole number"),
        (GOOD.replace(b'"position":1', b'"position":' + b"1" * 5000), "has a number of 5000 characters"),
        (changed(GOOD, position="1"), "position: is not a whole number"),
        (with_data(GOOD, total=str(BODY["total"])), "data.total: is not a whole number"),
        (with_data(GOOD, total=2**53), "data.total: is over 9007199254740991"),
        (with_data(GOOD, totla=1), "has the unknown attribute 'data.totla'"),
        (changed(GOOD, colour="red"), "has the unknown attribute 'colour'"),
        (changed(GOOD, type="nilometer.vm.enchanted.v1"), "'nilometer.vm.enchanted.v1' is unknown to this version"),
        (changed(GOOD, type="nilometer.vm.defined.v9"), "'nilometer.vm.defined.v9' is unknown to this version"),
        (changed(GOOD, type=7), "its type 7 is not one of Nilometer's"),
        (changed(GOOD, id="host/hv01/2"), "id is 'host/hv01/2', not 'host/hv01/1', as subject and version say"),
        (changed(GOOD, subject="hv01"), "subject: String should match pattern"),
        (changed(GOOD, source="urn:uuid:1"), "source: String should match pattern"),
        (changed(GOOD, specversion="0.3"), "specversion: is not '1.0'"),
        (changed(GOOD, actor=""), "actor: is empty"),
        (changed(GOOD, time="yesterday"), "time: 'yesterday' is not a time"),
        (changed(GOOD, time="2026-02-30T09:00:00.000000Z"), "time: '2026-02-30T09:00:00.000000Z' is not a time"),
    ],
)
def test_a_line_that_is_no_event_is_told_with_its_place_and_reason(line: bytes, why: str) -> None:
    error = problem(LINES[1], line)
    assert error.message.startswith("h.jsonl:2: ")
    assert why in error.message
    assert error.hint


def test_a_hint_is_sentences_that_can_be_read() -> None:
    skips = "nilo audit --keep-going skips such lines"
    cut_off = "the line may have been cut off: a file that is still being written can be read again later"
    assert problem(LINES[1], GOOD[:-9]).hint == f"{cut_off}; {skips}"
    assert problem(LINES[1], b"no JSON").hint == f"is it the file you meant, one JSON object a line? {skips}"


def test_a_line_that_lacks_something_says_what() -> None:
    for name in ("actor", "data", "id", "position", "recorded", "source", "time", "via"):
        line = json.loads(GOOD)
        del line[name]
        assert problem(GOOD, json.dumps(line).encode()).message.startswith(f"h.jsonl:2: {name}: ")


@pytest.mark.parametrize(
    "twice",
    [
        b'"position":1,"position":1',
        b'"position":2,"position":1',
        b'"position":1, "position" :1',
        b'"position":1,"\\u0070osition":1',
    ],
)
def test_a_key_that_stands_twice_is_never_read_as_one_of_the_two(twice: bytes) -> None:
    line = GOOD.replace(b'"position":1', twice)
    assert "has the key 'position' twice" in problem(GOOD, line).message
    assert "has the key 'position' twice" in problem(respelled(GOOD), line).message


def test_a_key_that_stands_twice_deep_inside_is_found_too() -> None:
    line = GOOD.replace(b'"free":', b'"free":1,"free":', 1)
    assert "has the key 'free' twice" in problem(line).message


def test_an_event_of_another_ledger_is_read_and_is_for_the_judge() -> None:
    elsewhere = "urn:uuid:00000000-0000-4000-8000-000000000000"
    assert read(LINES[0], changed(LINES[1], source=elsewhere))[1][2] == elsewhere


def test_what_is_passed_over_is_told_and_the_rest_is_read() -> None:
    errors: list[NilometerError] = []
    found = read_events(stream_of(LINES[0], b"what?", LINES[1], LINES[2][:50]), "h.jsonl", errors.append)
    assert [event.place for event in found] == ["h.jsonl:1", "h.jsonl:3"]
    assert [error.message.partition(": ")[0] for error in errors] == ["h.jsonl:2", "h.jsonl:4"]


def test_a_packed_history_that_is_cut_off_says_so() -> None:
    packed = gzip.compress(HISTORY.read_bytes() * 50)[:-20]
    with pytest.raises(InputError, match=r"^h\.gz"):
        list(read_events(cast("BinaryIO", BufferedReader(BytesIO(packed))), "h.gz"))


@pytest.mark.parametrize(
    ("content", "why", "hint"),
    [
        (b"", "h: this is an empty file", "nilo export -o history.jsonl"),
        (b"\n \n", "h: this is an empty file", "nilo export -o history.jsonl"),
        (b"SQLite format 3\0\x10\x00", "h: this is a SQLite database", "nilo audit --ledger sqlite:///h"),
        (b'{"command":"start","vm":"web01"}', "h: this is a script", "nilo run h decides and records its"),
        (
            b'{"seq":1,"scenario":"s7","kind":"qmp"}',
            "h: this is a recording of",
            "nilo import-qemu h; then",
        ),
        (b'{"command":"start","outcome":"done","positions":[1]}', "h: this is an answer of nilo run", "nilo export"),
        (
            b'{"specversion":"1.0","type":"com.example.made"}',
            "h: this is a CloudEvent of another",
            "nilo export writes",
        ),
        (b"<Events>\n</Events>", "h: this is a Windows event log as XML", "nilo import-hyperv h; then: nilo audit"),
        (b"Time,VM,Memory\n1,2,3", "h: this is a table (CSV)", "api/v1/query_range"),
        (b"Time;VM;Memory\n1;2;3", "h: this is a table (CSV)", "api/v1/query_range"),
        (b"[\n" + GOOD + b"]", "h: this is JSON, but not one JSON object a line", "jq -c '.[]' h > history.jsonl"),
        (b'{\n"actor": "a"}', "h: this is JSON, but not one JSON object a line", "jq -c '.' h > history.jsonl"),
    ],
)
def test_another_kind_of_file_is_named_with_what_to_do(content: bytes, why: str, hint: str) -> None:
    errors: list[NilometerError] = []
    for on_error in (None, errors.append):
        with pytest.raises(InputError) as caught:
            list(read_events(cast("BinaryIO", BufferedReader(BytesIO(content))), "h", on_error))
        assert why in caught.value.message
        assert hint in caught.value.hint
    assert errors == []


@pytest.mark.parametrize("first", [b"what?\rwho?", b"\x01\r" + GOOD, b"a" * 200_000 + b",b"])
def test_a_first_line_that_is_no_table_either_is_a_spoiled_line(first: bytes) -> None:
    errors: list[NilometerError] = []
    stream = cast("BinaryIO", BufferedReader(BytesIO(first + b"\n" + GOOD)))
    assert len(list(read_events(stream, "h", errors.append))) == 1
    (error,) = errors
    assert error.message.startswith("h:1: is not JSON")


# Several files


def written(folder: Path, **files: list[bytes]) -> list[str]:
    for name, lines in files.items():
        (folder / name).write_bytes(b"".join(line + b"\n" for line in lines))
    return [str(folder / name) for name in files]


def of_other(line: bytes) -> bytes:
    return changed(line, source="urn:uuid:00000000-0000-4000-8000-000000000000")


def positions(names: list[str]) -> list[list[int]]:
    return [[envelope.position for envelope, _, _ in history.events] for history in histories(names, open_input)]


def test_files_that_continue_one_another_are_one_history(tmp_path: Path) -> None:
    names = written(tmp_path, c=LINES[6:], a=LINES[:3], b=LINES[3:6])
    assert positions(names) == [[1, 2, 3, 4, 5, 6, 7, 8, 9]]


def test_files_that_overlap_or_leave_a_gap_are_one_history_with_each_event_once(tmp_path: Path) -> None:
    names = written(tmp_path, a=LINES[:3], b=LINES[2:6], c=LINES[7:])
    for order in permutations(names):
        assert positions(list(order)) == [[1, 2, 3, 4, 5, 6, 8, 9]]
    assert positions([names[0], names[0]]) == [[1, 2, 3]]


def test_files_that_have_different_events_at_one_position_are_in_conflict(tmp_path: Path) -> None:
    other = changed(LINES[3], actor="somebody else")
    names = written(tmp_path, a=LINES, b=[*LINES[:3], other, *LINES[4:]])
    for order in (names, names[::-1]):
        (history,) = histories(order, open_input)
        assert [event.envelope.position for event in history.events] == list(range(1, 10))
        assert [(each.judged.place[-3:], each.other.place[-3:]) for each in history.conflicts] == [
            (f"{order[0][-1]}:4", f"{order[1][-1]}:4")
        ]


def test_files_of_different_ledgers_are_histories_of_their_own(tmp_path: Path) -> None:
    names = written(tmp_path, a=LINES[:3], x=[of_other(line) for line in LINES[3:]], b=LINES[3:])
    found = [
        (history.source[:14], [place[-3:] for _, place, _ in history.events])
        for history in histories(names, open_input)
    ]
    own = json.loads(GOOD)["source"][:14]
    assert found == [
        (own, ["a:1", "a:2", "a:3", "b:1", "b:2", "b:3", "b:4", "b:5", "b:6"]),
        ("urn:uuid:00000", ["x:1", "x:2", "x:3", "x:4", "x:5", "x:6"]),
    ]


def test_what_can_be_read_only_once_is_read_once(tmp_path: Path) -> None:
    (name,) = written(tmp_path, a=LINES[:3])
    opened: list[str] = []

    def open_once(asked: str) -> AbstractContextManager[BinaryIO]:
        opened.append(asked)
        return open_input(name) if asked == name else cast("Any", stream_of(*LINES[3:]))

    found = [[envelope.position for envelope, _, _ in history.events] for history in histories(["-", name], open_once)]
    assert found == [[1, 2, 3, 4, 5, 6, 7, 8, 9]]
    assert opened.count("-") == 1


def test_a_file_that_cannot_be_read_stands_in_the_way_unless_it_is_passed_over(tmp_path: Path) -> None:
    names = [*written(tmp_path, a=LINES[:3], b=[], c=[b"<xml/>"]), str(tmp_path / "none")]
    with pytest.raises(InputError):
        positions(names)
    errors: list[NilometerError] = []
    found = [len(list(history.events)) for history in histories(names, open_input, errors.append)]
    assert sorted(found) == [0, 0, 0, 3]
    assert len(errors) == 3


# Ledgers


def test_a_ledger_that_was_changed_where_it_is_stored_cannot_be_read_there(tmp_path: Path) -> None:
    import sqlite3

    with Ledger.open(f"sqlite:///{tmp_path}/ledger.db", create=True) as ledger:
        restore(ledger, read_history(BytesIO(HISTORY.read_bytes()), "h"))
    db = sqlite3.connect(tmp_path / "ledger.db")
    with db:
        (body,) = db.execute("SELECT state FROM stored_events WHERE rowid = 2").fetchone()
        db.execute("DROP TRIGGER events_are_not_changed")
        db.execute("UPDATE stored_events SET state = ? WHERE rowid = 2", [body.replace(b'","', b'", "', 1)])
    db.close()
    errors: list[NilometerError] = []
    with Ledger.open(f"sqlite:///{tmp_path}/ledger.db", read_only=True) as ledger:
        with pytest.raises(UnreadableEvent, match="at position 2 cannot be read: it is not as Nilometer writes events"):
            list(read_ledger(ledger))
        found = read_ledger(ledger, on_error=errors.append)
        assert [envelope.position for envelope, _, _ in found] == [1, *range(3, 10)]
    assert len(errors) == 1
