"""What the figures of an observed host or VM must come to, where no state of the model has all of them.

A judge of observations asks these where a figure was not measured: then the statement is true for some value of it and
false for another.
"""

from __future__ import annotations

from rules.specification.predicate import predicate


@predicate
def free_is_the_rest(total: int, reserve: int, held: int, others: int, returned: int, free: int) -> bool:
    """The free memory of a host is what its reserve, its VMs and others leave, and what others returned to it."""
    return free + reserve + held + others == total + returned


@predicate
def free_follows_the_moves(before: int, after: int, received: int, given_back: int, others: int) -> bool:
    """What VMs and others receive is missing from the host's free memory, and what they give back is in it again."""
    return after + received + others == before + given_back


@predicate
def guest_counts_its_memory(memory: int, left_out: int, lent: int, unseen: int, guest_total: int) -> bool:
    """A guest counts its memory, but for what its kernel leaves out, what it lent and what it does not see."""
    return guest_total + left_out + lent + unseen == memory


@predicate
def guest_sees_the_moves(before: int, after: int, added: int, removed: int) -> bool:
    """What a guest sees changes by what is added and removed so that it sees it."""
    return after + removed == before + added


@predicate
def removal_left_what_was_used(in_use: int, assigned: int) -> bool:
    """After a removal, a guest uses no more than it was left."""
    return in_use <= assigned


@predicate
def refusal_changed_nothing(before: int, after: int) -> bool:
    """A device has the same size after a refused request as before it."""
    return after == before


@predicate
def grant_is_what_moved(granted: int, moved: int) -> bool:
    """What a request was granted is what moved for it."""
    return granted == moved


@predicate
def host_was_as_read(total: int, total_read: int, free: int, free_read: int) -> bool:
    """A host had the figures that a decision recorded as read."""
    return total == total_read and free == free_read


OBSERVATIONS = (
    free_is_the_rest,
    free_follows_the_moves,
    guest_counts_its_memory,
    guest_sees_the_moves,
    removal_left_what_was_used,
    refusal_changed_nothing,
    grant_is_what_moved,
    host_was_as_read,
)
