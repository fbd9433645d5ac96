"""``nilo can fail HOST`` and ``nilo can --survive 1``: whether VMs find a place when a host fails."""

from __future__ import annotations

from typing import Any, Final

import click

from domain.aggregates import HostAggregate
from domain.errors import InputError, UnknownHost
from nilometer.cli.documents import to_document
from nilometer.cli.failures import NOT_IN_FULL, OK, UNDECIDED
from nilometer.cli.names import match_host_case
from nilometer.cli.options import common_options
from nilometer.cli.output import Output
from nilometer.cli.session import Session, current_session
from nilometer.messages.sizes import format_sizes, plural
from nilometer.planning.asking import world_of
from nilometer.planning.failover import Failover, FailoverAnswer, fail_host
from projections.fleet import Fleet

_CODES: Final = {Failover.ALWAYS: OK, Failover.PLACED: OK, Failover.UNKNOWN: UNDECIDED, Failover.NO: NOT_IN_FULL}
_WORST: Final = (Failover.ALWAYS, Failover.PLACED, Failover.UNKNOWN, Failover.NO)


@click.command("fail")
@click.argument("host")
@click.option("--cluster", metavar="HOSTS", help="Only these hosts, as hv01,hv02: VMs find a place on them alone.")
@common_options
def command(host: str, cluster: str | None) -> int:
    """Ask whether every VM of a host finds a place on the others if it fails. Memory only; nothing is recorded.

    Each VM needs its startup memory there. Decided hosts only. Exit 0: yes. 1: no. 3: the search ended before it knew.

    \b
    Examples:
      nilo can fail hv01
      nilo can fail hv01 --format json
    """
    return _answer(current_session(), host, cluster)


def ask_survival(session: Session, count: int, cluster: str | None) -> int:
    """Asks the same of every host, one at a time. Raises ``InputError`` for more than one at once."""
    if count != 1:
        raise InputError(f"--survive {count} cannot be asked yet", hint="ask of one host at a time: --survive 1")
    return _answer(session, None, cluster)


def _answer(session: Session, host: str | None, cluster: str | None) -> int:
    """Shows what becomes of the VMs of one host, or of each; returns the exit code of the worst answer."""
    out = Output(session.format)
    with session.reading() as ledger:
        fleet = ledger.views.fleet()
        world = world_of(fleet)
        among = sorted(world.hosts) if cluster is None else [_find_host(name, fleet) for name in _split(cluster)]
        named = among if host is None else [_find_host(host, fleet)]
        if not named:
            raise InputError("there is no decided host", hint="nilo do register-host --help")
        found = [fail_host(world, name, among=among) for name in named]
    worst = max(found, key=lambda one: _WORST.index(one.answer)).answer
    if out.json:
        out.write_document({"answer": worst.value, "hosts": [_to_document(one) for one in found]})
    else:
        for one in found:
            for line in _describe(one):
                out.write_line(line)
        out.write_line("Memory only; nothing was recorded.")
    return _CODES[worst]


def _split(cluster: str) -> list[str]:
    """The names of hosts in a list. Raises ``InputError`` for an empty one."""
    names = [name.strip() for name in cluster.split(",") if name.strip()]
    if not names:
        raise InputError("--cluster names no host", hint="name its hosts: --cluster hv01,hv02")
    return list(dict.fromkeys(names))


def _find_host(name: str, fleet: Fleet) -> str:
    """The id of a decided host. Raises ``InputError`` if there is none of this name."""
    id = match_host_case(name, fleet)
    tracked = fleet.hosts.get(id)
    if tracked is None:
        raise UnknownHost(id)
    if not isinstance(tracked.subject, HostAggregate):
        raise InputError(f"a hypervisor decides about host {id}", hint="ask of a host that is decided here")
    return id


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
