"""The claims: prover and judge ask the same predicates, with the same bounds, of the same commands."""

from __future__ import annotations

import random
from collections import defaultdict
from dataclasses import replace
from functools import cache, lru_cache

import pytest

from domain.commands import COMMANDS
from domain.decision import Code, Decision, Outcome, accepted
from domain.state import Host, Site
from rules.claims import CLAIMS, Claim, bind, claims_of
from rules.obligations import Obligation
from rules.obligations.builder import ObligationBuilder
from rules.obligations.claims import claims
from rules.symbolic import terms
from rules.symbolic.terms import Literal
from rules.symbolic.values import as_record, as_term, constants, symbolic
from tests.rules.happenings import Happening, happened, wrong
from tests.rules.running import program
from tests.rules.symbolic.test_meanings import plain

pytestmark = pytest.mark.xdist_group("claims")  # what happened, and the formulas, are made once for all of these

ALIKE = 2
"""Happenings of one command that are answered alike by a guest of one kind, that are looked at."""


@cache
def some() -> dict[str, list[Happening]]:
    """What happened, by command; of what is much the same only some."""
    found: dict[str, list[Happening]] = defaultdict(list)
    known: dict[tuple[object, ...], int] = defaultdict(int)
    for happening in happened(range(30), 100):
        guest = happening.before.vm.guest if isinstance(happening.before, Site) else None
        key = (happening.command, happening.decision.outcome, happening.decision.code, guest)
        known[key] += 1
        if known[key] <= ALIKE:
            found[happening.command].append(happening)
    return found


def named(name: str) -> Claim:
    [found] = [claim for claim in CLAIMS if claim.name == name]
    return found


def test_every_claim_is_proved_under_its_name() -> None:
    kinds = {claim.kind for claim in CLAIMS}
    proved = [obligation.name for obligation in program().obligations if obligation.kind in kinds]
    by_no_predicate = {"frame/resize-host/book_is_kept", "frame/set-reserve/book_is_kept"}
    assert sorted(proved) == sorted([*(claim.name for claim in CLAIMS), *by_no_predicate])


def test_claims_are_of_every_command() -> None:
    assert {claim.command for claim in CLAIMS} == COMMANDS.keys()
    assert {claim for command in COMMANDS for claim in claims_of(command)} == set(CLAIMS)
    assert all(any(claim.kind == "reason" for claim in claims_of(command)) for command in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_claim_holds_of_whatever_really_happens(command: str) -> None:
    for claim in claims_of(command):
        answers = [happening.keeps(claim) for happening in some()[command]]
        assert False not in answers, claim.name
        assert True in answers, f"{claim.name} was never asked"


@pytest.mark.parametrize("command", COMMANDS)
def test_a_claim_is_broken_by_some_falsified_figure(command: str) -> None:
    unbroken = list(claims_of(command))
    for happening in some()[command]:
        for wrong_one in wrong(happening) if unbroken else ():
            unbroken = [claim for claim in unbroken if wrong_one.keeps(claim) is not False]
    assert [claim.name for claim in unbroken] == []


class Free(ObligationBuilder):
    """Obligations of claims in which before, decision and after do not depend on each other."""

    def __init__(self) -> None:
        super().__init__()
        decision = as_record(symbolic("decision", Decision))
        takes_place = as_term(self.program.call(accepted, [decision]))
        for name, transition in self.transitions.items():
            after = as_record(symbolic("after", Site))
            left = None if transition.left is None else as_record(symbolic("left.host", Host))
            entry = None if transition.left is None else terms.variable("left.entry", int)
            self.transitions[name] = replace(
                transition, decision=decision, accepted=takes_place, after=after, left=left, left_entry=entry
            )
        for name, host in self.host_commands.items():
            becomes = None if host.after is None else as_record(symbolic("after", host.after.kind))
            self.host_commands[name] = replace(host, decision=decision, accepted=takes_place, after=becomes)


@cache
def goals() -> dict[str, Obligation]:
    free = Free()
    claims(free)
    return {obligation.name: obligation for obligation in free.obligations}


@pytest.mark.parametrize("command", COMMANDS)
def test_the_formula_of_a_claim_says_what_cpython_says(command: str) -> None:
    chance = random.Random(command)
    answers: dict[str, set[bool]] = {claim.name: set() for claim in claims_of(command)}
    for happening in some()[command]:
        falsified = list(wrong(happening))
        candidates = [happening, *chance.sample(falsified, min(12, len(falsified)))]
        given = [values_of(candidate) for candidate in candidates]  # once for all claims: it takes most of the time
        for claim in claims_of(command):
            if False not in answers[claim.name]:
                for wrong_one in falsified:
                    if wrong_one.keeps(claim) is False:
                        candidates.append(wrong_one)
                        given.append(values_of(wrong_one))
                        break
            for candidate, values in zip(candidates, given, strict=True):
                holds = candidate.keeps(claim)
                if holds is None and command in ("register-host", "define-vm"):
                    continue  # nothing has begun: there is no state afterwards
                meant = terms.evaluate(goals()[claim.name].goal, values)
                assert meant is (holds is not False), claim.name
                answers[claim.name].add(bool(meant))
    assert all(results == {True, False} for results in answers.values()), answers


def values_of(happening: Happening) -> dict[str, Literal]:
    """A happening as values of the variables of formulas."""
    values = {**literals(happening.decision, "decision")}
    if happening.before is not None:
        values |= literals(happening.before, "site" if isinstance(happening.before, Site) else "site.host")
    if happening.after is not None:
        values |= literals(happening.after, "after")
    for name, value in happening.arguments.items():
        values |= literals(value, name)
    return values


@lru_cache(maxsize=256, typed=True)  # in a falsified copy all parts but one are as they were
def literals(value: object, name: str) -> dict[str, Literal]:
    """The figures of a part of a happening by their paths."""
    return plain(constants(value), name)


def test_the_arguments_of_a_predicate_are_given() -> None:
    """The judge shows by them what was expected."""
    refused = next(happening for happening in some()["grow"] if happening.decision.code is Code.GUEST_CANNOT_RESIZE)
    given = bind(
        named("reason/grow/why_not_grow"),
        before=refused.before,
        after=refused.after,
        decision=refused.decision,
        arguments=refused.arguments,
    )
    assert given == {"decision": refused.decision, "why": Code.GUEST_CANNOT_RESIZE}


def test_a_claim_is_not_asked_where_it_does_not_apply() -> None:
    done = next(happening for happening in some()["start"] if happening.decision.outcome is Outcome.DONE)
    assert done.keeps(named("frame/start/refused_changes_nothing")) is None
    assert done.keeps(named("effect/start/boots")) is True
    guests = {True: "keeps_what_it_uses", False: "is_made_to_page"}
    for happening in some()["reclaim"]:
        assert isinstance(happening.before, Site)
        pages = happening.before.vm.guest == "windows-legacy"
        assert (happening.keeps(named("fits/reclaim/paging_fits")) is None) is not pages, guests[pages]
        assert (happening.keeps(named("fits/reclaim/taking_fits")) is None) is pages, guests[pages]
