"""The kinds of obligations and of checks, and what each says."""

from __future__ import annotations

from typing import Final

KINDS: Final = {
    "definition": "The program computes this figure as the specification does, in any state.",
    "initiation": "It holds for a new host, and for a new VM on any host.",
    "keeps": "If it holds before the command, with all other invariants, it holds after it.",
    "bystander": "If it holds for another VM on the same host before the command, it holds for that VM after it.",
    "group": "If a group's book has what its VMs hold before the command, it has that after it; events say so.",
    "reason": "The command is refused exactly when the specification says so, with the specified code.",
    "honesty": "Outcome, code and grant of the decision fit each other, in any state, reachable or not.",
    "effect": "An accepted command changes exactly the figures that its row in the model names, to the named values.",
    "frame": "A refused command changes no figure; resizing a host changes no book.",
    "maximal": "A short grant is as large as possible, and its code is the true reason.",
    "fits": "A grant is a multiple of 2 MiB that fits the host and the VM's limits, in any state.",
    "parts": "The parts of a grant (hot-added, unballooned, paged out) are correct, in any state.",
    "grant": "Exactly what was granted is given or taken.",
    "visible": "The memory that the guest sees changes as the model says.",
    "hot-remove": "Only memory that the guest's kernel can give up is hot-removed.",
    "in-use": "Memory that processes in the guest hold is not taken.",
    "property": "It holds for every change that this command can make.",
    "move": "A move frees what the VM held on the source, and books it on the destination; a removal leaves no entry.",
    "generation": "Generations 1 and 2 are decided alike, except for their size limits.",
    "progress": "A command that should be possible is accepted.",
    "event": "An accepted command writes the event of its row in the model.",
    "record": "The event carries what was requested, read and decided, so that it can be decided again, in any state.",
    "replay": "Replayed, events give the state that was decided; those of different VMs can come in either order.",
    "overflow": "No intermediate result leaves 64 bits, for sizes up to 4 PiB.",
}
"""The kinds of obligations, and what each says."""

CHECKS: Final = {
    "vacuity": "Some state satisfies the assumptions: nothing is proved of nothing.",
    "reached": "A short history from an empty host leads to this answer of this command.",
    "guard": "This condition of a rule changes some answer.",
    "redundancy": "This invariant does not follow from the others, unless it is marked a theorem.",
    "canary": "A false goal is refuted: the prover can say no.",
    "dead": "No reachable state gives this answer, as the model says.",
    "independence": "The specification calls no rule of the program.",
}
"""The kinds of checks that keep the verdicts honest, and what each says."""
