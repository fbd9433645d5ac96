"""Corruptions: one thing at a time, as somebody might do it who hopes that nobody notices."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from random import Random
from typing import Any, Final, cast

from detection.histories import Line

QUANTUM: Final = 2**21
GRANTS: Final = ("nilometer.vm.memory-added.", "nilometer.vm.memory-removed.")
GRANTED: Final = "a figure of a granted change"
"""The kind of which nothing may go unnoticed."""
HALVES: Final = ("nilometer.host.memory-granted.", "nilometer.host.memory-returned.")


@dataclass(frozen=True, slots=True)
class Corruption:
    """A history with one thing wrong: what was done to it, of which kind."""

    kind: str
    what: str
    lines: list[Line]


def leaves(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """All figures and words of an event, by their paths."""
    if isinstance(value, dict):
        for key, inner in cast("dict[str, Any]", value).items():
            yield from leaves(inner, (*path, key))
    elif value is not None:
        yield path, value


def with_leaf(lines: Sequence[Line], index: int, path: Sequence[str], value: Any) -> list[Line]:
    """The same history with another value in one place."""
    changed = list(lines)
    line = changed[index] = deepcopy(lines[index])
    for key in path[:-1]:
        line = line[key]
    line[path[-1]] = value
    return changed


def other_number(random: Random, value: int) -> int:
    """Another figure: a little off, a quantum off, none, double, or anything."""
    choices = [value + 1, value - 1, value + QUANTUM, value - QUANTUM, 0, 2 * value, random.randrange(2**40)]
    return random.choice([choice for choice in choices if choice != value and choice >= 0])


WORDS: Final[Mapping[str, tuple[str, ...]]] = {
    "outcome": ("completed", "partially-completed", "failed", "rejected", "done"),
    "code": ("insufficient-host-memory", "memory-in-use", "minimum-reached", "size-limit", "invalid-amount"),
    "power": ("off", "running", "paused", "saved"),
    "guest": ("windows", "windows-legacy", "linux", "linux-legacy", "unenlightened"),
    "mechanism": ("hot-remove", "balloon", "balloon-adjusted", "none"),
    "mode": ("static", "dynamic"),
    "config_version": ("5.0", "8.0", "9.0", "10.0", "12.0"),
    "command": ("add-memory", "remove-memory", "grow", "reclaim", "start", "stop"),
}


def figures_of(lines: Sequence[Line], types: tuple[str, ...] | None) -> list[tuple[int, tuple[str, ...], int]]:
    """Every figure in the data of events of these types; ``None``: of all others than granted changes."""
    return [
        (index, ("data", *path), value)
        for index, line in enumerate(lines)
        if (line["type"].startswith(types) if types is not None else not is_granted(line))
        for path, value in leaves(line["data"])
        if isinstance(value, int) and not isinstance(value, bool)
    ]


def is_granted(line: Line) -> bool:
    """Whether an event is one half of a change that was granted."""
    command = line["data"].get("command")
    return line["type"].startswith(GRANTS) or (
        line["type"].startswith(HALVES) and command in ("add-memory", "remove-memory", "grow", "reclaim")
    )


def _figure(kind: str, types: tuple[str, ...] | None) -> Callable[[Random, list[Line], list[Line]], Corruption | None]:
    def corrupt(random: Random, lines: list[Line], _: list[Line]) -> Corruption | None:
        found = figures_of(lines, types)
        if kind == GRANTED:
            found = [figure for figure in found if is_granted(lines[figure[0]])]
        if not found:
            return None
        index, path, value = random.choice(found)
        other = other_number(random, value)
        what = f"{lines[index]['type']} {'.'.join(path)} {value} -> {other} at {lines[index]['position']}"
        return Corruption(kind, what, with_leaf(lines, index, path, other))

    return corrupt


def word(random: Random, lines: list[Line], _: list[Line]) -> Corruption | None:
    """A word of an event: an outcome, a code, a power state, a guest; or a truth value."""
    found = [
        (index, ("data", *path), value)
        for index, line in enumerate(lines)
        for path, value in leaves(line["data"])
        if isinstance(value, bool) or path[-1] in WORDS
    ]
    index, path, value = random.choice(found)
    other = not value if isinstance(value, bool) else random.choice([w for w in WORDS[path[-1]] if w != value])
    what = f"{lines[index]['type']} {'.'.join(path)} {value} -> {other} at {lines[index]['position']}"
    return Corruption("a word of an event", what, with_leaf(lines, index, path, other))


def dropped(random: Random, lines: list[Line], _: list[Line]) -> Corruption:
    """An event is left out."""
    index = random.randrange(len(lines) - 1)
    return Corruption("an event dropped", _name(lines[index]), [*lines[:index], *lines[index + 1 :]])


def renumbered(random: Random, lines: list[Line], _: list[Line]) -> Corruption:
    """An event is left out, and all that follow are given the places that they then have."""
    index = random.randrange(len(lines) - 1)
    return Corruption(
        "an event dropped, the rest renumbered", _name(lines[index]), renumber([*lines[:index], *lines[index + 1 :]])
    )


def renumber(lines: Sequence[Line]) -> list[Line]:
    """Lines with the positions, versions and ids that they should have in this order."""
    versions: dict[str, int] = {}
    result: list[Line] = []
    names: dict[str, str] = {}
    for position, line in enumerate(lines, start=1):
        stream = line["subject"]
        versions[stream] = versions.get(stream, 0) + 1
        name = f"{stream}/{versions[stream]}"
        names[line["id"]] = name
        changed = {**line, "position": position, "version": versions[stream], "id": name}
        if "causation" in line:
            changed["causation"] = names.get(line["causation"], line["causation"])
        result.append(changed)
    return result


def duplicated(random: Random, lines: list[Line], _: list[Line]) -> Corruption:
    """An event stands there twice."""
    index = random.randrange(len(lines))
    return Corruption(
        "an event duplicated", _name(lines[index]), [*lines[: index + 1], lines[index], *lines[index + 1 :]]
    )


def moved(random: Random, lines: list[Line], _: list[Line]) -> Corruption:
    """An event stands elsewhere."""
    index, to = random.sample(range(len(lines)), 2)
    rest = [*lines[:index], *lines[index + 1 :]]
    return Corruption("an event moved", f"{_name(lines[index])} to line {to}", [*rest[:to], lines[index], *rest[to:]])


def half_dropped(random: Random, lines: list[Line], _: list[Line]) -> Corruption:
    """One half of a change is left out, and all that follow are renumbered."""
    halves = [index for index, line in enumerate(lines) if line["type"].startswith(HALVES)]
    index = random.choice(halves)
    index = index - random.randrange(2) if lines[index - 1]["id"] == lines[index].get("causation") else index
    return Corruption(
        "a half of a change dropped, the rest renumbered",
        _name(lines[index]),
        renumber([*lines[:index], *lines[index + 1 :]]),
    )


def time_altered(random: Random, lines: list[Line], _: list[Line]) -> Corruption:
    """An event happened at another time."""
    index = random.randrange(len(lines))
    other = f"2026-01-{random.randrange(1, 28):02}T{random.randrange(24):02}:00:00.000000Z"
    return Corruption("a time altered", f"{_name(lines[index])} to {other}", with_leaf(lines, index, ("time",), other))


def actor_altered(random: Random, lines: list[Line], _: list[Line]) -> Corruption:
    """Somebody else did it."""
    index = random.randrange(len(lines))
    return Corruption("an actor altered", _name(lines[index]), with_leaf(lines, index, ("actor",), "CONTOSO\\eve"))


def tail_cut(random: Random, lines: list[Line], _: list[Line]) -> Corruption:
    """The end is cut off."""
    length = random.randrange(1, len(lines))
    return Corruption("the tail cut off", f"after {length} of {len(lines)}", lines[:length])


def spliced(random: Random, lines: list[Line], others: list[Line]) -> Corruption:
    """The beginning of one history and the end of another, as if they were one."""
    length = random.randrange(1, min(len(lines), len(others)) - 1)
    end = [{**line, "source": lines[0]["source"]} for line in others[length:]]
    return Corruption("two histories spliced", f"after {length}", renumber([*lines[:length], *end]))


def _name(line: Line) -> str:
    return f"{line['type']} at {line['position']}"


KINDS: Final[Mapping[str, Callable[[Random, list[Line], list[Line]], Corruption | None]]] = {
    GRANTED: _figure(GRANTED, (*GRANTS, *HALVES)),
    "a figure of another event": _figure("a figure of another event", None),
    "a word of an event": word,
    "an event dropped": dropped,
    "an event dropped, the rest renumbered": renumbered,
    "an event duplicated": duplicated,
    "an event moved": moved,
    "a half of a change dropped, the rest renumbered": half_dropped,
    "a time altered": time_altered,
    "an actor altered": actor_altered,
    "the tail cut off": tail_cut,
    "two histories spliced": spliced,
}
