"""Progress: commands that should be possible are accepted; and all generations are decided alike."""

from __future__ import annotations

from domain import lifecycle
from domain.decision import Outcome
from domain.settings import GENERATIONS
from domain.state import Power
from rules.obligations.builder import ObligationBuilder, is_size, size_arguments
from rules.specification import figures
from rules.symbolic import terms
from rules.symbolic.terms import Term
from rules.symbolic.values import SymbolicRecord, as_record, equal, leaves, substitute
from rules.transitions.vm_commands import SITE


def generations(builder: ObligationBuilder) -> None:
    """Generations 1 and 2 are decided alike, for sizes below the size limits of both."""
    half = terms.constant(figures.ONE_TEBIBYTE // 2)
    for transition in builder.transitions.values():
        small = [terms.at_most(part, half) for path, part in leaves(SITE["vm"]) if is_size(path)]
        small += [terms.at_most(part, half) for part in size_arguments(transition.arguments)]
        first, second = (
            substitute(transition.decision, {"site.vm.generation": terms.constant(generation)})
            for generation in GENERATIONS
        )
        builder.add(
            "generation",
            "generation_is_no_matter",
            equal(first, second),
            command=transition.command,
            assumes=[*builder.state_assumptions(transition), *small],
            transition=transition,
        )


def progress(builder: ObligationBuilder) -> None:
    """A VM that is not off can be stopped, then removed; one that fits can be started, or restored."""
    stop, off = builder.transitions["stop"], terms.constant(Power.OFF)
    vm = as_record(SITE["vm"])
    is_off = terms.equal(vm.term("power"), off)
    is_saved = terms.equal(vm.term("power"), terms.constant(Power.SAVED))
    removal = as_record(builder.program.call(lifecycle.remove_vm, [stop.after]))
    goals: list[tuple[str, str, Term]] = [
        ("stop", "can_be_stopped", terms.implies(terms.negation(is_off), _is_done(stop.decision))),
        ("stop", "can_then_be_removed", terms.implies(terms.negation(is_off), _is_done(removal))),
    ]
    free = builder.apply(figures.free_on, host=SITE["host"])
    for command, ready, needed in (
        ("start", is_off, as_record(vm["memory"]).term("startup")),
        ("restore", is_saved, vm.term("assigned")),
    ):
        possible = terms.both(ready, terms.at_most(needed, free))
        goals.append(
            (command, "what_fits_starts", terms.implies(possible, _is_done(builder.transitions[command].decision)))
        )
    for command, name, goal in goals:
        builder.add("progress", name, goal, command=command, assumes=builder.invariants(SITE))


def _is_done(decision: SymbolicRecord) -> Term:
    return terms.equal(decision.term("outcome"), terms.constant(Outcome.DONE))
