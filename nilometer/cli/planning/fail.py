"""``nilo can fail HOST`` and ``nilo can --survive 1``: whether VMs find a place when a host fails."""

from __future__ import annotations

from typing import Any, Final

import click

from domain.aggregates import HostAggregate
from domain.errors import InputError
from domain.identifiers import UtcTime, seconds_between
from domain.observed.host import ObservedHost
from nilometer.cli.documents import to_document
from nilometer.cli.failures import NOT_IN_FULL, OK, UNDECIDED
from nilometer.cli.names import find_host, match_host_case
from nilometer.cli.options import common_options
from nilometer.cli.output import Output
from nilometer.cli.planning.clusters import find_members
from nilometer.cli.session import Session, current_session
from nilometer.cli.vm_names import VmNames
from nilometer.messages.sizes import format_sizes, plural
from nilometer.planning.asking import world_of
from nilometer.planning.failover import FIGURES, Failover, FailoverAnswer, fail_host
from nilometer.planning.observed import find_day
from nilometer.planning.observed_failover import fail_observed_host, find_room
from nilometer.queries import read_log
from nilometer.times import current_time, format_duration, format_time
from projections.fleet import Fleet

_CODES: Final = {Failover.ALWAYS: OK, Failover.PLACED: OK, Failover.UNKNOWN: UNDECIDED, Failover.NO: NOT_IN_FULL}
_WORST: Final = (Failover.ALWAYS, Failover.PLACED, Failover.UNKNOWN, Failover.NO)


@click.command("fail")
@click.argument("host")
@click.option("--cluster", metavar="NAME|HOSTS", help="Only the hosts of this cluster, or these, as hv01,hv02.")
@common_options
def command(host: str, cluster: str | None) -> int:
    """Ask whether every VM of a host finds a place on the others if it fails. Memory only; nothing is recorded.

    Each VM needs its startup memory there; observed hosts are asked by their figures. Exit 0: yes. 1: no. 3: not known.

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
    now = current_time(session.clock)
    with session.reading() as ledger:
        fleet = ledger.views.fleet()
        out.name = VmNames(ledger, fleet).put_in
        chosen = None if cluster is None else find_members(cluster, fleet)
        among = sorted(fleet.hosts) if chosen is None else list(chosen.hosts)
        named = among if host is None else [_find_host(host, fleet)]
        among = [id for id in among if not _is_retired(fleet, id)]
        named = [id for id in named if host is not None or not _is_retired(fleet, id)]
        if not named:
            raise InputError("there is no host", hint="nilo do register-host --help, or nilo import-hyperv --help")
        decided = [id for id in among if _is_decided(fleet, id)]
        rooms = {
            id: find_room(fleet, id, now, read_log(ledger, host=id, since=find_day(now)))
            for id in among
            if id not in decided
        }
        world = world_of(fleet, policies=ledger.policy_set().at(now).enforced)
        found = [
            fail_host(world, id, among=decided) if _is_decided(fleet, id) else fail_observed_host(fleet, id, rooms)
            for id in named
        ]
    worst = max(found, key=lambda one: _WORST.index(one.answer)).answer
    if out.json:
        out.write_document({"answer": worst.value, "hosts": [_to_document(one) for one in found]})
    else:
        for one in found:
            for line in _describe(one, now):
                out.write_line(line)
        for name, members in () if chosen is None else chosen.by_cluster.items():
            out.write_line(f"Cluster {name} is {', '.join(members)}, as these hosts report.")
        if rooms and decided:
            out.write_line("Decided and observed hosts are asked apart: a VM finds no place on the other kind.")
        observed = "; Hyper-V decides about observed hosts, this sent nothing" if rooms else ""
        out.write_line(f"Memory only; nothing was recorded{observed}.")
    return _CODES[worst]


def _find_host(name: str, fleet: Fleet) -> str:
    """The id of a host. Raises ``UnknownHost`` if there is none of this name."""
    return find_host(match_host_case(name, fleet), fleet.hosts)


def _is_decided(fleet: Fleet, host: str) -> bool:
    return isinstance(fleet.hosts[host].subject, HostAggregate)


def _is_retired(fleet: Fleet, host: str) -> bool:
    subject = fleet.hosts[host].subject
    return isinstance(subject, ObservedHost) and subject.retired_since is not None


def _to_document(one: FailoverAnswer) -> dict[str, Any]:
    document: dict[str, Any] = to_document(one)
    return document


def _describe(one: FailoverAnswer, now: UtcTime) -> list[str]:
    """The answer for one host, in sentences; of an observed one with the age of its oldest figure."""
    return [*_describe_answer(one), *_describe_ages(one, now)]


def _describe_ages(one: FailoverAnswer, now: UtcTime) -> list[str]:
    if not one.measured:
        return []
    lines: list[str] = []
    known = {id: time for id, time in one.measured.items() if time is not None}
    never = [id for id, time in one.measured.items() if time is None]
    if known:
        oldest = min(known, key=lambda id: known[id])
        age = format_duration(max(0.0, seconds_between(known[oldest], now)))
        lines.append(f"  The oldest figure is of {oldest}, at {format_time(known[oldest])} ({age} ago).")
    if never:
        lines.append(f"  The free memory of {', '.join(never)} was not measured.")
    if one.unknown:
        lines.append(f"  What {', '.join(one.unknown)} would start with was not measured.")
    return lines


def _describe_answer(one: FailoverAnswer) -> list[str]:
    if not one.needed and not one.unknown:
        return [f"yes: no VM runs on host {one.host}."]
    sizes = format_sizes([sum(one.needed.values()), sum(one.free.values()), *one.needed.values()])
    by_vm = dict(zip(one.needed, sizes[2:], strict=True))
    head = f"if host {one.host} fails, its {plural(len(one.needed) + len(one.unknown), 'VM')} of {sizes[0]}"
    find = "finds" if len(one.needed) + len(one.unknown) == 1 else "find"
    match one.answer:
        case Failover.ALWAYS:
            return [f"yes: {head} {find} a place on the others ({sizes[1]} free), whatever the order."]
        case Failover.PLACED:
            lines = [f"only if placed so: {head} {find} a place on the others ({sizes[1]} free):"]
            return lines + [f"  {vm} ({by_vm[vm]}) on {host}" for vm, host in one.placement.items()]
        case Failover.UNKNOWN if one.reason == FIGURES:
            return [f"unknown: {head} may or may not find a place on the others, by what was measured of them."]
        case Failover.UNKNOWN:
            return [
                f"unknown: {head} may or may not find a place on the others ({sizes[1]} free): the search was ended."
            ]
        case Failover.NO if one.reason == "vm" and one.vm is not None:
            return [f"no: {head} {find} no place: {one.vm} ({by_vm[one.vm]}) fits on no other host."]
        case Failover.NO if one.reason == "sum":
            return [f"no: {head} {find} no place: the others have {sizes[1]} free together."]
        case Failover.NO:
            return [f"no: {head} {find} no place: the others have {sizes[1]} free, but in no placement do all fit."]
