"""What a move changes on the two hosts, and what a removal leaves.

``left`` is the site that the VM left, afterwards; ``after`` is the site on the destination.
"""

from __future__ import annotations

from domain.state import Host, Site
from rules.specification.changes import account_kept
from rules.specification.figures import free_on, held_by
from rules.specification.predicate import predicate


@predicate
def source_gets_back_what_it_held(before: Site, left: Site) -> bool:
    """The free memory of the host that a VM leaves grows by what the VM held."""
    return free_on(left.host) == free_on(before.host) + held_by(before.vm)


@predicate
def destination_gives_what_is_held(before: Site, after: Site, destination: Host) -> bool:
    """The free memory of the destination shrinks by what the VM holds."""
    return free_on(after.host) == free_on(destination) - held_by(before.vm)


@predicate
def hosts_of_a_move_are_two(same_host: bool) -> bool:
    """A move is from one host to another: else what it gives back and what it takes would be of one book."""
    return not same_host


@predicate
def source_forgets_the_vm(left: Site) -> bool:
    """The host that a VM left has no entry for it."""
    return left.entry == 0


@predicate
def source_account_is_kept(before: Site, left: Site) -> bool:
    """Total, reserve and version of the host that a VM leaves do not change."""
    return account_kept(before.host, left.host)


@predicate
def destination_account_is_kept(after: Site, destination: Host) -> bool:
    """Total, reserve and version of the destination do not change."""
    return account_kept(destination, after.host)


@predicate
def removed_leaves_no_entry(before: Site) -> bool:
    """A VM that is removed has no entry in its host's book."""
    return before.entry == 0
