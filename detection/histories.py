"""Long random decided histories, as exported lines: made by the ledger itself, from random commands."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from domain.errors import InputError
from domain.identifiers import UtcTime
from nilometer import Ledger, Request
from nilometer.history.cloudevents import to_cloudevent
from nilometer.ledger.typed_commands import parse_command
from tests.oracle.strategies import Seeded, script

Line = dict[str, Any]
BEGINNING = datetime(2026, 1, 1)
ACTORS = ("CONTOSO\\anna", "CONTOSO\\ben", "balancer")


def history(folder: Path, seed: int, commands: int) -> list[Line]:
    """The history that so many random commands lead to: likely ones and hostile ones, on few hosts and VMs."""
    with Ledger.open(f"sqlite:///{folder / f'{seed}.db'}", create=True, durable=False) as ledger:
        for number, line in enumerate(script(Seeded(seed), commands)):
            given = {key: value for key, value in line.items() if key != "command"}
            at = UtcTime(f"{(BEGINNING + timedelta(seconds=number)).isoformat(timespec='microseconds')}Z")
            try:
                command = parse_command(str(line["command"]), json.loads(json.dumps(given)))
                ledger.execute(Request(command, ACTORS[number % 3], "detection", at=at, reason="a test"))
            except InputError:
                continue
        return [to_cloudevent(stored, ledger.id) for stored in ledger.rows()]
