"""A host's account is computed anew wherever it may be another: its VMs came, went, or hold something else."""

from __future__ import annotations

from dataclasses import replace

from domain.identifiers import StreamName, UtcTime
from domain.observed.events import DeviceFigures, HostObserved, Observed, VmMemoryMoved, VmObserved
from domain.observed.polls import ListedVms
from domain.observed.words import BASE_MEMORY, Means, WhyMoved
from nilometer.ledger.requests import Fact
from tests.rules.judging.observed.recordings import judged_facts

GiB = 2**30


def host(total: int) -> HostObserved:
    """A host was measured."""
    return HostObserved(total=total, reserve=0, record="-")


def vm(size: int, on: str = "hv01") -> VmObserved:
    """A VM was measured."""
    device = DeviceFigures(BASE_MEMORY, Means.BOOT, size, backed=True)
    return VmObserved(host=on, assigned=size, devices=(device,), record="-")


def judged_at(*envelopes: tuple[int, str, Observed]) -> tuple[int, list[tuple[int | None, str, object]]]:
    """How often it is said that no host is overcommitted; and what is found, with its position and what was known."""
    facts = [
        Fact(StreamName(stream), event, UtcTime(f"2026-11-23T09:{minute:02}:00.000000Z"))
        for minute, stream, event in envelopes
    ]
    found, coverage = judged_facts(facts)
    rule = "host_never_overcommitted"
    about: list[tuple[int | None, str, object]] = [
        (finding.at.position, finding.why, finding.about and finding.about.known.get("site.host.held"))
        for finding in found
        if finding.rule == rule
    ]
    return coverage.rules[rule].holds if rule in coverage.rules else 0, about


def test_a_host_is_judged_once_the_vms_of_its_first_poll_are_recorded() -> None:
    measured = host(8 * GiB)
    listed = replace(measured, listed=ListedVms(count=2, assigned=7 * GiB, complete=True))
    first = (0, "host/hv01", measured), (0, "vm/a", vm(3 * GiB)), (0, "vm/b", vm(4 * GiB))
    assert judged_at(*first, (0, "host/hv01", listed)) == (1, [])
    assert judged_at(*first) == (1, [])
    assert judged_at(*first, (1, "vm/a", vm(2 * GiB))) == (2, [])
    # what is unknown is asked about with all that they hold
    unknown = HostObserved(total=8 * GiB, record="-"), HostObserved(listed=listed.listed, record="-")
    asked = (0, "host/hv01", unknown[0]), *first[1:], (0, "host/hv01", unknown[1])
    assert judged_at(*asked) == (0, [(4, "the host's reserve was never recorded", 7 * GiB)])


def test_of_a_host_whose_vms_nobody_listed_it_is_unknown_what_they_hold() -> None:
    alone = (0, "host/hv01", host(8 * GiB)), (1, "host/hv01", host(9 * GiB))
    assert judged_at(*alone) == (0, [(2, "all that the host's VMs hold was never recorded", None)])
    listed = replace(host(8 * GiB), listed=ListedVms(count=0, assigned=0, complete=True))
    assert judged_at((0, "host/hv01", listed)) == (1, [])
    failed = replace(listed, listed=ListedVms(count=0, assigned=0, complete=False))
    assert judged_at((0, "host/hv01", failed))[0] == 0


def books_at(*envelopes: tuple[int, str, Observed]) -> dict[str, tuple[int, list[tuple[int | None, str, str]]]]:
    """Of each rule about what is free: how often it holds, and what else is found, with its position."""
    facts = [
        Fact(StreamName(stream), event, UtcTime(f"2026-11-23T09:{minute:02}:00.000000Z"))
        for minute, stream, event in envelopes
    ]
    found, coverage = judged_facts(facts)
    return {
        rule: (
            coverage.rules[rule].holds if rule in coverage.rules else 0,
            [(finding.at.position, str(finding.verdict), finding.why) for finding in found if finding.rule == rule],
        )
        for rule in ("book_agrees", "conserved")
    }


UNMEASURED = "the memory that the host's VMs hold was not measured completely"


def pool(free: int) -> HostObserved:
    """A host with a budget that something enforces was measured."""
    return HostObserved(budget=8 * GiB, free=free, record="-")


def measured(free: int) -> HostObserved:
    """A host of which nothing enforces a budget was measured."""
    return HostObserved(total=8 * GiB, reserve=0, free=free, record="-")


def test_of_what_is_free_before_the_vms_of_a_first_poll_are_recorded_nothing_is_said() -> None:
    for host in (measured(8 * GiB), pool(5 * GiB)):
        alone = books_at((0, "host/hv01", host))
        assert alone == {"book_agrees": (0, [(1, "unknown", UNMEASURED)]), "conserved": (0, [])}
    listed = replace(measured(8 * GiB), listed=ListedVms(count=0, assigned=0, complete=True))
    assert books_at((0, "host/hv01", listed)) == {"book_agrees": (1, []), "conserved": (0, [])}


def test_an_enforced_budget_that_is_all_free_proves_that_nothing_is_held() -> None:
    assert books_at((0, "host/hv01", pool(8 * GiB))) == {"book_agrees": (1, []), "conserved": (1, [])}


def test_conserved_is_judged_from_the_second_measurement_on_but_of_a_budget_all_was_free_once() -> None:
    moved = VmMemoryMoved(
        device=BASE_MEMORY,
        means=Means.BOOT,
        size_from=2 * GiB,
        size_to=3 * GiB,
        why=WhyMoved.UNASKED,
        backed=True,
        record="-",
    )
    for host, holds in ((measured, 0), (pool, 1)):
        first = (0, "vm/a", vm(3 * GiB)), (1, "host/hv01", host(5 * GiB))
        assert books_at(*first) == {"book_agrees": (1, []), "conserved": (holds, [])}
        second = (2, "host/hv01", host(5 * GiB))
        assert books_at(*first, second) == {"book_agrees": (2, []), "conserved": (holds + 1, [])}
        begin = (0, "vm/a", vm(2 * GiB)), (1, "vm/a", moved), (3, "host/hv01", host(5 * GiB))
        unknown = [] if holds else [(2, "unknown", "the host's free memory before was not measured")]
        assert books_at(*begin) == {"book_agrees": (1, []), "conserved": (holds, unknown)}


def test_a_host_that_was_measured_before_its_vms_were_recorded_raises_no_false_alarm() -> None:
    polls: list[tuple[int, str, Observed]] = []
    for minute in range(4):
        polls += [(minute, "host/hv01", pool(5 * GiB)), (minute, "vm/a", vm(3 * GiB))]
    found = books_at(*polls)
    assert found == {"book_agrees": (3, [(1, "unknown", UNMEASURED)]), "conserved": (3, [])}


def asked_anew(*envelopes: tuple[str, Observed]) -> int:
    """How often it was asked whether a host was promised away twice: once for each account that is another."""
    facts = [
        Fact(StreamName(stream), event, UtcTime(f"2026-11-23T09:{minute:02}:00.000000Z"))
        for minute, (stream, event) in enumerate(envelopes)
    ]
    found, coverage = judged_facts(facts)
    assert [finding for finding in found if finding.rule == "host_never_overcommitted"] == []
    return coverage.rules["host_never_overcommitted"].holds


BEGUN = ("host/hv01", host(8 * GiB)), ("vm/a", vm(3 * GiB)), ("vm/b", vm(4 * GiB))


def test_what_tells_the_same_again_asks_nothing() -> None:
    assert asked_anew(*BEGUN) == 2
    assert asked_anew(*BEGUN, ("vm/a", vm(3 * GiB)), ("vm/b", vm(4 * GiB))) == 2


def test_a_vm_that_holds_something_else_or_goes_or_a_host_that_grows_is_another_account() -> None:
    assert asked_anew(*BEGUN, ("vm/a", vm(2 * GiB))) == 3
    elsewhere = ("host/hv02", host(8 * GiB)), ("vm/b", vm(4 * GiB, "hv02"))
    assert asked_anew(*BEGUN, *elsewhere, ("vm/a", vm(3 * GiB))) == 2 + 1 + 1
    assert asked_anew(*BEGUN, ("host/hv01", host(9 * GiB)), ("vm/a", vm(3 * GiB))) == 3
