"""What should be possible is, and is decided alike for either generation."""

from __future__ import annotations

from domain import lifecycle
from domain.decision import Outcome
from domain.state import Power
from rules.obligations.builder import Making, is_size, written_sizes
from rules.specification import figures
from rules.symbolic import terms
from rules.symbolic.terms import Term
from rules.symbolic.values import Record, equal, leaves, substitute
from rules.transitions.vm_commands import SITE, record


def generations(making: Making) -> None:
    """But for the most that a VM can have, generations 1 and 2 are decided alike."""
    half = terms.constant(figures.ONE_TEBIBYTE // 2)
    for transition in making.transitions.values():
        small = [terms.at_most(part, half) for path, part in leaves(SITE["vm"]) if is_size(path)]
        small += [terms.at_most(part, half) for part in written_sizes(transition.arguments)]
        one, two = (
            substitute(transition.decision, {"site.vm.generation": terms.constant(generation)}) for generation in (1, 2)
        )
        making.prove(
            "generation",
            "generation_is_no_matter",
            equal(one, two),
            command=transition.command,
            assumes=[*making.reachable(transition), *small],
            transition=transition,
        )


def progress(making: Making) -> None:
    """A VM that is not off can be stopped and then removed; one that fits can be started, or restored."""
    stop, off = making.transitions["stop"], terms.constant(Power.OFF)
    vm = record(SITE["vm"])
    running = terms.negation(terms.equal(vm.term("power"), off))
    then_removed = record(making.program.call(lifecycle.remove_vm, [stop.after]))
    free = making.says(figures.free_on, host=SITE["host"])
    fits = {
        "start": (terms.equal(vm.term("power"), off), record(vm["memory"]).term("startup")),
        "restore": (terms.equal(vm.term("power"), terms.constant(Power.SAVED)), vm.term("assigned")),
    }
    goals: list[tuple[str, str, Term]] = [
        ("stop", "can_be_stopped", terms.implies(running, _is_done(stop.decision))),
        ("stop", "can_then_be_removed", terms.implies(running, _is_done(then_removed))),
    ]
    for command, (ready, needs) in fits.items():
        done = _is_done(making.transitions[command].decision)
        goal = terms.implies(terms.both(ready, terms.at_most(needs, free)), done)
        goals.append((command, "what_fits_starts", goal))
    for command, name, goal in goals:
        making.prove("progress", name, goal, command=command, assumes=making.invariants(SITE))


def _is_done(decision: Record) -> Term:
    return terms.equal(decision.term("outcome"), terms.constant(Outcome.DONE))
