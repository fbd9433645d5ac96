"""Shares of an audit: joined, they come to the audit in one piece. What does not fit is refused."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from nilometer.history.cloudevents import envelope_to_cloudevent
from tests.domain.given import HOST, START, WEB, do
from tests.nilometer.audit.mixed import LEDGER, Line, shuffled, text_of
from tests.nilometer.cli.audit.shares import OTHER_LEDGER, assert_joined_is_whole, changed, shares_of, stored
from tests.nilometer.cli.calling import Desk
from tests.nilometer.databases import Server
from tests.rules.judging.histories import history


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


def test_a_host_without_events_that_two_shares_name_is_refused_by_the_join(desk: Desk, lines: list[Line]) -> None:
    names = shares_of(desk, 2, desk.write("history.jsonl", text_of(lines)))
    for name in names:
        changed(name, lambda share: share.update(absent=["host/gone"]))
    joined = desk.call("audit", "--join", *names)
    assert (joined.code, joined.out) == (2, "")
    assert "its events name host/gone, which has no event, and so do those of" in joined.err


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
