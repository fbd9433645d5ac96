"""A counterexample is small, has been run by CPython, and says in words what was there before and after."""

from __future__ import annotations

import ast
import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from domain import evolve, lifecycle
from domain.errors import InternalError
from domain.rule import Rule
from rules.concrete.counterexample import Counterexample
from rules.solving.prover import Prover
from rules.solving.verdict import ProofVerdict
from rules.symbolic import terms
from rules.symbolic.values import as_record
from rules.wording import format_exact_sizes, format_typed
from tests.rules.running import misread, named, program, refuter

MiB = 2**20


def grow_never_grants(granted: int) -> Counterexample:
    """The counterexample to: grow never grants so much."""
    grow = named("keeps/grow/within_bounds")
    assert grow.transition is not None
    grants = terms.equal(grow.transition.decision.term("granted"), terms.constant(granted))
    return refuter(program()).refute(replace(grow, goal=terms.negation(grants)))


def test_it_shows_before_command_decision_and_after() -> None:
    found = grow_never_grants(4 * MiB)

    assert found.command == "grow"
    assert found.arguments == {"vm": "web01", "amount": 4 * MiB}
    assert found.before["hv01.free"] == 4 * MiB
    assert found.before["web01.assigned"] == 32 * MiB
    assert (found.decision["outcome"], found.decision["granted"]) == ("completed", 4 * MiB)
    assert found.after["web01.assigned"] == 36 * MiB
    assert "web01.assigned" in found.changed
    assert "web01.guest" not in found.changed
    assert [line["command"] for line in found.script] == ["register-host", "define-vm", "start", "grow"]


def test_it_is_told_as_let_then_however() -> None:
    text = grow_never_grants(4 * MiB).text()

    parts = [line for line in text.splitlines() if not line.startswith((" ", "*", "{"))]
    assert parts == [
        "keeps/grow/within_bounds: refuted",
        "Let",
        "Then grow (vm web01, amount 4 MiB)",
        "However",
        "From an empty host, in 4 commands:",
    ]
    assert "\n* web01.assigned        32 MiB → 36 MiB\n" in text
    assert "is answered completed, granted 4 MiB, hot-added 4 MiB" in text
    assert "by grow (domain/resizing.py:" in text
    assert "(rules/specification/invariants.py:" in text


def test_it_is_always_the_same() -> None:
    assert grow_never_grants(4 * MiB) == grow_never_grants(4 * MiB)


def test_it_can_be_written_as_json() -> None:
    document = grow_never_grants(4 * MiB).document()
    assert json.loads(json.dumps(document)) == document
    assert document["before"]["web01.power"] == "running"


def test_what_no_history_reaches_says_so() -> None:
    obligation = named("keeps/report-in-use/driver_runs")
    unreachable = replace(obligation, assumes=())

    found = refuter(program()).refute(unreachable, steps=5)

    assert found.script == ()
    assert found.steps == 5
    assert found.text().endswith("No history of up to 5 commands leads here: a bug, or a missing invariant\n")


def test_a_figure_that_is_computed_otherwise_says_both() -> None:
    held = named("definition/held_by")
    found = refuter(program()).refute(replace(held, goal=terms.both(held.goal, terms.FALSE)))
    assert found.command is None
    assert found.script == ()


def without_the_first_condition(definition: ast.FunctionDef) -> ast.FunctionDef:
    del definition.body[1]
    return definition


def assigns_nothing(definition: ast.FunctionDef) -> ast.FunctionDef:
    changed = ast.unparse(definition).replace("assigned=startup", "assigned=0")
    [function] = ast.parse(changed).body
    assert isinstance(function, ast.FunctionDef)
    return function


@pytest.mark.parametrize(
    ("rule", "change", "obligation"),
    [
        (lifecycle.start, without_the_first_condition, "reason/start/why_not_start"),
        (evolve.booted, assigns_nothing, "effect/start/boots"),
    ],
)
def test_what_cpython_does_not_do_is_an_internal_error_and_never_a_finding(
    rule: Rule, change: Callable[[ast.FunctionDef], ast.FunctionDef], obligation: str
) -> None:
    wrong = misread(rule, change)
    claim = named(obligation, wrong)
    assert next(Prover().prove([claim])).verdict is ProofVerdict.REFUTED

    with pytest.raises(InternalError, match="please report it"):
        refuter(wrong).refute(claim)


def test_small_values_are_few_and_whole() -> None:
    start = named("keeps/start/book_agrees")
    assert start.transition is not None
    running = terms.equal(
        as_record(start.transition.after["vm"]).term("assigned"),
        terms.add(as_record(start.transition.before["vm"]).term("session"), terms.constant(33 * MiB)),
    )
    values = Prover().solver.smallest(*start.assumes, start.transition.accepted, running)
    assert values["site.vm.memory.startup"] == 34 * MiB
    assert values["site.vm.session"] == MiB
    assert values["site.host.reserve"] == 0


@pytest.mark.parametrize(
    ("count", "read", "written"),
    [
        (0, "0 MiB", 0),
        (1, "1 byte", 1),
        (3 * MiB + 1, "3145729 bytes", 3145729),
        (-2 * MiB, "-2 MiB", -2 * MiB),
        (3190 * MiB, "3190 MiB", "3190MiB"),
        (4 * 2**30, "4 GiB", "4GiB"),
        (14080 * MiB, "13.75 GiB", "14080MiB"),
    ],
)
def test_sizes_are_readable(count: int, read: str, written: str | int) -> None:
    assert (format_exact_sizes([count])[0], format_typed(count)) == (read, written)
