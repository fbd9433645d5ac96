"""No field of any event can be changed unnoticed: the sieve clears no group in which the judge then finds something.

Of each kind of event there is a history that ends with one. Many copies of it, under other names, are in one export:
in each, one field of that event is another, and all that an export makes of bodies is made of what it says then.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from random import Random
from typing import Final, cast

import pytest

from detection.corruptions import WORDS, leaves, other_number, renumber, with_leaf
from detection.histories import Line
from detection.judging import judged
from nilometer.errors import UnreadableEvent
from nilometer.storage.bodies import decode
from tests.nilometer.audit.sieve.exporting import copy_of, export_of, sieved_of
from tests.nilometer.audit.sieve.known import HOSTS, PAIR, REMOVED, known_history
from tests.nilometer.history.stored_rows import row_of

Kind = tuple[str, str, bool, int]
"""The type of an event, its command, whether it says a size, and how many hosts its decision read."""
Change = tuple[tuple[str, ...], object]
"""A place in a line, and what is to stand there."""
METADATA: Final = ("actor", "via", "reason", "correlation", "causation", "time", "recorded")
ENUMS: Final = {**WORDS, "version": ("2016", "2019", "2022", "2025")}
FILLINGS: Final = {"code": "invalid-amount", "vms": 1, "requested": 2**21, "granted": 2**21, "size": 2**40}
"""What may stand where an event has null."""
FIRM: Final = (
    *("after", "before", "bytes", "code", "destination", "evidence", "granted", "outcome", "paged", "size", "source"),
    "unballooned",
)
"""Fields of the data that follow from others of the history. Arguments of a refusal may be others, just as bad."""


def kind_of(line: Line) -> Kind:
    data = line["data"]
    evidence: Line = data.get("evidence") or {}
    hosts: set[str] = {evidence[read]["id"] for read in ("host", "destination") if evidence.get(read)}
    return line["type"], data["command"], data.get("size") is not None, len(hosts)


@cache
def endings() -> Mapping[Kind, Sequence[Line]]:
    """For each kind of event the shortest history of one group that ends with it, and with what belongs to it."""
    found = dict[Kind, Sequence[Line]]()
    for seed in (1, 2, 3):
        for lines in groups_of(known_history(seed, 400)):
            for index, line in enumerate(lines):
                end = index + 1
                change = line.get("causation") or line["id"]
                while end < len(lines) and lines[end].get("causation") == change:
                    end += 1
                if end < len(found.get(kind_of(line), lines)):
                    found[kind_of(line)] = lines[:end]
    return found


def groups_of(lines: Sequence[Line]) -> Iterator[list[Line]]:
    """The lines of each group of hosts and their VMs."""
    hosts = {line["subject"]: line["data"]["host"] for line in lines if line["type"].startswith("nilometer.vm.defined")}
    for group in ((*PAIR, REMOVED), [host for host in HOSTS if host not in PAIR]):
        yield [line for line in lines if hosts.get(line["subject"], line["subject"].removeprefix("host/")) in group]


def changes_of(line: Line) -> Iterator[Change]:
    """For each field of an event other values of its type."""
    random = Random(line["id"])
    for path, value in [*leaves(line["data"], ("data",)), *(((name,), line.get(name)) for name in METADATA)]:
        if isinstance(value, bool):
            yield path, not value
        elif isinstance(value, int):
            yield path, value + 1 if path[-1] == "generation" else other_number(random, value)
        elif path[-1] in ("time", "recorded"):
            text = cast("str", value)
            yield path, f"{text[:11]}00:00:00.000000Z"
            yield path, f"{text[:-2]}{'1' if text[-2] == '0' else '0'}Z"
        elif isinstance(value, str):
            words = [word for word in ENUMS.get(path[-1], ()) if word != value]
            yield path, random.choice(words) if words else f"{value}x"
    yield from fillings_of(line["data"], ("data",))
    if line.get("causation") is None:
        yield ("causation",), line["id"]


def fillings_of(data: Line, path: tuple[str, ...]) -> Iterator[Change]:
    """For each field that is null a value that one of its type has."""
    for key, value in data.items():
        if isinstance(value, dict):
            yield from fillings_of(cast("Line", value), (*path, key))
        elif value is None and key in FILLINGS:
            yield (*path, key), FILLINGS[key]


def is_readable(line: Line) -> bool:
    """Whether an event can be read at all; if not, the audit ends with an error."""
    row = row_of(line)
    try:
        decode(row.stream, row.version, row.topic, row.body)
    except UnreadableEvent:
        return False
    return True


pytestmark = pytest.mark.xdist_group("fields")  # the histories are made once for all of these, and not to collect them
PARTS: Final = 8


@pytest.mark.usefixtures("together")
@pytest.mark.parametrize("part", range(PARTS))
def test_no_field_is_changed_unnoticed(part: int, tmp_path: Path) -> None:
    kinds = sorted(endings())[part::PARTS]
    assert kinds
    for number, kind in enumerate(kinds):
        assert_no_field_is_changed_unnoticed(kind, tmp_path / str(number))


def assert_no_field_is_changed_unnoticed(kind: Kind, folder: Path) -> None:
    folder.mkdir()
    ending = endings()[kind]
    index = max(place for place, line in enumerate(ending) if kind_of(line) == kind)
    subject, copies, changes = ending[index]["subject"], [copy_of(ending, 0)], list[Change]([((), None)])
    for path, value in changes_of(ending[index]):
        number = len(copies)
        changed = copy_of(with_leaf(ending, index, path, value), number)
        if is_readable(changed[index]):
            copies.append(changed)
            changes.append((path, value))
    sieved = sieved_of(export_of(renumber([line for lines in copies for line in lines]), folder))

    assert sieved.undivided == "", kind
    cleared = [number for number in range(len(copies)) if subject.replace("@", f"{number}.") in sieved.streams]
    assert cleared[:1] == [0], (kind, "the history in which nothing is changed")
    for number in cleared:
        assert not judged(renumber(copies[number])), (kind, changes[number])
    unnoticed = [changes[number][0] for number in cleared]
    assert not [path for path in unnoticed if path[:1] == ("data",) and path[1] in FIRM], kind
