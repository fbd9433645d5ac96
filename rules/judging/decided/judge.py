"""Judges the events of decided hosts and VMs: each as if it were decided again, on the state that those before it left.

Of every event four things are asked. Is what it says of the state before it so? Is the decision the one that the rules
make of it? Does what was granted lead to the figures that it carries? And do all invariants hold then? If the answer
is yes, and all invariants held before, every property of the model holds of the event, because that is what is proved;
if not, each is asked by itself (``rules.judging.decided.attribution``).
"""

from __future__ import annotations

from domain import events
from domain.changes import HOST_CHANGES
from domain.envelope import Envelope
from domain.events import Event, HostEvent, VmDefined, VmEvent
from rules.judging.collector import Differ, Docket, Where
from rules.judging.comparing import by_the_same_hand, differing, hand
from rules.judging.completeness import Wholeness
from rules.judging.decided.accounts import accounted
from rules.judging.decided.attribution import INVARIANT_NAMES, kind_of, rules_of
from rules.judging.decided.changes import Change, due_of, id_of
from rules.judging.decided.decisions import decided, evolved
from rules.judging.decided.defining import defined
from rules.judging.decided.evidence import hosts_before, vm_before
from rules.judging.decided.invariants import both_hold, host_holds, vm_holds
from rules.judging.decided.on_hosts import on_host
from rules.judging.decided.records import Half, Records
from rules.judging.decided.tracks import Lost
from rules.judging.descriptions import EVENT_TELLS_ALL, HALVES_AGREE


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

    def host_of(self, vm: str) -> str | None:
        """The host that a VM is on; ``None`` if nothing was read of it."""
        track = self._records.vms.get(vm)
        return None if track is None else track.host

    def finish(self) -> None:
        """The history ends here."""
        self._miss()

    def _take(self, where: Where, event: Event) -> None:
        if self._docket.named:
            self._docket.named.clear()
        if isinstance(event, VmDefined):
            self._complete(defined(self._records, where, event))
        elif isinstance(event, VmEvent):
            self._on_vm(where, event)
        elif isinstance(event, HostEvent):
            on_host(self._records, where, event)

    # VMs

    def _on_vm(self, where: Where, event: VmEvent) -> None:
        records, docket, envelope = self._records, self._docket, where[0]
        id = id_of(envelope)
        vm = records.vms.get(id)
        if vm is None:
            vm = records.unknown_vm(where, event, id)
            if vm is None:
                return
        else:
            docket.ask(where, vm.host)
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
        change = Change(where, vm, due_of(event, vm.host, base, after), docket.asked, not fine)
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

    # Halves

    def _half(self, change: Change, where: Where, event: Half) -> None:
        """The other half of a change, on a host's stream."""
        records, docket, envelope = self._records, self._docket, where[0]
        root, due = change.where[0], change.due.pop(0)
        docket.ask(where, None)
        docket.asked = docket.asked or change.asked
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
            docket.violated(HALVES_AGREE, where, "the halves of one change differ", differ)
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
            docket.violated(EVENT_TELLS_ALL, change.where, why, differ, follows=host.cause)
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
                HALVES_AGREE, change.where, why, ({"event": due.kind.KIND, "host": due.host, "bytes": due.bytes}, {})
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
            docket.violated(
                HALVES_AGREE, where, "the halves of a change do not stand together", follows=host.lost.position
            )
            host.lost = host.cause = None
            host.version -= 1  # it was counted when it was missed
            host.advance(envelope.version)
            return
        differ: Differ = {}, {"vm": event.vm, "causation": envelope.metadata.causation}
        follows = records.wholeness.gap if records.wholeness.missing else None
        docket.violated(HALVES_AGREE, where, "the VM's half of the change is not before it", differ, follows=follows)
        accounted(records, where, event, host, fine=False)

    # Afterwards

    def _complete(self, change: Change) -> None:
        """All events of a change were read: the invariants of the VM and of its hosts are asked."""
        vm, where, docket, records = change.vm, change.where, self._docket, self._records
        event = where[0].event
        assert isinstance(event, VmEvent)
        docket.asked = change.asked
        fine, host = not change.broken, records.hosts.get(vm.host)
        follows = where[0].position if change.broken else None
        if host is not None:
            if fine and not vm.removed and not vm.sound and not host.sound:  # what nearly all changes come to
                fine = both_hold(docket, where, vm, host)
            else:
                if change.broken or not vm.sound:
                    fine = vm_holds(docket, where, vm, host, follows=follows) and fine
                if change.broken or not host.sound:
                    fine = host_holds(docket, where, host, vm, follows=follows) and fine
            if change.left is not None:
                fine = host_holds(docket, where, change.left, vm, follows=follows) and fine
            if change.broken:  # the book goes on from what the VM holds
                records.book(host, vm.id, 0 if vm.removed else vm.state.held)
        kind = kind_of(event, vm.state.guest)
        if fine and not docket.named:
            docket.clean(kind)
        else:
            docket.others(rule for rule in rules_of(kind) if host is not None or rule not in INVARIANT_NAMES)
