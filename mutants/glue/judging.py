"""Who notices a wrong file: a lint, the nearest tests, or the proof. Each file is judged in a process of its own.

``python -m mutants.glue.judging FILE INDEX`` judges one; it exits with 0 if nobody noticed it, and prints who did.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Mapping, Sequence
from enum import StrEnum
from functools import cache
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_loader
from types import ModuleType
from typing import Final

from mutants.glue.changes import WrongFile, wrong_files
from mutants.places import ROOT

DECIDING: Final = (
    "tests/domain/deciding/test_vectors.py",
    "tests/domain/deciding/test_redecide.py",
    "tests/domain/deciding/test_decisions.py",
    "tests/domain/deciding/test_reads.py",
    "tests/domain/deciding/test_input_errors.py",
    "tests/rules/judging/decided/test_sizes.py",
    "tests/domain/deciding/test_any_history.py",
    "tests/rules/judging/decided/test_histories.py",
)
STORING: Final = (
    "tests/nilometer/storage/test_bodies.py",
    "tests/nilometer/storage/test_stored_events.py",
    "tests/nilometer/storage/test_golden_ledger.py",
    "tests/nilometer/history",
)
WRITING: Final = (
    "tests/nilometer/ledger/test_deciding.py",
    "tests/nilometer/ledger/test_once.py",
    "tests/nilometer/ledger/test_transactions.py",
    "tests/nilometer/ledger/test_validating.py",
    "tests/nilometer/ledger/test_after_the_commit.py",
    "tests/nilometer/ledger/test_moments.py",
)
VIEWING: Final = ("tests/projections", "tests/nilometer/views/test_views.py")
NEAREST: Final[Mapping[str, Sequence[str]]] = {
    "domain/aggregates.py": (*DECIDING, *VIEWING),
    "domain/changes.py": (*DECIDING, *VIEWING),
    "domain/deciding/decider.py": DECIDING,
    "domain/deciding/evidence.py": DECIDING,
    "domain/deciding/hosts.py": DECIDING,
    "domain/deciding/reads.py": (*DECIDING, *WRITING),
    "domain/deciding/redecide.py": DECIDING,
    "domain/deciding/steps.py": DECIDING,
    "domain/deciding/vms.py": DECIDING,
    "nilometer/history/codecs.py": STORING,
    "nilometer/ledger/repository.py": WRITING,
    "nilometer/ledger/unit_of_work.py": WRITING,
    "nilometer/storage/bodies.py": (*STORING, *WRITING),
    "nilometer/storage/upcasters.py": STORING,
    "projections/advancing.py": VIEWING,
    "projections/books.py": VIEWING,
    "projections/fleet.py": VIEWING,
}
"""The files that are changed, and the tests that are nearest to each, the quickest first."""
PROVED: Final = "domain/deciding/"
"""Where a change may be refuted by the proof: tables stand there, and no rules, which the prover compares with their
file."""
SECONDS: Final = 600
"""After this time a wrong file has hung, which is noticed."""


class Noticed(StrEnum):
    """Who noticed a wrong file."""

    LOADING = "loading"
    """It cannot be imported."""
    LINT = "lint"
    TESTS = "tests"
    PROOF = "proof"
    TIME = "time"
    """It hangs."""
    NOBODY = "nobody"


@cache
def all_wrong_files() -> list[WrongFile]:
    """Every wrong file, always in the same order; made once in each process."""
    return [wrong for file in NEAREST for wrong in wrong_files(file)]


def judge_file(index: int) -> tuple[WrongFile, Noticed, str]:
    """Who notices the wrong file at an index of the list, and by what. It is judged in a process of its own."""
    wrong = all_wrong_files()[index]
    command = [sys.executable, "-m", "mutants.glue.judging", wrong.file, str(_place(index))]
    try:
        run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return wrong, Noticed.TIME, ""
    lines = [line for line in run.stdout.splitlines() if line.startswith("noticed by ")]
    if not lines:  # it fell over before anybody could ask
        return wrong, Noticed.LOADING, (run.stderr.splitlines() or [""])[-1]
    who, _, by = lines[-1].removeprefix("noticed by ").partition(": ")
    return wrong, Noticed(who), by


def _place(index: int) -> int:
    """The place of a wrong file among those of its file."""
    every = all_wrong_files()
    return index - next(place for place, wrong in enumerate(every) if wrong.file == every[index].file)


class _WrongLoader(MetaPathFinder, Loader):
    """Loads one module from other source."""

    def __init__(self, wrong: WrongFile) -> None:
        self._name = wrong.file.removesuffix(".py").replace("/", ".")
        self._file, self._source = str(ROOT / wrong.file), wrong.source

    def find_spec(self, fullname: str, path: object, target: ModuleType | None = None) -> ModuleSpec | None:
        """The wrong module, if it is asked for."""
        return spec_from_loader(fullname, self, origin=self._file) if fullname == self._name else None

    def exec_module(self, module: ModuleType) -> None:
        """Runs the wrong source."""
        module.__file__ = self._file
        exec(compile(self._source, self._file, "exec"), module.__dict__)


def _who_notices(wrong: WrongFile) -> tuple[Noticed, str]:
    """Asks one after the other, the quickest first. The wrong module is loaded in this process."""
    import pytest

    from tests import test_house

    if ROOT / wrong.file in test_house.DECIDERS:
        tree = ast.parse(wrong.source)
        found = [*test_house.literals_in(tree, test_house.words_of_the_domain()), *test_house.ids_used_in(tree)]
        if found:
            return Noticed.LINT, ast.unparse(found[0])
    sys.meta_path.insert(0, _WrongLoader(wrong))
    options = ["-x", "-q", "--no-header", "-p", "no:cacheprovider", "-p", "no:xdist", "-p", "no:nilometer"]
    for tests in NEAREST[wrong.file]:
        if pytest.main([*options, tests]) != 0:
            return Noticed.TESTS, tests
    if wrong.file.startswith(PROVED):
        from rules.obligations import ObligationBuilder, build_all
        from rules.solving.prover import Prover
        from rules.solving.verdict import ProofVerdict

        for proof in Prover().prove(build_all(ObligationBuilder())):
            if proof.verdict is not ProofVerdict.PROVED:
                return Noticed.PROOF, proof.obligation.name
    return Noticed.NOBODY, ""


if __name__ == "__main__":
    noticed, by = _who_notices(wrong_files(sys.argv[1])[int(sys.argv[2])])
    print(f"\nnoticed by {noticed}: {by}")
