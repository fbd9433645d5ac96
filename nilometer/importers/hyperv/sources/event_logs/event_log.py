"""Events of Hyper-V's Worker and VMMS logs as XML: power states and sessions, by the events' numbers.

Texts are in the host's language, and never matched. The account of a Worker event is the VM's own, that of a VMMS event
the system's: it never says who did something.

Get-WinEvent writes the newest event first, so events are sorted: within a log by their numbers, because a clock may
have been set back, and logs among each other by time. Only a file's power readings are kept until its end.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from heapq import merge
from operator import itemgetter
from typing import Final, TypeVar
from uuid import UUID
from xml.etree.ElementTree import Element

from domain.errors import InputError
from domain.state import Power
from nilometer.importers.hyperv.readings import PowerReading, Reading
from nilometer.importers.hyperv.sources.event_logs.xml_stream import read_events
from nilometer.importers.hyperv.sources.source import FileContext, host_name
from nilometer.importers.hyperv.sources.values import BadValue, parse_guid
from nilometer.textio.texts import ByteStream
from nilometer.times import parse_time

_PROVIDERS: Final = {
    "51ddfa29-d5c8-4803-be4b-2ecb715570fe": "Worker",
    "6066f867-7ca1-4418-85fd-36e3f9c0600c": "VMMS",
}
_NAMES: Final = {"microsoft-windows-hyper-v-worker": "Worker", "microsoft-windows-hyper-v-vmms": "VMMS"}


@dataclass(frozen=True, slots=True)
class _Meaning:
    power: Power | None
    new_session: bool = False


_STARTED, _OFF = _Meaning(Power.RUNNING, new_session=True), _Meaning(Power.OFF)
_UNCERTAIN: Final = _Meaning(None)
MEANINGS: Final = {
    (
        "Worker",
        18500,
    ): _STARTED,  # a boot of the guest, and so a session; a saved VM goes on with its session (see power)
    ("Worker", 18502): _OFF,  # turned off
    ("Worker", 18504): _OFF,  # shut down through the integration component
    ("Worker", 18508): _OFF,  # shut down by the guest
    ("Worker", 18512): _STARTED,  # reset
    ("Worker", 18514): _STARTED,  # reset by the guest
    ("Worker", 18515): _OFF,  # turned off where the guest wanted a reset
    ("Worker", 18528): _OFF,  # turned off, could not recover from a critical error
    ("Worker", 18539): _STARTED,  # these four: reset after a triple fault
    ("Worker", 18540): _STARTED,
    ("Worker", 18550): _STARTED,
    ("Worker", 18560): _STARTED,
    ("Worker", 18617): _STARTED,  # reset by the watchdog
    # About power too, or the VM itself, but undocumented, or no lasting state: recorded, and nothing guessed.
    ("Worker", 18510): _UNCERTAIN,
    ("Worker", 18516): _UNCERTAIN,
    ("Worker", 18518): _UNCERTAIN,
    ("Worker", 18590): _UNCERTAIN,  # the guest's system crashed
    ("Worker", 18596): _UNCERTAIN,
    ("Worker", 18600): _UNCERTAIN,
    ("VMMS", 13002): _UNCERTAIN,  # created, as 18304
    ("VMMS", 13003): _UNCERTAIN,  # deleted
    ("VMMS", 14070): _UNCERTAIN,  # the worker process is gone
    ("VMMS", 18303): _UNCERTAIN,  # exported
    ("VMMS", 18304): _UNCERTAIN,
    ("VMMS", 20415): _UNCERTAIN,  # migrated
}
"""What an event means, by provider and number (microsoft/openvmm, petri; a map of Windows events for 18500)."""

PASSED_OVER: Final = "event of another kind"
START: Final = "Hyper-V-Worker 18500"
FROM_OUTSIDE: Final = frozenset({START, *(f"Hyper-V-Worker {number}" for number in (18502, 18504, 18512))})
"""What somebody did to a VM: all other events are the guest's own doing, or nobody's."""

_NUMBER: Final = re.compile(r"\d{1,20}", re.ASCII)
_SID: Final = re.compile(r"S-1-5-83-1-(\d{1,10})-(\d{1,10})-(\d{1,10})-(\d{1,10})", re.ASCII)
_EXPECTED: Final = "write it with: Get-WinEvent -LogName Microsoft-Windows-Hyper-V-Worker-Admin | % { $_.ToXml() }"


LoggedReading = tuple[str, int, PowerReading]
"""The log that an event is in, its number there, and its reading."""

T = TypeVar("T")


def recognises(first: bytes) -> bool:
    """Whether a file that begins so has this format."""
    return first.lstrip()[:1] == b"<" and re.search(rb"<Event[\s>]", first) is not None


def read(stream: ByteStream, name: str, context: FileContext) -> Iterator[Reading]:
    """The readings of a file, the oldest first. What cannot be read is skipped, with place and hint.

    Events of other providers, and those not about power, give no readings.
    """
    yield from read_in_order(read_events(stream, name, context.skipped), read_event, context)


def read_in_order(
    events: Iterable[tuple[str, T]],
    read: Callable[[T, str, FileContext], LoggedReading | None],
    context: FileContext,
) -> Iterator[Reading]:
    """The readings of events with their places, the oldest first; ``read`` reads one.

    What cannot be read is skipped.
    """
    logs: dict[tuple[str | None, str], list[tuple[int, PowerReading]]] = {}
    for place, event in events:
        try:
            found = read(event, place, context)
        except InputError as error:
            context.skipped.add(error)
        else:
            if found is not None:
                log, number, reading = found
                logs.setdefault((reading.host, log), []).append((number, reading))
    in_order = [_dated(sorted(log, key=itemgetter(0))) for log in logs.values()]
    for _, reading in merge(*in_order, key=itemgetter(0)):
        yield reading


def _dated(log: list[tuple[int, PowerReading]]) -> Iterator[tuple[str, PowerReading]]:
    """The readings of one log, each with the latest time up to there."""
    latest = ""
    for _, reading in log:
        latest = max(latest, reading.at)
        yield latest, reading


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedEvent:
    """What an event says of itself and of its VM, as texts."""

    provider: str
    """Its GUID, or else its name."""
    number: str
    time: str
    channel: str
    record_id: str
    computer: str
    account: str
    vm_name: str | None
    vm_id: str
    """Empty where it does not say it."""


def read_event(event: Element, place: str, context: FileContext) -> LoggedReading | None:
    """Reads an event as Windows writes it. Raises ``InputError``."""
    system = _child(event, "System")
    if system is None:
        raise InputError(f"{place}: has no System: is it an event of Windows?", hint=_EXPECTED)
    values = _children(system)
    provider, created, security = values.get("Provider"), values.get("TimeCreated"), values.get("Security")
    name, vm_id = _name_and_id(event)
    logged = LoggedEvent(
        provider="" if provider is None else provider.get("Guid") or provider.get("Name") or "",
        number=_text(values.get("EventID")),
        time="" if created is None else created.get("SystemTime", ""),
        channel=_text(values.get("Channel")),
        record_id=_text(values.get("EventRecordID")),
        computer=_text(values.get("Computer")),
        account="" if security is None else security.get("UserID", ""),
        vm_name=name,
        vm_id=vm_id,
    )
    return read_logged(logged, place, context)


def read_logged(event: LoggedEvent, place: str, context: FileContext) -> LoggedReading | None:
    """The reading of an event; ``None`` for one that is passed over. Raises ``InputError``."""
    provider = _find_provider(event.provider)
    if not _NUMBER.fullmatch(event.number):
        raise InputError(f"{place}: EventID {event.number[:60]!r} is not a number", hint=_EXPECTED)
    meaning = MEANINGS.get((provider, int(event.number)))
    if meaning is None:
        _pass_over(context)
        return None
    try:
        at = parse_time(event.time)
    except InputError as error:
        raise InputError(f"{place}: TimeCreated: {error.message}", hint=_EXPECTED) from None
    try:
        named_vm = parse_guid(event.vm_id)
    except BadValue as bad:
        raise InputError(f"{place}: VmId {bad}", hint=_EXPECTED) from None
    account_vm = _vm_of_account(event.account, place)
    if named_vm is not None and account_vm is not None and named_vm != account_vm:
        raise InputError(f"{place}: is of VM {named_vm}, but its account is that of VM {account_vm}", hint=_EXPECTED)
    vm_id = named_vm or account_vm
    if vm_id is None and provider == "VMMS":  # of a host's own affairs, or in a form that is not known
        _pass_over(context)
        return None
    if vm_id is None:
        raise InputError(f"{place}: event {event.number} does not say which VM it is of", hint=_EXPECTED)
    reading = PowerReading(
        at=at,
        record=place,
        host=host_name(event.computer) or host_name(context.host),
        vm_id=vm_id,
        name=event.vm_name,
        power=meaning.power,
        new_session=meaning.new_session,
        log_event=f"Hyper-V-{provider} {int(event.number)}",
    )
    return event.channel, int(event.record_id) if _NUMBER.fullmatch(event.record_id) else 0, reading


def _pass_over(context: FileContext) -> None:
    context.counts.records += 1
    context.counts.add_not_needed(PASSED_OVER)


def _find_provider(named: str) -> str:
    """``Worker``, ``VMMS``, or nothing, by the provider's GUID or name."""
    return _PROVIDERS.get(named.strip("{}").lower(), "") or _NAMES.get(named.lower(), "")


def _name_and_id(event: Element) -> tuple[str | None, str]:
    """The VM's name and id: by the names of the values, or as the first two parameters."""
    data = _child(event, "UserData")
    log = None if data is None else next(iter(data), None)
    values = {} if log is None else _children(log)
    named = "VmId" in values
    name, id = values.get("VmName" if named else "Parameter0"), values.get("VmId" if named else "Parameter1")
    return _text(name) or None, _text(id)


def _vm_of_account(account: str, place: str) -> str | None:
    """The VM whose account a SID is: its four numbers are the bytes of the GUID, four each."""
    match = _SID.fullmatch(account)
    if match is None:
        return None
    try:
        return str(UUID(bytes_le=struct.pack("<4I", *(int(part) for part in match.groups()))))
    except struct.error:
        raise InputError(f"{place}: UserID {account[:80]!r} is not the account of a VM", hint=_EXPECTED) from None


def _children(element: Element) -> dict[str, Element]:
    """An element's children by their names, without namespaces."""
    return {str(child.tag).rpartition("}")[2]: child for child in element}


def _child(element: Element, name: str) -> Element | None:
    return _children(element).get(name)


def _text(element: Element | None) -> str:
    return "" if element is None or element.text is None else element.text.strip()
