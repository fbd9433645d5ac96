"""What proving costs, from a cold start: the obligations alone, ``nilo prove``, another solver, and more commands.

``python -m benchmarks.proving z3|cvc5|commands [NUMBER…]`` is what is started to be measured.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from statistics import mean, median
from typing import Final

from benchmarks.commands import NILO
from benchmarks.processes import Cost, run

PASSES: Final = 3
"""How often the obligations of all of these commands are proved."""


@dataclass(frozen=True, slots=True)
class Proved:
    """A whole program that has proved something: what it cost from its start, and how much it proved."""

    wall: float
    cpu: float
    obligations: int
    solving: float
    """Seconds of the clock that the solver was asked for, of ``cpu``."""


@dataclass(frozen=True, slots=True)
class Part:
    """The obligations about some of the commands: how many there are, and seconds of the processor to prove them."""

    commands: int
    obligations: float
    cpu: float


def nilo_prove(*, times: int, commands: Sequence[str]) -> Cost:
    """``nilo prove`` as people run it: the medians of some runs after a first one, or one run.

    All is proved, or what is to be proved about some commands.
    """
    chosen = [part for command in commands for part in ("--command", command)]
    return _middle([sys.executable, "-c", NILO, "prove", "--format", "plain", *chosen], times)


def nilo_prove_kept(folder: Path, *, times: int, commands: Sequence[str]) -> Cost:
    """``nilo prove --kept`` where it was proved before: the medians of some runs."""
    chosen = [part for command in commands for part in ("--command", command)]
    command = [sys.executable, "-c", NILO, "prove", "--kept", "--format", "plain", *chosen]
    run(command, cache=folder)
    return _middle(command, times, cache=folder)


def calibrate() -> float:
    """Seconds of the processor for a plain loop: what the absolute figures of two machines can be compared by."""
    begun = time.process_time()
    for _ in range(10_000_000):
        pass
    return time.process_time() - begun


def obligations_alone(*, times: int, first: int | None) -> Proved:
    """Z3 proves all obligations, or the first ones: the medians of some runs after a first one, or one run."""
    return _proved(_middle(_child("z3", first), times))


def by_cvc5(*, first: int | None) -> Proved | None:
    """cvc5 proves all obligations, or the first ones; ``None`` if it is not installed."""
    if find_spec("cvc5") is None:
        return None
    return _proved(run(_child("cvc5", first), listen=True))


def by_commands(*, turns: int | None, most: int | None) -> list[Part]:
    """Z3 proves the obligations about one command on a VM and its host, two, four and so on, up to all of them.

    Some commands take longer than others, so each has its turn to be the first, and the means are reported; ``turns``
    leaves only so many, and ``most`` so many commands. Each time a new solver begins from nothing; what it is given was
    made before.
    """
    output = run(_child("commands", turns, most), listen=True).output
    return [Part(*row) for row in json.loads(output)]


def _child(name: str, *numbers: int | None) -> list[str]:
    return [sys.executable, "-m", "benchmarks.proving", name, *[str(number or 0) for number in numbers]]


def _middle(command: Sequence[str], times: int, cache: Path | None = None) -> Cost:
    if times > 1:
        run(command, cache=cache)
    costs = [run(command, listen=True, cache=cache) for _ in range(times)]
    return Cost(median(cost.wall for cost in costs), median(cost.cpu for cost in costs), costs[-1].output)


def _proved(cost: Cost) -> Proved:
    obligations, solving = json.loads(cost.output)
    return Proved(cost.wall, cost.cpu, obligations, solving)


# What is started


def _z3() -> object:
    from rules.proving.run import obligations_named
    from rules.solving.prover import Prover
    from rules.solving.verdict import ProofVerdict

    proofs = list(Prover().prove(obligations_named()[: _number(2)]))
    assert all(proof.verdict is ProofVerdict.PROVED for proof in proofs)
    return len(proofs), sum(proof.seconds for proof in proofs)


def _cvc5() -> object:
    from rules.proving.run import obligations_named
    from rules.solving.recheck import recheck
    from rules.solving.verdict import ProofVerdict

    opinions = list(recheck(obligations_named()[: _number(2)]))
    assert all(opinion.verdict is ProofVerdict.PROVED for opinion in opinions)
    return len(opinions), sum(opinion.seconds for opinion in opinions)


def _commands() -> object:
    from domain.commands import NAMES, MoveVm
    from domain.deciding.steps import STEPS
    from rules.proving.run import obligations_named
    from rules.solving.prover import Prover

    commands = [NAMES[command] for command in STEPS if command is not MoveVm][: _number(3)]
    turns = _number(2) or len(commands)
    made = obligations_named()
    sizes = [2**power for power in range(len(commands).bit_length()) if 2**power < len(commands)]
    parts: list[tuple[int, float, float]] = []
    for size in [*sizes, len(commands)]:
        counts: list[int] = []
        spent: list[float] = []
        for first in range(turns if size < len(commands) else min(turns, PASSES)):
            some = (commands * 2)[first : first + size]
            chosen = [obligation for obligation in made if obligation.command in some]
            begun = time.process_time()
            assert len(list(Prover().prove(chosen))) == len(chosen)
            spent.append(time.process_time() - begun)
            counts.append(len(chosen))
        parts.append((size, mean(counts), mean(spent)))
    return parts


def _number(place: int) -> int | None:
    """A number that was given; ``None`` if it is 0 or there is none."""
    return (int(sys.argv[place]) or None) if len(sys.argv) > place else None


CHILDREN: Final[dict[str, Callable[[], object]]] = {"z3": _z3, "cvc5": _cvc5, "commands": _commands}

if __name__ == "__main__":
    print(json.dumps(CHILDREN[sys.argv[1]]()))
