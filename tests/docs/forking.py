"""``nilo`` for pages that call it a hundred times: loaded once, and forked for each call.

A call has the arguments, the folder, the environment and the streams of whoever calls, as in a shell. What it changes
in its process ends with it. Elsewhere, where the process itself is asked about, real ones are started.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages
from typing import Final, NoReturn

from tests.paths import EXAMPLES, ROOT

ASKING: Final = """\
import json, os, socket, sys
call = json.dumps([sys.argv[2:], os.getcwd(), dict(os.environ)]).encode()
with socket.socket(socket.AF_UNIX) as server:
    server.connect(sys.argv[1])
    socket.send_fds(server, [len(call).to_bytes(4, "big")], [0, 1, 2])
    server.sendall(call)
    answer = server.recv(1)
sys.exit(answer[0] if answer else "nilo ended without an exit code")
"""
LOADED_FIRST: Final = (
    ("run", EXAMPLES / "month-end.jsonl"),
    ("view",),
    ("log", "--asked"),
    ("audit",),
    ("policy", "test", EXAMPLES / "policies.py"),
)
"""Calls in which all of it is loaded, and the rules are read. None of them solves anything: Z3 has threads then."""


@contextmanager
def forked_nilo(folder: Path) -> Generator[Path]:
    """A folder for ``PATH`` with such a ``nilo``, while this lasts."""
    address, asking, nilo = folder / "socket", folder / "asking.py", folder / "bin" / "nilo"
    asking.write_text(ASKING, encoding="utf-8")
    nilo.parent.mkdir()
    nilo.write_text(f"#!/bin/sh\nexec '{sys.executable}' -IS '{asking}' '{address}' \"$@\"\n", encoding="utf-8")
    nilo.chmod(0o755)
    command = [sys.executable, "-m", "tests.docs.forking", str(address), str(folder / "ledger.db")]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as server:
        try:
            assert server.stdout is not None
            assert server.stdout.readline() == b"ready\n"
            yield nilo.parent
        finally:
            server.terminate()


def serve(address: str, ledger: str) -> NoReturn:
    """Loads ``nilo``, and then forks for each call."""
    _load(ledger)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those that answer
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen(16)
        print("ready", flush=True)
        gc.collect()
        gc.freeze()
        while True:
            call, _ = listener.accept()
            if os.fork() == 0:
                listener.close()
                _answer(call)
            call.close()


def _load(ledger: str) -> None:
    from click.testing import CliRunner

    from nilometer.cli.app import nilo

    for name in ("domain", "projections", "rules"):
        for module in walk_packages(import_module(name).__path__, f"{name}."):
            import_module(module.name)
    for args in LOADED_FIRST:
        CliRunner().invoke(nilo, list(map(str, args)), env={"NILO_LEDGER": f"sqlite:///{ledger}"}, prog_name="nilo")


def _answer(call: socket.socket) -> NoReturn:
    from nilometer.cli import main

    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    head, streams, _, _ = socket.recv_fds(call, 4, 3)
    with call.makefile("rb") as sent:
        args, folder, environment = json.loads(sent.read(int.from_bytes(head, "big")))
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    sys.argv[1:] = args
    sys.stdin = os.fdopen(0, "r", encoding="utf-8", closefd=False)
    sys.stdout = os.fdopen(1, "w", encoding="utf-8", closefd=False)
    sys.stderr = os.fdopen(2, "w", encoding="utf-8", errors="backslashreplace", closefd=False)
    code = 70
    try:
        main()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 0
    finally:
        sys.stderr.flush()
        call.sendall(bytes([code]))
        os._exit(code)


if __name__ == "__main__":
    serve(*sys.argv[1:])
