"""Every transition of a small world as TLC tells it, kept in a file.

``python -m benchmarks.tlc.golden`` writes it anew. Sizes are MiB. The file is made in the order in which states are
reached, so that the same spec gives the same file.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks.tlc.checker import HERE, missing, search

FILE: Final = HERE / "transitions.json.gz"
SPEC: Final = ("memory.tla", "transitions.tla", "transitions.cfg")

Row = tuple[Any, ...]
"""The figures of one VM, in the order of ``Row`` in ``transitions.tla``."""


@dataclass(frozen=True, slots=True)
class State:
    """Two VMs, and what the host's book holds for each."""

    a: Row
    b: Row
    book_a: int
    book_b: int


@dataclass(frozen=True, slots=True)
class Transition:
    """One command in one state, as TLC decides it. States go by their numbers; 0 is the first."""

    before: int
    command: Row
    """Its name, the VM, and its arguments."""
    answer: Row
    """Outcome, code (``none`` if there is none) and grant."""
    after: int


@dataclass(frozen=True, slots=True)
class Golden:
    """All states, each reached before it is left, and all transitions, by the state that they leave."""

    spec: str
    """The hash of the text that it was made from."""
    states: tuple[State, ...]
    transitions: tuple[Transition, ...]


def spec() -> str:
    """The hash of the spec and its bounds, as they are now."""
    text = b"".join((HERE / name).read_bytes().replace(b"\r\n", b"\n") for name in SPEC)
    return hashlib.sha256(text).hexdigest()


def read(file: Path = FILE) -> Golden:
    """What is kept in the file."""
    kept = json.loads(gzip.decompress(file.read_bytes()))
    commands: list[Row] = [tuple(each) for each in kept["commands"]]
    answers: list[Row] = [tuple(each) for each in kept["answers"]]
    leaving: list[list[tuple[int, int, int]]] = kept["transitions"]
    transitions = tuple(
        Transition(before, commands[command], answers[answer], before + step)
        for before, some in enumerate(leaving)
        for command, answer, step in some
    )
    states = tuple(State(tuple(a), tuple(b), *books) for a, b, *books in kept["states"])
    return Golden(kept["spec"], states, transitions)


def write(file: Path = FILE) -> Golden:
    """Searches the small world and keeps its transitions in the file."""
    with tempfile.TemporaryDirectory(prefix="nilometer-tlc-") as folder:
        output = search("transitions", Path(folder)).cost.output
    leaving: dict[State, list[tuple[Row, Row, State]]] = defaultdict(list)
    for before, command, answer, after in _parsed(output):
        leaving[before].append((command, answer, after))
    for some in leaving.values():
        some.sort(key=lambda each: repr(each[0]))

    reached = {next(iter(leaving)): 0}
    for state in (order := list(reached)):
        for _, _, after in leaving.get(state, ()):
            if after not in reached:
                reached[after] = len(order)
                order.append(after)
    commands = sorted({command for some in leaving.values() for command, _, _ in some}, key=repr)
    answers = sorted({answer for some in leaving.values() for _, answer, _ in some}, key=repr)
    numbers = {each: number for every in (commands, answers) for number, each in enumerate(every)}
    kept = {
        "spec": spec(),
        "commands": commands,
        "answers": answers,
        "states": [[state.a, state.b, state.book_a, state.book_b] for state in order],
        "transitions": [
            [
                [numbers[command], numbers[answer], reached[after] - reached[state]]
                for command, answer, after in leaving.get(state, ())
            ]
            for state in order
        ],
    }
    text = json.dumps(kept, separators=(",", ":")) + "\n"
    file.write_bytes(gzip.compress(text.encode(), mtime=0))
    return read(file)


def _parsed(output: str) -> Iterator[tuple[State, Row, Row, State]]:
    for line in output.splitlines():
        if not line.startswith('"<<'):
            continue
        text = line[1:-1].replace('\\"', '"').replace("<<", "[").replace(">>", "]")
        read = json.loads(text.replace("TRUE", "true").replace("FALSE", "false"))
        before, book_a, book_b, command, answer, after, book_a_after, book_b_after = read
        yield (
            _state(before, book_a, book_b),
            tuple(command),
            tuple(answer),
            _state(after, book_a_after, book_b_after),
        )


def _state(rows: list[list[Any]], book_a: int, book_b: int) -> State:
    a, b = rows
    return State(tuple(a), tuple(b), book_a, book_b)


if __name__ == "__main__":
    if lacking := missing():
        sys.exit(f"TLC cannot run: {lacking}")
    made = write()
    print(f"{FILE}: {len(made.states)} states, {len(made.transitions)} transitions")
