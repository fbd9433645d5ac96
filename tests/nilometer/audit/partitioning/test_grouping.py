"""Groups of hosts, judged apart, come to what the whole comes to: for every history, every fault and every number."""

from __future__ import annotations

from itertools import pairwise
from random import Random

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from nilometer.audit.partitioning.grouping import Grouping, Survey, hosts_of, ways_to_name
from nilometer.audit.partitioning.parallel import divide_groups, judge_groups
from nilometer.audit.result import Audit
from nilometer.audit.sources import header_of
from nilometer.history.groups import hosts_named
from rules.judging.findings import Verdict
from tests.nilometer.audit.mixed import (
    Line,
    contents_of,
    judged_whole,
    mixed_history,
    placed,
    shuffled,
    spelled,
    with_faults,
)
from tests.rules.judging.histories import moment


def surveyed(lines: list[Line]) -> Grouping:
    return Survey().take_all(header_of(spelled(line)[:-1]) for line in lines).group()


def test_where_a_kind_can_name_a_host_no_event_names_one_elsewhere() -> None:
    headers = [header for seed in (3, 4, 5) for header in map(header_of, map(spelled, mixed_history(seed))) if header]
    fewer = [header for header in headers if len(ways_to_name(header.stream, header.kind)) == 1]
    assert len({header.kind for header in fewer}) > 2
    for header in fewer:
        assert hosts_of(header) == hosts_named(header.text) != set()


def judged_in_parts(lines: list[Line], grouping: Grouping, parts: int, random: Random, *, most: int = 10_000) -> Audit:
    partition = divide_groups(grouping, parts)
    events = placed(lines)
    audits = [
        judge_groups(
            [event for event in events if partition.part_of[event.envelope.stream.encode()] == part],
            grouping.source,
            partition.late,
        )
        for part in range(parts)
    ]
    audit = Audit(minor=True, most=most)
    audit.merge(random.sample(audits, parts))
    return audit


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 10**6), faults=st.integers(0, 4), parts=st.integers(1, 6), most=st.sampled_from((3, 10_000)))
def test_groups_judged_apart_come_to_what_the_whole_comes_to(seed: int, faults: int, parts: int, most: int) -> None:
    lines = with_faults(mixed_history(seed), seed, faults)
    grouping = surveyed(lines)
    event("undivided" if grouping.undivided else "divided")
    if not grouping.undivided:
        whole = contents_of(judged_whole(lines, most=most))
        assert contents_of(judged_in_parts(lines, grouping, parts, Random(seed), most=most)) == whole


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 10**6), faults=st.integers(0, 3), cuts=st.lists(st.integers(0, 200), max_size=6))
def test_surveys_of_stretches_come_to_the_survey_of_the_whole(seed: int, faults: int, cuts: list[int]) -> None:
    lines = with_faults(mixed_history(seed), seed, faults)
    merged, places = Survey(), [0, *sorted(cuts), len(lines)]
    for begin, end in pairwise(places):
        merged.merge(Survey().take_all(header_of(spelled(line)[:-1]) for line in lines[begin:end]))
    whole = surveyed(lines)
    assert bool(merged.group().undivided) is bool(whole.undivided)
    if not whole.undivided:
        assert merged.group() == whole


def test_every_site_is_a_group_or_several() -> None:
    grouping = surveyed(mixed_history(1))
    assert not grouping.undivided
    sites = {
        number: {stream.partition(b"/")[2][:2] for stream, group in grouping.group_of.items() if group == number}
        for number in grouping.group_of.values()
    }
    assert all(len(site) == 1 for site in sites.values())
    assert {name for site in sites.values() for name in site} == {b"s0", b"s1", b"s2", b"s3"}
    assert list(grouping.sizes) == sorted(grouping.sizes, reverse=True)


def test_a_history_in_disorder_is_judged_in_one_piece_and_it_says_why() -> None:
    lines = mixed_history(1)
    assert surveyed(shuffled(lines, 1)).undivided.startswith(("event #", "the events "))
    assert surveyed([*lines[:9], *lines[10:]]).undivided == "the events between #9 and #11 are missing"
    assert surveyed(lines[4:]).undivided == "the events before #5 are missing"
    assert surveyed([*lines[:10], *lines[9:]]).undivided == "event #10 stands twice"
    assert surveyed([]).undivided == "there is no event"
    other = {**lines[20], "source": "urn:uuid:11111111-2222-4333-8444-000000000000"}
    assert surveyed([*lines[:20], other]).undivided == "event #21 belongs to another ledger"


def test_a_clock_that_was_set_back_does_not_keep_a_history_whole_and_is_found() -> None:
    lines = mixed_history(2)
    lines[50] = {**lines[50], "recorded": moment(10**9 - 70)}
    audit = judged_in_parts(lines, surveyed(lines), 3, Random(0))
    remarks = [found.finding for found in audit.findings if found.finding.rule == "time_goes_forward"]
    assert [(remark.verdict, remark.at.position) for remark in remarks] == [(Verdict.REMARK, 51)]


@pytest.mark.parametrize("parts", [1, 2, 7])
def test_parts_are_about_the_same_size(parts: int) -> None:
    grouping = Grouping(source="", sizes=[5, 4, 3, 2, 1, 1])
    loads = [0] * parts
    for size, part in zip(grouping.sizes, grouping.divide(parts), strict=True):
        loads[part] += size
    assert max(loads) == max(5, -(-16 // parts))
