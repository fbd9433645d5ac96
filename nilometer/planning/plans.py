"""Plans on decided hosts: commands with what each is expected to be granted, and the figures that this rests on.

A plan is made and checked by deciding its commands in a copy of the ledger's state. It holds as long as every figure
that its commands read is what it was.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

from domain.commands import NAMES, Command, ReportInUse
from domain.deciding.answer import Answer
from domain.deciding.decider import decide
from domain.deciding.reads import Reads, load, named_streams
from domain.deciding.world import World
from domain.decision import Outcome
from domain.errors import InputError, NilometerError
from domain.identifiers import StreamName, UtcTime, host_stream, split_stream, vm_stream
from domain.policy_events import BY_POLICY
from domain.settings import ConfigVersion, MemorySetting
from domain.state import Host, Vm
from nilometer.ledger.script import ScriptCommand, parse_script_command
from nilometer.planning.givers import copy_world
from nilometer.textio.digests import digest_of, with_digest

FORMAT: Final = 1
"""The version of the document."""
KINDS: Final = ("decided", "observed", "nothing")
"""On decided hosts, on observed ones, and nothing to do."""

Figure = int | str | bool
Figures = Mapping[str, Figure]
"""Figures of a VM or host by name, as ``free`` or ``memory.startup``. Sizes are bytes."""

_USE: Final = ("in_use", "in_use_reported", "paged_out")
"""What guests report all the time: it is read only where memory is taken, or a report is recorded."""
_TAKING: Final = ("remove-memory", "reclaim", "set-memory")


class PlanMoved(NilometerError):
    """A figure that a plan read is another one now, so that the plan says nothing any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedCommand:
    """A command of a plan, and what is expected of it."""

    line: Mapping[str, Any]
    """The command as a line of a script."""
    outcome: Outcome
    requested: int | None
    granted: int | None
    reads: Mapping[StreamName, Figures]
    """The figures that it reads, before it."""

    def parse(self) -> ScriptCommand:
        """The command, and what its line says about when, by whom and why."""
        return parse_script_command(dict(self.line))

    @property
    def in_full(self) -> bool:
        """Whether all of it is granted or done."""
        return self.outcome in (Outcome.COMPLETED, Outcome.DONE)


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandPlan:
    """A plan on decided hosts."""

    goal: str
    """What was asked for: a goal, or the name of a script."""
    ledger: str
    """The id of the ledger."""
    position: int
    """The last event that was known."""
    made: UtcTime
    commands: tuple[PlannedCommand, ...]

    @property
    def in_full(self) -> bool:
        """Whether all of every command is granted or done."""
        return all(command.in_full for command in self.commands)


@dataclass(frozen=True, slots=True, kw_only=True)
class MovedFigure:
    """A figure that is another one than a plan read."""

    number: int
    """The command that reads it, from 1 on."""
    stream: StreamName
    name: str
    before: Figure | None
    now: Figure | None


# Making


def expect_commands(world: World, lines: Mapping[str, Mapping[str, Any]]) -> tuple[PlannedCommand, ...]:
    """What commands are expected to be granted, one after the other.

    Lines are by their places, ``script.jsonl:3`` or ``command 1``. Raises ``InputError`` with the place.
    """
    commands = [parse_script_command(dict(line)).command for line in lines.values()]
    copy = copy_world(world, commands)
    planned: list[PlannedCommand] = []
    for (place, line), command in zip(lines.items(), commands, strict=True):
        try:
            answer, reads = _decide(copy, command)
        except InputError as error:
            raise InputError(f"{place}: {error.message}", hint=error.hint) from None
        planned.append(
            PlannedCommand(
                line=dict(line),
                outcome=answer.outcome,
                requested=answer.requested,
                granted=answer.granted,
                reads=reads,
            )
        )
    return tuple(planned)


def find_moved(world: World, planned: Sequence[PlannedCommand], first: int = 0) -> list[MovedFigure]:
    """The figures that are other ones than commands read, for the commands from ``first`` on: the first with any.

    A command that cannot be decided any more raises ``InputError``.
    """
    commands = [command.parse().command for command in planned]
    copy = copy_world(world, commands[first:])
    for number in range(first, len(planned)):
        answer, reads = _decide(copy, commands[number])
        expected = planned[number]
        moved = [
            MovedFigure(number=number + 1, stream=stream, name=name, before=before.get(name), now=now.get(name))
            for stream, before, now in _pair(expected.reads, reads)
            for name in dict.fromkeys((*before, *now))
            if before.get(name) != now.get(name)
        ]
        if moved:
            return moved
        if (answer.outcome, answer.granted) != (expected.outcome, expected.granted):
            raise PlanMoved(
                f"command {number + 1} would be {answer.outcome} now{_find_policy(answer)}, and was {expected.outcome} "
                "in the plan"
            )
    return []


def _find_policy(answer: Answer) -> str:
    """The policy because of which a command is not granted in full: others than its figures decide it."""
    names = [read.policy for _, event in answer.events if isinstance(event, BY_POLICY) for read in event.policies]
    return f" by the policy {names[0]}" if names else ""


def _pair(
    before: Mapping[StreamName, Figures], now: Mapping[StreamName, Figures]
) -> Iterator[tuple[StreamName, Figures, Figures]]:
    for stream in dict.fromkeys((*before, *now)):
        yield stream, before.get(stream, {}), now.get(stream, {})


def _decide(world: World, command: Command) -> tuple[Answer, dict[StreamName, Figures]]:
    """Decides a command in a world and applies it; returns also the figures that it read."""
    reads = load(command, world)
    figures = _figures_of(reads, NAMES[type(command)] in _TAKING or isinstance(command, ReportInUse))
    answer = decide(command, reads)
    for stream, event in answer.events:
        world.apply_event(stream, event)
    return answer, figures


def _figures_of(reads: Reads, with_use: bool) -> dict[StreamName, Figures]:
    figures: dict[StreamName, Figures] = {}
    if reads.vm is not None:
        own = {"host": reads.vm.host, **_flatten(reads.vm.state)}
        figures[vm_stream(reads.vm.id)] = {name: value for name, value in own.items() if with_use or name not in _USE}
    for host in (reads.host, reads.destination):
        if host is not None:
            figures[host_stream(host.id)] = {"free": host.state.free, **_flatten(host.state)}
    return figures


def _flatten(record: Vm | Host | MemorySetting, prefix: str = "") -> dict[str, Figure]:
    figures: dict[str, Figure] = {}
    for name in type(record).__slots__:
        value = getattr(record, name)
        if isinstance(value, MemorySetting):
            figures |= _flatten(value, f"{name}.")
        else:
            figures[prefix + name] = str(value) if isinstance(value, str | ConfigVersion) else value
    return figures


# The document


def plan_to_document(plan: CommandPlan) -> dict[str, Any]:
    """A plan as JSON, with its digest."""
    return with_digest(
        {
            "plan": FORMAT,
            "kind": "decided",
            "goal": plan.goal,
            "ledger": plan.ledger,
            "position": plan.position,
            "made": plan.made,
            "commands": [
                {
                    "line": dict(command.line),
                    "expected": {
                        "outcome": command.outcome.value,
                        "requested": command.requested,
                        "granted": command.granted,
                    },
                    "read": {stream: dict(figures) for stream, figures in command.reads.items()},
                }
                for command in plan.commands
            ],
        }
    )


def check_document(document: object, source: str) -> dict[str, Any]:
    """A plan's document. Raises ``InputError`` if it is none, or was changed since it was made."""
    made_by = "make one: nilo plan 'db02 >= 16GiB' -o plan.json"
    if not isinstance(document, dict) or not isinstance(cast("dict[str, Any]", document).get("digest"), str):
        raise InputError(f"{source}: this is not a plan", hint=made_by)
    checked = cast("dict[str, Any]", document)
    if checked.get("plan") != FORMAT:
        what = f"{source}: the plan is of version {str(checked.get('plan'))[:20]}, and this program reads {FORMAT}"
        raise InputError(what, hint=f"apply it with the Nilometer that made it, or {made_by}")
    if checked["digest"] != digest_of(checked):
        raise InputError(
            f"{source}: the plan was changed after it was made: its digest is another one",
            hint="a plan is applied as it was shown; make it again with what you want",
        )
    if checked.get("kind") not in KINDS:
        raise InputError(f"{source}: {str(checked.get('kind'))[:40]!r} is not a kind of plan", hint=made_by)
    return checked


def read_document(document: Mapping[str, Any], source: str) -> CommandPlan:
    """The plan of a document that was checked. Raises ``InputError`` if it does not have what such a plan has."""
    try:
        plan = _read_commands(document)
        for planned in plan.commands:
            planned.parse()
    except InputError as error:
        raise InputError(f"{source}: {error.message}", hint=error.hint) from None
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise _is_no_plan(source) from error
    return plan


def _is_no_plan(source: str) -> InputError:
    return InputError(f"{source}: this is not a plan that nilo plan wrote", hint="make it again: nilo plan --help")


@dataclass(frozen=True, slots=True, kw_only=True)
class LinesPlan:
    """A plan on an observed host, as it was written."""

    goal: str
    ledger: str
    lines: tuple[str, ...]
    read: Mapping[str, Figure | None]
    within: int
    without: frozenset[str]
    option: int


def read_lines_document(document: Mapping[str, Any], source: str) -> LinesPlan:
    """The same of a plan on an observed host."""
    lines, without = (_texts_of(document.get(name, []), source) for name in ("lines", "without"))
    goal, ledger = _texts_of([document.get("goal"), document.get("ledger")], source)
    read, within, option = document.get("read"), document.get("within", 2), document.get("option", 1)
    if not (lines and isinstance(read, dict) and type(within) is int and type(option) is int):
        raise _is_no_plan(source)
    return LinesPlan(
        goal=goal,
        ledger=ledger,
        lines=tuple(lines),
        read=cast("dict[str, Figure | None]", read),
        within=within,
        without=frozenset(without),
        option=option,
    )


def _texts_of(value: object, source: str) -> list[str]:
    items = cast("list[object]", value) if isinstance(value, list) else [None]
    texts = [item for item in items if isinstance(item, str)]
    if len(texts) < len(items):
        raise _is_no_plan(source)
    return texts


def _read_commands(document: Mapping[str, Any]) -> CommandPlan:
    return CommandPlan(
        goal=document["goal"],
        ledger=document["ledger"],
        position=document["position"],
        made=UtcTime(document["made"]),
        commands=tuple(
            PlannedCommand(
                line=command["line"],
                outcome=Outcome(command["expected"]["outcome"]),
                requested=command["expected"]["requested"],
                granted=command["expected"]["granted"],
                reads={StreamName(stream): dict(figures) for stream, figures in command["read"].items()},
            )
            for command in document["commands"]
        ),
    )


def named_new(commands: Sequence[Command], world: World) -> list[StreamName]:
    """The streams of VMs and hosts that commands name and that are not there: they may have been, and be gone."""
    named = {stream for command in commands for stream in named_streams(command)}
    return sorted(
        stream
        for stream in named
        if split_stream(stream)[1] not in (world.vms if split_stream(stream)[0] == "vm" else world.hosts)
    )
