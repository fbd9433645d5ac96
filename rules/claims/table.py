"""The table of claims: which predicate is asked of which command, with which bounds.

For each command: why it is rejected, when it fails, that its answer is honest, what it changes, and what holds for
every change.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final

from domain.rule import Rule
from rules.claims.claim import Claim
from rules.specification import answers, changes, conditions, effects, figures, moves


@dataclass(frozen=True, slots=True)
class Row:
    """A command without an amount: the reason to reject it, what it changes, and when it fails for lack of memory."""

    why: Rule
    does: Rule | None
    short: Rule | None = None


_ON_VMS: Final[Mapping[str, Row]] = {
    "configure-memory": Row(conditions.why_not_configure_memory, effects.configure_memory_does),
    "configure-guest": Row(conditions.why_not_configure_guest, effects.configure_guest_does),
    "start": Row(conditions.why_not_start, effects.boots, conditions.start_is_short),
    "stop": Row(conditions.why_not_stop, effects.stop_does),
    "pause": Row(conditions.why_not_pause, effects.pause_does),
    "resume": Row(conditions.why_not_resume, effects.resume_does),
    "save": Row(conditions.why_not_save, effects.save_does),
    "restore": Row(conditions.why_not_restore, effects.restore_does, conditions.restore_is_short),
    "reboot-guest": Row(conditions.why_not_reboot_guest, effects.boots, conditions.reboot_guest_is_short),
    "report-in-use": Row(conditions.why_not_report_in_use, effects.report_in_use_does),
    "move-vm": Row(conditions.why_not_move_vm, effects.nothing_changed, conditions.move_vm_is_short),
    "remove-vm": Row(conditions.why_not_remove_vm, effects.nothing_changed),
}

_ON_HOSTS: Final[Mapping[str, Row]] = {
    "register-host": Row(conditions.why_not_register_host, effects.register_host_does),
    "resize-host": Row(conditions.why_not_resize_host, effects.resize_host_does),
    "set-reserve": Row(conditions.why_not_set_reserve, effects.set_reserve_does),
    "remove-host": Row(conditions.why_not_remove_host, None),
    "define-vm": Row(conditions.why_not_define_vm, effects.define_vm_does),
}


def _table() -> Iterator[Claim]:
    for command, row in _ON_VMS.items():
        yield from _answer_claims(command, row)
        yield from _change_claims(command, row.does)
    for command, why, does in (
        ("add-memory", conditions.why_not_add_memory, effects.giving_does),
        ("remove-memory", conditions.why_not_remove_memory, effects.taking_does),
        ("grow", conditions.why_not_grow, effects.giving_does),
        ("reclaim", conditions.why_not_reclaim, effects.reclaim_does),
    ):
        yield _rejection_claim(command, why)
        yield Claim(kind="honesty", command=command, predicate=changes.outcome_is_honest, any_state=True)
        yield from _change_claims(command, does, granted=answers.granted_in)
    yield from _giving_claims("add-memory", figures.largest_here)
    yield from _giving_claims("grow", figures.maximum_here)
    yield from _taking_claims("remove-memory", figures.floor_here)
    yield from _taking_claims("reclaim", figures.minimum_here, when=figures.keeps_what_it_uses)
    yield from _paging_claims("reclaim", figures.minimum_here, when=figures.is_made_to_page)
    # It becomes another command, whose claims are made above.
    yield _rejection_claim("set-memory", conditions.why_not_set_memory)
    yield from _change_claims("set-memory", effects.set_memory_does)
    yield from _moving_claims()
    for command, row in _ON_HOSTS.items():
        yield from _answer_claims(command, row)
        if row.does is not None:
            yield Claim(kind="effect", command=command, predicate=row.does, accepted=True, any_state=True)


# Answers


def _rejection_claim(command: str, why: Rule) -> Claim:
    """The command is rejected exactly for its reasons."""
    return Claim(
        kind="reason",
        command=command,
        predicate=answers.is_rejected_because,
        given={"why": why},
        any_state=True,
        about=why,
    )


def _answer_claims(command: str, row: Row) -> Iterator[Claim]:
    """The command is done, unless there is a reason to reject it, or the host does not have the memory."""
    yield _rejection_claim(command, row.why)
    if row.short is None:
        yield Claim(kind="reason", command=command, predicate=answers.never_fails, any_state=True)
    else:
        given = {"why": row.why, "short": row.short}
        yield Claim(
            kind="reason",
            command=command,
            predicate=answers.fails_when_short,
            given=given,
            any_state=True,
            about=row.short,
        )
    yield Claim(kind="honesty", command=command, predicate=changes.answer_is_honest, any_state=True)


# Changes


def _change_claims(command: str, does: Rule | None, **given: Rule) -> Iterator[Claim]:
    """An accepted command does what its row says, any other does nothing; and what holds for every change."""
    yield Claim(
        kind="frame", command=command, predicate=changes.refused_changes_nothing, accepted=False, any_state=True
    )
    if does is not None:
        yield Claim(kind="effect", command=command, predicate=does, given=given, accepted=True)
    yield Claim(kind="property", command=command, predicate=changes.watermark_monotone)
    if command != "reclaim":
        yield Claim(kind="property", command=command, predicate=changes.nothing_paged_out)
    if command != "move-vm":  # it changes two hosts
        yield Claim(kind="property", command=command, predicate=changes.conserved)
        yield Claim(kind="property", command=command, predicate=changes.account_kept)
        yield Claim(kind="property", command=command, predicate=changes.book_changes_when_due)
        yield Claim(kind="property", command=command, predicate=changes.others_kept)


def _moving_claims() -> Iterator[Claim]:
    """A VM that leaves a host takes its memory and its entry with it."""
    for predicate in (
        moves.source_gets_back_what_it_held,
        moves.destination_gives_what_is_held,
        moves.hosts_of_a_move_are_two,
        moves.source_forgets_the_vm,
        moves.source_account_is_kept,
        moves.destination_account_is_kept,
    ):
        yield Claim(kind="move", command="move-vm", predicate=predicate, accepted=True)
    yield Claim(kind="move", command="remove-vm", predicate=moves.removed_leaves_no_entry, accepted=True)


# Grants: as large as possible, and a short grant names the true reason


def _giving_claims(command: str, most: Rule) -> Iterator[Claim]:
    bound = {"most": most}
    yield Claim(kind="fits", command=command, predicate=changes.giving_fits, given=bound, any_state=True)
    yield Claim(kind="parts", command=command, predicate=changes.balloon_goes_first, any_state=True)
    yield Claim(kind="maximal", command=command, predicate=changes.giving_is_maximal, given=bound, any_state=True)
    yield Claim(kind="maximal", command=command, predicate=changes.giving_code_is_true, given=bound, any_state=True)
    yield Claim(kind="grant", command=command, predicate=changes.grant_is_applied_up)
    yield Claim(kind="visible", command=command, predicate=changes.visible_rises_as_said)
    yield Claim(kind="in-use", command=command, predicate=changes.in_use_never_removed)


def _taking_claims(command: str, least: Rule, when: Rule | None = None) -> Iterator[Claim]:
    bound = {"least": least}
    yield Claim(kind="fits", command=command, predicate=changes.taking_fits, given=bound, when=when, any_state=True)
    yield Claim(kind="parts", command=command, predicate=changes.taking_has_no_parts, when=when, any_state=True)
    yield Claim(
        kind="maximal", command=command, predicate=changes.taking_is_maximal, given=bound, when=when, any_state=True
    )
    yield Claim(
        kind="maximal", command=command, predicate=changes.taking_code_is_true, given=bound, when=when, any_state=True
    )
    yield Claim(kind="grant", command=command, predicate=changes.grant_is_applied_down)
    yield Claim(kind="visible", command=command, predicate=changes.visible_falls_as_said)
    yield Claim(kind="hot-remove", command=command, predicate=changes.removed_was_hot_pluggable)
    yield Claim(kind="in-use", command=command, predicate=changes.in_use_never_removed, when=when)


def _paging_claims(command: str, least: Rule, when: Rule) -> Iterator[Claim]:
    """For a guest that Dynamic Memory makes page, the minimum is the only bound."""
    bound = {"least": least}
    yield Claim(kind="fits", command=command, predicate=changes.paging_fits, given=bound, when=when, any_state=True)
    yield Claim(kind="parts", command=command, predicate=changes.pages_what_no_longer_fits, when=when, any_state=True)
    yield Claim(
        kind="maximal", command=command, predicate=changes.paging_is_maximal, given=bound, when=when, any_state=True
    )
    yield Claim(kind="maximal", command=command, predicate=changes.paging_code_is_true, when=when, any_state=True)
    yield Claim(kind="in-use", command=command, predicate=changes.only_balloon_pages_out, when=when)


def _by_kind(claims: list[Claim]) -> Iterator[Claim]:
    """Claims grouped by kind, kinds in the order of their first claim."""
    for kind in dict.fromkeys(claim.kind for claim in claims):
        yield from (claim for claim in claims if claim.kind == kind)


CLAIMS: Final[tuple[Claim, ...]] = tuple(_by_kind(list(_table())))
"""All claims. No two have the same name."""


@cache
def claims_of(command: str) -> tuple[Claim, ...]:
    """The claims about a command."""
    return tuple(claim for claim in CLAIMS if claim.command == command)
