"""Real processes that write to one ledger and are killed: run as a program, which forks them.

It has everything imported and one thread, so that a fork is cheap and safe. A test starts it, and reads what it tells.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable
from functools import partial
from random import Random
from typing import Any, NoReturn, cast

from tests.paths import ROOT


def run(module: str, *arguments: str) -> dict[str, Any]:
    """Runs one of the programs beside this one, and returns what it tells."""
    command = [sys.executable, "-m", f"tests.nilometer.ledger.{module}", *arguments]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    return cast("dict[str, Any]", json.loads(ended.stdout.splitlines()[-1]))


def fork(work: Callable[[], object]) -> int:
    """Does ``work`` in a process of its own, which ends with 0, or with 1 and a traceback."""
    sys.stdout.flush()
    gc.freeze()  # what is loaded is no garbage: the child does not look through it, and so goes on sharing its memory
    child = os.fork()
    if not child:
        _work(work)
    return child


def _work(work: Callable[[], object]) -> NoReturn:
    code = 1
    try:
        work()
        code = 0
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 1
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def watch_children() -> None:
    """Keeps the news of ended children until they are asked for."""
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGCHLD])


def child_ended_within(seconds: float) -> bool:
    """Waits for the end of a child, but no longer than this."""
    return signal.sigtimedwait([signal.SIGCHLD], seconds) is not None


def ended_children() -> dict[int, int]:
    """Children that ended, with their exit codes; minus the signal's number if they were killed."""
    ended: dict[int, int] = {}
    while True:
        try:
            child, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return ended
        if not child:
            return ended
        ended[child] = os.waitstatus_to_exitcode(status)


class Crowd:
    """So many lives, few at a time; about half of them are killed at random moments."""

    def __init__(self, seed: int, lives: int, at_once: int, kills: int, live: Callable[[int], object]) -> None:
        self._random = Random(seed)
        self._lives, self._at_once, self._to_kill, self._live = lives, at_once, kills, live
        self._alive: set[int] = set()
        self.began = self.killed = 0
        self.failed: list[int] = []

    def all_live(self) -> None:
        """Until the last life has ended."""
        watch_children()
        while self.began < self._lives or self._alive:
            while self.began < self._lives and len(self._alive) < self._at_once:
                self._alive.add(fork(partial(self._live, self.began)))
                self.began += 1
            if not child_ended_within(self._random.uniform(0.01, 0.1)) and self.killed < self._to_kill:
                os.kill(self._random.choice(sorted(self._alive)), signal.SIGKILL)
                self.killed += 1
                child_ended_within(10)
            for child, code in ended_children().items():
                if child in self._alive:
                    self._alive.discard(child)
                    if code not in (0, -signal.SIGKILL):
                        self.failed.append(code)
