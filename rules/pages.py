"""``python -m rules.pages`` prints ``docs/rules.md``: each rule in English, its formula, and what proves it."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from textwrap import dedent
from typing import Final

from domain.commands import NAMES, SetMemory
from domain.deciding.steps import STEPS
from domain.rule import Rule
from rules.catalogue import GOALS, HELPERS, PROPERTIES, Property, predicate_named, rule_of
from rules.kinds import KINDS
from rules.obligations import Obligation, ObligationBuilder, build_all
from rules.obligations.builder import base_command
from rules.solving.prover import Proof, Prover
from rules.solving.verdict import ProofVerdict
from rules.specification import figures
from rules.specification.invariants import INVARIANTS
from rules.symbolic.source import source_of

HEAD: Final = """\
# Rules

What holds for every host and VM about which Nilometer decides (not for those that it observes), and what proves it. \
`python -m rules.pages` writes this page from the specification that the prover reads; `make test` fails when the page \
is stale. [Soundness](soundness.md) says what *proved* means, and what it does not mean.

Each formula is the specification's own source: Python over stored figures, in bytes, that calls no rule of the \
program. A *site* is a VM, its host, and the host's book entry for the VM; functions that formulas call stand under \
[Words](#words).

Below each formula stand its proofs: the *obligations* that the solver was given, by kind, with the commands that they \
are about. *initiation* says that the rule holds where a host or VM begins, *keeps* that each command keeps it, and \
*bystander* that a command keeps it for every other VM on the host. [All kinds](#kinds-of-obligations) stand at the end.
"""


@dataclass(frozen=True, slots=True)
class Page:
    """The page, written from proofs and from the specification that they are about."""

    proofs: Sequence[Proof]
    builder: ObligationBuilder

    def text(self) -> str:
        """The whole page."""
        return "\n".join(line.rstrip() for part in self._parts() for line in part.split("\n")).rstrip() + "\n"

    def _parts(self) -> Iterator[str]:
        yield HEAD
        yield f"**{_status(self.proofs)}**\n"
        yield "## Invariants\n\nTrue in every reachable state.\n"
        for invariant in INVARIANTS:
            yield self._rule(invariant.__name__, _docstring(invariant), [invariant])
        yield "## Properties\n\nTrue of every change.\n"
        for property in PROPERTIES:
            yield self._property(property)
        yield "## What the proofs rest on\n\nProved too, so that the rules above are about what the program does.\n"
        for property in HELPERS:
            yield self._property(property)
        yield "## Words\n\nThe formulas above are written with these.\n"
        for name, size in vars(figures).items():
            if isinstance(size, int):
                yield f"**{name}** is {size:,} bytes.\n"
        for name, function in sorted(self._words()):
            yield f"**{name}**: {_docstring(function)}\n\n{_block(function)}\n"
        yield "## Kinds of obligations\n\n| kind | how many | says |\n|---|---|---|"
        for kind, statement in KINDS.items():
            yield f"| {kind} | {sum(proof.obligation.kind == kind for proof in self.proofs)} | {statement} |"

    def _proofs_of(self, rule: str) -> list[Proof]:
        return [proof for proof in self.proofs if rule_of(proof.obligation) == rule]

    def _property(self, property: Property) -> str:
        names = dict.fromkeys(proof.obligation.rule for proof in self._proofs_of(property.name))
        predicates = [predicate for name in names if (predicate := predicate_named(name)) is not None]
        goals = [f"- {GOALS[name]}" for name in names if name in GOALS]
        goal_list = "\n".join(goals) + ("\n" if goals else "")
        return self._rule(property.name, property.text, predicates, goal_list, property.remark)

    def _rule(
        self, name: str, statement: str, predicates: Sequence[Rule], goal_list: str = "", remark: str = ""
    ) -> str:
        proofs = self._proofs_of(name)
        lines = [f"### {name}", "", statement, ""]
        for predicate in predicates:
            if len(predicates) > 1:
                lines += [f"*{_docstring(predicate)}*", ""]
            lines += [_block(predicate), ""]
        if goal_list:
            lines += [goal_list]
        lines += [f"{_status(proofs)}", ""]
        lines += [f"- {kind}" for kind in _commands_by_kind(proof.obligation for proof in proofs)]
        if remark:
            lines += ["", remark]
        return "\n".join(lines) + "\n"

    def _words(self) -> Iterator[tuple[str, Rule]]:
        """The functions that predicates call and that no obligation is about."""
        shown = {proof.obligation.rule for proof in self.proofs}
        for function in self.builder.specification.reached.values():
            if function.__name__ not in shown:
                yield function.__name__, function


def page() -> str:
    """The page. Proves everything, which takes a few seconds."""
    builder = ObligationBuilder()
    obligations = build_all(builder)
    proofs = {proof.obligation.name: proof for proof in Prover().prove(obligations)}
    return Page([proofs[obligation.name] for obligation in obligations], builder).text()


def _status(proofs: Sequence[Proof]) -> str:
    """The verdicts on obligations, in words."""
    not_proved = [proof for proof in proofs if proof.verdict is not ProofVerdict.PROVED]
    if not not_proved:
        return f"Proved: {_counted(len(proofs))}."
    names = [f"{proof.obligation.name} is {proof.verdict}" for proof in not_proved]
    proved = len(proofs) - len(not_proved)
    return f"Not proved: {', '.join(names)} ({proved} of {_counted(len(proofs))} proved)."


def _counted(count: int) -> str:
    return f"{count} obligation{'' if count == 1 else 's'}"


def _commands_by_kind(obligations: Iterable[Obligation]) -> Iterator[str]:
    """A line for each kind of obligation, with its commands."""
    commands: dict[str, dict[str, None]] = {}
    for obligation in obligations:
        commands.setdefault(obligation.kind, {})[obligation.command or ""] = None
    vm_commands = {NAMES[command] for command in (*STEPS, SetMemory)}
    for kind, names in commands.items():
        on_vms = {name for name in names if base_command(name) in vm_commands}
        every = vm_commands == {base_command(name) for name in on_vms}
        others = [name for name in names if name and not (every and name in on_vms)]
        listed = ", ".join([*(["every command on a VM"] if every else []), *others])
        yield f"{kind}: {listed}" if listed else kind


def _docstring(function: Rule) -> str:
    return " ".join((function.__doc__ or "").split())


def _block(function: Rule) -> str:
    return f"```py\n{formula(function)}\n```"


def formula(function: Rule) -> str:
    """The source of a function of the specification, without decorator and docstring."""
    tree = source_of(function).tree
    lines, start = inspect.getsourcelines(function)
    docstring = tree.body[0]
    assert isinstance(docstring, ast.Expr)
    assert docstring.end_lineno is not None
    signature = lines[tree.lineno - start : docstring.lineno - start]
    return dedent("".join([*signature, *lines[docstring.end_lineno - start + 1 :]])).rstrip()


if __name__ == "__main__":
    print(page(), end="")
