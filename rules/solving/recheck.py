"""A second opinion: cvc5, an independent solver, checks each obligation again from its SMT-LIB text."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from importlib.metadata import version
from itertools import starmap
from multiprocessing import get_context
from typing import Final

from domain.errors import NilometerError
from rules.obligations import Obligation
from rules.solving.smtlib import exports
from rules.solving.verdict import ProofVerdict

BUDGET: Final = 20_000_000
"""Steps of cvc5 (its ``rlimit``) for one obligation; the slowest needs far fewer."""
_CHUNK: Final = 20
"""How many obligations a process gets at a time."""


class NoSecondSolver(NilometerError):
    """cvc5 is not installed."""


@dataclass(frozen=True, slots=True)
class Opinion:
    """The verdict of cvc5 on an obligation."""

    name: str
    verdict: ProofVerdict
    seconds: float
    reason: str = ""
    """For an unknown one: why cvc5 gave up."""


def second_solver() -> str:
    """Name and version of the second solver. Raises ``NoSecondSolver`` if it is not installed."""
    try:
        import cvc5
    except ImportError:
        raise NoSecondSolver(
            "cvc5 is not installed, so nothing can be checked again with it",
            hint="pip install 'nilometer[recheck]'; in a checkout of Nilometer: make extras",
        ) from None
    return f"{cvc5.__name__} {version(cvc5.__name__)}"


def recheck(obligations: Iterable[Obligation], *, cores: int = 1, budget: int = BUDGET) -> Iterator[Opinion]:
    """The verdict of cvc5 on each obligation, in order. Raises ``NoSecondSolver`` if it is not installed."""
    second_solver()
    questions = ((export.obligation.name, export.text, budget) for export in exports(obligations))
    if cores == 1:
        yield from starmap(check, questions)
        return
    ignore_interrupts = (signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that shares the work
    with ProcessPoolExecutor(cores, get_context("spawn"), signal.signal, ignore_interrupts) as pool:
        yield from pool.map(_check, questions, chunksize=_CHUNK)


def _check(question: tuple[str, str, int]) -> Opinion:
    return check(*question)


def check(name: str, text: str, budget: int = BUDGET) -> Opinion:
    """The verdict of cvc5 on an SMT-LIB text with one ``check-sat``."""
    import cvc5

    begun = time.perf_counter()
    solver = cvc5.Solver(cvc5.TermManager())
    solver.setOption("rlimit", str(budget))
    parser = cvc5.InputParser(solver)
    parser.setStringInput(cvc5.InputLanguage.SMT_LIB_2_6, text, name)
    symbols = parser.getSymbolManager()
    output = ""
    while not (command := parser.nextCommand()).isNull():
        output += command.invoke(solver, symbols)
    seconds = time.perf_counter() - begun
    answer = output.strip()
    if answer in _VERDICTS:
        return Opinion(name=name, verdict=_VERDICTS[answer], seconds=seconds)
    return Opinion(
        name=name,
        verdict=ProofVerdict.UNKNOWN,
        seconds=seconds,
        reason="cvc5 gave up" if answer == "unknown" else f"cvc5 says: {answer}",
    )


_VERDICTS: Final = {"unsat": ProofVerdict.PROVED, "sat": ProofVerdict.REFUTED}
