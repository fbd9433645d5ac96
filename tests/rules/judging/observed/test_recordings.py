"""Real recordings, judged: no false alarm, every short grant with its figures, and what nobody measured is unknown.

The goldens were checked by hand against the recordings; sizes are MiB.
``python -m tests.rules.judging.observed.recordings NAME`` prints one.
"""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from domain.quantities import MiB
from rules.judging.findings import Finding, RuleCoverage, Verdict
from tests.nilometer.importers.qemu.reading import NAMES, S1, S2, S4, S5, S7, facts, lines_of
from tests.rules.judging.observed.made_up import several_vms
from tests.rules.judging.observed.recordings import judged_facts, judged_lines, readable

GOLDENS = Path(__file__).parent / "goldens"


def asked(name: str, rule: str) -> tuple[int, int, int]:
    """How often a rule held, was violated and was unknown of a recording."""
    rules = judged_lines(lines_of(name))[1].rules
    coverage = rules.get(rule, RuleCoverage())
    return coverage.holds, coverage.violated, coverage.unknown


def remarks(name: str, rule: str) -> list[Finding]:
    """What was remarked."""
    found = judged_lines(lines_of(name))[0]
    return [finding for finding in found if finding.rule == rule and finding.verdict is Verdict.REMARK]


@pytest.mark.parametrize("name", NAMES)
def test_a_recording_is_judged_so(name: str) -> None:
    expected = (GOLDENS / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    assert list(readable(*judged_lines(lines_of(name)))) == expected


@pytest.mark.parametrize("name", NAMES)
def test_nothing_that_really_was_is_a_violation(name: str) -> None:
    found, coverage = judged_lines(lines_of(name))
    assert [finding for finding in found if finding.verdict is Verdict.VIOLATED] == []
    assert not any(rule.violated for rule in coverage.rules.values())


def test_s2_removals_are_judged_by_what_was_in_use_before_and_late_ones_too() -> None:
    assert asked(S2, "in_use_never_removed") == (10, 0, 0)
    assert asked(S2, "visible_moves_as_said") == (12, 0, 0)
    assert asked(S2, "current_is_visible")[1:] == (0, 0)
    assert asked(S2, "off_means_nothing") == (1, 0, 0)
    assert asked(S2, "conserved") == (0, 0, 12)  # nobody measured the host
    assert asked(S2, "host_never_overcommitted")[0] == 0


def test_s2_the_partial_completion_is_told_with_its_figures() -> None:
    (short,) = remarks(S2, "outcome_is_honest")
    assert (short.at.record, short.expected["granted"]) == (f"{S2}#17", 768 * MiB)
    assert (short.found["granted"], short.found["code"]) == (256 * MiB, "memory-in-use")
    (maximal,) = remarks(S2, "maximal")
    assert (maximal.expected["granted"], maximal.expected["in whole blocks"]) == (338 * MiB, 256 * MiB)


def test_s4_refusals_change_nothing_and_only_what_the_budget_backs_is_in_the_book() -> None:
    assert asked(S4, "no_effect_without_grant") == (4, 0, 0)
    assert asked(S4, "host_never_overcommitted")[1:] == (0, 0)
    assert asked(S4, "book_agrees") == (5, 0, 0)
    assert asked(S4, "conserved") == (5, 0, 1)  # what the host had free after the module was plugged, nobody measured
    (maximal,) = remarks(S4, "maximal")
    assert (maximal.expected["granted"], maximal.found["granted"]) == (172 * MiB, 128 * MiB)


def test_s7_the_book_is_conserved_at_all_nine_measures_of_the_pool() -> None:
    assert asked(S7, "book_agrees") == (9, 0, 0)
    assert asked(S7, "conserved") == (9, 0, 0)
    assert asked(S7, "host_never_overcommitted")[1:] == (0, 0)
    shorts = [(finding.at.record, finding.found["granted"]) for finding in remarks(S7, "outcome_is_honest")]
    assert shorts == [(f"{S7}#17", 128 * MiB), (f"{S7}#20", 0), (f"{S7}#26", 128 * MiB)]
    assert [finding.at.record for finding in remarks(S7, "maximal")] == [f"{S7}#26"]  # the others were the most


def test_s5_what_a_guest_used_just_before_shows_whether_it_was_taken_and_below_that_nothing_does() -> None:
    found = judged_lines(lines_of(S5))[0]
    below = [finding for finding in found if finding.rule == "in_use_never_removed"]
    assert [(finding.verdict, finding.at.record, finding.count) for finding in below] == [
        (Verdict.UNKNOWN, f"{S5}#91", 2)
    ], "the guest that was lost after #44 used 279 MiB, and kept 326"
    assert asked(S5, "in_use_never_removed") == (31, 0, 2)
    assert asked(S5, "watermark_is_visible")[1:] == (0, 0)  # deflate-on-oom: the guest's total stays
    assert asked(S5, "current_is_visible")[1:] == (0, 0)  # without: it falls


def test_memory_that_nobody_asked_for_is_remarked() -> None:
    for name in (S1, S2, S4, S7):
        assert remarks(name, "events_where_due") == []
    assert len(remarks(S5, "events_where_due")) == 2  # the balloon lets go when the guest is short


# What was not told makes no violation


@pytest.mark.parametrize("name", NAMES)
def test_records_that_are_lost_late_doubled_or_swapped_never_make_a_violation(name: str) -> None:
    whole = lines_of(name)
    for seed in range(25):
        random, lines = Random(f"{name} {seed}"), list(whole)
        for _ in range(random.choice((1, 3, 10, 30))):
            _disturb(random, lines)
        found = judged_facts(facts(lines))[0]
        assert [finding for finding in found if finding.verdict is Verdict.VIOLATED] == [], f"seed {seed}"


def test_several_made_up_vms_on_one_budget_are_judged_to_hold() -> None:
    for seed in range(20):
        found, coverage = judged_lines(several_vms(seed))
        assert [finding for finding in found if finding.verdict is Verdict.VIOLATED] == [], f"seed {seed}"
        for rule in ("host_never_overcommitted", "book_agrees", "conserved", "visible_moves_as_said"):
            assert coverage.rules[rule].holds > 0, f"seed {seed}: {rule}"


def test_what_is_not_told_of_several_vms_makes_no_violation() -> None:
    for seed in range(60):
        random, lines = Random(seed), list(several_vms(seed))
        for _ in range(random.choice((1, 3, 10, 30))):
            _disturb(random, lines)
        found = judged_facts(facts(lines))[0]
        assert [finding for finding in found if finding.verdict is Verdict.VIOLATED] == [], f"seed {seed}"


def _disturb(random: Random, lines: list[bytes]) -> None:
    index = random.randrange(1, len(lines) - 1)
    if b'"boot"' in lines[index] or b'"boot"' in lines[index + 1]:
        return  # without them nothing is known of the VM
    match random.choice(("lost", "doubled", "swapped", "late")):
        case "lost":
            del lines[index]
        case "doubled":
            lines.insert(index + random.randrange(1, 4), lines[index])
        case "swapped":
            lines[index], lines[index + 1] = lines[index + 1], lines[index]
        case _:
            if b'"event"' in lines[index]:
                line = lines.pop(index)
                lines.insert(index + random.randrange(1, 6), line)
