"""``nilo can fail HOST`` and ``nilo can --survive 1``: whether VMs find a place when a host fails."""

from __future__ import annotations

from typing import Any, Final

import click

from domain.errors import InputError
from nilometer.cli.documents import to_document
from nilometer.cli.failures import NOT_IN_FULL, OK, UNDECIDED
from nilometer.cli.names import match_host_case
from nilometer.cli.options import common_options
from nilometer.cli.output import Output
from nilometer.cli.session import Session, current_session
from nilometer.messages.sizes import format_sizes, plural
from nilometer.planning.asking import world_of
from nilometer.planning.failover import Failover, FailoverAnswer, fail_host

_CODES: Final = {Failover.ALWAYS: OK, Failover.PLACED: OK, Failover.UNKNOWN: UNDECIDED, Failover.NO: NOT_IN_FULL}
_WORST: Final = (Failover.ALWAYS, Failover.PLACED, Failover.UNKNOWN, Failover.NO)


@click.command("fail")
@click.argument("host")
@common_options
def command(host: str) -> int:
    """Ask whether every VM of a host finds a place on the others if it fails. Memory only; nothing is recorded.

    Each VM needs its startup memory there. Decided hosts only. Exit 0: yes. 1: no. 3: the search ended before it knew.

    \b
    Examples:
      nilo can fail hv01
      nilo can fail hv01 --format json
    """
    return answer(current_session(), [host])


def ask_survival(session: Session, count: int) -> int:
    """Asks the same of every host, one at a time. Raises ``InputError`` for more than one at once."""
    if count != 1:
        raise InputError(f"--survive {count} cannot be asked yet", hint="ask of one host at a time: --survive 1")
    return answer(session, None)


def answer(session: Session, hosts: list[str] | None) -> int:
    """Shows what becomes of the VMs of each host; returns the exit code of the worst answer."""
    out = Output(session.format)
    with session.reading() as ledger:
        fleet = ledger.views.fleet()
        world = world_of(fleet)
        named = sorted(world.hosts) if hosts is None else [match_host_case(host, fleet) for host in hosts]
        if not named:
            raise InputError("there is no decided host", hint="nilo do register-host --help")
        for host in named:
            if host in fleet.hosts and host not in world.hosts:
                raise InputError(f"a hypervisor decides about host {host}", hint="ask of a host that is decided here")
        found = [fail_host(world, host) for host in named]
    worst = max(found, key=lambda one: _WORST.index(one.answer)).answer
    if out.json:
        out.write_document({"answer": worst.value, "hosts": [_to_document(one) for one in found]})
    else:
        for one in found:
            for line in _describe(one):
                out.write_line(line)
        out.write_line("Memory only; nothing was recorded.")
    return _CODES[worst]


def _to_document(one: FailoverAnswer) -> dict[str, Any]:
    document: dict[str, Any] = to_document(one)
    return document


def _describe(one: FailoverAnswer) -> list[str]:
    """The answer for one host, in sentences."""
    if not one.needed:
        return [f"yes: no VM runs on host {one.host}."]
    sizes = format_sizes([sum(one.needed.values()), sum(one.free.values()), *one.needed.values()])
    by_vm = dict(zip(one.needed, sizes[2:], strict=True))
    head = f"if host {one.host} fails, its {plural(len(one.needed), 'VM')} of {sizes[0]}"
    match one.answer:
        case Failover.ALWAYS:
            return [f"yes: {head} find a place on the others ({sizes[1]} free), whatever the order."]
        case Failover.PLACED:
            lines = [f"only if placed so: {head} find a place on the others ({sizes[1]} free):"]
            return lines + [f"  {vm} ({by_vm[vm]}) on {host}" for vm, host in one.placement.items()]
        case Failover.UNKNOWN:
            return [
                f"unknown: {head} may or may not find a place on the others ({sizes[1]} free): the search was ended."
            ]
        case Failover.NO if one.reason == "vm" and one.vm is not None:
            return [f"no: {head} find no place: {one.vm} ({by_vm[one.vm]}) fits on no other host."]
        case Failover.NO if one.reason == "sum":
            return [f"no: {head} find no place: the others have {sizes[1]} free together."]
        case Failover.NO:
            return [f"no: {head} find no place: the others have {sizes[1]} free, but in no placement do all fit."]
