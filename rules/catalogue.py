"""The catalogue of rules: the name and the statement of every invariant, property, kind of obligation, and check.

``docs/rules.md`` is written from it. ``nilo prove RULE`` and the pytest plugin find their obligations by it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Protocol, TypeVar

from domain.rule import Rule
from rules.specification import answers, changes, conditions, effects, figures, groups, moves, recordings
from rules.specification.invariants import INVARIANTS
from rules.specification.predicate import PREDICATES

SPECIFICATION: Final = (figures, conditions, answers, effects, changes, moves, recordings, groups)
"""All modules of the specification except the invariants. Importing them registers their predicates."""


GOALS: Final = {
    "there_is_room_for_all": "The entries of two VMs in a host's book never exceed what all VMs there hold.",
    "new_book_is_empty": "The VMs of a new host hold nothing together: its book has no entry.",
    "book_is_kept": "The memory that the VMs of the host hold does not change.",
    "generation_is_no_matter": "Two small VMs that differ only in their generation are decided alike.",
    "can_be_stopped": "A VM that is not off can be stopped.",
    "can_then_be_removed": "A VM that was stopped can be removed.",
    "what_fits_starts": "A VM that is off and fits can be started; one that is saved and fits can be restored.",
    "granted_to_vm_and_granted_to_vm_commute": "Two grants can be replayed in either order.",
    "granted_to_vm_and_returned_by_vm_commute": "A grant and a return can be replayed in either order.",
    "returned_by_vm_and_returned_by_vm_commute": "Two returns can be replayed in either order.",
    "entry_and_total_are_granted_alike": "A grant adds the same to its VM's entry as to the sum of all entries.",
    "entry_and_total_are_returned_alike": "A return takes the same from its VM's entry as from the sum of all entries.",
    "is_followed_by_its_own": "The event on the VM's stream is the one that the model's event table names.",
    "is_decided_again_alike": "The rule by which an audit decides the recorded command again gives this decision.",
    "is_replayed_as_recorded": "Replaying the recorded events gives the recorded state of the VM and of each host.",
    "refused_command_changes_no_vm": "Replaying a refusal changes no figure of the VM.",
    "refused_command_changes_no_host": "Replaying a refusal changes no figure of the host.",
    "removal_changes_no_host": "Replaying a host's removal changes no figure of the host.",
    "fits_64_bits": "Every intermediate sum and difference is less than 2**63.",
}
"""The goals that are built from terms, without a predicate of the specification, and what each says."""


@dataclass(frozen=True, slots=True)
class Property:
    """A property of every change, and the obligations that prove it: those about some predicates, or of some kinds."""

    name: str
    text: str
    """What it says, in English."""
    rules: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    remark: str = ""
    """The part of it that is not proved from formulas, and how that part is checked."""


PROPERTIES: Final = (
    Property(
        name="outcome_is_honest",
        text="Outcome and code are exactly those that the model defines, and no grant exceeds its request.",
        rules=("giving_code_is_true", "taking_code_is_true", "paging_code_is_true"),
        kinds=("honesty", "reason"),
    ),
    Property(
        name="grant_is_applied",
        text="Assigned memory changes by exactly the grant, up or down.",
        kinds=("grant",),
    ),
    Property(
        name="effects",
        text="A command changes exactly the figures in its row of the model, to the values given there, and no others.",
        kinds=("effect", "parts"),
    ),
    Property(
        name="maximal",
        text="A partial grant is the largest possible, to within 2 MiB, and no grant exceeds what fits.",
        rules=("giving_is_maximal", "taking_is_maximal", "paging_is_maximal"),
        kinds=("fits",),
    ),
    Property(
        name="no_effect_without_grant",
        text="A failed or rejected command changes no figure.",
        rules=("refused_changes_nothing",),
    ),
    Property(
        name="in_use_never_removed",
        text="Memory that guest processes use is never removed, except by Dynamic Memory from old Windows guests.",
        rules=("in_use_never_removed",),
    ),
    Property(
        name="only_balloon_pages_out",
        text="Only a reclaim from an old Windows guest makes the guest page out, and no more than necessary.",
        rules=("only_balloon_pages_out", "nothing_paged_out"),
    ),
    Property(
        name="conserved",
        text="Memory is neither created nor lost: a VM receives what its host gives up, and no other VM is affected.",
        rules=("conserved", "account_kept", "others_kept", "book_is_kept", "new_book_is_empty"),
        kinds=("move",),
    ),
    Property(
        name="watermark_monotone",
        text="Within a session the high watermark is the most memory assigned so far.",
        rules=("watermark_monotone",),
    ),
    Property(
        name="visible_moves_as_said",
        text="What a guest sees changes by the grant; a guest that counts ballooned memory sees no removal.",
        kinds=("visible",),
    ),
    Property(
        name="removed_was_hot_pluggable",
        text="A hot-remove takes only memory that the guest's kernel knows to be removable.",
        kinds=("hot-remove",),
    ),
    Property(
        name="generation_is_no_matter",
        text="Apart from the size limit, generations 1 and 2 are treated alike.",
        kinds=("generation",),
    ),
    Property(
        name="events_where_due",
        text="A VM's stream gets the event of its command; a host's gets one exactly when the VM's entry changes.",
        rules=("book_changes_when_due",),
        kinds=("event",),
        remark="Proved is which streams a command writes on. That each gets its id is checked by Hypothesis.",
    ),
    Property(
        name="event_tells_all",
        text="Replaying the recorded events gives the state that was decided.",
        kinds=("replay", "record"),
        remark="The proofs replay what the rules record. "
        "Hypothesis checks on random runs that events are written, stored and read with these figures.",
    ),
    Property(
        name="total",
        text="Every command has exactly one decision, and what should be possible is possible.",
        kinds=("progress",),
        remark="A rule has no loop and no exception, and returns on every path: the reader refuses any other.",
    ),
)
"""The properties of every change, in the order of the model."""

HELPERS: Final = (
    Property(
        name="definitions",
        text="The derived figures equal those of the specification.",
        kinds=("definition",),
    ),
    Property(
        name="room_for_all",
        text="After a change of one VM, the host's book still has room for the entry of every other VM.",
        rules=("there_is_room_for_all",),
    ),
    Property(
        name="group_books",
        text="The book of a group has what its VMs hold together, however many they are, after every command.",
        kinds=("group",),
        remark="Proved is the step from one command to the next. That the book begins with what its VMs hold, and that "
        "a command reads the books of exactly the groups that its VM is in, is tested, and an audit compares both.",
    ),
    Property(
        name="no_overflow",
        text="Engines that compute in 64 bits get the same figures.",
        kinds=("overflow",),
    ),
)
"""Properties that are not rules of the model, but that proofs or other engines rest on."""

RULE_NAMES: Final = (
    *[invariant.__name__ for invariant in INVARIANTS],
    *[property.name for property in (*PROPERTIES, *HELPERS)],
)
"""The names of all rules: invariants, properties, and what the proofs rest on."""


class Labelled(Protocol):
    """An obligation, a claim, or the result of one: anything with a kind and a rule."""

    @property
    def kind(self) -> str:
        """One of ``KINDS`` or ``CHECKS``."""
        ...

    @property
    def rule(self) -> str:
        """The name of the predicate that it is about, or one of ``GOALS``."""
        ...


L = TypeVar("L", bound=Labelled)


def predicate_named(name: str) -> Rule | None:
    """The predicate of the specification of this name, if there is one."""
    return next((predicate for predicate in PREDICATES if predicate.__name__ == name), None)


def describe(item: Labelled) -> str:
    """What the goal of an obligation says, in English."""
    predicate = predicate_named(item.rule)
    if predicate is not None:
        return " ".join((predicate.__doc__ or "").split())
    return GOALS.get(item.rule, item.rule.replace("_", " "))


def rule_of(item: Labelled) -> str | None:
    """The invariant or property of the model that an obligation helps to prove; ``None`` for a check."""
    if item.kind in ("initiation", "keeps", "bystander") and predicate_named(item.rule) in INVARIANTS:
        return item.rule
    for property in (*PROPERTIES, *HELPERS):
        if item.rule in property.rules or item.kind in property.kinds:
            return property.name
    return None


def filter_by_rule(name: str, items: Iterable[L]) -> list[L]:
    """The items that help to prove this rule, or that are about the predicate of this name."""
    return [item for item in items if name in (rule_of(item), item.rule)]
