"""``python -m rules.pages`` prints ``docs/rules.md``: each rule in English, its formula, and what proves it."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from textwrap import dedent
from types import FunctionType
from typing import Final, cast

from domain.commands import NAMES, SetMemory
from domain.deciding.steps import STEPS
from domain.rule import Rule
from rules.catalogue import GOALS, HELPERS, KINDS, PROPERTIES, Property, predicate_named, rule_of
from rules.obligations import Obligation, Obligations
from rules.solving.prover import Proof, ProofVerdict, Prover
from rules.specification import figures
from rules.specification.invariants import INVARIANTS
from rules.symbolic.source import source_of

HEAD: Final = """\
# Rules

What holds of every decided host and VM, and what proves it. This page is written by `python -m rules.pages` from the \
specification that the prover reads; `make test` fails when it is stale. [Soundness](soundness.md) says what *proved* \
means and what it does not.

Each formula is the specification's own text: Python over stored figures, in bytes, that calls no rule of the program. \
A *site* is a VM, its host, and the host's book entry for it.
"""


@dataclass(frozen=True, slots=True)
class Page:
    """What the page is written from."""

    proofs: Sequence[Proof]
    obligations: Obligations

    def text(self) -> str:
        """The whole page."""
        return "\n".join(line.rstrip() for part in self._parts() for line in part.split("\n")).rstrip() + "\n"

    def _parts(self) -> Iterator[str]:
        yield HEAD
        yield f"**{_status(self.proofs)}**\n"
        yield "## Invariants\n\nTrue in every reachable state.\n"
        for invariant in INVARIANTS:
            yield self._rule(invariant.__name__, _says(invariant), [invariant])
        yield "## Properties\n\nTrue of every change.\n"
        for each in PROPERTIES:
            yield self._property(each)
        yield "## What the proofs rest on\n"
        for each in HELPERS:
            yield self._property(each)
        yield "## Words\n\nWhat the formulas above are written with.\n"
        for name, size in vars(figures).items():
            if isinstance(size, int):
                yield f"**{name}** is {size:,} bytes.\n"
        for name, predicate in sorted(self._words()):
            yield f"**{name}**: {_says(predicate)}\n\n{_block(predicate)}\n"
        yield "## Kinds of obligations\n\n| kind | how many | says |\n|---|---|---|"
        for kind, says in KINDS.items():
            yield f"| {kind} | {sum(proof.obligation.kind == kind for proof in self.proofs)} | {says} |"

    def _of(self, name: str) -> list[Proof]:
        return [proof for proof in self.proofs if rule_of(proof.obligation) == name]

    def _property(self, each: Property) -> str:
        names = dict.fromkeys(proof.obligation.rule for proof in self._of(each.name))
        parts = [predicate_named(name) for name in names]
        goals = [f"- {GOALS[name]}" for name in names if name in GOALS]
        more = "\n".join(goals) + ("\n" if goals else "")
        return self._rule(each.name, each.says, [part for part in parts if part is not None], more, each.beside)

    def _rule(self, name: str, says: str, predicates: Sequence[Rule], goals: str = "", beside: str = "") -> str:
        proofs = self._of(name)
        lines = [f"### {name}", "", says, ""]
        for predicate in predicates:
            if len(predicates) > 1:
                lines += [f"*{_says(predicate)}*", ""]
            lines += [_block(predicate), ""]
        if goals:
            lines += [goals]
        lines += [f"{_status(proofs)}", "", *[f"- {each}" for each in _by_kind(proof.obligation for proof in proofs)]]
        if beside:
            lines += ["", beside]
        return "\n".join(lines) + "\n"

    def _words(self) -> Iterator[tuple[str, Rule]]:
        """The sentences that others call and that no obligation is about by itself."""
        shown = {proof.obligation.rule for proof in self.proofs}
        for predicate in self.obligations.specification.reached.values():
            if predicate.__name__ not in shown:
                yield predicate.__name__, predicate


def page() -> str:
    """The page, with everything proved anew. Takes a few seconds."""
    obligations = Obligations()
    made = obligations.all()
    found = {proof.obligation.name: proof for proof in Prover().prove(made)}
    return Page([found[each.name] for each in made], obligations).text()


def _status(proofs: Sequence[Proof]) -> str:
    """What became of obligations, in a sentence."""
    proved = sum(proof.verdict is ProofVerdict.PROVED for proof in proofs)
    if proved == len(proofs):
        return f"Proved: {_counted(proved)}."
    missing = [
        f"{proof.obligation.name} is {proof.verdict}" for proof in proofs if proof.verdict is not ProofVerdict.PROVED
    ]
    return f"Not proved: {', '.join(missing)} ({proved} of {_counted(len(proofs))} proved)."


def _counted(count: int) -> str:
    return f"{count} obligation{'' if count == 1 else 's'}"


def _by_kind(obligations: Iterable[Obligation]) -> Iterator[str]:
    """The obligations that prove a rule: the commands of each kind."""
    commands: dict[str, dict[str, None]] = {}
    for each in obligations:
        commands.setdefault(each.kind, {})[each.command or ""] = None
    on_a_vm = {NAMES[command] for command in (*STEPS, SetMemory)}
    for kind, names in commands.items():
        whole = {name for name in names if name.partition(" ")[0] in on_a_vm}
        every = on_a_vm == {name.partition(" ")[0] for name in whole}
        rest = [name for name in names if name and not (every and name in whole)]
        named = ", ".join([*(["every command on a VM"] if every else []), *rest])
        yield f"{kind}: {named}" if named else kind


def _says(predicate: Rule) -> str:
    return " ".join((predicate.__doc__ or "").split())


def _block(predicate: Rule) -> str:
    return f"```py\n{formula(predicate)}\n```"


def formula(predicate: Rule) -> str:
    """A sentence's own source, without marker and docstring."""
    function = cast("FunctionType", predicate)
    tree = source_of(function).tree
    lines, begins = inspect.getsourcelines(function)
    first, docstring = tree.lineno - begins, tree.body[0]
    assert isinstance(docstring, ast.Expr)
    assert docstring.end_lineno is not None
    head, body = lines[first : docstring.lineno - begins], lines[docstring.end_lineno - begins + 1 :]
    return dedent("".join([*head, *body])).rstrip()


if __name__ == "__main__":
    print(page(), end="")
