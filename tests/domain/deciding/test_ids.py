"""Ids are only names: other ids give the same decisions and the same events, but for the ids."""

from __future__ import annotations

import random
import re

import pytest

from domain.errors import InputError
from tests.domain.world import World
from tests.oracle.shapes import Line
from tests.oracle.strategies import Seeded, next_line


def renamed(line: Line, names: dict[str, str], chance: random.Random) -> Line:
    """The same line about VMs and hosts with other ids."""
    return {
        key: names.setdefault(str(value), f"{chance.getrandbits(64):016x}") if key in ("vm", "host", "to") else value
        for key, value in line.items()
        if key != "name"
    }


def told(world: World, line: Line, names: dict[str, str]) -> str:
    """What is answered and recorded, in full, with the ids given back."""
    try:
        answer = world.ask(line)
    except InputError as error:
        return type(error).__name__
    back = {new: old for old, new in names.items()}
    return re.sub(r"\b[0-9a-f]{16}\b", lambda found: back.get(found[0], found[0]), repr(answer))


@pytest.mark.parametrize("seed", range(6))
def test_other_ids_give_the_same_decisions(seed: int) -> None:
    world, other, chooser = World(), World(), Seeded(seed)
    names: dict[str, str] = {}
    for _ in range(60):
        line = next_line(chooser, world.snapshot())
        line.pop("name", None)
        there = told(other, renamed(line, names, random.Random(len(names) + 1000 * seed)), names)
        assert told(world, line, names) == there
    assert len(other.history) > 20
