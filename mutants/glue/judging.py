"""Judges wrong files: most in forks of one process that has loaded everything, the others each in a fresh process.

The fresh process has loaded pytest and other people's libraries already, but nothing of the program: there the changed
module is loaded in place of the right one, and then the nearest tests, one file after the other.
"""

from __future__ import annotations

import multiprocessing
import os
import resource
import signal
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_loader
from itertools import accumulate
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkServerContext
from types import ModuleType
from typing import Final, cast

import pytest

from mutants.glue.changes import WrongFile, wrong_files
from mutants.glue.noticed import NEAREST, Noticed, lint, refuted
from mutants.glue.serving import PATIENCE, Unjudged, be_silent, run_pytest, serve
from mutants.places import ROOT

SECONDS: Final = 300
"""What a fresh process may take of the processor. A wrong file that takes longer hangs, which is noticed."""
LOADED_BEFORE: Final = [
    "pytest",
    "hypothesis",
    "hypothesis.stateful",
    "pydantic",
    "eventsourcing.sqlite",
    "click",
    "z3",
]
"""What fresh processes have loaded: libraries of other people that the program and its tests use."""
Judged = tuple[WrongFile, Noticed, str]
"""A wrong file, who noticed it, and by what."""


@cache
def all_wrong_files() -> list[WrongFile]:
    """Every wrong file, always in the same order; made once in each process."""
    return [wrong for file in NEAREST for wrong in wrong_files(file)]


def judge_files(
    wrongs: Iterable[WrongFile],
    cores: int = 1,
    nearest: Mapping[str, Sequence[str]] = NEAREST,
    patience: float = PATIENCE,
) -> Iterator[Judged]:
    """Judges wrong files by a lint, the tests that are nearest to each, and the proof. Yields each as it is known.

    Each is given the tests that take ``patience`` seconds together.
    """
    passed: list[WrongFile] = []
    for wrong in wrongs:
        by = lint(wrong)
        if by:
            yield wrong, Noticed.LINT, by
        else:
            passed.append(wrong)
    shares = [passed[core * len(passed) // cores : (core + 1) * len(passed) // cores] for core in range(cores)]
    kills = Counter[tuple[str, str]]()
    unjudged = len(passed)
    for answer in _answers([_started(share, nearest, patience) for share in shares if share]):
        unjudged -= 1
        if isinstance(answer, Unjudged):
            wrong = answer.wrong
            files = sorted(nearest[wrong.file], key=lambda file: -kills[wrong.file, file])
            noticed, by = _judged_alone(wrong, files, answer.seconds, patience)
            kills.update([(wrong.file, by)] if noticed is Noticed.TESTS else [])
            yield wrong, noticed, by
        else:
            yield answer
    if unjudged:
        raise RuntimeError(
            f"{unjudged} wrong files were not judged: their tests cannot be collected, or a server fell over"
        )


def _context() -> ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(LOADED_BEFORE)
    return context


def _started(share: Sequence[WrongFile], nearest: Mapping[str, Sequence[str]], patience: float) -> Connection:
    tests = [*dict.fromkeys(test for wrong in share for test in nearest[wrong.file])]
    answers, sender = _context().Pipe(duplex=False)
    _context().Process(target=serve, args=(share, tests, patience, sender)).start()
    sender.close()
    return answers


def _answers(servers: Iterable[Connection]) -> Iterator[Judged | Unjudged]:
    """What the servers say, until the last of them has ended."""
    open = [*servers]
    while open:
        for server in cast("list[Connection]", wait(open)):
            try:
                yield server.recv()
            except EOFError:
                open.remove(server)


def _judged_alone(
    wrong: WrongFile, files: Sequence[str], seconds: Mapping[str, float], patience: float
) -> tuple[Noticed, str]:
    """Who notices a wrong file in a process of its own, if tests of these files, of so many seconds, are asked."""
    answer, sender = _context().Pipe(duplex=False)
    process = _context().Process(target=_who_notices, args=(wrong, files, seconds, patience, sender))
    process.start()
    sender.close()
    process.join()
    if process.exitcode == -signal.SIGXCPU:
        return Noticed.TIME, ""
    try:
        noticed, by = answer.recv()
    except EOFError:  # it fell over before anybody could ask
        return Noticed.LOADING, ""
    return noticed, by


def _who_notices(
    wrong: WrongFile, files: Sequence[str], seconds: Mapping[str, float], patience: float, sender: Connection
) -> None:
    """Loads the wrong module in this process, and asks."""
    be_silent()
    os.chdir(ROOT)
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, resource.getrlimit(resource.RLIMIT_CPU)[1]))
    loader = _WrongLoader(wrong)
    if loader.name in sys.modules:
        raise RuntimeError(f"{loader.name} was loaded before it could be replaced")
    sys.meta_path.insert(0, loader)
    sender.send(_asked(wrong, files, seconds, patience))


def _asked(
    wrong: WrongFile, files: Sequence[str], seconds: Mapping[str, float], patience: float
) -> tuple[Noticed, str]:
    """Asks as many of the quickest tests as there is patience for, by their files, and then the proof."""
    tests = sorted(seconds, key=lambda test: seconds[test])
    spent = accumulate(seconds[test] for test in tests)
    asked = [test for test, until in zip(tests, spent, strict=True) if until < patience]
    for file in files:
        chosen = [test for test in asked if test.startswith(file)]
        if chosen and run_pytest(["-x", file], _Chosen(chosen)) != 0:
            return Noticed.TESTS, file
    by = refuted(wrong)
    return (Noticed.PROOF, by) if by else (Noticed.NOBODY, "")


class _Chosen:
    """A plugin that runs these tests, in this order, and no other."""

    def __init__(self, tests: Sequence[str]) -> None:
        self._tests = tests

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """What pytest calls when it has collected them."""
        chosen = {item.nodeid: item for item in items}
        items[:] = [chosen[test] for test in self._tests if test in chosen]


class _WrongLoader(MetaPathFinder, Loader):
    """Loads one module from other source."""

    def __init__(self, wrong: WrongFile) -> None:
        self.name = wrong.file.removesuffix(".py").replace("/", ".")
        self._wrong, self._file = wrong, str(ROOT / wrong.file)

    def find_spec(self, fullname: str, path: object, target: ModuleType | None = None) -> ModuleSpec | None:
        """The wrong module, if it is asked for."""
        return spec_from_loader(fullname, self, origin=self._file) if fullname == self.name else None

    def exec_module(self, module: ModuleType) -> None:
        """Runs the wrong source."""
        module.__file__ = self._file
        exec(compile(self._wrong.tree, self._file, "exec", dont_inherit=True), module.__dict__)
