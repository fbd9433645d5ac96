"""Examples of commands that break a policy: a model of the solver, executed by CPython."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from domain.errors import InternalError
from rules.concrete.replay import Values, arguments_of, complete, execute_model, symbolic_values
from rules.policies.compiling import compile_condition
from rules.policies.obligations import PolicyObligation, Sight
from rules.policies.policy import Policy
from rules.policies.subjects import path_of
from rules.policies.window import MINUTE, show_minute
from rules.symbolic.terms import Literal, variables
from rules.symbolic.values import concretize, leaves


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A command after which a policy that held before does not, as CPython executed it. Figures are by path."""

    command: str
    about: str
    arguments: Mapping[str, Any]
    before: Mapping[str, Any]
    after: Mapping[str, Any]
    reads: Mapping[str, Literal]
    """What the policy reads afterwards, by the paths that it names: ``other.assigned``."""
    time: str = ""
    """When, where the policy has a window: ``Sat 22:00 Europe/Berlin``."""

    @property
    def changed(self) -> dict[str, tuple[Any, Any]]:
        """The figures that the command changed: before and after."""
        return {
            path: (self.before.get(path), value) for path, value in self.after.items() if self.before.get(path) != value
        }


def run_example(asked: PolicyObligation, model: Values) -> Example:
    """Executes a model of a refuted obligation. Raises ``InternalError`` if CPython does not do what it says."""
    obligation = asked.obligation
    needed = [obligation.goal, *obligation.assumes, *asked.after.values.values()]
    if obligation.transition is not None:
        needed += symbolic_values(obligation.transition)
    values = complete(model, *needed)
    execution = execute_model(obligation, values, asked.beside)
    before = True if asked.before is None else _ask(asked.policy, asked.before, values)
    after = _ask(asked.policy, asked.after, values)
    if not before or after:
        raise InternalError(
            f"{asked.policy.name} is {before} before {asked.command} and {after} after it in the program, which is no "
            "counterexample.\nThis is a bug in Nilometer, in its reader of policies: please report it."
        )
    window = asked.policy.scope.window
    minute = None if window is None else cast("int", concretize(MINUTE, complete(values, MINUTE)))
    return Example(
        command=asked.command,
        about=asked.about,
        arguments={} if execution is None else arguments_of(execution.command),
        before={**({} if execution is None else execution.before), **_group_figures(asked, asked.before, values)},
        after={**({} if execution is None else execution.after), **_group_figures(asked, asked.after, values)},
        reads=_reads(asked, values),
        time="" if window is None or minute is None else f"{show_minute(minute)} {window.zone}",
    )


def _group_figures(asked: PolicyObligation, sight: Sight | None, values: Values) -> dict[str, Any]:
    """What the VMs of a group hold together, by its path."""
    if sight is None or sight.group is None:
        return {}
    held = sight.group.term("held")
    return {f"{asked.policy.scope.group}.held": concretize(held, complete(values, held))}


def _reads(asked: PolicyObligation, values: Values) -> dict[str, Literal]:
    """The figures that a policy reads after the command of an example."""
    named = variables(asked.policy.term)
    return {
        path_of(asked.policy, path): concretize(part, complete(values, part))
        for name, value in asked.after.values.items()
        for path, part in leaves(value, f"site.{name}")
        if path in named
    }


def _ask(policy: Policy, sight: Sight, values: Values) -> bool:
    """Asks a policy, compiled to Python, of the values of a sight."""
    known = {name: concretize(value, complete(values, value)) for name, value in sight.values.items()}
    return compile_condition(policy.term)(
        known.get("vm"),
        known.get("host"),
        known.get("other"),
        known.get("group"),
        known.get("before"),
        known.get("command"),
    )
