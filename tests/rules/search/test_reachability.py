"""Histories from an empty host: the shortest that breaks a rule, and every answer that there is."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

from domain.decision import Code
from rules.concrete.world import OTHER, VM
from rules.obligations import Obligation
from rules.search.reachability import CommandHistory, execute_all
from rules.solving.verdict import ProofVerdict
from rules.symbolic import terms
from tests.domain.world import World
from tests.oracle.reachable import REACHABLE, Reached
from tests.rules.running import checks, named, search


@cache
def reached() -> tuple[set[Reached], list[CommandHistory]]:
    """Every answer that a history reaches, as the oracle writes it, and those histories."""
    all_checks = checks()
    assert {check.verdict for check in all_checks.reached()} == {ProofVerdict.PROVED}
    histories = [history for group in all_checks.histories.values() for history in group]
    return {answered(history) for history in histories}, histories


def answered(history: CommandHistory) -> Reached:
    decision = history.last.answer.decision
    code = None if decision.code is Code.NONE else decision.code.value
    return history.script[-1]["command"], decision.outcome.value, code


def test_all_answers_that_the_oracle_knows_are_reached_and_no_other() -> None:
    assert reached()[0] == REACHABLE


def test_each_is_reached_in_a_few_commands() -> None:
    assert max(len(history.commands) for history in reached()[1]) <= 6


def test_histories_are_replayed_from_nothing() -> None:
    for history in reached()[1]:
        assert answered(execute_all(history.commands)) == answered(history)


def test_their_script_lines_are_read_and_decided_alike() -> None:
    for history in reached()[1]:
        world = World()
        answers = [world.ask(line) for line in history.script]
        assert answers[-1] == history.last.answer


def test_the_shortest_history_to_a_false_goal_is_found() -> None:
    fits = named("keeps/grow/within_bounds")
    never_granted = terms.negation(terms.equal(fits_granted(fits), terms.constant(4 * 2**20)))

    history = search().breaking(replace(fits, goal=never_granted))

    assert history is not None
    assert [line["command"] for line in history.script] == ["register-host", "define-vm", "start", "grow"]
    assert history.last.answer.decision.granted == 4 * 2**20


def fits_granted(obligation: Obligation) -> terms.Term:
    assert obligation.transition is not None
    return obligation.transition.decision.term("granted")


def test_what_nothing_reaches_is_told_apart() -> None:
    assert search().breaking(named("keeps/grow/within_bounds"), 5) is None


def test_a_host_that_another_vm_fills_is_reached() -> None:
    beside = named("bystander/start/there_is_room_for_all")
    other = terms.variable("other.vm.assigned", int)
    never = terms.negation(terms.equal(other, terms.constant(64 * 2**20)))

    history = search().breaking(replace(beside, goal=never))

    assert history is not None
    assert [line.get("vm") for line in history.script] == [None, VM, OTHER, OTHER, VM]
