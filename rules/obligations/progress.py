"""What should be possible is, and is decided alike for either generation."""

from __future__ import annotations

from domain import lifecycle
from domain.decision import Outcome
from domain.state import Power
from rules.obligations.builder import ObligationBuilder, is_size, written_sizes
from rules.specification import figures
from rules.symbolic import terms
from rules.symbolic.terms import Term
from rules.symbolic.values import SymbolicRecord, equal, leaves, substitute
from rules.transitions.vm_commands import SITE, record


def generations(builder: ObligationBuilder) -> None:
    """But for the most that a VM can have, generations 1 and 2 are decided alike."""
    half = terms.constant(figures.ONE_TEBIBYTE // 2)
    for transition in builder.transitions.values():
        small = [terms.at_most(part, half) for path, part in leaves(SITE["vm"]) if is_size(path)]
        small += [terms.at_most(part, half) for part in written_sizes(transition.arguments)]
        one, two = (
            substitute(transition.decision, {"site.vm.generation": terms.constant(generation)}) for generation in (1, 2)
        )
        builder.prove(
            "generation",
            "generation_is_no_matter",
            equal(one, two),
            command=transition.command,
            assumes=[*builder.reachable(transition), *small],
            transition=transition,
        )


def progress(builder: ObligationBuilder) -> None:
    """A VM that is not off can be stopped and then removed; one that fits can be started, or restored."""
    stop, off = builder.transitions["stop"], terms.constant(Power.OFF)
    vm = record(SITE["vm"])
    running = terms.negation(terms.equal(vm.term("power"), off))
    then_removed = record(builder.program.call(lifecycle.remove_vm, [stop.after]))
    free = builder.says(figures.free_on, host=SITE["host"])
    fits = {
        "start": (terms.equal(vm.term("power"), off), record(vm["memory"]).term("startup")),
        "restore": (terms.equal(vm.term("power"), terms.constant(Power.SAVED)), vm.term("assigned")),
    }
    goals: list[tuple[str, str, Term]] = [
        ("stop", "can_be_stopped", terms.implies(running, _is_done(stop.decision))),
        ("stop", "can_then_be_removed", terms.implies(running, _is_done(then_removed))),
    ]
    for command, (ready, needs) in fits.items():
        done = _is_done(builder.transitions[command].decision)
        goal = terms.implies(terms.both(ready, terms.at_most(needs, free)), done)
        goals.append((command, "what_fits_starts", goal))
    for command, name, goal in goals:
        builder.prove("progress", name, goal, command=command, assumes=builder.invariants(SITE))


def _is_done(decision: SymbolicRecord) -> Term:
    return terms.equal(decision.term("outcome"), terms.constant(Outcome.DONE))
