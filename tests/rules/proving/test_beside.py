"""A second process: its results in their order, its errors, and its end."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Iterator
from multiprocessing.synchronize import Event

import pytest

from domain.errors import InternalError
from rules.proving import beside as module
from rules.proving.beside import beside


def counted(most: int) -> Iterator[tuple[int, int]]:
    for number in range(most):
        yield number, os.getpid()


def failing() -> Iterator[int]:
    yield 1
    raise InternalError("a model says otherwise")


def endless() -> Iterator[int]:
    yield os.getpid()
    threading.Event().wait()


def long_and_done(done: Event) -> Iterator[str]:
    for _ in range(100):
        yield "x" * 10_000
    done.set()


def test_nobody_has_to_read_for_the_work_to_go_on() -> None:
    done = multiprocessing.get_context("spawn").Event()  # it can be handed to a process that is started either way
    with beside(long_and_done, done) as results:
        assert done.wait(60)
        assert sum(map(len, results)) == 1_000_000


@pytest.mark.parametrize("forks", [True, False])
def test_results_come_in_their_order_from_another_process(forks: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_can_fork", lambda: forks)
    with beside(counted, 3000) as results:
        found = [*results]
    assert [number for number, _ in found] == [*range(3000)]
    assert {process for _, process in found}.isdisjoint([os.getpid()])


def test_an_error_comes_after_the_results_before_it_and_says_where_it_came_from() -> None:
    with beside(failing) as results:
        assert next(results) == 1
        with pytest.raises(InternalError, match="a model says otherwise") as caught:
            next(results)
    assert "in failing" in "".join(caught.value.__notes__)


def test_it_ends_with_the_block() -> None:
    def interrupted() -> None:
        with beside(endless) as results:
            processes.append(next(results))
            raise KeyboardInterrupt

    processes: list[int] = []
    with pytest.raises(KeyboardInterrupt):
        interrupted()
    with pytest.raises(ProcessLookupError):
        os.kill(processes[0], 0)
