"""Whether a decision on a VM is the one that the rules make, and whether the grant leads where the event says."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from domain import events
from domain.aggregates import HistoryError
from domain.changes import VM_CHANGES, vm_figures
from domain.commands import COMMANDS, NAMES
from domain.deciding.decider import STEPS, Step
from domain.deciding.redecide import decide_again
from domain.decision import Decision
from domain.events import VmEvent
from domain.state import Site, Vm
from rules.judging.collector import Differ, Where
from rules.judging.comparing import (
    asked,
    decided_so,
    decision_of,
    differing,
    has_figures,
    host_read,
    known,
    told,
    vm_read,
)
from rules.judging.decided.attribution import broken
from rules.judging.decided.records import Records
from rules.judging.decided.shapes import vm_shape
from rules.judging.decided.tracks import HostTrack, VmTrack, vm_with
from rules.judging.descriptions import EVENT_TELLS_ALL, EVENTS_WHERE_DUE
from rules.judging.findings import Figures

_STEPS: Final = {NAMES[command]: step for command, step in STEPS.items()}
OTHERWISE: Final = "the rules decide otherwise on what the event says that was read"
NOT_CARRIED: Final = "the event does not carry what such an event carries"
UNPROVED: Final = "the rule does not hold of what the event says, and nothing is proved of such a state"


def decided(
    records: Records, where: Where, event: VmEvent, vm: VmTrack, host: HostTrack | None, *, told_true: bool
) -> bool:
    """Whether the decision is the one that the rules make of what the event says that was read.

    ``told_true`` says whether it was so; if not, the decision may be right of what really was there.
    """
    step = _STEPS.get(event.command)
    proved = told_true and vm.sound and host is not None and host.sound
    if proved and host is not None and step is not None and step.event is type(event):
        again = _on_the_same(event, step, vm, host)  # what was read is what was there: it need not be read again
        if again is not None and decided_so(again, event) and vm_shape(event) is None:
            return True
    docket, then = records.docket, asked(event)
    differ: Differ
    refused = isinstance(event, events.VmCommandRefused)
    if (not refused and (step is None or step.event is not type(event))) or event.command not in COMMANDS:
        expected: Figures = {} if step is None else {"event": step.event.KIND}
        differ = expected, {"event": event.KIND, "command": event.command}
        docket.violated(EVENTS_WHERE_DUE, where, "no such event follows this command", differ, then=then)
        return False
    try:
        again = decide_again(event)
        names = [] if proved and again == decision_of(event) else broken(event)
    except HistoryError as error:
        docket.violated(EVENT_TELLS_ALL, where, error.message, then=then)
        return False
    assert again is not None
    recorded, shape = decision_of(event), vm_shape(event)
    if again == recorded and shape is None:
        _unproved(records, where, names, vm, told_true=told_true)
        return True
    if not told_true and host is not None and _as_it_was(event, vm, host) == recorded:
        return True  # only the evidence is wrong, and that is told
    if again != recorded:
        names, why, differ = names or [EVENT_TELLS_ALL], OTHERWISE, differing(again, recorded)
    else:
        names, why, differ = [EVENT_TELLS_ALL], NOT_CARRIED, shape or ({}, {})
    for number, name in enumerate(names):
        follows = where[0].position if number else None
        docket.violated(name, where, why, differ, let=known(event), then=then, follows=follows)
    return False


def _unproved(records: Records, where: Where, names: list[str], vm: VmTrack, *, told_true: bool) -> None:
    """What is proved of a decision assumes a state in which all invariants hold; of any other, each rule is asked."""
    cause = where[0].position
    if told_true:
        cause = next(iter(vm.standing.values()), cause if vm.cause is None else vm.cause)
    for name in names:
        records.docket.violated(name, where, UNPROVED, follows=cause)


def _on_the_same(event: VmEvent, step: Step, vm: VmTrack, host: HostTrack) -> Decision | None:
    read = event.evidence.host
    if read is None or isinstance(event, events.VmMoved):
        return None
    account = host.state if read.stream_version == host.version else host.at(read.stream_version)
    if account is None:
        return None
    asked_for = [event.requested if name == "amount" else getattr(event, name) for name in step.takes]
    return None if None in asked_for else step.rule(Site(account, vm.state, vm.state.held), *asked_for)


def _as_it_was(event: VmEvent, vm: VmTrack, host: HostTrack) -> Decision | None:
    """The decision on the state that the history itself left."""
    read = event.evidence.host
    account = (None if read is None else host.at(read.stream_version)) or host.state
    there = host_read(host.id, account, host.version, vm.state.generation)
    evidence = replace(event.evidence, vm=vm_read(vm.state), host=there)
    try:
        return decide_again(replace(event, evidence=evidence, before=vm.figures))
    except HistoryError:
        return None


def evolved(records: Records, where: Where, event: VmEvent, vm: VmTrack, base: Vm, *, right: bool) -> tuple[Vm, bool]:
    """The VM afterwards, and whether it is as the event says; ``right`` says whether the decision is.

    The state evolves from what was granted. If the event carries other figures, one goes on from those.
    """
    change = VM_CHANGES[type(event)]
    try:
        after = change.apply(base, event)
    except HistoryError:  # it does not say what was granted, and that is told
        vm.become(vm_with(base, event.after))
        return vm.state, False
    if has_figures(after, event.after):
        vm.become(after, event.after)
        return after, True
    figures = vm_figures(after)
    if base is not vm.state:
        instead = change.apply(vm.state, event)
        if vm_figures(instead) == event.after:  # only what it says of before is wrong, and that is told
            vm.become(instead, event.after)
            return instead, True
    differ = differing(figures, event.after, "after.")
    let = told(event.before, *[name.removeprefix("after.") for name in differ[0]])
    why = "what was granted does not lead to the figures that the event carries"
    follows = None if right else where[0].position
    records.docket.violated(EVENT_TELLS_ALL, where, why, differ, let=let, then=asked(event), follows=follows)
    recorded = vm_with(after, event.after)
    vm.become(recorded)
    vm.other = after
    return recorded, False
