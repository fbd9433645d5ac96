"""A process that has loaded the program and its tests, and forks once for each wrong file.

The tests are collected once, and run once each under a tracer, which says how long each takes and which lines of the
changed files it comes to. For a wrong file the fork puts it in place and runs the tests that come to the changed
statement: first those that go on from it, that noticed others of the same function and file, and that take little
time. It ends at the first that fails. What is changed outside of functions has run already when a fork begins:
``judging`` judges that elsewhere.
"""

from __future__ import annotations

import gc
import importlib
import json
import math
import os
import resource
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType
from typing import TYPE_CHECKING, Final, cast

import pytest
from _pytest.runner import runtestprotocol

from mutants.glue.changes import WrongFile
from mutants.glue.in_place import Loaded, put_in_place
from mutants.glue.noticed import Noticed
from mutants.places import ROOT

if TYPE_CHECKING:
    from _typeshed import TraceFunction

OPTIONS = ("-q", "--no-header", "--tb=no", "--assert=plain", "--no-summary", "-o", "markers=xdist_group: of xdist")
"""Tests have marks of a plugin that is left out, and a mark that nobody knows is an error."""
PLUGINS_LEFT_OUT = ("cacheprovider", "xdist", "nilometer", "faulthandler")
PATIENCE: Final = 10
"""The seconds of tests that a wrong file is given, as they run of the right program. So a survivor is one of these."""
SPARE = 5
"""The seconds that a test may take longer, beside three times what it takes of the right program."""
Lines = dict[str, list[int]]
"""The lines of each changed file that a test comes to."""


@dataclass(frozen=True)
class Unjudged:
    """A wrong file whose change runs when it is loaded, so that it needs a process of its own."""

    wrong: WrongFile
    seconds: Mapping[str, float]
    """What each test takes that comes to any of the files that are changed."""


def run_pytest(tests: Sequence[str], *plugins: object) -> int:
    """Runs pytest in this process as wrong files need it: no traceback, no shrinking, no word, files in memory."""
    from hypothesis import HealthCheck, Phase, settings

    # Whether an example fails is all that is asked: the smallest one is not, and no example is kept for the next.
    phases = (Phase.explicit, Phase.generate)
    checks = tuple(HealthCheck)
    settings.register_profile("mutants", database=None, phases=phases, deadline=None, suppress_health_check=checks)
    settings.load_profile("mutants")
    memory = Path("/dev/shm")
    with TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        left_out = [option for plugin in PLUGINS_LEFT_OUT for option in ("-p", f"no:{plugin}")]
        return int(pytest.main([*OPTIONS, *left_out, f"--basetemp={folder}/tests", *tests], plugins=[*plugins]))


def be_silent() -> None:
    """Throws away what this process prints."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)


def serve(wrongs: Sequence[WrongFile], tests: Sequence[str], patience: float, answers: Connection) -> None:
    """Judges wrong files by tests. Sends for each who noticed it, and by what; or that it cannot say."""
    be_silent()
    os.chdir(ROOT)
    server = _Server(wrongs, patience, answers)
    trace(server.tracer)
    for file in {wrong.file for wrong in wrongs}:
        importlib.import_module(file.removesuffix(".py").replace("/", "."))
    run_pytest(tests, server)
    answers.close()


class _Tracer:
    """Writes down which lines of some files are run."""

    def __init__(self, files: Sequence[str]) -> None:
        self._files = {str(ROOT / file): file for file in files}
        self.seen: set[tuple[str, int]] = set()

    def trace(self, frame: FrameType, event: str, argument: object) -> TraceFunction | None:
        """What Python calls for each new frame."""
        return self._line if frame.f_code.co_filename in self._files else None

    def _line(self, frame: FrameType, event: str, argument: object) -> TraceFunction:
        self.seen.add((frame.f_code.co_filename, frame.f_lineno))
        return self._line

    def taken(self) -> Lines:
        """The lines since the last time."""
        found: Lines = {}
        for path, line in sorted(self.seen):
            found.setdefault(self._files[path], []).append(line)
        self.seen.clear()
        return found


@dataclass
class _Course:
    """How a test runs of the right program."""

    seconds: float
    lines: Lines


class _Server:
    """A plugin that runs no test itself, but forks for each wrong file."""

    def __init__(self, wrongs: Sequence[WrongFile], patience: float, answers: Connection) -> None:
        self._wrongs, self._patience, self._answers = wrongs, patience, answers
        self._files = sorted({wrong.file for wrong in wrongs})
        self.tracer = _Tracer(self._files)
        self._at_import: Lines = {}
        self._loaded = Loaded([])
        self._courses: dict[str, _Course] = {}
        self._kills = Counter[tuple[str, str]]()
        """How many wrong files a test noticed, by the test and by a file or by a function of a file."""

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Instead of running the tests."""
        stop_tracing()
        if session.testsfailed:
            raise session.Failed("there are tests that cannot be collected, so that nobody would ask them")
        self._at_import = self.tracer.taken()
        items = {item.nodeid: item for item in session.items if not _asks_a_server(item)}
        self._loaded = Loaded(self._files)
        gc.freeze()  # a collection in a fork would copy all that is loaded
        _, found = _in_fork(lambda: self._run_right([*items.values()]))
        self._courses = {test: _Course(seconds, lines) for test, seconds, lines in json.loads(found)}
        for wrong in self._wrongs:
            noticed, by = self._judge(wrong, items)
            near = {test: course for test, course in self._courses.items() if course.lines} or self._courses
            seconds = {test: course.seconds for test, course in near.items()}
            self._answers.send(Unjudged(wrong, seconds) if noticed is None else (wrong, noticed, by))
        return True

    def _run_right(self, items: Sequence[pytest.Item]) -> list[tuple[str, float, Lines]]:
        found: list[tuple[str, float, Lines]] = []
        for item in items:
            begun = time.process_time()
            trace(self.tracer)
            passed = _passes(item, None)
            stop_tracing()
            lines = self.tracer.taken()
            if passed:
                found.append((item.nodeid, time.process_time() - begun, lines))
        return found

    def _judge(self, wrong: WrongFile, items: Mapping[str, pytest.Item]) -> tuple[Noticed | None, str]:
        if not wrong.function:
            return None, ""
        tests = [test for test, course in self._courses.items() if self._comes_to(wrong, course.lines)]
        tests.sort(key=lambda test: self._courses[test].seconds / (1 + self._weight(test, wrong)))
        if not tests:  # what runs only when the program is loaded is judged elsewhere
            return (None if self._comes_to(wrong, self._at_import) else Noticed.NOBODY), "no test comes to it"
        status, found = _in_fork(lambda: self._ask(wrong, [items[test] for test in self._in_patience(tests)]))
        if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGXCPU:
            return Noticed.TIME, ""
        if not found:
            return Noticed.TESTS, "the process ended"
        noticed, by = json.loads(found)
        if noticed == Noticed.TESTS:
            self._kills.update([(by, wrong.file), (by, wrong.file + wrong.function)])
        if noticed == Noticed.NOBODY and self._comes_to(wrong, self._at_import):
            return None, ""  # what ran already, when the tests were collected, was right
        return (None if noticed is None else Noticed(noticed)), by

    def _in_patience(self, tests: Sequence[str]) -> list[str]:
        """The first of these tests, as many as there is patience for; one at least."""
        spent = accumulate(self._courses[test].seconds for test in tests)
        return [test for test, until in zip(tests, spent, strict=True) if until < self._patience] or [*tests[:1]]

    def _weight(self, test: str, wrong: WrongFile) -> int:
        """How soon a test is asked: what holds a guard always, or never, differs where its first statement runs."""
        begins = wrong.lines.stop in self._courses[test].lines.get(wrong.file, ())
        return self._kills[test, wrong.file] + 10 * self._kills[test, wrong.file + wrong.function] + 10 * begins

    @staticmethod
    def _comes_to(wrong: WrongFile, lines: Lines) -> bool:
        return any(line in wrong.lines for line in lines.get(wrong.file, ()))

    def _ask(self, wrong: WrongFile, items: Sequence[pytest.Item]) -> tuple[Noticed | None, str]:
        """Asks the tests, in this order. It changes this process."""
        if not put_in_place(wrong, self._loaded):
            return None, ""
        for item, following in zip(items, [*items[1:], None], strict=True):
            used = sum(resource.getrusage(resource.RUSAGE_SELF)[:2])
            _limit(math.ceil(used + 3 * self._courses[item.nodeid].seconds + SPARE))
            if not _passes(item, following):
                return Noticed.TESTS, item.nodeid
        return Noticed.NOBODY, "1 test comes to it" if len(items) == 1 else f"{len(items)} tests come to it"


def trace(tracer: _Tracer) -> None:
    """Begins to trace this thread, and those that will begin."""
    threading.settrace(tracer.trace)
    sys.settrace(tracer.trace)


def stop_tracing() -> None:
    """Ends it."""
    sys.settrace(None)
    threading.settrace(None)


def _limit(seconds: int) -> None:
    """Lets this process take as much of the processor in all."""
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, resource.getrlimit(resource.RLIMIT_CPU)[1]))


def _asks_a_server(item: pytest.Item) -> bool:
    """Whether a test needs a server of PostgreSQL: each fork would start one, and leave it behind."""
    return "postgres" in item.nodeid or "postgres" in cast("pytest.Function", item).fixturenames


def _passes(item: pytest.Item, following: pytest.Item | None) -> bool:
    return not any(report.failed for report in runtestprotocol(item, log=False, nextitem=following))


def _in_fork(work: Callable[[], object]) -> tuple[int, str]:
    """Does some work in a fork. Returns how it ended, and what the work returned, as JSON; nothing if it fell over."""
    with TemporaryDirectory() as folder:
        result = Path(folder) / "result"
        child = os.fork()
        if child == 0:
            try:
                result.write_text(json.dumps(work()), encoding="utf-8")
            finally:
                os._exit(0)  # not a step further into what the parent does next
        _, status = os.waitpid(child, 0)
        return status, result.read_text(encoding="utf-8") if result.exists() else ""
