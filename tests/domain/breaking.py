"""Breaking the product in one place, wherever that place is bound."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from domain import again, aggregates, decider, rule

PACKAGE = rule.__name__.rpartition(".")[0]


def rebind(monkeypatch: pytest.MonkeyPatch, old: Callable[..., Any], new: Callable[..., Any]) -> None:
    """Puts ``new`` wherever the domain has bound the rule ``old``: by name in any module, and in the tables."""
    places = 0
    for name, module in list(sys.modules.items()):
        if name.startswith(f"{PACKAGE}.") and vars(module).get(old.__name__) is old:
            monkeypatch.setattr(module, old.__name__, new)
            places += 1
    tables: tuple[Any, ...] = (decider.STEPS, vars(again)["_STEPS"], aggregates.VM_CHANGES, aggregates.HOST_CHANGES)
    for table in tables:
        for key, entry in list(table.items()):
            if entry.rule is old:
                monkeypatch.setitem(table, key, replace(entry, rule=new))
                places += 1
    for kind, entry_rule in list(aggregates.ENTRY_CHANGES.items()):
        if entry_rule is old:
            monkeypatch.setitem(aggregates.ENTRY_CHANGES, kind, new)
            places += 1
    assert places, f"{old.__name__} is bound nowhere"
