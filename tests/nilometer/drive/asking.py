"""Asking ``nilo drive`` at a desk, and what it leaves there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.nilometer.cli.calling import CallResult, Desk
from tests.nilometer.drive.peer import Peer

VM = "lab.vm0"


def drive(desk: Desk, peer: Peer, size: str, *options: str) -> CallResult:
    quick = ("--settle", "50ms", "--format", "json")
    return desk.call("drive", VM, size, "--qmp", peer.path, *quick, *options)


def evidence(desk: Desk) -> Path:
    """Where the evidence lies."""
    return desk.folder / "ledger.drive" / f"{VM}.jsonl"


def records(desk: Desk) -> list[dict[str, Any]]:
    lines = evidence(desk).read_text().splitlines()
    return [json.loads(line) for line in lines]


def kinds(desk: Desk) -> list[str]:
    return [record["kind"] for record in records(desk)]


def imported(desk: Desk, name: str) -> list[Any]:
    """The history that nilo import-qemu makes of the evidence, without what the import itself records."""
    url = f"sqlite:///{desk.folder}/{name}.db"
    answer = desk.call("import-qemu", str(evidence(desk)), "--ledger", url)
    assert answer.code == 0, answer.err
    return history(desk, "--ledger", url)


def history(desk: Desk, *options: str) -> list[Any]:
    events = desk.call("export", *options).out.splitlines()
    return [
        (event["type"], event["subject"], event["time"], event["data"])
        for event in map(json.loads, events)
        if not event["subject"].startswith("import/")
    ]
