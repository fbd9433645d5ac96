"""Adopted policies over two VMs, a group, a change, and in a window: kept by every command, on whatever hosts."""

from __future__ import annotations

from collections.abc import Generator

import pytest

from domain.decision import Code, Outcome
from domain.policy_events import VmRefusedByPolicy
from domain.quantities import GiB
from nilometer.ledger.adopting import AdoptionRefusal
from nilometer.ledger.dry_run import DryRun
from nilometer.ledger.ledger import Ledger
from nilometer.ledger.requests import Request, Result
from rules.policies.judging.adopted import AdoptedJudge
from tests.domain.deciding.test_policies import parse
from tests.domain.given import HOST, START, WEB, do
from tests.nilometer.ledger import processes
from tests.nilometer.ledger.test_adopting import adopt, execute, request
from tests.oracle.shapes import Line

OTHER_HOST: Line = {**HOST, "host": "hv02"}
DB: Line = {**WEB, "vm": "db01", "host": "hv02"}
START_DB: Line = {**START, "vm": "db01"}
PAIR = """
[together]
one = "web01"
other = "db01"
says = "They hold at most 20 GiB together."
holds = "one.held + other.held <= 20 * GiB"
"""
GROUP = '''
@scope(vms=("web*", "db*"), group="shop")
def shop(group: Group) -> bool:
    """The shop holds at most 20 GiB."""
    return group.held <= 20 * GiB
'''
GROWTH = """
[growth]
outside = "Sat 22:00-04:00"
zone = "Europe/Berlin"
says = "No VM grows outside Saturday 22:00 to 04:00."
holds = "vm.assigned <= before.assigned"
"""
MOVES = '''
def no_moves(command: Command) -> bool:
    """No VM moves."""
    return command is not Command.MOVE_VM
'''

BESIDE = '''
@scope(vms="db*")
def room_to_double(vm: Vm, host: Host) -> bool:
    """A database never holds more than its host has free."""
    return vm.held <= host.free
'''


@pytest.fixture(autouse=True)
def each_history_is_judged_as_it_was_decided(request: pytest.FixtureRequest) -> Generator[None]:
    """After each test, the judge decides again what the ledger decided, by the policies in its history."""
    ledger: Ledger | None = request.getfixturevalue("ledger") if "ledger" in request.fixturenames else None
    yield
    if ledger is not None:
        judge = AdoptedJudge()
        found = [finding for envelope in ledger.events() for finding in judge.take(envelope)]
        assert [*found, *judge.finish()] == []


@pytest.mark.parametrize(("text", "subject"), [(PAIR, "vm/web01"), (GROUP, "group/shop")])
def test_vms_on_two_hosts_hold_together_what_a_policy_allows(ledger: Ledger, text: str, subject: str) -> None:
    execute(ledger, HOST, OTHER_HOST, WEB, DB, START, START_DB)
    before = 8 * GiB
    assert adopt(ledger, text).refusal is None
    first = execute(ledger, do("add-memory", amount="64GiB"))
    assert (first.outcome, first.code) == (Outcome.PARTIALLY_COMPLETED, Code.POLICY)
    assert first.granted == 20 * GiB - before
    second = execute(ledger, do("add-memory", "db01", amount="1GiB"))
    assert (second.outcome, second.code) == (Outcome.FAILED, Code.POLICY)
    refused = second.events[0]
    assert isinstance(refused, VmRefusedByPolicy)
    assert refused.policies[0].subject == subject
    (rehearsed,) = DryRun(ledger).execute_all([request(do("add-memory", "db01", amount="1GiB"))])
    assert isinstance(rehearsed, Result)
    assert rehearsed.code is Code.POLICY
    assert execute(ledger, do("stop", "web01")).code is None
    assert execute(ledger, do("add-memory", "db01", amount="1GiB")).code is None
    assert execute(ledger, START).code is Code.POLICY  # it keeps its size, and would be too much


@pytest.mark.parametrize("text", [PAIR, GROUP])
def test_a_script_is_decided_line_by_line_on_what_the_other_vm_was_given_before(ledger: Ledger, text: str) -> None:
    execute(ledger, HOST, OTHER_HOST, WEB, DB, START, START_DB)
    before = 8 * GiB
    assert adopt(ledger, text).refusal is None
    lines = [do("add-memory", amount="8GiB"), do("add-memory", "db01", amount="8GiB"), do("stop")]
    results = ledger.execute_all([request(line) for line in [*lines, do("add-memory", "db01", amount="2GiB")]])
    first, second, stopped, last = [result for result in results if isinstance(result, Result)]
    assert (first.code, second.code, stopped.code, last.code) == (None, Code.POLICY, None, None)
    assert second.granted == 20 * GiB - before - 8 * GiB


def test_a_script_is_decided_line_by_line_on_what_the_others_of_a_host_were_given_before(ledger: Ledger) -> None:
    execute(ledger, HOST, WEB, {**DB, "host": "hv01"}, START, START_DB)
    assert adopt(ledger, BESIDE).refusal is None
    lines = [do("add-memory", "db01", amount="16GiB"), do("add-memory", amount="24GiB")]
    results = ledger.execute_all([request(line) for line in lines])
    assert [isinstance(result, Result) and result.code for result in results] == [None, Code.POLICY]


def test_a_group_that_breaks_a_policy_is_named(ledger: Ledger) -> None:
    execute(ledger, HOST, WEB, START, do("add-memory", amount="17GiB"))
    refused = adopt(ledger, GROUP)
    assert refused.refusal is AdoptionRefusal.BROKEN
    assert [breaker.subject for breaker in refused.broken["shop"]] == ["group/shop"]


def test_a_window_is_judged_by_the_time_of_the_event(ledger: Ledger) -> None:
    for line in (HOST, WEB, START):
        ledger.execute(timed(line, "2026-11-20T09:00:00Z"))
    adopt(ledger, GROWTH)
    times = "2026-11-28T20:59:59Z", "2026-11-28T21:00:00Z", "2026-11-29T02:59:59Z", "2026-11-29T03:00:00Z"
    answers = [ledger.execute(timed(do("add-memory", amount="1GiB"), time)) for time in times]
    assert [answer.code for answer in answers] == [Code.POLICY, None, None, Code.POLICY]
    refused = answers[0].events[0]
    assert isinstance(refused, VmRefusedByPolicy)
    assert refused.policies[0].figures == {"before.assigned": 4 * GiB, "vm.assigned": 5 * GiB}
    (rehearsed,) = DryRun(ledger).execute_all([timed(do("add-memory", amount="1GiB"), "2026-11-29T03:00:00Z")])
    assert isinstance(rehearsed, Result)
    assert rehearsed.code is Code.POLICY
    assert ledger.execute(timed(do("stop"), "2026-11-29T03:00:01Z")).code is None


def timed(line: Line, time: str) -> Request:
    return Request(parse(line), "ann", "test", at=time, at_ahead=True)


def test_a_command_that_a_policy_names_is_refused_and_others_are_not(ledger: Ledger) -> None:
    execute(ledger, HOST, OTHER_HOST, WEB, START)
    adopt(ledger, MOVES)
    assert execute(ledger, do("move-vm", to="hv02")).code is Code.POLICY
    assert execute(ledger, do("add-memory", amount="1GiB")).code is None


@pytest.mark.xdist_group("processes")
def test_eight_processes_leave_no_breach_of_a_group_on_two_hosts(url: str) -> None:
    told = processes.run("grouping", url)
    assert (told["failed"], told["breaches"]) == ([], 0)
    assert told["most"] == 20 * GiB
    assert told["kept_from"] > 0
