"""The program's derived figures are the specification's, in any state at all."""

from __future__ import annotations

from typing import cast

from domain import evolve, resizing
from domain.decision import outcome_of
from domain.quantities import down, whole
from domain.rule import Rule
from domain.settings import cap, loads_driver, valid_setting
from domain.state import Host, Site, Vm
from rules.obligations.builder import ObligationBuilder
from rules.specification import figures
from rules.symbolic.reader import sorts_of
from rules.symbolic.values import anything, equal
from rules.transitions.vm_commands import SITE, record


def definitions(builder: ObligationBuilder) -> None:
    """Whoever derives a figure by a rule of the program means what the specification means."""
    for rule, predicate in (
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
    ):
        given = [anything(name, kind) for name, kind in sorts_of(rule).items()]
        said = builder.specification.call(predicate, given)
        builder.prove("definition", predicate, equal(builder.program.call(rule, given), said))
    vm = record(SITE["vm"])
    runs = builder.says(figures.has_the_driver, guest=vm["guest"], memory=vm["memory"])
    loads = builder.program.call(loads_driver, [vm["guest"], record(vm["memory"])["mode"]])
    builder.prove("definition", figures.has_the_driver, equal(loads, runs))


def getter(kind: type, name: str) -> Rule:
    """The rule behind a property."""
    return cast("Rule", cast("property", getattr(kind, name)).fget)
