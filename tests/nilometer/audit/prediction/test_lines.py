"""Changes that are predicted: the audit of a history is the same as if each of its events were judged."""

from __future__ import annotations

import json
from collections import Counter
from io import BytesIO
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nilometer.audit.expected import expected_events_of
from nilometer.audit.prediction import forms
from nilometer.audit.prediction.lines import PREDICT_AFTER, LinePredictor
from nilometer.audit.reading import read_events
from nilometer.audit.result import Audit
from nilometer.audit.sources import read_lines_as_events
from rules.judging.judge import Judge
from tests.nilometer.audit.mixed import contents_of, mixed_history, text_of, with_faults
from tests.nilometer.audit.prediction.comparing import NEVER, assert_the_same, decided_history, passed_places

JUDGED_SINGLY = ("define-vm", "move-vm", "remove-vm", "configure-memory", "configure-guest")


def passed_in(text: bytes) -> Counter[tuple[str, str]]:
    """How many VMs' events of a file are predicted, by their types and commands."""
    judge, passed = Judge(), Counter[tuple[str, str]]()
    predictor, lines, begin = LinePredictor(judge, 0), text.splitlines(), 0
    while begin < len(lines):
        end = predictor.pass_lines(lines, begin)
        passed.update(filter(None, map(command_of, lines[begin:end])))
        for envelope, place, source in read_events(BytesIO(lines[end]), "h") if end < len(lines) else ():
            assert judge.take(envelope, place, source) == []
        begin = end + 1
    return passed


def command_of(written: bytes) -> tuple[str, str] | None:
    """The type of a VM's event, and the command that it records; ``None`` of a host."""
    line = json.loads(written)
    return (line["type"], line["data"]["command"]) if line["subject"].startswith("vm/") else None


def test_all_that_commands_without_another_host_record_is_predicted() -> None:
    recorded, passed = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
    for seed in range(12):
        text = decided_history(seed, 120)
        passed += passed_in(text)
        recorded.update(filter(None, map(command_of, text.splitlines())))
    missed = {
        key: (passed[key], times)
        for key, times in recorded.items()
        if key[1] not in JUDGED_SINGLY and passed[key] < times
    }
    assert missed == {}
    assert len(passed) > 20


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10**6), faults=st.integers(0, 4))
def test_faults_are_found_as_if_nothing_were_predicted(seed: int, faults: int) -> None:
    assert_the_same(text_of(with_faults(mixed_history(seed, 25), seed, faults)))


@settings(max_examples=40, deadline=None)
@given(data=st.data(), seed=st.integers(0, 3), byte=st.sampled_from(b'0129aZ"\\ ,:{}e-\xc3'))
def test_no_other_byte_passes(data: st.DataObject, seed: int, byte: int) -> None:
    lines, places = passed_places(decided_history(seed, 60))
    number = data.draw(st.sampled_from(places))
    changed = bytearray(lines[number])
    changed[data.draw(st.integers(0, len(changed) - 1))] = byte
    assert_the_same(b"\n".join([*lines[:number], bytes(changed), *lines[number + 1 :]]))


@pytest.mark.parametrize(
    "change",
    [
        {"time": "2026-02-30T09:00:00.000000Z", "recorded": "2026-02-30T09:00:00.000000Z"},
        {"recorded": "2027-13-01T09:00:00.000000Z"},
        {"time": "2020-01-01T00:00:00.000000Z"},
        {"recorded": "2020-01-01T00:00:00.000000Z"},
        {"time": "2030-01-01T00:00:00.000000Z"},
        {"earliest": "2026-01-01T00:00:00.000000Z"},
        {"actor": ""},
        {"actor": 'Zoë \\ "x"'},
        {"actor": "\x7f\u2028\x1f"},
        {"reason": "because\n"},
        {"reason": None},
        {"via": ""},
        {"correlation": ""},
        {"correlation": "é"},
        {"causation": "vm/a/1"},
        {"source": "urn:uuid:22222222-2222-4333-8444-555555555555"},
        {"source": "elsewhere"},
        {"position": 10**15},
        {"version": 0},
        {"id": "vm/other/3"},
        {"subject": "vm/other"},
        {"type": "nilometer.vm.started.v9"},
    ],
)
def test_what_stands_around_the_data_is_judged_too(change: dict[str, Any]) -> None:
    lines, places = passed_places(decided_history(3, 60))
    for number in Random(1).sample(places, 8):
        changed = text_of([{**json.loads(lines[number]), **change}])[:-1]
        assert_the_same(b"\n".join([*lines[:number], changed, *lines[number + 1 :]]))


def test_a_figure_past_what_every_program_reads_is_no_event() -> None:
    text = decided_history(5, 40)
    number = max(
        line["data"]["requested"] or 0 for line in map(json.loads, text.splitlines()) if "requested" in line["data"]
    )
    for larger in (2**52, 2**53, 2**60, -number):
        assert_the_same(text.replace(b"%d" % number, b"%d" % larger))


def test_a_history_is_judged_singly_at_first() -> None:
    text, judge = decided_history(7, 40), Judge()
    predictor = LinePredictor(judge, PREDICT_AFTER)
    assert (
        sum(map(len, read_events(BytesIO(text), "h").in_batches(predictor))) == len(text.splitlines()) < PREDICT_AFTER
    )
    assert predictor.passed == 0


def test_where_the_rules_were_read_before_none_is_judged_singly() -> None:
    text, passed = decided_history(7, 40), list[int]()
    expected_events_of.cache_clear()
    forms._expected.cache_clear()  # pyright: ignore[reportPrivateUsage]
    forms._FORMS.clear()  # pyright: ignore[reportPrivateUsage]
    for after in (None, 0, None):  # the second one reads the rules
        judge = Judge()
        predictor = LinePredictor(judge, after)
        for batch in read_events(BytesIO(text), "h").in_batches(predictor):
            for envelope, place, source in batch:
                judge.take(envelope, place, source)
        passed.append(predictor.passed)
    assert passed[0] == 0
    assert passed[1] == passed[2] > 0


def test_lines_of_a_part_of_a_history_are_predicted_too() -> None:
    lines = [(f"position {number}", line) for number, line in enumerate(decided_history(7, 40).splitlines(), start=1)]
    found = list[tuple[dict[str, object], int]]()
    for predict_after in (0, NEVER):
        audit, judge = Audit(minor=True, predict_after=predict_after), Judge()
        audit.judge(read_lines_as_events(lines), judge, "")
        audit.finish(judge, "")
        found.append((contents_of(audit), judge.events_read))
    assert found[0] == found[1]
    judge = Judge()
    predictor = LinePredictor(judge, 0)
    for batch in read_lines_as_events(lines).in_batches(predictor):
        for envelope, place, source in batch:
            assert place.startswith("position ")
            assert judge.take(envelope, place, source) == []
    assert predictor.passed > len(lines) // 3
