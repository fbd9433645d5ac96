"""The books of groups, as adopting and retiring policies open and close them.

A group has a book while a policy over it is adopted. Who adopted one when books were not known left none: then the
first command on one of its VMs opens it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from domain.aggregates import HistoryError
from domain.deciding.enforced import EnforcedPolicy
from domain.envelope import Envelope, Metadata
from domain.errors import InputError
from domain.event import Event
from domain.identifiers import POLICIES, StreamName, group_stream
from domain.policy_events import GroupClosed, GroupEvent, GroupFigures, GroupOpened, PoliciesGroupChanged
from domain.record import Record, record
from nilometer.ledger.policies import PolicySet
from nilometer.ledger.repository import decided_vms
from projections.fleet import Fleet

LastEvent = Callable[[StreamName], Envelope[Event] | None]
"""Finds the last event of a stream."""


@record()
class BookChanges(Record):
    """The books that are to be closed, and the policies for whose groups one is to be opened."""

    closed: tuple[str, ...] = ()
    opened: tuple[EnforcedPolicy, ...] = ()


def plan_books(adopted: PolicySet, gone: Sequence[str], new: Sequence[EnforcedPolicy] = ()) -> BookChanges:
    """What changes when some policies are adopted no more, and others are. Raises as ``check_groups``."""
    kept = [policy for policy in adopted.enforced if policy.name not in gone]
    check_groups([*kept, *new])
    before = {policy.group: policy.group_vms for policy in adopted.enforced if policy.of_group is not None}
    after = {policy.group: policy for policy in (*kept, *new) if policy.of_group is not None}
    closed = [
        group for group in sorted(adopted.books) if group not in after or after[group].group_vms != before.get(group)
    ]
    opened = [after[group] for group in sorted(after) if group not in adopted.books or group in closed]
    return BookChanges(tuple(closed), tuple(opened))


def check_groups(policies: Sequence[EnforcedPolicy]) -> None:
    """Raises ``InputError`` if two policies mean different VMs by the name of a group: it has one book."""
    first: dict[str, EnforcedPolicy] = {}
    for policy in policies:
        if policy.of_group is None:
            continue
        other = first.setdefault(policy.group, policy)
        if other.group_vms != policy.group_vms:
            raise InputError(
                f"the group {policy.group!r} of the policy {policy.name} has the VMs {', '.join(policy.group_vms)}, "
                f"and that of the policy {other.name} has the VMs {', '.join(other.group_vms)}",
                hint="give one of the groups another name",
            )


def entries_of(policy: EnforcedPolicy, fleet: Fleet) -> dict[str, int]:
    """What each VM of the group of a policy holds. Raises the error of a VM that cannot be read."""
    vms = [vm for vm in decided_vms(fleet) if policy.has_vm(vm.id, vm.name)]
    return {vm.id: vm.state.held for vm in vms if vm.state.held}


def write_books(
    changes: BookChanges, fleet: Fleet, last: LastEvent, head: int, metadata: Metadata
) -> Iterator[Envelope[Event]]:
    """The events that close and open books; ``head`` is the version of the policies' common stream before them."""
    versions: dict[str, int] = {}

    def write(group: str, event: GroupEvent) -> Iterator[Envelope[Event]]:
        nonlocal head
        versions[group] += 1
        head += 1
        yield Envelope(group_stream(group), versions[group], event, metadata)
        change = PoliciesGroupChanged(group=group, version=versions[group], opened=isinstance(event, GroupOpened))
        yield Envelope(POLICIES, head, change, metadata)

    for group in changes.closed:
        found = last(group_stream(group))
        if found is None or not isinstance(found.event, GroupEvent):
            raise HistoryError(f"the stream {group_stream(group)} has no book, which {POLICIES} names")
        versions[group] = found.version
        yield from write(group, GroupClosed(after=found.event.after))
    for policy in changes.opened:
        if policy.group not in versions:
            found = last(group_stream(policy.group))
            versions[policy.group] = 0 if found is None else found.version
        entries = entries_of(policy, fleet)
        opened = GroupOpened(
            policy=policy.name,
            vms=policy.group_vms,
            entries=dict(sorted(entries.items())),
            after=GroupFigures(sum(entries.values())),
        )
        yield from write(policy.group, opened)
