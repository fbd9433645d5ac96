"""Judges the events of decided hosts and VMs: each as if it were decided again, on the state that those before it left.

Of every event four things are asked. Is what it says of the state before it so? Is the decision the one that the rules
make of it? Does what was granted lead to the figures that it carries? And do all invariants hold then? If the answer
is yes, every property of the model holds of the event, because that is what is proved; if not, each is asked by itself
(``rules.judging.naming``).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from domain import events
from domain.again import decide_again
from domain.aggregates import HOST_CHANGES, HistoryError, vm_figures
from domain.decision import Code
from domain.envelope import Envelope
from domain.events import Event, HostEvent, VmDefined, VmEvent
from domain.evolve import book_change, host_registered, vm_defined
from domain.guests import Guest
from domain.settings import ConfigVersion, MemorySetting
from domain.state import Site, Vm
from rules.judging.accounts import accounted
from rules.judging.comparing import asked, by_the_same_hand, decision_of, differing, hand, told
from rules.judging.decisions import OTHERWISE, decided, evolved
from rules.judging.docket import Differ, Docket, Where
from rules.judging.evidence import host_before, hosts_before, vm_before
from rules.judging.naming import HOST_COMMANDS, OF_HOSTS, OF_VMS, broken, kind_of, rules_of
from rules.judging.records import HALVES, HONEST, TELLS_ALL, WHERE_DUE, Half, Records
from rules.judging.tracks import HostTrack, Lost, VmTrack
from rules.judging.wholeness import WHOLE, Wholeness
from rules.reader import Rule

NOBODY: Final = vm_defined(1, Guest.UNENLIGHTENED, ConfigVersion(0, 0), MemorySetting.static(0))
"""Stands for the VM where a host has none: what is asked of hosts does not ask for it."""


@dataclass(slots=True)
class Due:
    """The other half of a change: an event that a host's stream has to get next."""

    host: str
    kind: type[Half]
    bytes: int


@dataclass(slots=True)
class Change:
    """A decision on a VM, until the last of its events was read."""

    where: Where
    vm: VmTrack
    due: list[Due]
    asked: bool
    broken: bool
    """Something was found of it."""
    still: bool
    """No figure of the VM changed."""
    left: HostTrack | None = field(default=None)
    """Of a move, the host that the VM left."""


class DecidedJudge:
    """Judges the decided streams of one history."""

    def __init__(self, docket: Docket, wholeness: Wholeness) -> None:
        self._docket = docket
        self._records = Records(docket, wholeness)
        self._change: Change | None = None

    def take(self, envelope: Envelope[Event], place: str) -> None:
        """Judges the next event."""
        event, where, change = envelope.event, (envelope, place), self._change
        if isinstance(event, Half):
            if change is not None and change.due[0].host == id_of(envelope):
                self._half(change, where, event)
            else:
                self._miss()
                self._stray(where, event)
            return
        if change is not None:
            if envelope.position < change.where[0].position:  # out of its place: the change goes on behind it
                self._change = None
                self._take(where, event)
                self._miss()
                self._change = change
                return
            self._miss()
        self._take(where, event)

    def finish(self) -> None:
        """The history ends here."""
        self._miss()

    def _take(self, where: Where, event: Event) -> None:
        if self._docket.named:
            self._docket.named.clear()
        if isinstance(event, VmDefined):
            self._defined(where, event)
        elif isinstance(event, VmEvent):
            self._on_vm(where, event)
        elif isinstance(event, HostEvent):
            self._on_host(where, event)

    # VMs

    def _on_vm(self, where: Where, event: VmEvent) -> None:
        records, docket, envelope = self._records, self._docket, where[0]
        id = id_of(envelope)
        vm = records.vms.get(id)
        docket.ask(where, None if vm is None else vm.host)
        if vm is None:
            vm = records.unknown_vm(where, event, id)
            if vm is None:
                return
        if records.wholeness.missing:
            vm.cause = records.wholeness.gap
        host = records.hosts.get(vm.host)
        as_read = vm_before(records, where, event, vm)
        base = vm.state if as_read is None else as_read
        fine = hosts_before(records, where, event, vm, host) and as_read is None
        right = decided(records, where, event, vm, host, told_true=fine)
        after, follows = evolved(records, where, event, vm, base, right=right)
        fine = fine and right and follows
        vm.version, vm.cause = envelope.version, None if fine else envelope.position
        records.time(where, vm)
        change = Change(where, vm, due_of(event, vm.host, base, after), docket.asked, not fine, after is base)
        if isinstance(event, events.VmMoved):
            records.moves(vm, event.destination)
        elif isinstance(event, events.VmRemoved):
            vm.removed = True
            records.leaves(vm)
            records.gone.add(envelope.stream)
            del records.vms[id]
        if change.due:
            self._change = change
        else:
            self._complete(change)

    def _defined(self, where: Where, event: VmDefined) -> None:
        records, docket, envelope = self._records, self._docket, where[0]
        id = id_of(envelope)
        docket.ask(where, event.host)
        fine = id not in records.vms and envelope.stream not in records.gone
        if not fine:
            docket.violated(WHOLE, where, "the VM was defined before: an id is never used again")
            if id in records.vms:
                records.leaves(records.vms[id])
        state = vm_defined(event.generation, event.guest, event.config_version, event.memory)
        vm = records.vms[id] = VmTrack(id, event.host, state, vm_figures(state), version=envelope.version)
        vm.happened = envelope.metadata.happened
        host = records.hosts.get(event.host)
        fine = host_before(records, where, event.evidence.host, event.host, host, event.generation, "host") and fine
        try:
            again = decide_again(event)
        except HistoryError as error:
            again, fine = None, False
            docket.violated(TELLS_ALL, where, error.message)
        recorded = decision_of(event)
        if again is not None and (again != recorded or event.granted is not None or event.requested is not None):
            fine = False
            for name in broken(event):
                docket.violated(name, where, OTHERWISE, differing(again, recorded), then=asked(event))
        if event.command != "define-vm":
            fine = False
            differ = {"command": "define-vm"}, {"command": event.command}
            docket.violated(WHERE_DUE, where, "no such event follows this command", differ)
        if vm.figures != event.after or event.before is not None:
            fine = False
            why = "a VM that is defined has other figures than the event carries"
            docket.violated(TELLS_ALL, where, why, differing(vm.figures, event.after, "after."))
        if host is not None:
            host.vms.add(id)
        vm.cause = None if fine else envelope.position
        self._complete(Change(where, vm, [], docket.asked, not fine, False))

    # Halves

    def _half(self, change: Change, where: Where, event: Half) -> None:
        """The other half of a change, on a host's stream."""
        records, docket, envelope = self._records, self._docket, where[0]
        root, due, docket.asked = change.where[0], change.due.pop(0), change.asked
        first = root.event
        assert isinstance(first, VmEvent)
        fine = type(event) is due.kind and event.bytes == due.bytes and event.vm == change.vm.id
        if not fine:
            differ = differing(
                {"event": due.kind.KIND, "bytes": due.bytes, "vm": change.vm.id},
                {"event": event.KIND, "bytes": event.bytes, "vm": event.vm},
            )
            follows = root.position if change.broken else None
            why = "the host's book does not follow what the VM got or gave back"
            docket.violated("conserved", where, why, differ, follows=follows)
        if not by_the_same_hand(root, envelope):
            differ = differing(hand(root, first) | {"causation": root.id}, hand(envelope, event))
            docket.violated(HALVES, where, "the halves of one change differ", differ)
            fine = False
        host = records.hosts.get(due.host)
        if host is None:
            host = records.unknown_host(where, event, due.host)
        if records.wholeness.missing:
            host.cause = records.wholeness.gap
        last = isinstance(first, events.VmMoved) and not change.due
        read = first.evidence.destination if last else first.evidence.host
        if read is not None and read.id == host.id and read.stream_version != host.version:
            differ = {"host.stream_version": host.version}, {"host.stream_version": read.stream_version}
            why = "the host was changed by a decision that had read another version of it"
            docket.violated(TELLS_ALL, change.where, why, differ, follows=host.cause)
            fine = False
        fine = accounted(records, where, event, host, fine=fine)
        change.broken = change.broken or not fine
        if change.due:
            change.left = host
        else:
            self._change = None
            self._complete(change)

    def _miss(self) -> None:
        """What was due did not come."""
        change, self._change = self._change, None
        if change is None:
            return
        records, docket, root = self._records, self._docket, change.where[0]
        docket.asked, change.broken = change.asked, True
        for due in change.due:
            why = "the host's half of the change is missing"
            docket.violated(
                HALVES, change.where, why, ({"event": due.kind.KIND, "host": due.host, "bytes": due.bytes}, {})
            )
            host = records.hosts.get(due.host)
            if host is not None:  # most likely the event was lost, not the change
                host.other = host.state
                host.become(HOST_CHANGES[due.kind].rule(host.state, due.bytes))
                host.version += 1
                host.cause, host.lost = root.position, Lost(root.id, root.position)
                records.write_in_book(host, due.kind, change.vm.id, due.bytes)
        self._complete(change)

    def _stray(self, where: Where, event: Half) -> None:
        """A half of a change whose other half is not there."""
        records, docket, envelope = self._records, self._docket, where[0]
        docket.ask(where, None)
        host = records.hosts.get(id_of(envelope)) or records.unknown_host(where, event, id_of(envelope))
        if host.lost is not None and host.lost.change == envelope.metadata.causation:
            docket.violated(HALVES, where, "the halves of a change do not stand together", follows=host.lost.position)
            host.lost = host.cause = None
            host.version -= 1  # it was counted when it was missed
            host.advance(envelope.version)
            return
        differ: Differ = {}, {"vm": event.vm, "causation": envelope.metadata.causation}
        follows = records.wholeness.gap if records.wholeness.missing else None
        docket.violated(HALVES, where, "the VM's half of the change is not before it", differ, follows=follows)
        accounted(records, where, event, host, fine=False)

    # Hosts

    def _on_host(self, where: Where, event: HostEvent) -> None:
        records, docket, envelope = self._records, self._docket, where[0]
        id = id_of(envelope)
        docket.ask(where, None)
        fine = self._host_decided(where, event)
        host = records.hosts.get(id)
        if isinstance(event, events.HostRegistered):
            if host is not None or envelope.stream in records.gone:
                docket.violated(WHOLE, where, "the host was registered before: an id is never used again")
            host = records.begin_host(id, host_registered(event.total, event.reserve, event.version))
            host.version, host.happened = envelope.version, envelope.metadata.happened
            if event.after != host.figures or event.before is not None:
                why = "a host that is registered has other figures than the event carries"
                docket.violated(TELLS_ALL, where, why, differing(host.figures, event.after, "after."))
                fine = False
        else:
            if host is None:
                host = records.unknown_host(where, event, id)
            if records.wholeness.missing:
                host.cause = records.wholeness.gap
            if isinstance(event, events.HostCommandRefused) and event.command == "define-vm":
                generation = event.arguments.get("generation")
                number = generation if isinstance(generation, int) else None
                fine = host_before(records, where, event.evidence.host, id, host, number, "host") and fine
            fine = accounted(records, where, event, host, fine=fine)
            if isinstance(event, events.HostRemoved):
                if host.vms:
                    differ = {"vms": len(host.vms)}, {"vms": event.evidence.vms}
                    docket.violated(HONEST, where, "the host was not empty", differ)
                    fine = False
                records.gone.add(envelope.stream)
                del records.hosts[id]
        follows = None if fine else envelope.position
        site = Site(host.state, NOBODY, 0)
        fine = self._invariants(where, host.standing, OF_HOSTS, site, follows=follows) and fine
        kind = event.command, "host" if event.KIND != "host.command-refused" else "host refused"
        if fine:
            docket.clean(kind)
        else:
            docket.others(rules_of(kind))

    def _host_decided(self, where: Where, event: HostEvent) -> bool:
        """Whether a decision on a host is the one that the rules make of what the event says."""
        docket, then = self._docket, f"{event.command} was answered {event.outcome.value}"
        named = HOST_COMMANDS.get(event.command)
        if named != event.KIND and not isinstance(event, events.HostCommandRefused):
            differ: Differ = {} if named is None else {"event": named}, {"event": event.KIND, "command": event.command}
            docket.violated(WHERE_DUE, where, "no such event follows this command", differ, then=then)
            return False
        try:
            again = decide_again(event)
        except HistoryError as error:
            docket.violated(TELLS_ALL, where, error.message, then=then)
            return False
        code = Code.NONE if event.code is None else event.code
        if again is None or (again.outcome is event.outcome and again.code is code):
            return True
        differ = differing(
            {"outcome": again.outcome.value, "code": again.code.value},
            {"outcome": event.outcome.value, "code": code.value},
        )
        docket.violated(HONEST, where, OTHERWISE, differ, let=told(event.before), then=then)
        return False

    # Afterwards

    def _complete(self, change: Change) -> None:
        """All events of a change were read: the invariants of the VM and of its host are asked."""
        vm, envelope = change.vm, change.where[0]
        event, docket, records = envelope.event, self._docket, self._records
        assert isinstance(event, VmEvent)
        docket.asked = change.asked
        host, fine = records.hosts.get(vm.host), not change.broken
        asked_again = not (change.still and fine) or bool(vm.standing)
        if host is not None and not vm.removed and (asked_again or host.standing):
            site = Site(host.state, vm.state, host.book.get(vm.id, 0))
            follows = envelope.position if change.broken else None
            fine = self._invariants(change.where, vm.standing, OF_VMS, site, follows=follows) and fine
            fine = self._invariants(change.where, host.standing, OF_HOSTS, site, follows=follows) and fine
            if change.left is not None:
                left = Site(change.left.state, NOBODY, change.left.book.get(vm.id, 0))
                fine = self._invariants(change.where, change.left.standing, OF_HOSTS, left, follows=follows) and fine
        if change.broken and host is not None:  # the book goes on from what the VM holds
            records.book(host, vm.id, 0 if vm.removed else vm.state.held)
        kind = kind_of(event, vm.state.guest)
        if fine:
            docket.clean(kind)
        else:
            docket.others(rules_of(kind))

    def _invariants(
        self, where: Where, standing: dict[str, int], rules: Iterable[Rule], site: Site, *, follows: int | None
    ) -> bool:
        """Whether all of these invariants hold; one that was broken before and still is follows from that."""
        fine = True
        for rule in rules:
            if rule(site):
                if standing:
                    standing.pop(rule.__name__, None)
                continue
            fine, position = False, where[0].position
            cause = standing.setdefault(rule.__name__, position)
            found = told(site.host, path="host.") | {"host.entry": site.entry}
            if site.vm is not NOBODY:
                found |= told(vm_figures(site.vm))
            because = cause if cause != position else follows
            self._docket.violated(
                rule.__name__, where, "the invariant does not hold afterwards", ({}, found), follows=because
            )
        return fine


def due_of(event: VmEvent, host: str, before: Vm, after: Vm) -> list[Due]:
    """The host's halves that have to follow a VM's event."""
    if isinstance(event, events.VmMoved):
        returned = Due(host, events.HostMemoryReturned, before.held)
        return [returned, Due(event.destination, events.HostMemoryGranted, before.held)]
    change = 0 if after is before else book_change(before, after)
    if change > 0:
        return [Due(host, events.HostMemoryGranted, change)]
    return [Due(host, events.HostMemoryReturned, -change)] if change < 0 else []


def id_of(envelope: Envelope[Event]) -> str:
    """The id of the host or VM that an event is about."""
    return envelope.stream.partition("/")[2]
