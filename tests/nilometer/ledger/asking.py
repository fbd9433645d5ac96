"""Requests as tests write them, and ledgers with something in them."""

from __future__ import annotations

from typing import Any

from nilometer.ledger import Ledger
from nilometer.results import Request, Result
from nilometer.script import read_command

HV01: dict[str, Any] = {"host": "hv01", "version": "2022", "total": "64GiB", "reserve": "2304MiB"}
WEB01: dict[str, Any] = {
    "vm": "web01",
    "host": "hv01",
    "generation": 2,
    "guest": "windows",
    "config_version": "10.0",
    "memory": {"static": {"size": "4GiB"}},
}


def request(command: str, *, at: str | None = None, key: str | None = None, **given: Any) -> Request:
    """A command as a script line gives it, asked by Ann with a test."""
    return Request(read_command(command, given), "ann", "test", at=at, key=key)


def ask(ledger: Ledger, command: str, *, at: str | None = None, key: str | None = None, **given: Any) -> Result:
    """Asks a ledger, which must be able to decide it."""
    return ledger.execute(request(command, at=at, key=key, **given))


def with_web01(ledger: Ledger, **changed: Any) -> None:
    """Given a host of 64 GiB on which a VM of 4 GiB runs: five events."""
    for result in (
        ask(ledger, "register-host", **HV01),
        ask(ledger, "define-vm", **{**WEB01, **changed}),
        ask(ledger, "start", vm="web01"),
    ):
        assert result.in_full, result


def stored(ledger: Ledger) -> list[tuple[str, int, str, bytes]]:
    """All events as they are stored."""
    return [
        (str(event.originator_id), event.originator_version, event.topic, event.state)
        for event, _ in ledger._application.rows()  # pyright: ignore[reportPrivateUsage]
    ]
