"""Shares of an audit: one part of a history is judged by itself, and all parts are joined to one audit.

What only the whole shows is checked twice. Each share begins with the headers of the whole history, so that it knows
whether an event is missing, stands twice or is of another ledger; the join checks that all shares saw the same whole,
that each is there once, and that together they judged all of its events.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from typing import Final

from domain.errors import InputError
from nilometer.audit.documents.share import Share, ShareOrigin
from nilometer.audit.partitioning.grouping import Grouping
from nilometer.audit.partitioning.parallel import LARGEST_PART, check_absent, divide_groups, judge_groups
from nilometer.audit.result import Audit
from nilometer.audit.sources import EventSource
from rules.judging.fingerprint import rules_digest

MOST_SHARES: Final = 100_000
_SHARE: Final = re.compile(r"([0-9]{1,6})/([0-9]{1,6})")


@dataclass(frozen=True, slots=True)
class ShareNumber:
    """The K-th of N shares."""

    number: int
    of: int

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"


def parse_share_number(text: str) -> ShareNumber:
    """Reads ``K/N``. Raises ``InputError``."""
    found = _SHARE.fullmatch(text)
    hint = "the second of four shares is 2/4"
    if found is None:
        raise InputError(f"{text!r} is not a share", hint=hint)
    number, of = int(found[1]), int(found[2])
    if not 1 <= of <= MOST_SHARES:
        raise InputError(f"there are 1 to {MOST_SHARES:,} shares, not {of:,}", hint=hint)
    if not 1 <= number <= of:
        raise InputError(f"there is no share {number} of {of}", hint="they are counted from 1")
    return ShareNumber(number, of)


def judge_share(
    history: EventSource,
    grouping: Grouping,
    share: ShareNumber,
    judge_whole: Callable[[Audit], None],
    on_progress: Callable[[int], None] | None = None,
) -> Audit:
    """Judges one share of a history that has these groups.

    ``judge_whole`` judges one that cannot be divided; that is the first share's. Raises as reading the history does.
    """
    if grouping.undivided:
        audit = Audit(minor=True)
        if share.number == 1:
            judge_whole(audit)
        return audit
    partition, part = divide_groups(grouping, share.of), share.number - 1
    events = history.events(lambda stream: partition.part_of[stream] == part)
    count = partition.loads[part]
    return judge_groups(events, partition.source, partition.late, on_progress=on_progress, count=count)


def describe_division(grouping: Grouping, shares: int) -> str:
    """Why more shares help little or not at all; empty if they help."""
    if grouping.undivided:
        return f"share 1 judges all of it, the others nothing: {grouping.undivided}"
    if shares == 1 or not grouping.sizes:
        return ""
    if grouping.is_by_buckets and shares > len(grouping.sizes):
        buckets = f"the export has {len(grouping.sizes)} buckets"
        return f"{buckets}, and a bucket is judged in one piece: more shares do not help"
    largest = grouping.sizes[0] / grouping.events
    if largest > max(LARGEST_PART, 1 / shares) or (largest > 1 / shares and len(grouping.sizes) < shares):
        return f"{largest:.0%} of the events are {_describe_largest(grouping)} is judged in one piece"
    return ""


def _describe_largest(grouping: Grouping) -> str:
    if grouping.is_by_buckets:
        return "in one bucket of the export, and a bucket"
    hosts = sum(group == 0 and stream.startswith(b"host/") for stream, group in grouping.group_of.items())
    if hosts > 1:
        return "in one group of hosts and VMs that migrations connect, or requests for them, and a group"
    return "those of one host and its VMs, and a host with its VMs"


def trace_share(
    grouping: Grouping, shares: int, digests: Iterable[tuple[int, str]] = (), ledger: str = "", position: int = 0
) -> ShareOrigin:
    """What a share was judged of. Ledger and position are those of a history without groups."""
    return ShareOrigin(
        shares=shares,
        tool=f"nilometer {version('nilometer')}",
        rules=rules_digest(),
        ledger=grouping.source or ledger,
        digests=tuple(sorted(digests)),
        position=grouping.events or position,
        events=grouping.events,
        groups=len(grouping.sizes),
        undivided=grouping.undivided,
    )


def join_shares(shares: Sequence[Share], *, minor: bool) -> Audit:
    """One audit of all shares. Raises ``InputError`` if one is missing, stands twice, or is of something else."""
    check_shares(shares)
    audit = Audit(minor=minor)
    audit.merge(share.audit for share in shares)
    return audit


def check_shares(shares: Sequence[Share]) -> None:
    """Raises ``InputError`` if these are not all the shares of one audit, each once, by the rules of this program."""
    first = shares[0]
    ours = replace(first.origin, tool=f"nilometer {version('nilometer')}", rules=rules_digest())
    _check_alike(first, "this program", ours)
    by_number: dict[int, Share] = {}
    for share in shares:
        _check_alike(share, first.name, first.origin)
        other = by_number.setdefault(share.number, share)
        if other is not share:
            place = f"share {share.number} of {share.origin.shares}"
            raise InputError(f"{share.name}: it is {place}, and so is {other.name}", hint="name each share once")
    total = first.origin.shares
    missing = [number for number in range(1, total + 1) if number not in by_number]
    if missing:
        named = ", ".join(map(str, missing[:5])) + (f" and {len(missing) - 5:,} more" if len(missing) > 5 else "")
        what, are = ("share", "is") if len(missing) == 1 else ("shares", "are")
        hint = f"judge it with --share {missing[0]}/{total}, and join it too"
        raise InputError(f"{what} {named} of {total} {are} missing", hint=hint)
    check_absent((share.name, share.absent) for share in shares)
    judged = sum(share.events for share in shares)
    if not first.origin.undivided and judged != first.origin.events:
        why = f"together the shares judged {judged:,} events, and the history has {first.origin.events:,}"
        raise InputError(why, hint="a share was changed after it was judged: judge all of them again")


def _check_alike(share: Share, name: str, origin: ShareOrigin) -> None:
    """Raises ``InputError`` if a share is of something else than another one."""
    found = share.origin
    for what, one, other in (
        ("the program is", found.tool, origin.tool),
        ("the SHA-256 of the rules is", found.rules, origin.rules),
        ("the number of shares is", found.shares, origin.shares),
        ("the ledger is", found.ledger, origin.ledger),
        ("the files have", _describe_digests(found.digests), _describe_digests(origin.digests)),
        ("the last position is", found.position, origin.position),
        ("the number of events is", found.events, origin.events),
        ("the number of groups is", found.groups, origin.groups),
        ("the history is in one piece, as", found.undivided or "it is not", origin.undivided or "it is not"),
    ):
        if one != other:
            hint = "judge all shares of the same history, with the version of Nilometer that joins them"
            raise InputError(f"{share.name} does not fit {name}: {what} {one} and {other}", hint=hint)


def _describe_digests(digests: Sequence[tuple[int, str]]) -> str:
    return ", ".join(f"SHA-256 {digest} ({size:,} bytes)" for size, digest in digests) or "no digest: it is a ledger"
