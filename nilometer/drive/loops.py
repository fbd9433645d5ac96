"""The event loop of a drive: one of its own, also where the caller's thread has one that runs, as in a notebook."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Callable, Coroutine, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

T = TypeVar("T")


@contextmanager
def _no_ctrl_c_yet() -> Generator[None]:
    """Ctrl-C comes after the block; what is started in it does not take it."""
    if sys.platform == "win32":
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def run_to_end(coroutine: Coroutine[object, object, T]) -> T:
    """Runs a coroutine to its end, and returns what it returns; in a thread of its own where a loop runs here.

    Ctrl-C cancels it, waits for its end and is raised, in either case.
    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(coroutine)
    begun: Future[Callable[[], object]] = Future()

    async def run() -> T:
        loop, task = asyncio.get_running_loop(), asyncio.ensure_future(coroutine)
        begun.set_result(lambda: loop.call_soon_threadsafe(task.cancel))
        return await task

    with ThreadPoolExecutor(max_workers=1) as threads:
        running: Future[T] | None = None
        try:
            with _no_ctrl_c_yet():  # in the midst of a start nobody would wait for the thread
                running = threads.submit(asyncio.run, run())
            return running.result()
        except KeyboardInterrupt:
            if running is None:
                coroutine.close()
            elif not running.done():
                begun.result()()
            raise
