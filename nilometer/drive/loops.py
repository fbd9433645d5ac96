"""The event loop of a drive: one of its own, also where the caller's thread has one that runs, as in a notebook."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


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
        running = threads.submit(asyncio.run, run())
        try:
            return running.result()
        except KeyboardInterrupt:
            if not running.done():
                begun.result()()
            raise
