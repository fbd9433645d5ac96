"""A host's account is computed anew wherever it may be another: its VMs came, went, or hold something else."""

from __future__ import annotations

from dataclasses import replace

from domain.identifiers import StreamName, UtcTime
from domain.observed.events import DeviceFigures, HostObserved, Observed, VmObserved
from domain.observed.polls import ListedVms
from domain.observed.words import BASE_MEMORY, Means
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
