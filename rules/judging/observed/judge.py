"""Judges the events of observed hosts and VMs: what a hypervisor did, as far as somebody measured it.

A figure that nobody measured is a free variable: a rule is then often *unknown*, and the account says how often. What
only a decision of ours would have done otherwise is a remark. A figure that was computed from the others proves
nothing.
"""

from __future__ import annotations

from typing import Final

from domain.envelope import Envelope
from domain.events import Event
from domain.guests import pages_out
from domain.identifiers import split_stream
from domain.observed.events import (
    HostObserved,
    Observed,
    VmChangeRequested,
    VmLost,
    VmMemoryMoved,
    VmObserved,
    VmRequestSettled,
    WhyMoved,
)
from domain.observed.vm import ObservedVm
from domain.state import Power
from rules.judging.collector import Differ, Docket, Where
from rules.judging.descriptions import EVENT_TELLS_ALL, EVENTS_WHERE_DUE
from rules.judging.findings import Figures, Verdict
from rules.judging.observed.books import Books
from rules.judging.observed.requests import asked_for, settled, sized
from rules.judging.observed.settings import BOUNDS, configured, in_bounds
from rules.judging.observed.sights import sighted
from rules.judging.observed.state import SeenVm, shortly_after
from rules.judging.observed.unknowns import ask
from rules.judging.observed.visible import CURRENT, MIDST, MOVES, measured
from rules.specification.invariants import in_use_is_assigned, off_means_nothing
from rules.symbolic.terms import Literal

IN_USE: Final = "in_use_never_removed"
OFF: Final = "off_means_nothing"


class ObservedJudge:
    """Judges the observed streams of one history."""

    def __init__(self, docket: Docket) -> None:
        self._docket = docket
        self._vms: dict[str, SeenVm] = {}
        self._books = Books(docket, self._vms)

    def take(self, envelope: Envelope[Event], place: str) -> None:
        """Judges the next event."""
        event, where = envelope.event, (envelope, place)
        kind, id = split_stream(envelope.stream)
        if isinstance(event, HostObserved):
            self._docket.ask(where, None)
            self._books.measured(where, event, id)
        elif kind == "vm" and isinstance(event, Observed):
            seen = self._vms.get(id)
            if seen is None:
                seen = self._vms[id] = SeenVm(ObservedVm.begin(id))
            self._docket.ask(where, seen.fold.host)
            self._on_vm(where, event, seen)

    def host_of(self, vm: str) -> str | None:
        """The host that a VM is on, as far as somebody told."""
        seen = self._vms.get(vm)
        return None if seen is None else seen.fold.host

    def finish(self) -> None:
        """The history ends here: what still waits stays unknown."""
        for seen in self._vms.values():
            self._close_session(seen, "the history ends before anybody measured it")
        self._books.finish()

    def _on_vm(self, where: Where, event: Observed, seen: SeenVm) -> None:
        fold, said = seen.fold, where[0].metadata
        before = fold.host
        match event:
            case VmObserved():
                self._observed(where, event, seen)
            case VmMemoryMoved():
                self._moved(where, event, seen)
            case VmChangeRequested():
                asked_for(self._docket, where, event, seen)
                fold.apply(event, said.happened, said.earliest)
            case VmRequestSettled():
                settled(self._docket, where, event, seen)
                fold.apply(event, said.happened, said.earliest)
            case VmLost():
                fold.apply(event, said.happened, said.earliest)
                self._lost(where, seen)
            case _:
                fold.apply(event, said.happened, said.earliest)
        self._books.on(fold.id, before, fold.host, said.happened)
        if isinstance(event, VmObserved | VmMemoryMoved):
            self._books.asked(where, fold)

    # What was measured

    def _observed(self, where: Where, event: VmObserved, seen: SeenVm) -> None:
        fold, docket, said = seen.fold, self._docket, where[0].metadata
        if event.session is not None and event.session != fold.session and fold.session is not None:
            self._close_session(seen, "the guest started again before anybody measured it")
        self._not_silently(where, event, seen)
        had = fold.assigned
        fold.apply(event, said.happened, said.earliest)
        had = fold.assigned if had is None else had
        whole = event.assigned is not None or bool(event.devices) or event.power is Power.OFF
        if whole:
            seen.measured = max(seen.measured, said.happened)
        if event.power is Power.OFF:
            self._off(where, event, seen)
            return
        sized(docket, where, event, seen)
        if event.in_use is not None:
            # an older size proves nothing, and while memory moves the guest's figure may be of before, or of after
            steady = had == fold.assigned and not shortly_after(seen.moved, said.happened)
            has = fold.assigned if whole else None
            if has is not None and event.in_use > has and not steady:
                docket.unknown(in_use_is_assigned.__name__, where, MIDST)
            else:
                self._uses(where, event.in_use, has)
                self._in_use(event.in_use, has, seen)
        if event.guest_total is None:
            sighted(docket, where, event, seen)
        elif whole:
            measured(docket, where, event, seen)
        else:
            docket.unknown(CURRENT, where, "nobody measured the VM's devices with its guest")
        configured(docket, where, event, seen)
        if event.assigned is not None or event.memory is not None:
            in_bounds(docket, where, seen, self._books.version_of(fold.host))

    def _not_silently(self, where: Where, event: VmObserved, seen: SeenVm) -> None:
        """Sizes that were measured are those that movements were told to."""
        for told in event.devices:
            account = seen.fold.accounts.get(told.device)
            if account is None or account.size is None or told.size is None or told.size == account.size:
                continue
            if event.power is not None or event.session not in (None, seen.fold.session):
                continue
            why = "a device has another size than the movements told of lead to"
            differ: Differ = {told.device: account.size}, {told.device: told.size}
            self._docket.remark(EVENTS_WHERE_DUE, where, why, differ)

    def _uses(self, where: Where, in_use: int, assigned: int | None) -> None:
        """What the guest uses is no more than it has."""
        if not self._docket.asked:
            return
        known: dict[str, Literal | None] = {
            "site.vm.in_use": in_use,
            "site.vm.assigned": assigned,
            "site.vm.in_use_reported": True,
        }
        rule = in_use_is_assigned.__name__
        match ask(in_use_is_assigned, known):
            case Verdict.HOLDS:
                self._docket.holds(rule)
            case Verdict.UNKNOWN:
                self._docket.unknown(rule, where, "nobody measured what the VM was assigned")
            case _:
                found = {"in_use": in_use, "assigned": assigned}
                self._docket.violated(rule, where, "the figures that were measured break it", ({}, found))

    def _in_use(self, in_use: int, assigned: int | None, seen: SeenVm) -> None:
        """What the guest uses now shows whether what was taken before was free."""
        waiting = seen.removals
        if waiting.last is None or assigned is None:
            return
        if in_use <= assigned:
            self._docket.holds(IN_USE, waiting.count)
        else:
            why = "the guest uses more than it was left with"
            differ = {"in_use at most": assigned}, {"in_use": in_use}
            self._docket.violated(IN_USE, waiting.last, why, differ)
        waiting.clear()

    def _off(self, where: Where, event: VmObserved, seen: SeenVm) -> None:
        docket = self._docket
        figures = {"assigned": event.assigned, "in_use": event.in_use, "ballooned": event.ballooned, "held": event.held}
        some = {name: size for name, size in figures.items() if size}
        known: dict[str, Literal | None] = {
            "site.vm.power": Power.OFF,
            **{f"site.vm.{name}": size for name, size in figures.items()},
        }
        if some and ask(off_means_nothing, known).value == "violated":
            docket.violated(OFF, where, "a VM that is off was measured with memory", (dict.fromkeys(some, 0), some))
        elif event.held == 0 or event.assigned == 0:
            docket.holds(OFF)
            seen.stops.clear()
        else:
            seen.stops.add(where)
        if seen.removals.count:
            seen.removed_before_stop, seen.removals = seen.removals, seen.removed_before_stop
        seen.forget_guest()

    # What moved

    def _moved(self, where: Where, event: VmMemoryMoved, seen: SeenVm) -> None:
        fold, docket, said = seen.fold, self._docket, where[0].metadata
        size = fold.size(event.device)
        if size is not None and size != event.size_from:
            why = "the device did not have the size that the event says"
            docket.violated(EVENT_TELLS_ALL, where, why, ({"size_from": size}, {"size_from": event.size_from}))
        elif size is not None:
            docket.holds(EVENT_TELLS_ALL)
        if event.why is WhyMoved.UNASKED:
            found: Figures = {"device": event.device, "from": event.size_from, "to": event.size_to}
            docket.remark(EVENTS_WHERE_DUE, where, "memory moved that nobody asked for", ({}, found))
        fold.apply(event, said.happened, said.earliest)
        seen.moved = max(seen.moved, said.happened)
        seen.top = max(seen.top, fold.assigned or 0, event.most or 0)
        seen.refused.pop(event.device, None)
        seen.moves.add(where)
        pages = event.why is WhyMoved.BALANCER and fold.guest is not None and pages_out(fold.guest)
        if event.size_to < event.size_from and not pages:
            seen.removals.add(where)
        in_bounds(docket, where, seen, self._books.version_of(fold.host))
        self._books.moved(where, fold)

    def _lost(self, where: Where, seen: SeenVm) -> None:
        """The guest was lost. If memory was being taken from it, nobody will know whether that was in use."""
        for waiting in (seen.removals, seen.removed_before_stop):
            if waiting.count:
                why = "the guest was lost while memory was taken"
                self._docket.lost(IN_USE, where, why, waiting.count)
                waiting.clear()

    def _close_session(self, seen: SeenVm, why: str) -> None:
        docket = self._docket
        for waiting, rule in (
            (seen.removals, IN_USE),
            (seen.removed_before_stop, IN_USE),
            (seen.moves, MOVES),
            (seen.stops, OFF),
            (seen.settings, BOUNDS),
        ):
            if waiting.first is not None:
                docket.ask(waiting.first, seen.fold.host)
                reason = why
                if rule == OFF:
                    reason = "nobody told that the host has the memory back"
                elif waiting is seen.removed_before_stop:
                    reason = "the VM stopped before anybody measured what its guest used"
                elif rule == BOUNDS:
                    reason = "nobody measured what the VM has since its memory setting was told"
                docket.unknown(rule, waiting.first, reason, waiting.count)
                waiting.clear()
        for where in seen.refused.values():
            docket.ask(where, seen.fold.host)
            docket.unknown("no_effect_without_grant", where, "nobody measured the device after the refusal")
        seen.refused.clear()
        seen.asked.clear()
        seen.told_short.clear()
        if seen.doubt is not None:
            docket.unknown(MOVES, seen.doubt.where, MIDST, seen.doubt.moves)
        seen.forget_guest()
        seen.moved = ""
