"""A host's account is computed anew wherever it may be another: its VMs came, went, or hold something else."""

from __future__ import annotations

from domain.identifiers import StreamName, UtcTime
from domain.observed.events import DeviceFigures, HostObserved, Observed, VmObserved
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
    assert asked_anew(*BEGUN) == 3
    assert asked_anew(*BEGUN, ("vm/a", vm(3 * GiB)), ("vm/b", vm(4 * GiB))) == 3


def test_a_vm_that_holds_something_else_or_goes_or_a_host_that_grows_is_another_account() -> None:
    assert asked_anew(*BEGUN, ("vm/a", vm(2 * GiB))) == 4
    elsewhere = ("host/hv02", host(8 * GiB)), ("vm/b", vm(4 * GiB, "hv02"))
    assert asked_anew(*BEGUN, *elsewhere, ("vm/a", vm(3 * GiB))) == 3 + 2 + 1
    assert asked_anew(*BEGUN, ("host/hv01", host(9 * GiB)), ("vm/a", vm(3 * GiB))) == 4
