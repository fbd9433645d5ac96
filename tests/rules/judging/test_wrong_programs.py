"""Histories that a program with a mistake wrote, each event as it would: the judge, which has none, tells."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from domain import evolve, hosts, lifecycle, resizing
from domain.decision import Code, Decision, done, rejected
from domain.quantities import MiB
from domain.state import Host, Site, Vm
from tests.domain.breaking import rebind
from tests.domain.deciding.test_faults import RULES, name
from tests.domain.given import HOST, START, WEB, do
from tests.oracle.shapes import Line
from tests.oracle.strategies import Seeded
from tests.rules.judging.histories import Recorded, causes, history, judged, random_history, violations

RESIZES = [do("add-memory", amount="2MiB"), do("remove-memory", amount="2MiB")] * 50


def written_by(rule: Callable[..., object], wrong: Callable[..., object], *lines: Line) -> list[Recorded]:
    """What a program writes in which one rule is another."""
    with pytest.MonkeyPatch.context() as patch:
        rebind(patch, rule, wrong)
        return history(*lines)


RECORDED = [row for row in RULES if row[1] is not evolve.entry_granted]
"""Mistakes that histories show: what a host's book says of each VM stands in no event."""


@pytest.mark.parametrize(("check", "rule", "wrong"), RECORDED, ids=name)
def test_what_a_wrong_program_wrote_is_found(
    check: str, rule: Callable[..., object], wrong: Callable[..., object]
) -> None:
    del check
    for seed in range(80):
        with pytest.MonkeyPatch.context() as patch:
            rebind(patch, rule, wrong)
            envelopes = random_history(Seeded(seed), 120)
        if violations(envelopes):
            return
    pytest.fail("nobody noticed")


def test_a_wrong_grant_that_everything_goes_on_from_is_told_once() -> None:
    give = resizing.give

    def gives_too_much(vm: Vm, amount: int, free: int, size_limit: int) -> Decision:
        return give(vm, amount, free + 64 * MiB, size_limit)

    too_much = do("add-memory", amount="64GiB")
    lines = (HOST, WEB, START, do("report-in-use", in_use="1GiB"), too_much, do("remove-memory", amount="4GiB"))
    envelopes = written_by(resizing.give, gives_too_much, *lines, *RESIZES)
    position = next(envelope.position for envelope in envelopes if envelope.event.KIND == "vm.memory-added")
    found = violations(envelopes)
    assert [(finding.rule, finding.at.position) for finding in found if finding.follows is None] == [
        ("host_never_overcommitted", position)
    ]
    assert {finding.rule for finding in found} >= {"maximal", "host_never_overcommitted"}
    assert {finding.follows for finding in found} == {None, position}


def test_a_host_that_is_overcommitted_for_long_is_told_once() -> None:
    def reserves_anything(host: Host, reserve: int) -> Decision:
        return done()

    reserve: Line = {"command": "set-reserve", "host": "hv01", "reserve": "61GiB"}
    lines = (HOST, WEB, START, do("report-in-use", in_use="1GiB"), reserve, *RESIZES, do("stop"))
    envelopes = written_by(hosts.set_reserve, reserves_anything, *lines)
    position = next(envelope.position for envelope in envelopes if envelope.event.KIND == "host.reserve-set")
    assert causes(envelopes) == [("outcome_is_honest", position)]
    standing = [finding for finding in judged(envelopes)[0] if finding.rule == "host_never_overcommitted"]
    assert len(standing) > 50
    assert {finding.follows for finding in standing} == {position}


def test_memory_in_use_that_was_taken_is_told_by_the_rule_that_forbids_it() -> None:
    def takes_what_is_asked(site: Site, amount: int) -> Decision:
        refusal = resizing.resize_refusal(site.vm, amount)
        if refusal is not Code.NONE:
            return rejected(refusal)
        return resizing.take(amount, amount, amount)

    lines = (HOST, WEB, START, do("report-in-use", in_use="3GiB"), do("remove-memory", amount="2GiB"))
    envelopes = written_by(resizing.remove_memory, takes_what_is_asked, *lines)
    assert causes(envelopes) == [("in_use_never_removed", envelopes[-2].position)]


def test_a_start_without_memory_is_told() -> None:
    def starts(site: Site) -> Decision:
        return done()

    big: Line = {**WEB, "memory": {"static": {"size": "128GiB"}}}
    envelopes = written_by(lifecycle.start, starts, HOST, big, START)
    found = violations(envelopes)
    assert (found[0].rule, found[0].at.position) == ("outcome_is_honest", 3)
    assert ("host_never_overcommitted", 3) in [(finding.rule, finding.follows) for finding in found]


def test_state_that_does_not_follow_the_grant_is_told() -> None:
    memory_added = evolve.memory_added

    def forgets_the_watermark(vm: Vm, hot_added: int, unballooned: int) -> Vm:
        return replace(memory_added(vm, hot_added, unballooned), high_watermark=1)

    envelopes = written_by(
        evolve.memory_added, forgets_the_watermark, HOST, WEB, START, do("add-memory", amount="2MiB")
    )
    assert causes(envelopes) == [("event_tells_all", 5)]
