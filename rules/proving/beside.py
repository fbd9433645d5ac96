"""Work in a second process, for a machine with two cores: its results come after those of the first, in their order."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Final, TypeVar

R = TypeVar("R")
_END: Final = b""
"""After the last message."""


def is_worthwhile() -> bool:
    """Whether a second core is there, and a fork that knows all that this process knows."""
    return _can_fork() and len(os.sched_getaffinity(0)) > 1


def _can_fork() -> bool:
    """Whether this process can be forked. Where it has several threads, one of them may hold a lock for ever."""
    return sys.platform == "linux" and len([*Path("/proc/self/task").iterdir()]) == 1


@contextmanager
def beside(work: Callable[..., Iterable[R]], *arguments: object) -> Generator[Iterator[R]]:
    """Begins some work in another process. Yields its results, which can be read later; one that fails raises there.

    Where this process cannot be forked, a new one is started, which has to load everything first. It ends with the
    block, whether or not it is done.
    """
    results, sender = multiprocessing.Pipe(duplex=False)
    make = multiprocessing.get_context("fork").Process if _can_fork() else multiprocessing.get_context("spawn").Process
    process = make(target=_send_results, args=(sender, work, arguments), daemon=True)
    process.start()
    sender.close()
    try:
        yield _received(results)
    finally:
        process.terminate()
        process.join()
        results.close()


def _received(results: Connection) -> Iterator[Any]:
    while True:
        done, result = results.recv()
        if not done:
            yield result
        elif result is not None:
            raise result
        else:
            return


def _send_results(sender: Connection, work: Callable[..., Iterable[object]], arguments: tuple[object, ...]) -> None:
    """Works, and sends beside that: a pipe holds little, and nobody reads before the first part of the work is done."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the first process, which ends this one
    found: SimpleQueue[bytes] = SimpleQueue()
    sending = threading.Thread(target=_send_all, args=(sender, found))
    sending.start()
    try:
        for result in work(*arguments):
            found.put(pickle.dumps((False, result)))
            if not sending.is_alive():  # nobody is left to read it
                return
        end = pickle.dumps((True, None))
    except Exception as error:
        error.add_note("".join(traceback.format_exception(error)))  # where it came from, which is not sent with it
        end = pickle.dumps((True, error))
    found.put(end)
    found.put(_END)
    sending.join()


def _send_all(sender: Connection, found: SimpleQueue[bytes]) -> None:
    try:
        while message := found.get():
            sender.send_bytes(message)
    except BrokenPipeError:
        return
