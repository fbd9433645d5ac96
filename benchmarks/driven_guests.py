"""Scripted guests in a process of their own: ``python -m benchmarks.driven_guests FOLDER COUNT``, until stdin ends."""

from __future__ import annotations

import sys
from contextlib import ExitStack

from domain.quantities import MiB
from tests.nilometer.drive.peer import Peer, served


def main() -> None:
    """Serves QMP on the sockets ``FOLDER/0``, ``FOLDER/1``, …"""
    folder, count = sys.argv[1], int(sys.argv[2])
    with ExitStack() as stack:
        for number in range(count):
            stack.enter_context(served(Peer(f"{folder}/{number}", balloon=256 * MiB, available=200)))
        print("ready", flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
