"""A second opinion: cvc5, another solver by other people, judges each obligation anew from its SMT-LIB text."""

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
from rules.solving.prover import ProofVerdict
from rules.solving.smtlib import exports

BUDGET: Final = 20_000_000
"""Steps of cvc5 for one obligation (its ``rlimit``); the slowest takes far less."""
_TOGETHER: Final = 20
"""How many obligations a process is given at a time."""


class NoSecondSolver(NilometerError):
    """cvc5 is not installed."""


@dataclass(frozen=True, slots=True)
class Opinion:
    """What cvc5 says of an obligation."""

    name: str
    verdict: ProofVerdict
    seconds: float
    reason: str = ""
    """Of an unknown one, why cvc5 gave up."""


def solver() -> str:
    """The second solver and its version. Raises ``NoSecondSolver`` if there is none."""
    try:
        import cvc5
    except ImportError:
        raise NoSecondSolver(
            "cvc5 is not installed, so nothing can be checked again with it",
            hint='pip install "nilometer[recheck]"',
        ) from None
    return f"{cvc5.__name__} {version(cvc5.__name__)}"


def recheck(obligations: Iterable[Obligation], *, cores: int = 1, budget: int = BUDGET) -> Iterator[Opinion]:
    """What cvc5 says of each obligation, in their order. Raises ``NoSecondSolver`` if it is not installed."""
    solver()
    asked = ((each.obligation.name, each.text, budget) for each in exports(obligations))
    if cores == 1:
        yield from starmap(judge, asked)
        return
    deaf = (signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that shares the work
    with ProcessPoolExecutor(cores, get_context("spawn"), signal.signal, deaf) as pool:
        yield from pool.map(_judge, asked, chunksize=_TOGETHER)


def _judge(asked: tuple[str, str, int]) -> Opinion:
    return judge(*asked)


def judge(name: str, text: str, budget: int = BUDGET) -> Opinion:
    """What cvc5 says of a text of SMT-LIB that asks one question."""
    import cvc5

    begun = time.perf_counter()
    asked = cvc5.Solver(cvc5.TermManager())
    asked.setOption("rlimit", str(budget))
    parser = cvc5.InputParser(asked)
    parser.setStringInput(cvc5.InputLanguage.SMT_LIB_2_6, text, name)
    symbols = parser.getSymbolManager()
    said = ""
    while not (command := parser.nextCommand()).isNull():
        said += command.invoke(asked, symbols)
    seconds = time.perf_counter() - begun
    answer = said.strip()
    if answer in _VERDICTS:
        return Opinion(name, _VERDICTS[answer], seconds)
    return Opinion(
        name, ProofVerdict.UNKNOWN, seconds, "cvc5 gave up" if answer == "unknown" else f"cvc5 says: {answer}"
    )


_VERDICTS: Final = {"unsat": ProofVerdict.PROVED, "sat": ProofVerdict.REFUTED}
