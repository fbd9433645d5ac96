"""What the parameters of a sentence are given, by their names: the same for the prover, with terms, as for the judge.

``before`` and ``after`` are what was there and what is, the site, the VM or the host, as the sentence takes them;
``site``, ``vm`` and ``host`` are those before; ``decision`` is the answer; all else is an argument of the command, by
the name that the command gives it. Of ``move-vm`` there are ``destination``, the other host before, ``same_host``,
whether it is none other, and ``left``, the site that the VM left, afterwards; of ``remove-host``, ``vms``: how many are
on it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Final, cast, get_type_hints

from domain.rule import Rule
from domain.state import Host, Site, Vm

PARTS: Final[dict[type, str]] = {Vm: "vm", Host: "host"}
"""What a site has, by its type."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a sentence, and where what it is given comes from."""

    name: str
    of: str
    """``before``, ``after``, ``decision``, or ``arguments``."""
    kind: type


@cache
def parameters_of(predicate: Rule) -> tuple[Parameter, ...]:
    """The parameters of a sentence, in their order."""
    hints = get_type_hints(predicate)
    return tuple(Parameter(name, _source(name), cast("type", kind)) for name, kind in hints.items() if name != "return")


def _source(name: str) -> str:
    if name in ("site", "vm", "host"):
        return "before"
    return name if name in ("before", "after", "decision") else "arguments"


def is_moment(kind: type) -> bool:
    """Whether a type is what can be there at a moment."""
    return kind is Site or kind in PARTS
