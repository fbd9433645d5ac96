"""What became of each request: how much, how it ended, whether more may follow."""

from __future__ import annotations

import pickle
from dataclasses import replace

import pytest

from domain.decision import Code, Outcome
from domain.events import Event, VmCommandRefused, VmMemoryAdded, VmMemoryRemoved
from domain.observed.events import VmAnnotated, VmChangeRequested, VmMemoryMoved, VmObserved, VmRequestSettled
from domain.observed.words import FAILED_JOB, Means, ObservedCode, WhyMoved
from domain.quantities import GiB, MiB
from projections.requests import RequestCourse, RequestCourses, belongs_to_request, is_request, is_short
from tests.projections.histories import HOST, START, WEB, Recorder, add, in_use, remove, told

VM = "vm/seen"
ASKED = VmChangeRequested(
    request=1,
    device="virtio0",
    means=Means.VIRTIO_MEM,
    size_from=GiB,
    target=3 * GiB,
    amount=2 * GiB,
    accepted=True,
    asked=None,
    answer="ok",
)
SETTLED = VmRequestSettled(
    request=1,
    device="virtio0",
    amount=2 * GiB,
    granted=GiB,
    remaining=GiB,
    outcome=Outcome.PARTIALLY_COMPLETED,
    code=Code.INSUFFICIENT_HOST_MEMORY,
    cause_is=None,
)
MOVED = VmMemoryMoved(
    device="virtio0", means=Means.VIRTIO_MEM, size_from=GiB, size_to=2 * GiB, why=WhyMoved.REQUEST, request=1
)
OPEN = replace(SETTLED, still_open=True)
LATE = replace(SETTLED, granted=2 * GiB, remaining=0, outcome=Outcome.COMPLETED, code=None, late=True)


def courses_of(*events: Event) -> list[RequestCourse | None]:
    """What each event is part of, on the stream of one VM, a second apart."""
    courses, recorder = RequestCourses(), Recorder()
    recorder.append("vm/another", VmObserved(in_use=GiB), 0, "c")  # so versions of the stream are no positions
    for second, event in enumerate(events):
        recorder.append(VM, event, second, f"c{second}")
    return [courses.take(envelope) for envelope in recorder.history][1:]


def decided(*lines: dict[str, object]) -> list[RequestCourse]:
    courses = RequestCourses()
    return [course for course in map(courses.take, told(HOST, WEB, *lines)) if course is not None]


def figures(course: RequestCourse | None) -> tuple[object, ...]:
    assert course is not None
    return course.amount, course.granted, course.outcome, course.is_open


def test_a_request_is_open_until_it_is_settled_for_good() -> None:
    for count, shown in enumerate(
        [
            (2 * GiB, None, None, True),
            (2 * GiB, None, None, True),
            (2 * GiB, GiB, Outcome.PARTIALLY_COMPLETED, True),
            (2 * GiB, 2 * GiB, Outcome.COMPLETED, False),
        ],
        start=1,
    ):
        found = courses_of(*(ASKED, MOVED, OPEN, LATE)[:count])
        assert figures(found[0]) == shown
        assert [course is found[0] for course in found] == [True] * count
    closed = courses_of(ASKED, MOVED, OPEN, LATE)[0]
    assert closed is not None
    assert closed.closed == closed.settlements[-1].metadata.happened
    assert [move.event for move in closed.moves] == [MOVED]
    first = courses_of(ASKED)[0]
    assert first is not None
    assert first.closed is None


def test_what_is_settled_for_good_has_no_more_of_either() -> None:
    assert courses_of(ASKED, SETTLED, LATE, MOVED)[2:] == [None, None]


def test_a_request_to_give_back_is_of_less_than_0() -> None:
    assert figures(courses_of(replace(ASKED, size_from=3 * GiB, target=GiB))[0])[0] == -2 * GiB
    assert figures(courses_of(replace(ASKED, size_from=None))[0])[0] is None
    assert figures(courses_of(replace(ASKED, amount=None))[0])[0] is None
    assert figures(courses_of(replace(ASKED, target=GiB, amount=0))[0])[0] == 0


def test_a_request_that_was_not_accepted_is_rejected_and_one_without_an_answer_is_open() -> None:
    rejected = courses_of(replace(ASKED, accepted=False))[0]
    assert figures(rejected) == (2 * GiB, None, Outcome.REJECTED, False)
    assert rejected is not None
    assert rejected.closed == rejected.asked.metadata.happened
    assert figures(courses_of(replace(ASKED, accepted=None))[0]) == (2 * GiB, None, None, True)


def test_a_job_that_failed_is_a_request_of_an_amount_that_nobody_recorded() -> None:
    assert figures(courses_of(VmObserved(label=FAILED_JOB))[0]) == (None, None, Outcome.FAILED, False)
    assert courses_of(VmObserved(in_use=GiB)) == [None]


def test_a_decided_command_says_it_all() -> None:
    added, removed = decided(START, in_use("3GiB"), add("1TiB"), remove("1TiB"))
    free = 64 * GiB - 2304 * MiB - 4 * GiB
    assert figures(added) == (2**40, free, Outcome.PARTIALLY_COMPLETED, False)
    assert figures(removed) == (-(2**40), free + GiB, Outcome.PARTIALLY_COMPLETED, False)
    assert removed.vm == "web01"


def test_a_refusal_is_a_request_if_its_command_resizes() -> None:
    (refused,) = decided(add("1GiB"))
    assert figures(refused) == (GiB, 0, Outcome.REJECTED, False)
    (refused,) = decided(remove("1GiB"))
    assert figures(refused) == (-GiB, 0, Outcome.REJECTED, False)
    assert decided({"command": "pause", "vm": "web01"}) == []


def test_what_people_add_later_is_kept_and_what_they_leave_out_stays() -> None:
    first = VmAnnotated(about=1, reason="month end", ticket="CHG1")
    (course, *_) = courses_of(ASKED, first)
    assert course is not None
    assert course.annotation == first
    (course, _, same, other) = courses_of(ASKED, first, VmAnnotated(about=1, approved_by="eve"), VmAnnotated(about=2))
    assert course is not None
    assert (same is course, other) == (True, None)
    assert course.annotation == VmAnnotated(about=1, reason="month end", ticket="CHG1", approved_by="eve")
    (course, *_) = courses_of(ASKED, replace(first, approved_by="eve"), VmAnnotated(about=1, reason="r", ticket="t"))
    assert course is not None
    assert course.annotation == VmAnnotated(about=1, reason="r", ticket="t", approved_by="eve")


def test_a_request_of_one_part_of_a_history_goes_on_in_the_next_also_from_another_process() -> None:
    recorder = Recorder()
    for place, event in enumerate((VmObserved(in_use=GiB), ASKED, OPEN, VmAnnotated(about=2, reason="r"), LATE)):
        recorder.append(VM, event, place, f"c{place}")
    for cut in (2, 3, 4):
        whole, part = RequestCourses(), RequestCourses()
        found = [part.take(envelope) for envelope in recorder.history[:cut]]
        part, found = pickle.loads(pickle.dumps((part, found)))
        whole.join(part)
        course = found[1]
        assert course is not None
        assert [whole.take(envelope) is course for envelope in recorder.history[cut:]] == [True] * (5 - cut)
        assert figures(course) == (2 * GiB, 2 * GiB, Outcome.COMPLETED, False)
        assert course.annotation == VmAnnotated(about=2, reason="r")


@pytest.mark.parametrize(
    ("event", "asks", "belongs", "short"),
    [
        (ASKED, True, False, False),
        (MOVED, False, True, False),
        (replace(MOVED, request=None), False, False, False),
        (SETTLED, False, True, True),
        (LATE, False, True, False),
        (replace(SETTLED, outcome=Outcome.FAILED), False, True, True),
        (replace(SETTLED, code=ObservedCode.SUPERSEDED), False, True, False),
        (VmAnnotated(about=1), False, True, False),
        (VmObserved(label=FAILED_JOB), True, False, False),
        (VmObserved(label="another"), False, False, False),
    ],
    ids=str,
)
def test_which_event_asks_belongs_to_a_request_or_is_short(
    event: Event, asks: bool, belongs: bool, short: bool
) -> None:
    assert (is_request(event), belongs_to_request(event), is_short(event)) == (asks, belongs, short)


def test_which_decided_event_is_short() -> None:
    history = told(HOST, WEB, {"command": "pause", "vm": "web01"}, add("2GiB"), START, add("1GiB"), add("1TiB"))
    kinds = VmMemoryAdded | VmMemoryRemoved | VmCommandRefused
    assert [is_short(one.event) for one in history if isinstance(one.event, kinds)] == [False, True, False, True]


def test_what_stands_on_no_stream_of_a_vm_is_no_request() -> None:
    courses, recorder = RequestCourses(), Recorder()
    recorder.append("host/hv01", ASKED, 0, "c")
    assert courses.take(recorder.history[0]) is None
