"""What changed between two moments."""

from __future__ import annotations

from nilometer.report.chart.comparison import draw_comparison, find_changes
from nilometer.report.series import ComparedMoment
from tests.nilometer.report.charts import COMPARED, COMPARED_MOMENTS, MIB, clock

EARLY = ComparedMoment(clock("14:52:56.566"), 53, "14:52:56.566")
LATE = ComparedMoment(clock("14:53:31.251"), 71, "14:53:31.251")


def test_only_what_changed_is_named_with_the_events_that_changed_it() -> None:
    # given two moments of several VMs and hosts
    # when they are compared
    changes = find_changes(COMPARED[:2], EARLY, LATE)
    # then only the figures that differ are there, and what lay between
    assert [
        (subject.label, change.line.name, (change.before or 0) // MIB, (change.after or 0) // MIB, change.positions)
        for subject, found in changes.subjects
        for change in found
    ] == [
        ("VM lab.vm0", "assigned", 640, 512, (5,)),
        ("VM lab.vm0", "visible", 640, 512, (4, 5)),
        ("VM lab.vm0", "in_use", 73, 469, (4, 5, 6)),
    ]


def test_backwards_the_same_changed_the_other_way_round() -> None:
    there = find_changes(COMPARED, EARLY, LATE)
    back = find_changes(COMPARED, LATE, EARLY)
    assert [(change.after, change.before, change.positions) for _, found in back.subjects for change in found] == [
        (change.before, change.after, change.positions) for _, found in there.subjects for change in found
    ]


def test_what_a_guest_uses_never_stands_still_and_less_than_a_mib_is_counted_alone() -> None:
    changes = find_changes(COMPARED[4:], ComparedMoment(clock("14:52:50"), 45, "14:52:50"), LATE)
    assert [(change.line.name) for _, found in changes.subjects for change in found] == ["assigned"]
    assert changes.left_out == 1


def test_two_moments_without_a_change_say_so() -> None:
    drawn = str(draw_comparison(COMPARED, COMPARED_MOMENTS, 4, 4))
    assert "No figure changed by 1 MiB or more." in drawn
