"""Shares of an audit: joined, they come to the audit in one piece. What does not fit is refused."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest

from detection.corruptions import with_leaf
from nilometer import Ledger
from nilometer.history.checked import read_history
from nilometer.history.cloudevents import envelope_to_cloudevent
from nilometer.history.parquet import dividing, writing
from nilometer.history.parquet.dividing import Division
from nilometer.history.parquet.manifest import NAME
from nilometer.history.parquet.pieces import Piece
from nilometer.history.parquet.reading import LedgerFile
from nilometer.history.restoring import restore
from nilometer.storage.sqlite.triggers import TRIGGERS
from nilometer.textio.digests import with_digest
from nilometer.textio.files import open_input
from tests.domain.given import HOST, START, WEB, do
from tests.nilometer.audit.mixed import LEDGER, Line, mixed_history, shuffled, text_of
from tests.nilometer.cli.calling import CallResult, Desk
from tests.nilometer.cli.reading.test_export_parquet import damage_a_body
from tests.nilometer.cli.test_schemas import problems
from tests.nilometer.databases import Server
from tests.rules.judging.histories import history

Json = dict[str, Any]
OTHER_LEDGER = f"urn:uuid:{LEDGER.replace('1', '2')}"


@pytest.fixture(scope="module")
def lines() -> list[Line]:
    """Several sites; an outcome of each decided one was altered."""
    lines = mixed_history(3)
    for site in ("s0", "s2"):
        index = next(
            index
            for index, line in enumerate(lines)
            if line["subject"].startswith(f"vm/{site}") and line["data"].get("outcome") == "completed"
        )
        lines = with_leaf(lines, index, ["data", "outcome"], "partially-completed")
    return lines


def shares_of(desk: Desk, of: int, *args: str) -> list[str]:
    """The files with all shares."""
    names = list[str]()
    for number in range(1, of + 1):
        made = desk.call("audit", *args, "--share", f"{number}/{of}")
        assert made.code == 0, made.err
        assert problems("audit-share", made.json) == []
        names.append(desk.write(f"{number}-of-{of}.json", made.out))
    return names


def without_times(document: Json) -> Json:
    about = {key: value for key, value in document["about"].items() if key not in ("begun", "ended")}
    return {**document, "about": about}


def assert_joined_is_whole(desk: Desk, of: int, *args: str) -> Json:
    """The join has the same exit code, the same document and the same page as the audit in one piece."""
    whole = desk.call("audit", *args, "--format", "json")
    names = shares_of(desk, of, *args)
    joined = desk.call("audit", "--join", *reversed(names), "--format", "json")
    assert (joined.code, without_times(joined.json)) == (whole.code, without_times(whole.json))
    pages = [
        [line for line in desk.call("audit", *each).out.splitlines() if not line.startswith("  judged from")]
        for each in (args, ("--join", *names))
    ]
    assert pages[0] == pages[1]
    found: Json = joined.json
    return found


@pytest.mark.parametrize("of", [1, 2, 5, 40])
def test_the_join_of_all_shares_is_the_audit_in_one_piece(desk: Desk, lines: list[Line], of: int) -> None:
    file = desk.write("history.jsonl", text_of(lines))
    found = assert_joined_is_whole(desk, of, file)
    assert found["verdict"] == "violated"
    assert {finding["verdict"] for finding in found["findings"]} >= {"violated", "unknown"}
    judged = [json.loads((desk.folder / f"{k}-of-{of}.json").read_text())["events"] for k in range(1, of + 1)]
    assert sum(judged) == len(lines)
    assert sum(map(bool, judged)) >= min(of, 4)


def test_each_share_of_a_history_in_disorder_says_why_the_first_one_judges_all(desk: Desk, lines: list[Line]) -> None:
    file = desk.write("history.jsonl", text_of(shuffled(lines, 1)))
    assert assert_joined_is_whole(desk, 3, file)["verdict"] == "violated"
    second = desk.call("audit", file, "--share", "2/3")
    assert second.json["events"] == 0
    assert second.err.startswith("note: share 1 judges all of it, the others nothing: ")


def defined_on_two_hosts() -> str:
    """Two VMs, each on a host of its own, of which nothing else is said."""
    hosts = [{**HOST, "host": name} for name in ("hv01", "hv02")]
    vms = [{**WEB, "vm": f"on-{host['host']}", "host": host["host"]} for host in hosts]
    events = history(*hosts, *vms)
    return text_of([envelope_to_cloudevent(envelope, LEDGER) for envelope in events]).decode()


@pytest.mark.parametrize(
    "spelling",
    [('"host":"', '"host": "', '"id":"hv', '"id": "hv'), ('"host"', '"h\\u006fst"', '"id":"hv', '"i\\u0064":"hv')],
    ids=["with spaces", "with names escaped"],
)
def test_however_a_host_is_spelled_its_vms_are_judged_with_it(desk: Desk, spelling: Sequence[str]) -> None:
    """An audit in one piece takes such lines, and a search for the names of hosts misses them."""
    text = defined_on_two_hosts()
    for plain, other in zip(spelling[::2], spelling[1::2], strict=True):
        text = text.replace(plain, other)
    assert assert_joined_is_whole(desk, 3, desk.write("history.jsonl", text))["verdict"] == "holds"


@pytest.mark.parametrize("ending", ["", "+02:00", "+00:00", "000Z"])
def test_however_a_moment_is_spelled_each_share_says_what_the_whole_says(desk: Desk, ending: str) -> None:
    """One that is an hour late, or has no zone, or only reads so."""
    *_, last = re.findall(r'"recorded":"(.*?)Z"', text := defined_on_two_hosts())
    file = desk.write("history.jsonl", text.replace(f'"recorded":"{last}Z"', f'"recorded":"{last}{ending}"'))
    whole = desk.call("audit", file)
    if whole.code == 2:
        refused = desk.call("audit", file, "--share", "1/2")
        assert (refused.code, whole.err in refused.err) == (2, True)
    else:
        assert_joined_is_whole(desk, 2, file)


@pytest.mark.parametrize("name", ["position", "version"])
def test_a_number_of_thousands_of_digits_is_refused_by_a_share_too(desk: Desk, name: str) -> None:
    text = re.sub(f'"{name}":1,', lambda found: f'"{name}":{"9" * 5000},', defined_on_two_hosts(), count=1)
    file = desk.write("history.jsonl", text)
    whole, share = desk.call("audit", file), desk.call("audit", file, "--share", "1/2")
    assert (whole.code, share.code, whole.err in share.err) == (2, 2, True)


def test_a_subject_within_the_data_is_not_that_of_the_event(desk: Desk) -> None:
    text = defined_on_two_hosts().replace('"data":{', '"data":{"subject":"vm/nobody",', 1)
    refused = desk.call("audit", desk.write("history.jsonl", text), "--share", "1/2")
    assert (refused.code, "has the unknown attribute 'data.subject'" in refused.err) == (2, True)


ODD: dict[str, Callable[[list[Line]], list[Line]]] = {
    "a gap": lambda lines: lines[:7] + lines[8:],
    "a double": lambda lines: [*lines[:7], lines[6], *lines[7:]],
    "a second ledger": lambda lines: [*lines[:-1], {**lines[-1], "source": OTHER_LEDGER}],
}


@pytest.mark.parametrize("odd", ODD.values(), ids=ODD)
def test_what_only_the_whole_shows_is_found_by_the_join(
    desk: Desk, lines: list[Line], odd: Callable[[list[Line]], list[Line]]
) -> None:
    document = assert_joined_is_whole(desk, 2, desk.write("history.jsonl", text_of(odd(lines))))
    assert "history_is_whole" in {finding["rule"] for finding in document["findings"]}


def test_several_files_packed_ones_too_are_one_history(desk: Desk, lines: list[Line]) -> None:
    parts = text_of(lines[:90]), text_of(lines[90:])
    files = desk.write("b.jsonl.gz", gzip.compress(parts[1])), desk.write("a.jsonl", parts[0])
    assert_joined_is_whole(desk, 2, *files)
    first = json.loads((desk.folder / "1-of-2.json").read_text())
    assert [Path(file["name"]).name for file in first["history"]["files"]] == ["b.jsonl.gz", "a.jsonl"]


def test_an_export_as_parquet_is_shared_as_the_lines_that_it_was_made_of(desk: Desk, lines: list[Line]) -> None:
    stored(desk.url, lines, desk)
    folder = str(desk.folder / "parquet")
    assert desk.call("export", "--as", "parquet", "-o", folder).code == 0
    joined = assert_joined_is_whole(desk, 3, folder)
    assert joined["about"]["files"][0]["bytes"] == len(text_of(lines))


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


def test_a_host_without_events_that_two_shares_name_is_refused_by_the_join(desk: Desk, lines: list[Line]) -> None:
    names = shares_of(desk, 2, desk.write("history.jsonl", text_of(lines)))
    for name in names:
        changed(name, lambda share: share.update(absent=["host/gone"]))
    joined = desk.call("audit", "--join", *names)
    assert (joined.code, joined.out) == (2, "")
    assert "its events name host/gone, which has no event, and so do those of" in joined.err


def stored(url: str, lines: list[Line], desk: Desk) -> None:
    name = desk.write("whole.jsonl", text_of(lines))
    with Ledger.open(url, create=True) as ledger, open_input(name) as stream:
        restore(ledger, read_history(stream, name))


def test_a_ledger_is_shared_up_to_one_position(desk: Desk, lines: list[Line]) -> None:
    stored(desk.url, lines, desk)
    assert_joined_is_whole(desk, 3)
    shares = shares_of(desk, 2, "--position", "100")
    assert sum(json.loads(Path(share).read_text())["events"] for share in shares) == 100
    assert desk.call("audit", "--join", *shares, "--format", "json").json["events"] == 100
    too_far = desk.call("audit", "--share", "1/2", "--position", "100000")
    assert too_far.code == 2
    assert f"the ledger has {len(lines):,} events, not 100,000" in too_far.err


def test_a_ledger_on_postgresql_is_shared_too(desk: Desk, lines: list[Line], postgres: Server) -> None:
    with postgres.schema() as schema:
        stored(postgres.url(schema), lines, desk)
        assert_joined_is_whole(desk, 2, "--ledger", postgres.url(schema))


# What is refused


@pytest.fixture
def shares(desk: Desk, lines: list[Line]) -> list[str]:
    return shares_of(desk, 2, desk.write("history.jsonl", text_of(lines)))


def refused(answer: CallResult, *words: str) -> None:
    """Exit 2, nothing on stdout, an error with a hint."""
    assert (answer.code, answer.out) == (2, "")
    assert "hint: " in answer.err
    for word in words:
        assert word in answer.err


def changed(file: str, change: Callable[[Json], object]) -> str:
    """Another share, with a digest that fits."""
    document = json.loads(Path(file).read_text())
    change(document)
    Path(file).write_text(json.dumps(with_digest(document)))
    return file


def test_a_share_that_is_missing_or_stands_twice_is_named(desk: Desk, shares: list[str]) -> None:
    refused(desk.call("audit", "--join", shares[1]), "share 1 of 2 is missing", "--share 1/2")
    refused(desk.call("audit", "--join", *shares, shares[0]), "it is share 1 of 2, and so is")
    refused(desk.call("audit", "--join"), "no share is named")


CHANGES: list[tuple[Callable[[Json], object], str]] = [
    (lambda share: share["history"].update(ledger="urn:uuid:other"), "the ledger is"),
    (lambda share: share["history"]["files"][0].update(sha256="0" * 64), "the files have SHA-256"),
    (lambda share: share["history"].update(position=7), "the last position is"),
    (lambda share: share["history"].update(groups=7), "the number of groups is"),
    (lambda share: share["share"].update(of=3), "the number of shares is"),
    (lambda share: share.update(tool="nilometer 0.0.1"), "the program is nilometer 0.0.1"),
    (lambda share: share.update(rules_sha256="0" * 64), "the SHA-256 of the rules is"),
    (lambda share: share["share"].update(format=3), "its format is 3, and this program reads 1 to 2"),
    (lambda share: share.update(events=3), "together the shares judged"),
    (lambda share: share.pop("counts"), "counts is missing"),
    (lambda share: share["findings"].append({}), "ledger is missing"),
    (lambda share: share.pop("share"), "it is not a share of an audit"),
]
_CHANGED = "something in it was changed"
EDITS: list[tuple[Sequence[str | int], object, str]] = [
    (["checked", 0, "holds"], 7, _CHANGED),
    (["checked", 0, "violated"], -1, _CHANGED),
    (["checked", 0, "rule"], 7, _CHANGED),
    (["checked", 0, "remarks"], float("inf"), "Infinity is not a number in JSON"),
    (["spans", 0, "last"], "1e5", _CHANGED),
    (["sealed"], 2**63, _CHANGED),
    (["unreadable_count"], True, _CHANGED),
    (["counts"], {}, _CHANGED),
    (["digest"], None, _CHANGED),
    (["unknown"], "\ud800", "has half of a surrogate pair, \\ud800"),
]


@pytest.mark.parametrize(("path", "value", "words"), EDITS, ids=str)
def test_an_edited_share_is_refused_whatever_was_edited(
    desk: Desk, shares: list[str], path: Sequence[str | int], value: object, words: str
) -> None:
    document = json.loads(Path(shares[1]).read_text())
    part = document
    for step in path[:-1]:
        part = part[step]
    part[path[-1]] = value
    edited = desk.write("edited.json", json.dumps(document))
    refused(desk.call("audit", "--join", shares[0], edited), f"edited.json: {words}")


def test_a_share_that_was_only_written_otherwise_is_joined(desk: Desk, shares: list[str]) -> None:
    joined = desk.call("audit", "--join", *shares).code
    document = json.loads(Path(shares[1]).read_text())
    other = desk.write("other.json", json.dumps(document, sort_keys=True, indent=7))
    assert desk.call("audit", "--join", shares[0], other).code == joined


@pytest.mark.parametrize(("change", "words"), CHANGES)
def test_shares_of_something_else_are_refused(
    desk: Desk, shares: list[str], change: Callable[[Json], object], words: str
) -> None:
    refused(desk.call("audit", "--join", shares[0], changed(shares[1], change)), words)


def test_shares_that_are_all_of_another_program_are_refused(desk: Desk, shares: list[str]) -> None:
    for share in shares:
        changed(share, CHANGES[5][0])
    refused(desk.call("audit", "--join", *shares), "does not fit this program", "nilometer 0.0.1")


def test_a_share_that_was_cut_off_or_is_none_is_refused(desk: Desk, shares: list[str], lines: list[Line]) -> None:
    text = Path(shares[1]).read_text()
    for length in (1, len(text) // 2, len(text) - 3):
        cut = desk.write("cut.json", text[:length])
        refused(desk.call("audit", "--join", shares[0], cut), "cut.json: it was cut off")
    refused(desk.call("audit", "--join", shares[0], desk.write("empty.json", "")), "empty.json: it is empty")
    for other in (b"\xff\xfd", b"nonsense", b"[]", b"{}", text_of(lines[:1])):
        refused(desk.call("audit", "--join", shares[0], desk.write("no.json", other)), "it is not a share of an audit")
    refused(desk.call("audit", "--join", shares[0], str(desk.folder / "none.json")), "none.json: No such file")


def test_a_history_that_was_cut_off_or_cannot_be_read_makes_no_share(desk: Desk, lines: list[Line]) -> None:
    packed = gzip.compress(text_of(lines))
    refused(desk.call("audit", desk.write("cut.gz", packed[:-20]), "--share", "1/2"), "cut.gz")
    broken = text_of(lines).replace(b'"outcome":', b'"outcom":', 1)
    answers = [desk.call("audit", desk.write("broken.jsonl", broken), "--share", f"{k}/2") for k in (1, 2)]
    assert sorted(answer.code for answer in answers) == [0, 2]
    refused(max(answers, key=lambda answer: answer.code), "broken.jsonl:")


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["--share", "3/2"], "there is no share 3 of 2"),
        (["--share", "0/2"], "there is no share 0 of 2"),
        (["--share", "1/0"], "there are 1 to 100,000 shares, not 0"),
        (["--share", "half"], "'half' is not a share"),
        (["--share", "1/2", "--policies", "p.py"], "a policy is judged on the whole history"),
        (["--share", "1/2", "--vm", "web01"], "--share and --vm do not go together"),
        (["--share", "1/2", "--strict"], "give it when the shares are joined"),
        (["--share", "1/2", "--cores", "2"], "start as many shares as there are cores"),
        (["--share", "1/2", "--keep-going"], "--keep-going"),
        (["--share", "1/2", "--format", "sarif"], "a share is JSON, not sarif"),
        (["--share", "1/2", "--position", "3"], "--position is for a ledger"),
        (["--position", "3"], "--position is for --share"),
        (["--join", "--share", "1/2"], "--join and --share do not go together"),
        (["--join", "--since", "2026-01-01"], "--join and --since do not go together"),
    ],
)
def test_options_that_do_not_go_together_are_refused(
    desk: Desk, lines: list[Line], args: list[str], words: str
) -> None:
    refused(desk.call("audit", desk.write("history.jsonl", text_of(lines[:5])), *args), words)


def test_stdin_is_refused_because_a_share_reads_twice_and_a_folder_because_it_is_one(desk: Desk) -> None:
    refused(desk.call("audit", "-", "--share", "1/2", stdin="{}"), "stdin: a share reads its input twice")
    refused(desk.call("audit", str(desk.folder), "--share", "1/2"), "this is a folder", "name the files in it")
    refused(desk.call("audit", "none.jsonl", "--share", "1/2"), "none.jsonl: No such file")


def test_a_damaged_event_of_a_ledger_is_judged_in_one_piece(desk: Desk, lines: list[Line]) -> None:
    stored(desk.url, lines, desk)
    with closing(sqlite3.connect(desk.folder / "ledger.db")) as connection, connection:
        for trigger in TRIGGERS:
            connection.execute(f"DROP TRIGGER {trigger}")
        changed = 'CAST(replace(CAST(state AS TEXT), \'"data":{\', \'"data":{"a":1,\') AS BLOB)'
        connection.execute(f"UPDATE stored_events SET state = {changed} WHERE position = 40")
        for trigger in TRIGGERS.values():
            connection.execute(trigger)
    answers = [desk.call("audit", "--share", f"{k}/2") for k in (1, 2)]
    assert 2 in [answer.code for answer in answers]
    assert "judge the ledger in one piece, without --share" in "".join(answer.err for answer in answers)


def test_where_migrations_make_one_group_of_a_fleet_it_says_so(desk: Desk) -> None:
    other = {**HOST, "host": "hv02"}
    events = history(HOST, other, WEB, START, {"command": "move-vm", "vm": "web01", "to": "hv02"})
    lines = [envelope_to_cloudevent(envelope, LEDGER) for envelope in events]
    answer = desk.call("audit", desk.write("one.jsonl", text_of(lines)), "--share", "1/4")
    assert "of the events are in one group of hosts and VMs that migrations connect, or requests for them" in answer.err


def test_where_a_host_has_most_events_it_says_so_and_no_word_of_migrations(desk: Desk) -> None:
    events = history(HOST, WEB, START, do("add-memory", "web01", amount="2MiB"))
    lines = [envelope_to_cloudevent(envelope, LEDGER) for envelope in events]
    answer = desk.call("audit", desk.write("one.jsonl", text_of(lines)), "--share", "1/2")
    assert "100% of the events are those of one host and its VMs, and a host with its VMs is judged" in answer.err


def test_strict_and_require_are_the_joins(desk: Desk, lines: list[Line]) -> None:
    observed = [line for line in lines if line["subject"].partition("/")[2].startswith("s1")]
    for position, line in enumerate(observed, start=1):
        line["position"] = position
    shares = shares_of(desk, 2, desk.write("observed.jsonl", text_of(observed)))
    assert [desk.call("audit", "--join", *shares, *more).code for more in ([], ["--strict"])] == [0, 3]
    assert desk.call("audit", "--join", *shares, "--require", "maximal").code == 3
