"""What would make a command possible that a full host refuses: all smallest sets of a few steps.

Arithmetic proposes and the decider disposes: an option is shown only if every step of it, and then the command, is
completed in a copy of the ledger's state. Sets grow step by step, where a host still lacks memory: also the host that
a VM of the set moves to.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import combinations, permutations
from typing import Final

from domain.commands import Command, MoveVm
from domain.deciding.world import World
from domain.decision import Outcome
from domain.errors import InputError
from domain.quantities import QUANTUM
from domain.settings import cap, valid_setting
from nilometer.planning.givers import GENTLEST_FIRST, Giver, PlanStep, copy_world, find_givers, find_move, find_takes
from nilometer.planning.keeping import Keeper

MOST_STEPS: Final = 3
"""Steps of an option at most."""
MOST_PROPOSED: Final = 200_000
"""Sets of steps that are looked at."""
MOST_TRIED: Final = 2_000
"""Sets that the decider tries."""
NO_POLICIES: Final = Keeper()
_DONE: Final = (Outcome.COMPLETED, Outcome.DONE)


@dataclass(frozen=True, slots=True)
class Plan:
    """Steps after which the command would be completed, in their order."""

    steps: tuple[PlanStep, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plans:
    """The options that were found, fewest steps first."""

    found: tuple[Plan, ...]
    needed: int
    """The bytes that the host lacks."""
    reachable: int
    """The most that all others together could give to the host, in bytes, by any number of steps."""
    missing: int
    """The bytes that are missing whatever is done, on every host; 0 where a plan is not excluded."""
    within: int
    """How many steps an option may have."""
    without: tuple[str, ...] = ()
    """The kinds of steps that were not wanted, the gentlest first."""
    is_all: bool = True
    """Whether every set was tried."""


def find_options(
    world: World,
    command: Command,
    host: str,
    target: str,
    needed: int,
    *,
    within: int = 2,
    without: Iterable[str] = (),
    keeper: Keeper = NO_POLICIES,
    unmeasured: Collection[str] = (),
) -> Plans:
    """Finds what would give ``needed`` more bytes to a host, so that a command on the VM ``target`` is completed there.

    ``within`` is how many steps an option has at most; ``without`` names the kinds of steps that are not wanted.
    ``unmeasured`` names VMs of which nobody knows what they hold: how much they give by a stop or a move is not known.
    """
    search = _Search(
        world=world,
        command=command,
        host=host,
        target=target,
        needed=needed,
        unwanted=frozenset(without),
        keeper=keeper,
        unmeasured=frozenset(unmeasured),
    )
    missing = search.find_missing()
    found: list[Plan] = []
    if not missing:
        for count in range(1, within + 1):
            found += search.find_sets(count)
    return Plans(
        found=tuple(found),
        needed=needed,
        reachable=search.reach(host),
        missing=missing,
        within=within,
        without=tuple(kind for kind in GENTLEST_FIRST if kind in search.unwanted),
        is_all=search.is_all,
    )


def is_completed(world: World, commands: Iterable[Command], keeper: Keeper = NO_POLICIES) -> bool:
    """Whether the decider completes these commands, in this order, in a copy of a state, and policies are kept."""
    in_order = list(commands)
    copy = copy_world(world, in_order)
    try:
        for command in in_order:
            before = copy_world(copy, [command]) if keeper else copy
            if copy.execute(command).outcome not in _DONE:
                return False
            if keeper and keeper.find_broken(before, copy, command) is not None:
                return False
    except InputError:
        return False
    return True


def _rank_of_giver(giver: Giver) -> tuple[object, ...]:
    """The most first."""
    return -giver.most, GENTLEST_FIRST.index(giver.kind), giver.subject, giver.to or ""


@dataclass(slots=True)
class _Search:
    """The search for one question."""

    world: World
    command: Command
    host: str
    target: str
    needed: int
    unwanted: frozenset[str]
    keeper: Keeper
    unmeasured: frozenset[str]
    is_all: bool = True
    _proposed: int = 0
    _free: dict[str, int] = field(default_factory=dict[str, int])
    _givers: dict[str, list[Giver]] = field(default_factory=dict[str, list[Giver]])
    _taken: dict[str, int] = field(default_factory=dict[str, int])
    """The most that can be taken from a VM."""
    _largest: dict[str, int] = field(default_factory=dict[str, int])
    """The most that one step makes free on a host."""
    _found: list[frozenset[tuple[str, str]]] = field(default_factory=list[frozenset[tuple[str, str]]])
    """The sets that were found, by kind and subject: where a VM moves to makes no other set."""

    _stuck: list[tuple[Giver, ...]] = field(default_factory=list[tuple[Giver, ...]])
    """Sets that give enough, and that can be done in no order: two VMs that would have to change places, say; or that a
    policy over several VMs does not allow alone."""
    _members: frozenset[str] = frozenset()
    """The VMs of which such policies speak."""

    def __post_init__(self) -> None:
        self._members = self.keeper.find_members(self.world)
        if self._members and self.needed <= 0:  # the host has the memory: what others have stands in the way
            self._stuck.append(())

    # Bounds

    def reach(self, host: str) -> int:
        """The most that all VMs on a host but the one that asks, and its reserve, could give by any number of steps."""
        best: dict[str, int] = {}
        for giver in self.givers(host):
            best[giver.subject] = max(best.get(giver.subject, 0), giver.most)
        if "move-vm" not in self.unwanted and len(self.world.hosts) > 1:
            book = self.world.hosts[host].book
            best |= {vm: held for vm, held in book.items() if vm != self.target and vm not in self.unmeasured}
        return sum(best.values())

    def find_missing(self) -> int:
        """The bytes that are missing on the best host, if nothing that anybody could do is enough; else 0."""
        return max(0, min(lacks - self.reach(host) for _, host, lacks in self.starts()))

    def starts(self) -> Iterator[tuple[tuple[Giver, ...], str, int]]:
        """Where the command may be completed: the steps that bring the VM there, the host, the bytes it lacks."""
        yield (), self.host, self.needed
        vm = self.world.vms[self.target]
        if isinstance(self.command, MoveVm) or "move-vm" in self.unwanted:
            return
        here = self.world.hosts[vm.host]
        demand = here.entry(vm.id) + self.needed + self.free(vm.host)
        for id in sorted(self.world.hosts, key=lambda id: (-self.free(id), id)):
            if id != vm.host:
                yield (find_move(self.world, vm.id, id),), id, demand - self.free(id)

    def free(self, host: str) -> int:
        """What a host has left, or what the policies leave of that."""
        if host not in self._free:
            self._free[host] = self.keeper.free(self.world, host)
        return self._free[host]

    def givers(self, host: str) -> list[Giver]:
        """What can give to a host without moving, the most first."""
        if host not in self._givers:
            found = find_givers(self.world, host, self.target, self.unwanted, self.keeper)
            self._givers[host] = [giver for giver in found if not (giver.whole and giver.subject in self.unmeasured)]
        return self._givers[host]

    # Sets of steps

    def find_sets(self, count: int) -> list[Plan]:
        """All options of exactly so many steps, that no smaller set makes needless; the gentlest first."""
        proposals: list[tuple[Giver, ...]] = []
        for moved, host, lacks in self.starts():
            if len(moved) <= count and lacks <= self.reach(host):
                proposals += self._extend(moved, count - len(moved))
        proposals += self._unlock(count)
        proposals.sort(key=self._rank)
        found: list[Plan] = []
        likenesses: set[frozenset[object]] = set()
        for number, givers in enumerate(proposals):
            if number >= MOST_TRIED:
                self.is_all = False
                break
            likeness = frozenset((giver.kind, giver.likeness, self._likeness_there(giver)) for giver in givers)
            names = frozenset((giver.kind, giver.subject) for giver in givers)
            is_new = names not in self._found and not any(smaller < names for smaller in self._found)
            if not is_new or (likeness in likenesses and len(likeness) == len(givers)):
                continue
            plan = self._try(givers)
            if plan is None:
                self._stuck.append(givers)
            else:
                likenesses.add(likeness)
                self._found.append(names)
                found.append(plan)
        return found

    def _unlock(self, count: int) -> Iterator[tuple[Giver, ...]]:
        """Sets that give enough already, with one step more: it makes room between them, or for a policy."""
        on = sorted({self.world.vms[vm].host for vm in self._members})
        members = [giver for host in on for giver in self.givers(host) if giver.subject in self._members]
        for givers in self._stuck:
            if len(givers) == count - 1:
                hosts = {host for giver in givers for host in (giver.host, giver.to) if host is not None}
                for host in sorted(hosts):
                    yield from ((*givers, other) for other in self._candidates(givers, host, 1, 0))
                used = {giver.subject for giver in givers}
                yield from ((*givers, other) for other in members if other.subject not in used)

    def _likeness_there(self, giver: Giver) -> object:
        return None if giver.to is None else self.world.hosts[giver.to].state

    def _rank(self, givers: tuple[Giver, ...]) -> tuple[object, ...]:
        """From the gentlest kinds on; of equally gentle ones those that touch fewer hosts and fewer bytes."""
        kinds = sorted((GENTLEST_FIRST.index(giver.kind) for giver in givers), reverse=True)
        hosts = {host for giver in givers for host in (giver.host, giver.to) if host is not None}
        moved = sum(giver.most for giver in givers if giver.whole)
        rooms = [-self.free(giver.to) for giver in givers if giver.to is not None]
        return kinds, len(hosts), moved, rooms, [(giver.subject, giver.to or "") for giver in givers]

    def _extend(
        self, chosen: tuple[Giver, ...], left: int, last: tuple[str, tuple[object, ...]] | None = None
    ) -> Iterator[tuple[Giver, ...]]:
        """Sets that begin with these steps and go on with exactly ``left`` others, until no host lacks anything.

        ``last`` is the host that the last step gave to, and the rank of that step: one order of each set is enough.
        """
        lacking = {id: lack for id, lack in self._lacks(chosen).items() if lack > 0}
        if not lacking:
            if left == 0 and chosen and self._is_minimal(chosen):
                yield chosen
            return
        if left == 0:
            return
        host, lack = next(iter(lacking.items()))
        seen: set[object] = set()
        candidates = self._candidates(chosen, host, left, lack)
        for number, giver in enumerate(candidates):
            if self._proposed >= MOST_PROPOSED:
                self.is_all = False
                return
            if lack > giver.most + sum(other.most for other in candidates[number + 1 : number + left]):
                break  # not even the largest of the rest are enough
            likeness = (giver.kind, giver.likeness, giver.to)
            rank = _rank_of_giver(giver)
            is_earlier = last is not None and last[0] == host and rank <= last[1]
            if is_earlier or likeness in seen or (left == 1 and giver.most < lack):
                continue
            seen.add(likeness)
            self._proposed += 1
            yield from self._extend((*chosen, giver), left - 1, (host, rank))

    def _candidates(self, chosen: tuple[Giver, ...], host: str, left: int, lack: int) -> list[Giver]:
        """What can give to a host beside what was chosen, the most first.

        A VM that moves is left out if not even ``left`` times the most that anything gives is what the host lacks.
        """
        used = {giver.subject for giver in chosen}
        found = [giver for giver in self.givers(host) if giver.subject not in used]
        for giver in chosen:  # what is taken from a VM before it comes needs no room there
            taken = [other for other in chosen if other.subject == giver.subject and other is not giver]
            if giver.to == host and giver.subject != self.target and not taken:
                takes = find_takes(self.world, giver.subject, host, self.keeper)
                found += [take for take in takes if take.kind not in self.unwanted]
        if "move-vm" not in self.unwanted:
            book = self.world.hosts[host].book
            largest = max([*book.values(), *(giver.most for giver in found)], default=0)
            for vm in sorted(book.keys() - self.unmeasured):
                is_enough = book[vm] + largest * (left - 1) >= lack
                if is_enough and vm != self.target and vm not in used and vm in self.world.vms:
                    found += [find_move(self.world, vm, to) for to in self._destinations(chosen, vm, host, left - 1)]
        return sorted(found, key=_rank_of_giver)

    def _destinations(self, chosen: tuple[Giver, ...], vm: str, host: str, left: int) -> list[str]:
        """Where a VM can move: the hosts with the most room, as many as there may be moves; others if room is made."""
        held = self.world.hosts[host].entry(vm)
        state = self.world.vms[vm].state
        lacks = self._lacks(chosen)
        open_now: list[tuple[int, str]] = []
        to_be_made: list[str] = []
        for id, other in self.world.hosts.items():
            room = -lacks[id] if id in lacks else self.free(id)
            is_open = room >= held
            if id == host or not (is_open or (left and room + self._most_made(id, vm, left) >= held)):
                continue
            limit = cap(state.generation, other.state.version)
            if not valid_setting(state.memory, limit) or state.high_watermark > limit:
                continue
            if is_open:
                open_now.append((-room, id))
            else:
                to_be_made.append(id)
        return [id for _, id in sorted(open_now)[:MOST_STEPS]] + sorted(to_be_made)

    def _most_made(self, host: str, vm: str, left: int) -> int:
        """A bound of the room that so many steps make on a host for a VM that comes."""
        if host not in self._largest:
            book = self.world.hosts[host].book.values()
            self._largest[host] = max([*book, *(giver.most for giver in self.givers(host))], default=0)
        if vm not in self._taken:
            self._taken[vm] = sum(giver.most for giver in find_takes(self.world, vm, "", self.keeper))
        return self._largest[host] * left + self._taken[vm]

    def _lacks(self, givers: Iterable[Giver]) -> dict[str, int]:
        """What each host lacks after these steps."""
        chosen = tuple(givers)
        moved = next((giver for giver in chosen if giver.subject == self.target), None)
        lacks = {giver.to: -self.free(giver.to) for giver in chosen if giver.to is not None}
        here = self.free(self.host)
        if moved is None:
            lacks[self.host] = self.needed
        elif moved.to is not None:
            lacks[moved.to] += self.needed + here
            lacks.setdefault(self.host, min(0, -here))  # who comes there needs room
        for giver in chosen:
            if giver.to is not None:
                lacks[giver.to] += giver.most
        for giver in chosen:
            if giver.host in lacks:
                lacks[giver.host] -= giver.most
        return lacks

    def _is_minimal(self, givers: tuple[Giver, ...]) -> bool:
        """Whether no smaller set of these steps is enough. None at all is not, or nobody would look for one."""
        return not any(
            max(self._lacks(subset).values(), default=0) <= 0
            for length in range(1, len(givers))
            for subset in combinations(givers, length)
        )

    # Trying

    def _try(self, givers: tuple[Giver, ...]) -> Plan | None:
        """The option with the least amounts, in an order in which the decider completes it, if there is one."""
        tried = [(self._divide(givers), self._full(givers))]
        if self._members and not all(giver.whole for giver in givers):  # a policy may need more than the hosts lack
            tried.append(([giver.give(giver.most) for giver in givers], range(len(givers))))
        gentlest_first = sorted(range(len(givers)), key=lambda number: GENTLEST_FIRST.index(givers[number].kind))
        for steps, full in tried:
            for ordered in permutations(gentlest_first):
                if self._is_completed([steps[number] for number in ordered]):
                    for number in full:
                        if steps[number].gives and not givers[number].whole:
                            steps[number] = self._least(number, givers[number], steps, ordered)
                    return Plan(tuple(steps[number] for number in ordered))
        return None

    def _full(self, givers: tuple[Giver, ...]) -> range:
        """The steps that give all that they can, until less is tried: what is lacking does not say how much is needed.

        These are all of them, where no memory is lacking at all; or the last, where the others give enough.
        """
        if max(self._lacks(()).values(), default=0) <= 0:
            return range(len(givers))
        is_enough_alone = len(givers) > 1 and not self._is_minimal(givers)
        return range(len(givers) - 1 if is_enough_alone else len(givers), len(givers))

    def _is_completed(self, steps: Iterable[PlanStep]) -> bool:
        return is_completed(self.world, [*(step.command for step in steps), self.command], self.keeper)

    def _least(self, number: int, giver: Giver, steps: list[PlanStep], ordered: tuple[int, ...]) -> PlanStep:
        """One of these steps, with the least amount with which all of them are completed."""
        too_little, enough = 0, -(-giver.most // QUANTUM)
        while enough - too_little > 1:
            middle = (too_little + enough) // 2
            tried = [*steps[:number], giver.give(middle * QUANTUM), *steps[number + 1 :]]
            if self._is_completed(tried[one] for one in ordered):
                enough = middle
            else:
                too_little = middle
        return giver.give(min(giver.most, enough * QUANTUM))

    def _divide(self, givers: tuple[Giver, ...]) -> list[PlanStep]:
        """The steps, with amounts that are no more than is missing, in whole units of 2 MiB."""
        spare = {host: -lack for host, lack in self._lacks(givers).items()}
        steps: list[PlanStep] = []
        full = self._full(givers)
        if len(givers) > 1 and max(self._lacks(givers[:-1]).values()) <= 0:
            full = range(min(full.start, len(givers) - 1), len(givers))
        for number, giver in enumerate(givers):
            amount = giver.most
            if not giver.whole and number not in full:
                less = min(spare.get(giver.host, 0), giver.most) // QUANTUM * QUANTUM
                amount = giver.most - less
                spare[giver.host] = spare.get(giver.host, 0) - less
            steps.append(giver.give(amount))
        return steps
