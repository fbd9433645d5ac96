"""Whatever decides is a rule: what can be read as a formula, and so be proved (``rules.symbolic.reader``)."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from importlib import import_module
from pkgutil import walk_packages
from types import ModuleType

from domain import (
    decision,
    evolve,
    guests,
    hosts,
    lifecycle,
    quantities,
    recording,
    resizing,
    settings,
    state,
)
from domain.changes import ENTRY_CHANGES, HOST_CHANGES, VM_CHANGES, host_figures, vm_figures
from domain.deciding.redecide import HOST_DECISIONS
from domain.deciding.steps import HOST_RECORDINGS, RECORDINGS, STEPS
from domain.quantities import is_count
from domain.rule import RULES

Rule = Callable[..., object]
MODULES = (
    decision,
    evolve,
    guests,
    hosts,
    lifecycle,
    quantities,
    resizing,
    settings,
    state,
    *(import_module(found.name) for found in walk_packages(recording.__path__, f"{recording.__name__}.")),
)
"""Where decisions are made, and nothing else is."""
ALL = tuple(RULES)
"""Those of all modules above, which are loaded by now."""
FIGURES = (vm_figures, host_figures)
"""What events carry of a state; they stand beside what events change."""


def functions_of(module: ModuleType) -> Iterator[Rule]:
    """The functions and properties that a module defines."""
    for value in vars(module).values():
        if getattr(value, "__module__", None) != module.__name__:
            continue
        if inspect.isfunction(value):
            yield value
        elif inspect.isclass(value):
            getters = [part.fget for part in vars(value).values() if isinstance(part, property)]
            yield from (getter for getter in getters if getter is not None)


def test_whatever_decides_is_a_rule() -> None:
    found = [function for module in MODULES for function in functions_of(module)]
    assert len(found) > 60
    # is_count tells the names of figures apart, and decides nothing
    assert [each.__qualname__ for each in found if each not in (*ALL, is_count)] == []
    assert [each.__qualname__ for each in ALL if each not in (*found, *FIGURES)] == []


def test_every_step_and_every_change_is_a_rule() -> None:
    used: list[Rule] = [step.rule for step in STEPS.values()]
    used += [*RECORDINGS.values(), *HOST_RECORDINGS.values(), *HOST_DECISIONS.values()]
    used += [change.rule for change in VM_CHANGES.values()]
    used += [change.rule for change in HOST_CHANGES.values()]
    used += ENTRY_CHANGES.values()
    assert [each.__qualname__ for each in used if each not in ALL] == []
