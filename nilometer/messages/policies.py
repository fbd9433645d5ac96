"""Sentences about policies: adopted, retired, and why one of them refused a command or granted less of it."""

from __future__ import annotations

from typing import Final

from domain.events import Decided
from domain.identifiers import split_stream, subject_id
from domain.policy_events import (
    BY_POLICY,
    GroupChanged,
    GroupClosed,
    GroupMemoryGranted,
    GroupOpened,
    PoliciesChanged,
    PoliciesGroupChanged,
    PolicyAdopted,
    PolicyEvent,
    PolicyRead,
    PolicyRetired,
)
from nilometer.messages.facts import CommandFacts
from nilometer.messages.shortfalls import describe_short_grant
from nilometer.messages.sizes import format_sizes, plural
from rules.wording import format_figures

_LIST = "the policies that are adopted: nilo policy list"


_KINDS: Final = {"host": "host ", "group": "the group "}


def describe_code(event: Decided) -> str:
    """Why a command was not granted in full, in brackets: its code, and of ``policy`` which; empty if it was."""
    if event.code is None:
        return ""
    names = dict.fromkeys(read.policy for read in event.policies) if isinstance(event, BY_POLICY) else ()
    return f" ({event.code}{' ' if names else ''}{', '.join(names)})"


def explain_policy(facts: CommandFacts) -> tuple[str, str]:
    """Why policies refused a command, or granted less of it; and what to do."""
    if not facts.policies:
        return f"{facts.cannot}: a policy that is adopted would not hold of it.", _LIST
    first, *more = facts.policies
    others = f" (and {plural(len(more), 'other breach').replace('breachs', 'breaches')})" if more else ""
    because = f"{_describe_read(first)}{others}"
    if not facts.requested:
        return f"{facts.cannot}: the policy {because}.", _LIST
    granted, requested = format_sizes([facts.granted, facts.requested])
    return describe_short_grant(facts, granted, requested, f"with more, the policy {because}"), _LIST


def _describe_read(read: PolicyRead) -> str:
    kind, id = split_stream(read.subject)
    verb = "would be broken further by" if read.before else "would not hold of"
    figures = ", ".join(f"{path} {format_figures(path, [value])[0]}" for path, value in read.figures.items())
    return f"{read.policy} {verb} {_KINDS.get(kind, '')}{id}: {read.sentence.rstrip('.')} ({figures})"


def describe_policy_event(stream: str, event: PolicyEvent) -> str:
    """An event about policies in one sentence."""
    name = subject_id(stream)
    match event:
        case PolicyAdopted():
            broken = f", although {plural(len(event.broken), 'subject')} broke it" if event.broken else ""
            return f'policy {name} was adopted{broken}: "{event.sentence}"'
        case PolicyRetired():
            return f"policy {name} was retired"
        case PoliciesChanged():
            return f"policy {event.policy} is {'kept from now on' if event.adopted else 'not kept any more'}"
        case PoliciesGroupChanged():
            return f"group {event.group} has {'a book from now on' if event.opened else 'no book any more'}"
        case GroupOpened():
            (held,) = format_sizes([event.after.held])
            return f"group {name}: its book begins with {held}, held by {plural(len(event.entries), 'VM')}"
        case GroupChanged():
            verb = "granted to" if isinstance(event, GroupMemoryGranted) else "returned by"
            size, held = format_sizes([event.bytes, event.after.held])
            return f"group {name}: {size} {verb} {event.vm}; its VMs hold {held}"
        case GroupClosed():
            return f"group {name}: its book is closed"
        case _:
            return f"{stream} {event.KIND}"
