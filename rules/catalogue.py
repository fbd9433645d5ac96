"""The catalogue of rules: the name and the statement of every invariant, property, kind of obligation, and check.

``docs/rules.md`` is written from it. ``nilo prove RULE`` and the pytest plugin find their obligations by it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Protocol, TypeVar

from domain.rule import Rule
from rules.specification import answers, changes, conditions, effects, figures, moves
from rules.specification.invariants import INVARIANTS
from rules.specification.predicate import PREDICATES

SPECIFICATION: Final = (figures, conditions, answers, effects, changes, moves)
"""All modules of the specification except the invariants. Importing them registers their predicates."""

KINDS: Final = {
    "definition": "The program computes this figure as the specification does, in any state at all.",
    "initiation": "It holds of what begins: a new host, or a new VM on a host however busy.",
    "keeps": "If it holds before the command, with all other invariants, it holds after it.",
    "bystander": "If it holds of another VM on the same host before the command, it holds of that VM after it.",
    "reason": "The command is refused exactly when the specification says so, with the code that it says.",
    "honesty": "Outcome, code and grant of the decision fit each other, in any state, reachable or not.",
    "effect": "What takes effect changes exactly the figures that its row names, to the values that it names.",
    "frame": "What has no business to change stays as it was.",
    "maximal": "A short grant is as large as possible, and the reason that it gives is the true one.",
    "fits": "No more is granted than there is and than the VM may have or give, in steps of 2 MiB, in any state.",
    "parts": "What is told of a grant's parts (hot-added, let go by the balloon, paged out) is so, in any state.",
    "grant": "What was granted is what was given or taken, to the byte.",
    "visible": "What the guest sees moves as the model says.",
    "hot-remove": "Only memory that the guest's kernel can give up is hot-removed.",
    "in-use": "What processes in the guest hold stays with them.",
    "property": "It holds of every change that this command can make.",
    "move": "A VM that goes takes its entry in the host's book with it, and what it held.",
    "generation": "Generation 1 and 2 are decided alike, but for their size limit.",
    "progress": "What should be possible is.",
    "event": "A command that takes effect writes the event of its row.",
    "replay": "Events of different VMs on one host can be replayed in either order.",
    "overflow": "No number on the way leaves 64 bits, for sizes up to 4 PiB.",
}
"""The kinds of obligations, and what each says."""

CHECKS: Final = {
    "vacuity": "What is assumed can be: no proof is true for want of a state.",
    "reached": "This command ends so, from a host without VMs, after a few commands.",
    "guard": "This condition of a rule decides something.",
    "redundancy": "This invariant does not follow from the others, unless it is marked a theorem.",
    "canary": "What is false is refuted: the prover can say no.",
    "dead": "What the model says never happens does not.",
    "independence": "The specification reaches no rule of the program.",
}
"""The kinds of checks that keep the verdicts honest, and what each says."""

GOALS: Final = {
    "there_is_room_for_all": "The entries of two VMs in a host's book are never more than all VMs there hold.",
    "book_is_kept": "What the VMs of the host hold stays as it was.",
    "generation_is_no_matter": "Two VMs that differ in their generation alone, and are small, are decided alike.",
    "can_be_stopped": "A VM that is not off can be stopped.",
    "can_then_be_removed": "A VM that was stopped can be removed.",
    "what_fits_starts": "A VM that is off and fits can be started; one that is saved and fits can be restored.",
    "granted_to_vm_and_granted_to_vm_commute": "Two grants can be replayed in either order.",
    "granted_to_vm_and_returned_by_vm_commute": "A grant and a return can be replayed in either order.",
    "returned_by_vm_and_returned_by_vm_commute": "Two returns can be replayed in either order.",
    "entry_and_total_are_granted_alike": "A grant adds as much to the entry of its VM as to what all VMs hold.",
    "entry_and_total_are_returned_alike": "A return takes as much from the entry of its VM as from what all VMs hold.",
    "is_followed_by_its_own": "The event on the VM's stream is the one that the model's event table names.",
    "refused_command_changes_no_vm": "Replaying a refusal changes nothing of the VM.",
    "refused_command_changes_no_host": "Replaying a refusal changes nothing of the host.",
    "removal_changes_no_host": "Replaying a host's removal changes nothing of its figures.",
    "fits_64_bits": "Every sum and difference on the way to the answer is less than 2**63.",
}
"""What the goals say that are put together from terms and are no sentence of the specification."""


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
        text="Assigned memory changes by exactly what was granted, up or down.",
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
        rules=("conserved", "account_kept", "others_kept", "book_is_kept"),
        kinds=("move",),
    ),
    Property(
        name="watermark_monotone",
        text="Within a session the high watermark is the most memory assigned so far.",
        rules=("watermark_monotone",),
    ),
    Property(
        name="visible_moves_as_said",
        text="What a guest sees falls or rises by what was granted; a ballooned guest does not see a removal.",
        kinds=("visible",),
    ),
    Property(
        name="removed_was_hot_pluggable",
        text="A hot-remove takes no more than the guest's kernel knows to be removable.",
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
        remark="Which streams get which event is put together outside the rules; Hypothesis checks it on random runs.",
    ),
    Property(
        name="event_tells_all",
        text="Replaying the recorded events gives the state that was decided.",
        kinds=("replay",),
        remark="The proofs evolve states by the rules that replay the events, with the figures that the events carry. "
        "That an event is filled in and stored so is checked by Hypothesis on random runs.",
    ),
    Property(
        name="total",
        text="Every command has exactly one decision, and what should be possible is possible.",
        kinds=("progress",),
        remark="A rule has no loop, no exception and an answer on every way: the reader refuses any other.",
    ),
)
"""The properties of every change, in the order of the model."""

HELPERS: Final = (
    Property(
        name="definitions",
        text="The figures that follow from stored ones are what the specification means by them.",
        kinds=("definition",),
    ),
    Property(
        name="room_for_all",
        text="What one VM's change leaves in a host's book is enough for every other VM's entry.",
        rules=("there_is_room_for_all",),
    ),
    Property(
        name="no_overflow",
        text="The same figures come out of engines that count in 64 bits.",
        kinds=("overflow",),
    ),
)
"""What is proved beside the rules of the model, because the proofs or other engines rest on it."""

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
