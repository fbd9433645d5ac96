"""Requests as tests write them, and ledgers with something in them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from domain.aggregates import VmAggregate
from domain.identifiers import UtcTime
from domain.state import Vm
from nilometer.ledger.ledger import Ledger
from nilometer.ledger.requests import Request, Result
from nilometer.ledger.typed_commands import parse_command


def a_host(**changed: Any) -> dict[str, Any]:
    """A host of 64 GiB, of which 62,208 MiB are free: the arguments of ``register-host``."""
    return {"host": "hv01", "version": "2022", "total": "64GiB", "reserve": "2304MiB", **changed}


def a_vm(**changed: Any) -> dict[str, Any]:
    """A Windows VM of 4 GiB: the arguments of ``define-vm``."""
    given = {"vm": "web01", "host": "hv01", "generation": 2, "guest": "windows", "config_version": "10.0"}
    return {**given, "memory": {"static": {"size": "4GiB"}}, **changed}


def request(command: str, *, at: str | None = None, key: str | None = None, **given: Any) -> Request:
    """A command as a script line gives it, asked by Ann with a test."""
    return Request(parse_command(command, given), "ann", "test", at=None if at is None else UtcTime(at), key=key)


def ask(ledger: Ledger, command: str, *, at: str | None = None, key: str | None = None, **given: Any) -> Result:
    """Asks a ledger, which must be able to decide it."""
    return ledger.execute(request(command, at=at, key=key, **given))


def with_web01(ledger: Ledger, **changed: Any) -> None:
    """Given a host of 64 GiB on which a VM of 4 GiB runs: four events."""
    for result in (
        ask(ledger, "register-host", **a_host()),
        ask(ledger, "define-vm", **a_vm(**changed)),
        ask(ledger, "start", vm="web01"),
    ):
        assert result.in_full, result


def vm(ledger: Ledger, id: str = "web01") -> Vm:
    """A VM's figures as all events leave them."""
    subject = ledger.views.fleet().vms[id].subject
    assert isinstance(subject, VmAggregate)
    return subject.state


def stored(ledger: Ledger) -> list[tuple[str, int, str, bytes]]:
    """All events as they are stored."""
    return [(row.stream, row.version, row.topic, row.body) for row in ledger.rows()]


def ledger_with_web01(folder: Path) -> str:
    """The URL of a ledger in a folder, of four events: a host, and a VM of 4 GiB that runs."""
    url = f"sqlite:///{folder}/ledger.db"
    with Ledger.open(url, create=True, durable=False) as ledger:
        with_web01(ledger)
    return url
