"""A history that is changed in one place, consistently: prediction hides nothing of it that the judge finds."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from random import Random
from typing import Any

import pytest

from detection.corruptions import KINDS, renumber
from domain.envelope import Envelope, Metadata
from domain.event import Event
from domain.identifiers import POLICIES, policy_stream
from domain.policy_events import PoliciesChanged
from domain.quantities import LARGEST, QUANTUM, GiB
from nilometer.history.cloudevents import envelope_to_cloudevent
from rules.judging.judge import Judge
from rules.judging.scope import Scope
from rules.policies.judging.adopted import AdoptedJudge
from rules.policies.judging.judge import PolicyJudge
from rules.policies.reading import read_policies
from tests.domain.deciding.test_policies import TENTH
from tests.domain.given import DB, HOST, START, WEB, do
from tests.nilometer.audit.mixed import LEDGER, Line, mixed_history, text_of
from tests.nilometer.audit.prediction.comparing import NEVER, assert_the_same, decided_history, judged, passed_places
from tests.rules.judging.histories import Scribe, moment
from tests.rules.policies.judging.test_adopted import adoption

STORY = (
    HOST,
    WEB,
    DB,
    START,
    do("start", "db01"),
    do("add-memory", amount="2GiB"),
    do("add-memory", amount="900GiB"),
    do("report-in-use", in_use="1GiB"),
    do("grow", "db01", amount="1GiB"),
    do("report-in-use", "db01", in_use="1GiB"),
    do("pause"),
    do("reclaim", "db01", amount="512MiB"),
    do("resume"),
    do("remove-memory", amount="1GiB"),
    do("reclaim", "db01", amount="512MiB"),
    do("stop", "db01"),
    do("stop"),
    do("stop"),
)
Change = tuple[int, ...]
"""The indexes of the lines of one change, one or two."""


def documents_of(envelopes: Sequence[Envelope[Event]]) -> list[Line]:
    return [envelope_to_cloudevent(envelope, LEDGER) for envelope in envelopes]


def story() -> list[Line]:
    """What one host and two VMs recorded: all after their beginnings is predicted."""
    scribe = Scribe()
    for line in STORY:
        scribe.ask(line)
    return documents_of(scribe.envelopes)


LINES = story()
PASSED = passed_places(text_of(LINES))[1]
CHANGES: list[Change] = [
    (index, index + 1) if LINES[index + 1 : index + 2] and "causation" in LINES[index + 1] else (index,)
    for index in PASSED
    if "causation" not in LINES[index]
]
PAIRS = [change for change in CHANGES if len(change) == 2]
PLACES = range(PASSED[0], len(LINES))


def test_all_of_the_story_is_predicted_from_the_first_change_on() -> None:
    assert_the_same(text_of(LINES))
    assert list(PLACES) == PASSED
    assert len(PAIRS) > 5
    assert len(CHANGES) > len(PAIRS) + 4
    for end in PLACES:
        assert_the_same(text_of(LINES[: end + 1]))


def changed(indexes: Sequence[int], **members: Any) -> list[Line]:
    """The story, in which lines have other members; one of ``None`` is left out."""
    lines = list(LINES)
    for index in indexes:
        line = {**LINES[index], **members}
        lines[index] = {name: value for name, value in line.items() if value is not None}
    return lines


def has_findings(lines: Sequence[Line]) -> bool:
    found, errors, _ = judged(text_of(lines), predict_after=NEVER)
    return bool(found["findings"] or errors)


# What both lines of a change have


@pytest.mark.parametrize(
    "members",
    [
        {"actor": "ben"},
        {"causation": None},
        {"causation": "vm/web01/99"},
        {"correlation": "another"},
        {"via": "other"},
        {"reason": "because"},
        {"recorded": moment(50)},
        {"time": moment(-50)},
        {"source": "urn:uuid:22222222-2222-4333-8444-555555555555"},
        {"position": 99},
        {"version": 99},
        {"id": "host/hv01/99"},
        {"subject": "host/hv02", "id": "host/hv02/3"},
        {"type": "nilometer.host.memory-returned.v1"},
        {"type": "nilometer.host.memory-granted.v1"},
    ],
    ids=str,
)
def test_the_line_of_the_host_is_compared_in_all_its_members(members: dict[str, Any]) -> None:
    found = 0
    for _, book in PAIRS:
        lines = changed([book], **members)
        assert_the_same(text_of(lines))
        found += has_findings(lines)
    assert found > 0


def test_the_reason_of_a_change_stands_in_both_of_its_lines() -> None:
    for change in PAIRS:
        both = text_of(changed(change, reason="month end"))
        assert_the_same(both)
        assert passed_places(both)[1] == PASSED
        for one in change:
            lines = changed([one], reason="month end")
            assert has_findings(lines)
            assert_the_same(text_of(lines))


def test_the_data_of_the_host_are_compared() -> None:
    for _, book in PAIRS:
        data = LINES[book]["data"]
        for name, value in [("bytes", data["bytes"] + 1), ("vm", "db02"), ("after", data["before"])]:
            lines = changed([book], data={**data, name: value})
            assert has_findings(lines)
            assert_the_same(text_of(lines))


@pytest.mark.parametrize(
    "members",
    [
        {"source": "urn:uuid:22222222-2222-4333-8444-555555555555"},
        {"time": moment(-1)},
        {"time": moment(10**6)},
        {"time": "2026-11-31T09:00:00.000000Z", "recorded": "2026-11-31T09:00:00.000000Z"},
        {"time": "0000-01-01T09:00:00.000000Z"},
        {"recorded": moment(-(10**4))},
        {"recorded": moment(10**4)},
        {"earliest": moment(10**6)},
    ],
    ids=str,
)
def test_what_both_lines_of_a_change_have_is_judged(members: dict[str, Any]) -> None:
    for change in CHANGES:
        assert_the_same(text_of(changed(change, **members)))


@pytest.mark.parametrize(
    ("written", "otherwise"),
    [
        (b'"anna"', b'"\\u0061nna"'),
        (b'"anna"', b'"\\ud800"'),
        (b'"anna"', b'"\\u0000"'),
        (b'"anna"', b'"\xed\xa0\x80"'),
        (b'"anna"', b'"\xc0\xaf"'),
        (b'"anna"', b'"\xff"'),
        (b'"anna"', b'"\x1f"'),
        (b'"anna"', b'"\x7f"'),
        (b'"anna"', b'""'),
        (b'"anna"', b'" "'),
        (b'"anna"', b'"anna","actor":"eve"'),
        (b'"command":', b'"command":"stop","command":'),
        (b'"recorded":', b'"reason":"","recorded":'),
        (b'"recorded":', b'"reason":null,"recorded":'),
        (b'"recorded":', b'"reason":"\\ud83d","recorded":'),
        (b"vm/web01", b"vm\\/web01"),
        (b"web01", b"web\\u003001"),
        (b'Z","type"', b'+00:00","type"'),
        (b'Z","type"', b'+01:00","type"'),
        (b'000000Z","type"', b'000Z","type"'),
        (b'000000Z","type"', b'000000000Z","type"'),
        (b"T09:00", b"T24:00"),
        (b"T09:00", b"t09:00"),
        (b"2026-11-23", b"2026-02-29"),
        (b"2026-11-23", b"0000-11-23"),
        (b'"position":', b'"position":0'),
        (b'"position":', b'"position":99999999999999999'),
        (b":0,", b":-0,"),
        (b":0,", b":0.0,"),
        (b":0,", b":0e0,"),
        (b":", b" : "),
        (b"}\n", b"} \r\n"),
        (b"}\n", b"}\x00\n"),
        (b"}\n", b"}\n\n \n"),
        (b"}\n", b"}"),
        (b"{", b"\xef\xbb\xbf{"),
    ],
)
def test_what_is_spelled_otherwise_is_read_as_it_is(written: bytes, otherwise: bytes) -> None:
    lines = text_of(LINES).splitlines(keepends=True)
    for change in (PAIRS[0], *CHANGES[-1:]):
        spelled = [line.replace(written, otherwise) if number in change else line for number, line in enumerate(lines)]
        assert_the_same(b"".join(spelled))
    assert_the_same(text_of(LINES).replace(written, otherwise))


def test_a_stream_goes_on_from_its_last_event_and_the_host_from_its_own() -> None:
    """Two changes happened at other times: the second before the first, by turns of one VM, of both and of the host."""
    for number, change in enumerate(CHANGES[1:], start=1):
        for before in CHANGES[:number]:
            lines = changed(before, time=moment(90), recorded=moment(100))
            for index in range(before[-1] + 1, len(lines)):
                lines[index] = {**lines[index], "recorded": moment(100 + index)}
            for index in change:
                lines[index] = {**lines[index], "time": moment(80)}
            assert_the_same(text_of(lines))


def test_another_version_of_the_stream_is_found() -> None:
    for change in CHANGES:
        first = LINES[change[0]]
        version = first["version"] + 1
        id = f"{first['subject']}/{version}"
        lines = changed(change[:1], version=version, id=id)
        for book in change[1:]:
            lines[book] = {**lines[book], "causation": id}
        assert has_findings(lines)
        assert_the_same(text_of(lines))
        assert_the_same(text_of(changed(change[:1], id=id)))


def test_another_version_of_the_host_that_was_read_is_judged() -> None:
    for change in CHANGES:
        data = LINES[change[0]]["data"]
        for step in (-1, 1):
            host = data["evidence"]["host"]
            host = {**host, "stream_version": host["stream_version"] + step}
            evidence = {**data["evidence"], "host": host}
            lines = changed(change[:1], data={**data, "evidence": evidence})
            assert step < 0 or has_findings(lines)
            assert_the_same(text_of(lines))


@pytest.mark.parametrize("requested", [LARGEST, LARGEST + QUANTUM, 2 * LARGEST])
def test_a_request_for_more_than_a_history_can_say_is_no_event_though_it_is_granted_in_part(requested: int) -> None:
    text = text_of(LINES)
    changed = text.replace(b"%d" % (900 * GiB), b"%d" % requested)
    assert changed != text
    assert bool(judged(changed, predict_after=NEVER)[1]) == (requested >= 2**53)
    assert_the_same(changed)
    lines, passed = passed_places(changed)
    assert any(b"%d" % requested in lines[place] for place in passed) == (requested <= LARGEST)


# Whole lines


@pytest.mark.parametrize("index", PLACES)
def test_lines_that_are_missing_repeated_or_in_another_order_are_found(index: int) -> None:
    before, after = LINES[:index], LINES[index + 1 :]
    moved = [{**line, "position": line["position"] + 1} for line in LINES[index:]]
    for lines in (
        [*before, *moved],
        [*before, *after],
        renumber([*before, *after]),
        [*before, LINES[index], LINES[index], *after],
        [*before, *after[:1], LINES[index], *after[1:]],
        [*before, *after[:2], LINES[index], *after[2:]],
        renumber([*before, *after[:1], LINES[index], *after[1:]]),
        LINES[index:],
        renumber(LINES[index:]),
    ):
        assert_the_same(text_of(lines))


@pytest.mark.parametrize("seed", range(3))
def test_a_history_whose_beginning_is_missing_is_judged_as_before(seed: int) -> None:
    """A host is then known from what its VMs read; the stream of its name may be that of an observed host."""
    observed = next(line for line in mixed_history(1, 10) if line["type"].startswith("nilometer.host.observed."))
    lines = [json.loads(line) for line in decided_history(seed, 40).splitlines()]
    for index, line in enumerate(lines[2:], start=2):
        assert_the_same(text_of(lines[index : index + 14]))
        read: Line | None = line["data"].get("evidence", {}).get("host")
        if read is not None:
            version, times = read["stream_version"], {name: line[name] for name in ("time", "recorded", "source")}
            place = {"subject": f"host/{read['id']}", "version": version, "position": line["position"] - 1}
            first = {**observed, **times, **place, "id": f"host/{read['id']}/{version}"}
            assert_the_same(text_of([first, *lines[index : index + 14]]))


def test_an_event_of_a_host_that_changed_nothing_is_missing_where_its_next_one_stands() -> None:
    """Its VM's commands read the version that the host has with it, from which the judge goes on."""
    refused: Line = {"command": "set-reserve", "host": "hv01", "reserve": "64GiB"}
    pauses = (do("pause"), do("resume")) * 4
    scribe = Scribe()
    for line in (HOST, WEB, START, refused, *pauses, do("add-memory", amount="2GiB"), do("stop")):
        scribe.ask(line)
    lines = documents_of(scribe.envelopes)
    left = [line for line in lines if line["type"] != "nilometer.host.command-refused.v1"]
    assert len(left) == len(lines) - 1
    assert_the_same(text_of({**line, "position": position} for position, line in enumerate(left, start=1)))


@pytest.mark.parametrize("kind", KINDS)
def test_each_corruption_is_found_as_without_prediction(kind: str) -> None:
    random = Random(f"prediction {kind}")
    histories = [[*LINES], *([json.loads(line) for line in decided_history(seed, 60).splitlines()] for seed in (1, 2))]
    for number in range(12):
        corruption = KINDS[kind](random, histories[number % 3], histories[(number + 1) % 3])
        if corruption is not None:
            assert_the_same(text_of(corruption.lines))


# What else the judge looks at


def test_a_judge_of_a_share_is_given_who_is_late() -> None:
    """The clock of the change before was wrong when it was recorded: what comes next was recorded before it."""
    for before, change in pairwise(CHANGES):
        lines, recorded = changed(before, recorded=moment(10**4)), moment(10**4)
        late = {LINES[change[0]]["position"]: recorded}

        def judge_of_share(late: Mapping[int, str] = late) -> Judge:
            return Judge(late=late)

        found, _, _ = judged(text_of(lines), judge_of_share, predict_after=NEVER)
        assert found["findings"]
        assert_the_same(text_of(lines), judge_of_share)


@pytest.mark.parametrize(
    "scope",
    [
        Scope(vms=frozenset({"web01"})),
        Scope(hosts=frozenset({"hv01"})),
        Scope(vms=frozenset({"nobody"})),
        Scope(since=moment(7)),
        Scope(until=moment(7)),
        Scope(rules=frozenset({"whole_quanta"})),
    ],
    ids=str,
)
def test_a_selection_counts_what_is_selected(scope: Scope) -> None:
    assert_the_same(text_of(LINES), lambda: Judge(scope))
    lines = changed(PAIRS[2], recorded=moment(-(10**4)))
    assert_the_same(text_of(lines), lambda: AdoptedJudge(scope))


def test_adopted_policies_are_asked_about_each_command() -> None:
    scribe = Scribe()
    for line in STORY[:13]:
        scribe.ask(line)
    adopted = adoption(TENTH)
    for stream, event in (
        (policy_stream("tenth_stays_free"), adopted),
        (POLICIES, PoliciesChanged(policy="tenth_stays_free", version=1, adopted=True)),
    ):
        number, envelopes = len(scribe.envelopes), scribe.envelopes
        metadata = Metadata("anna", "nilo", moment(number), moment(number), "adoption")
        envelopes.append(Envelope(stream, 1, event, metadata, number + 1))
    for line in (do("start"), do("add-memory", amount="50GiB"), *STORY[13:]):
        scribe.ask(line)
    text = text_of(documents_of(scribe.envelopes))
    broken, _, _ = judged(text, AdoptedJudge, predict_after=NEVER)
    assert broken["findings"]
    assert_the_same(text, AdoptedJudge)


@pytest.mark.parametrize("make_judge", [AdoptedJudge, lambda: PolicyJudge(read_policies(TENTH.lstrip(), "p.py"))])
def test_policies_of_the_audit_are_asked_about_each_command(make_judge: Callable[[], Judge]) -> None:
    assert_the_same(text_of(LINES), make_judge)
