"""What holds for every change: the answer, the grant, and the other figures."""

from __future__ import annotations

from domain.decision import Code, Decision, Outcome
from domain.state import Host, Power, Site, Vm
from rules.specification.effects import nothing_changed
from rules.specification.figures import (
    QUANTUM,
    counts_what_it_lent,
    free_on,
    gives_up_memory,
    held_by,
    seen_by,
)
from rules.specification.predicate import predicate


@predicate
def says_nothing_moved(decision: Decision) -> bool:
    """A decision that grants nothing reports no part of a grant: events are written from these figures."""
    without_parts = decision.hot_added == 0 and decision.unballooned == 0 and decision.paged == 0
    return decision.granted == 0 and without_parts


@predicate
def outcome_is_honest(decision: Decision, amount: int) -> bool:
    """A completed grant is complete, and a shortfall is reported: else automation goes on without its memory."""
    granted = decision.granted
    if decision.outcome is Outcome.REJECTED:
        return says_nothing_moved(decision) and decision.code is not Code.NONE
    if decision.outcome is Outcome.COMPLETED:
        return granted == amount and decision.code is Code.NONE
    if decision.outcome is Outcome.PARTIALLY_COMPLETED:
        return 0 < granted < amount and decision.code is not Code.NONE
    return decision.outcome is Outcome.FAILED and granted == 0 and decision.code is not Code.NONE


@predicate
def answer_is_honest(decision: Decision) -> bool:
    """A command without an amount is done, or has the code of a reason."""
    if decision.outcome is Outcome.DONE:
        return says_nothing_moved(decision) and decision.code is Code.NONE
    refused = decision.outcome is Outcome.REJECTED or decision.outcome is Outcome.FAILED
    return says_nothing_moved(decision) and refused and decision.code is not Code.NONE


@predicate
def grant_is_applied_up(before: Vm, after: Vm, decision: Decision) -> bool:
    """A VM is given exactly what was granted: else the ledger and the VM disagree."""
    return after.assigned - before.assigned == decision.granted


@predicate
def grant_is_applied_down(before: Vm, after: Vm, decision: Decision) -> bool:
    """Exactly what was granted is taken from a VM."""
    return before.assigned - after.assigned == decision.granted


@predicate
def giving_fits(before: Site, decision: Decision, most: int) -> bool:
    """A gift is whole quanta that the host has free and the VM may have: it never takes another VM's memory."""
    granted = decision.granted
    fits = granted <= free_on(before.host) and before.vm.assigned + granted <= most
    return granted == 0 or (fits and granted % QUANTUM == 0)


@predicate
def taking_fits(before: Site, decision: Decision, least: int) -> bool:
    """A removal is whole quanta that are not in use and above the VM's least: no process loses its memory."""
    left = before.vm.assigned - decision.granted
    return decision.granted == 0 or (left >= before.vm.in_use and left >= least and decision.granted % QUANTUM == 0)


@predicate
def paging_fits(before: Site, decision: Decision, least: int) -> bool:
    """A reclaim from an old Windows guest is whole quanta above the guest's minimum."""
    left = before.vm.assigned - decision.granted
    return decision.granted == 0 or (left >= least and decision.granted % QUANTUM == 0)


@predicate
def balloon_goes_first(before: Vm, decision: Decision) -> bool:
    """A gift first deflates the balloon; only the rest is hot-added, and nothing is paged out."""
    emptied = decision.granted >= before.ballooned
    let_go = decision.unballooned == (before.ballooned if emptied else decision.granted)
    parts = let_go and decision.hot_added == decision.granted - decision.unballooned
    return decision.outcome is Outcome.REJECTED or (parts and decision.paged == 0)


@predicate
def taking_has_no_parts(decision: Decision) -> bool:
    """A removal hot-adds nothing, deflates no balloon, and pages nothing out."""
    return decision.hot_added == 0 and decision.unballooned == 0 and decision.paged == 0


@predicate
def pages_what_no_longer_fits(before: Vm, decision: Decision) -> bool:
    """The reported paging is exactly what no longer fits into the memory that is left."""
    too_much = before.in_use - (before.assigned - decision.granted)
    paged = decision.paged == (too_much if too_much > 0 else 0)
    return decision.outcome is Outcome.REJECTED or (paged and decision.hot_added == 0 and decision.unballooned == 0)


@predicate
def is_short(decision: Decision) -> bool:
    """An allowed command granted less than was requested."""
    return decision.outcome is Outcome.PARTIALLY_COMPLETED or decision.outcome is Outcome.FAILED


@predicate
def giving_is_maximal(before: Site, decision: Decision, most: int) -> bool:
    """After a short gift, one quantum more would overcommit the host or exceed the VM's most: no memory is withheld."""
    more = decision.granted + QUANTUM
    return not is_short(decision) or more > free_on(before.host) or before.vm.assigned + more > most


@predicate
def taking_is_maximal(before: Site, decision: Decision, least: int) -> bool:
    """After a short removal, one quantum more would take memory in use or go below the VM's least."""
    left = before.vm.assigned - (decision.granted + QUANTUM)
    return not is_short(decision) or left < before.vm.in_use or left < least


@predicate
def paging_is_maximal(before: Site, decision: Decision, least: int) -> bool:
    """After a short reclaim from an old Windows guest, one quantum more would go below its minimum."""
    return not is_short(decision) or before.vm.assigned - (decision.granted + QUANTUM) < least


@predicate
def giving_code_is_true(before: Site, decision: Decision, most: int) -> bool:
    """The code of a short gift names the tighter bound, host or size limit; the host if both are equal."""
    host_is_scarcer = free_on(before.host) <= most - before.vm.assigned
    code = Code.INSUFFICIENT_HOST_MEMORY if host_is_scarcer else Code.SIZE_LIMIT
    return not is_short(decision) or decision.code is code


@predicate
def taking_code_is_true(before: Site, decision: Decision, least: int) -> bool:
    """The code of a short removal names the tighter bound, memory in use or least size; in use if both are equal."""
    in_use_is_nearer = before.vm.in_use >= least
    code = Code.MEMORY_IN_USE if in_use_is_nearer else Code.MINIMUM_REACHED
    return not is_short(decision) or decision.code is code


@predicate
def paging_code_is_true(decision: Decision) -> bool:
    """The code of a short reclaim from an old Windows guest is its minimum: memory in use is no bound there."""
    return not is_short(decision) or decision.code is Code.MINIMUM_REACHED


@predicate
def in_use_never_removed(before: Vm, after: Vm) -> bool:
    """Memory that processes hold is never taken: else they crash, or the guest pages without a request."""
    same = after.in_use == before.in_use and after.paged_out == before.paged_out
    return same and after.in_use <= after.assigned


@predicate
def only_balloon_pages_out(before: Vm, after: Vm) -> bool:
    """An old Windows guest pages out exactly what no longer fits."""
    too_much = before.in_use - after.assigned
    return after.paged_out - before.paged_out == (too_much if too_much > 0 else 0)


@predicate
def nothing_paged_out(before: Vm, after: Vm) -> bool:
    """No other command makes a guest page; a new session begins with nothing paged out."""
    return after.paged_out == before.paged_out or after.paged_out == 0


@predicate
def conserved(before: Site, after: Site) -> bool:
    """What a VM gains, its host loses, and the reverse: memory is neither created nor lost."""
    return free_on(before.host) + held_by(before.vm) == free_on(after.host) + held_by(after.vm)


@predicate
def account_kept(before: Host, after: Host) -> bool:
    """A command on a VM changes neither the host's total, nor its reserve, nor its version."""
    return before.total == after.total and before.reserve == after.reserve and before.version is after.version


@predicate
def book_changes_when_due(before: Site, after: Site) -> bool:
    """The host's book changes exactly when the memory that the VM holds changes."""
    moved = held_by(after.vm) != held_by(before.vm)
    written = after.host.held != before.host.held
    return (moved and written) or (not moved and not written)


@predicate
def watermark_monotone(before: Vm, after: Vm) -> bool:
    """Within a session the high watermark is the most so far: a ballooned guest sees that amount."""
    gone = after.power is Power.OFF or before.session != after.session  # a VM that was off is, or is in another session
    peak = after.assigned if after.assigned > before.high_watermark else before.high_watermark
    return gone or after.high_watermark == peak


@predicate
def visible_falls_as_said(before: Vm, after: Vm, decision: Decision) -> bool:
    """A removal lowers what the guest sees, unless the guest still counts ballooned memory."""
    fall = 0 if counts_what_it_lent(before.guest) else decision.granted
    return seen_by(before) - seen_by(after) == fall


@predicate
def visible_rises_as_said(before: Vm, after: Vm, decision: Decision) -> bool:
    """A gift raises what the guest sees, unless the guest still counted that memory."""
    rise = decision.hot_added if counts_what_it_lent(before.guest) else decision.granted
    return seen_by(after) - seen_by(before) == rise and decision.hot_added + decision.unballooned == decision.granted


@predicate
def removed_was_hot_pluggable(before: Vm, decision: Decision) -> bool:
    """A hot-remove takes only memory that the guest's kernel knew to be removable."""
    return not gives_up_memory(before.guest) or decision.granted <= before.hot_pluggable


@predicate
def refused_changes_nothing(before: Site, after: Site) -> bool:
    """A refused command changes no figure: else a failed change is half done."""
    return (
        host_is_kept(before.host, after.host) and before.entry == after.entry and nothing_changed(before.vm, after.vm)
    )


@predicate
def host_is_kept(before: Host, after: Host) -> bool:
    """No figure of a host changed."""
    return account_kept(before, after) and before.held == after.held


@predicate
def others_kept(before: Site, after: Site) -> bool:
    """The memory that all other VMs on the host hold together does not change."""
    return before.host.held - before.entry == after.host.held - after.entry
