"""The policies that a ledger has adopted: read from their streams, and compiled for the decider.

The stream ``policies/adopted`` says which they are. Every command expects its version, so that none is decided without
a policy that is adopted meanwhile. A ledger without policies reads nothing else, and loads nothing of ``rules``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from domain.aggregates import HistoryError
from domain.deciding.enforced import EnforcedPolicy, at_time, has_windows
from domain.envelope import Envelope
from domain.event import Event
from domain.identifiers import POLICIES, UtcTime, policy_stream
from domain.policy_events import PoliciesChanged, PoliciesGroupChanged, PolicyAdopted
from domain.record import Record, record

StreamReader = Callable[[str, int], Iterator[Envelope[Event]]]
"""Reads the events of a stream after a version."""


@record()
class AdoptedPolicy(Record):
    """A policy that is adopted: the event that adopted it, with who did and when."""

    name: str
    envelope: Envelope[PolicyAdopted]


@record()
class PolicySet(Record):
    """The policies that are adopted, and the version of the stream that says so."""

    version: int
    adopted: tuple[AdoptedPolicy, ...]
    """In the order of their names."""
    enforced: tuple[EnforcedPolicy, ...]
    """The same, compiled."""
    books: frozenset[str] = frozenset()
    """The groups that have a book."""

    @property
    def without_book(self) -> tuple[EnforcedPolicy, ...]:
        """A policy of each group that has no book, as who adopted it knew none: the next write opens it."""
        groups = {policy.group: policy for policy in self.enforced if policy.of_group is not None}
        return tuple([policy for group, policy in groups.items() if group not in self.books])

    def at(self, time: UtcTime) -> PolicySet:
        """Those that apply at a time."""
        if not has_windows(self.enforced):
            return self
        enforced = at_time(self.enforced, time)
        names = {policy.name for policy in enforced}
        adopted = tuple(policy for policy in self.adopted if policy.name in names)
        return PolicySet(version=self.version, adopted=adopted, enforced=enforced, books=self.books)


NO_POLICIES: Final = PolicySet(version=0, adopted=(), enforced=())


def read_policy_set(stream: StreamReader) -> PolicySet:
    """The policies that are adopted, from the streams of a ledger. Raises ``HistoryError``."""
    changes = list(stream(POLICIES, 0))
    if not changes:
        return NO_POLICIES
    adopted = [
        _adopted(name, version, next(stream(policy_stream(name), version - 1), None))
        for name, version in sorted(versions_of(changes).items())
    ]
    enforced = tuple(_enforce(adopted))
    return PolicySet(
        version=changes[-1].version, adopted=tuple(adopted), enforced=enforced, books=frozenset(books_of(changes))
    )


def books_of(changes: Iterable[Envelope[Event]]) -> set[str]:
    """The groups that have a book after some events of the policies' common stream."""
    books: set[str] = set()
    for change in changes:
        event = change.event
        if isinstance(event, PoliciesGroupChanged):
            (books.add if event.opened else books.discard)(event.group)
    return books


def versions_of(changes: Iterable[Envelope[Event]]) -> dict[str, int]:
    """The policies that are adopted after some events of their common stream: by name the versions of their own."""
    versions: dict[str, int] = {}
    for change in changes:
        event = change.event
        if isinstance(event, PoliciesGroupChanged):
            continue
        if not isinstance(event, PoliciesChanged):
            raise HistoryError(f"event {change.id}: {event.KIND} cannot stand on this stream")
        versions.pop(event.policy, None)
        if event.adopted:
            versions[event.policy] = event.version
    return versions


def _adopted(name: str, version: int, envelope: Envelope[Event] | None) -> AdoptedPolicy:
    if envelope is None or not isinstance(envelope.event, PolicyAdopted):
        raise HistoryError(
            f"the stream {policy_stream(name)} has no adoption at version {version}, which {POLICIES} names"
        )
    event = envelope.event
    return AdoptedPolicy(name, Envelope(envelope.stream, version, event, envelope.metadata, envelope.position))


def _enforce(adopted: Iterable[AdoptedPolicy]) -> Iterator[EnforcedPolicy]:
    from rules.policies.enforcing import enforced_policy  # reads rules: only where there is a policy

    for policy in adopted:
        yield enforced_policy(policy.name, policy.envelope.version, policy.envelope.event)
