"""The events that commands record, as terms: what has to stand in an event is written from the rules that record it.

An expected event is one form in which a command is recorded: the event of its success, or its refusal. Its figures are
terms over the state before and over what was asked. Both are claimed by the event itself; that the state before is the
one that the events before left, the sieve checks apart. A form that is not described here is left to the judge.

May import ``domain``, ``rules`` and ``nilometer.storage``. Begin with ``parts`` and ``event`` (what an expected event
is), then ``on_vms`` and ``on_hosts``.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from domain.commands import COMMANDS
from nilometer.audit.expected.event import ExpectedEvent, HostChange
from nilometer.audit.expected.on_hosts import events_on_hosts
from nilometer.audit.expected.on_vms import events_on_vms
from nilometer.audit.expected.parts import (
    HOST_READ,
    Claimed,
    FromStream,
    Nullable,
    Part,
    Path,
    ReadVersion,
    Text,
    VersionBefore,
)
from nilometer.audit.expected.writing import RuleTerms

__all__ = [
    "HOST_READ",
    "Claimed",
    "ExpectedEvent",
    "FromStream",
    "HostChange",
    "Nullable",
    "Part",
    "Path",
    "ReadVersion",
    "Text",
    "VersionBefore",
    "expected_events",
    "expected_events_of",
    "rules_are_read",
]


def expected_events() -> Sequence[ExpectedEvent]:
    """The forms of all commands."""
    return [event for command in COMMANDS for event in expected_events_of(command)]


@cache
def expected_events_of(command: str) -> Sequence[ExpectedEvent]:
    """The forms in which a command is recorded: only its rules are read. None for a name of no command."""
    return (*events_on_vms(_rules(), command), *events_on_hosts(_rules(), command))


def rules_are_read() -> bool:
    """Whether rules were read in this process."""
    return expected_events_of.cache_info().currsize > 0


@cache
def _rules() -> RuleTerms:
    return RuleTerms()
