"""The program's derived figures are the specification's in any state, and no number on the way leaves 64 bits."""

from __future__ import annotations

from typing import Final, cast

from domain import evolve, resizing
from domain.decision import outcome_of
from domain.quantities import down, whole
from domain.rule import Rule
from domain.settings import cap, loads_driver, valid_setting
from domain.state import Host, Site, Vm
from rules.obligations.builder import ObligationBuilder
from rules.specification import figures
from rules.symbolic import terms
from rules.symbolic.definition import parameter_types
from rules.symbolic.values import as_record, equal, leaves, symbolic
from rules.transitions.vm_commands import SITE

LARGEST: Final = 2**52
"""The largest size that can be written, in bytes."""
OVERFLOW: Final = "overflow"
"""The kind of the obligations that no number leaves 64 bits."""
TOO_LARGE: Final = 2**63
"""The least magnitude that does not fit into a signed 64-bit integer."""


def getter(kind: type, name: str) -> Rule:
    """The rule behind a property of a class."""
    return cast("Rule", cast("property", getattr(kind, name)).fget)


DEFINITIONS: Final[tuple[tuple[Rule, Rule], ...]] = (
    (getter(Vm, "held"), figures.held_by),
    (getter(Vm, "visible"), figures.seen_by),
    (getter(Host, "free"), figures.free_on),
    (getter(Site, "limit"), figures.largest_here),
    (cap, figures.largest),
    (valid_setting, figures.is_valid),
    (getter(Vm, "mechanism"), figures.removal_by),
    (whole, figures.is_whole),
    (down, figures.whole_part),
    (outcome_of, figures.grant_is_called),
    (evolve.book_change, figures.moved_in_book),
    (resizing.set_memory, figures.asking_for_size),
    (resizing.set_memory_refusal, figures.why_no_size),
)
"""A rule of the program that derives a figure, and the specification's function for it."""


def definitions(builder: ObligationBuilder) -> None:
    """Each rule of the program that derives a figure equals the specification's function for it."""
    for rule, predicate in DEFINITIONS:
        arguments = [symbolic(name, kind) for name, kind in parameter_types(rule).items()]
        specified = builder.specification.call(predicate, arguments)
        builder.add("definition", predicate, equal(builder.program.call(rule, arguments), specified))
    vm = as_record(SITE["vm"])
    specified = builder.apply(figures.has_the_driver, guest=vm["guest"], memory=vm["memory"])
    loads = builder.program.call(loads_driver, [vm["guest"], as_record(vm["memory"])["mode"]])
    builder.add("definition", figures.has_the_driver, equal(loads, specified))


def overflow(builder: ObligationBuilder) -> None:
    """Every sum and difference on the way to a decision fits into 64 bits, if all sizes are at most ``LARGEST``."""
    bound, largest = terms.constant(TOO_LARGE), terms.constant(LARGEST)
    for transition in builder.transitions.values():
        parts = [part for value in (transition.decision, transition.after) for _, part in leaves(value)]
        numbers = [part for part in terms.subterms(*parts) if part.sort is int and part.parts]
        fits = [terms.both(terms.less(part, bound), terms.less(terms.negate(part), bound)) for part in numbers]
        inputs = [part for _, part in leaves(SITE) if part.sort is int]
        inputs += [part for value in transition.arguments.values() for _, part in leaves(value) if part.sort is int]
        small = [
            terms.both(terms.at_most(part, largest), terms.at_most(terms.negate(part), largest)) for part in inputs
        ]
        builder.add(
            OVERFLOW,
            "fits_64_bits",
            terms.both(*fits),
            command=transition.command,
            assumes=[*builder.state_assumptions(transition), *small],
            transition=transition,
        )
