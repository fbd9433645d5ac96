"""A line to QEMU that can be cut: a socket before its socket, which passes on every message until a certain one."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path


@contextmanager
def cut_line(qmp: Path, at: str, *, passes_it_on: bool) -> Generator[Path]:
    """A socket that cuts its one connection at the first message with `at`, before QEMU has that message or after."""
    path = qmp.with_name("cut.sock")
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen(1)
    thread = threading.Thread(target=_pass_on, args=(listener, qmp, at.encode(), passes_it_on), daemon=True)
    thread.start()
    try:
        yield path
    finally:
        listener.close()
        path.unlink()
        thread.join(10)


def _pass_on(listener: socket.socket, qmp: Path, at: bytes, passes_it_on: bool) -> None:
    with suppress(OSError):
        caller, _ = listener.accept()
        with caller, socket.socket(socket.AF_UNIX) as qemu:
            qemu.connect(str(qmp))
            answers = threading.Thread(target=_copy, args=(qemu, caller), daemon=True)
            answers.start()
            while message := caller.recv(65536):  # a program waits for each answer: one message at a time comes
                if at not in message:
                    qemu.sendall(message)
                    continue
                caller.shutdown(socket.SHUT_RDWR)
                if passes_it_on:
                    qemu.sendall(message)
                    answers.join(60)  # QEMU answers, and nobody hears it
                qemu.shutdown(socket.SHUT_RDWR)  # closed alone it would stay open while the other thread reads it
                return


def _copy(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
