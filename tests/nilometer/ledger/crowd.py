"""A crowd of writers on one ledger, many of whom are killed, and a reader who follows along.

``python -m tests.nilometer.ledger.crowd URL SEED READER``: what the reader saw is written to the file READER. Each
event carries in its ``reason`` the script line that asked for it, so that all can be decided again afterwards.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path

import nilometer.storage.sqlite.recorder as _imported_before_the_forks  # noqa: F401  # pyright: ignore[reportUnusedImport]
from domain.errors import InputError
from nilometer.ledger.ledger import Ledger
from nilometer.ledger.requests import Request
from nilometer.ledger.typed_commands import parse_command
from tests.domain.world import World
from tests.nilometer.ledger.processes import Crowd, fork
from tests.oracle.shapes import GIB, Line
from tests.oracle.strategies import Seeded, next_line

LIVES, AT_ONCE, KILLS, COMMANDS = 48, 8, 30, 40
LEFT_OUT = ("register-host", "remove-host")  # there are two hosts, from the beginning to the end
GUESTS = ("windows", "windows", "linux", "linux-legacy", "windows-legacy", "windows", "linux", "unenlightened")


def beginning() -> list[Line]:
    """Two hosts that are too small for the eight VMs on them."""
    lines: list[Line] = [
        {"command": "register-host", "host": host, "version": "2022", "total": 10 * GIB, "reserve": GIB}
        for host in ("hv01", "hv02")
    ]
    for number, guest in enumerate(GUESTS):
        dynamic: Line = {"minimum": GIB // 2, "startup": GIB, "maximum": 8 * GIB, "buffer": 20, "weight": 50}
        is_dynamic = guest == "windows-legacy" or number == 5
        definition: Line = {
            "command": "define-vm",
            "vm": f"vm{number}",
            "host": f"hv{1 + number % 2:02}",
            "generation": 1 if guest == "windows-legacy" else 2,
            "guest": guest,
            "config_version": "10.0",
            "memory": {"dynamic": dynamic} if is_dynamic else {"static": {"size": 2 * GIB}},
        }
        start: Line = {"command": "start", "vm": f"vm{number}"}
        lines += [definition, start]
    return lines


def request(line: Line) -> Request:
    """A line as a request that says why."""
    given = {key: value for key, value in line.items() if key != "command"}
    return Request(parse_command(str(line["command"]), given), "ann", "crowd", reason=json.dumps(line))


def write(url: str, seed: int) -> None:
    """One writer's life: random commands, alone or in batches, on what it has just seen."""
    chooser, world, position = Seeded(seed), World(), 0
    with Ledger.open(url, durable=False) as ledger:
        asked = 0
        while asked < COMMANDS:
            for envelope in ledger.events(position):
                world.record([(envelope.stream, envelope.event)])
                position = envelope.position
            requests: list[Request] = []
            while len(requests) < (1 if seed % 2 else 5):
                line = next_line(chooser, world.snapshot())
                if line["command"] not in LEFT_OUT:
                    try:
                        requests.append(request(line))
                    except InputError:
                        continue
            ledger.execute_all(requests, keep_going=True)
            asked += len(requests)


def follow(url: str, file: Path) -> None:
    """Reads along, and writes down what it sees; told to stop, it reads what is left and ends."""
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
    with Ledger.open(url, read_only=True) as ledger, file.open("w") as seen:
        after, told_to_stop = 0, False
        while True:
            for envelope in ledger.events(after):
                after = envelope.position
                seen.write(f"{after} {envelope.id}\n")
            if told_to_stop:
                return
            told_to_stop = signal.sigtimedwait([signal.SIGTERM], 0.005) is not None


def main(url: str, seed: int, seen: Path) -> None:
    """The whole of it."""
    with Ledger.open(url, create=True, durable=False) as ledger:
        for line in beginning():
            ledger.execute(request(line))
    reader = fork(lambda: follow(url, seen))
    crowd = Crowd(seed, LIVES, AT_ONCE, KILLS, lambda number: write(url, seed * 1000 + number))
    crowd.all_live()
    os.kill(reader, signal.SIGTERM)
    _, status = os.waitpid(reader, 0)
    reader_code = os.waitstatus_to_exitcode(status)
    print(json.dumps({"lives": crowd.began, "killed": crowd.killed, "failed": crowd.failed, "reader": reader_code}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]))
