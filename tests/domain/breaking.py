"""Breaking the product in one place, wherever that place is bound."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable
from typing import Any

import pytest

from domain import changes, rule
from domain.deciding import redecide, steps

PACKAGE = rule.__name__.rpartition(".")[0]
TABLES: tuple[dict[Any, Any], ...] = (
    steps.STEPS,
    vars(redecide)["_STEPS"],
    changes.VM_CHANGES,
    changes.HOST_CHANGES,
    changes.ENTRY_CHANGES,
)


def rebind(monkeypatch: pytest.MonkeyPatch, old: Callable[..., Any], new: Callable[..., Any]) -> None:
    """Puts ``new`` wherever the domain has bound the rule ``old``: by name in any module, and in the tables."""
    places = 0
    for name, module in list(sys.modules.items()):
        if name.startswith(f"{PACKAGE}.") and vars(module).get(old.__name__) is old:
            monkeypatch.setattr(module, old.__name__, new)
            places += 1
    for table in TABLES:
        for key, entry in list(table.items()):
            if (changed := _rebound(entry, old, new)) is not entry:
                monkeypatch.setitem(table, key, changed)
                places += 1
    assert places, f"{old.__name__} is bound nowhere"


def _rebound(entry: Any, old: Callable[..., Any], new: Callable[..., Any]) -> Any:
    """What a table holds, with the rule replaced in it, however deep."""
    if entry is old:
        return new
    if not dataclasses.is_dataclass(entry) or isinstance(entry, type):
        return entry
    parts = {field.name: getattr(entry, field.name) for field in dataclasses.fields(entry)}
    changed = {name: after for name, part in parts.items() if (after := _rebound(part, old, new)) is not part}
    return dataclasses.replace(entry, **changed) if changed else entry
