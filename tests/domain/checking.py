"""The real decider held to everything at once: after each line, which check is broken first, and what it says.

The invariants and properties of the oracle come first, then what only the product has (figures told by events,
evidence, replay), and last the comparison with the plain model.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from domain.deciding.answer import Answer
from domain.deciding.redecide import redecide
from domain.errors import InputError
from domain.events import Decided, HostCommandRefused, HostFigures, HostRead, VmEvent, VmFigures
from domain.identifiers import StreamName, host_stream
from tests.domain.world import World, told
from tests.oracle.model import PlainModel
from tests.oracle.properties import INVARIANTS, PROPERTIES
from tests.oracle.reachable import Reached
from tests.oracle.shapes import Expected, Line, State
from tests.oracle.strategies import Chooser, Seeded, next_line

Figures = dict[str, VmFigures | HostFigures]


@dataclass(frozen=True)
class Step:
    """One line, what became of it, and the world around it."""

    line: Line
    result: Expected
    expected: Expected
    """What the plain model made of it."""
    answer: Answer | None
    """``None`` of an input error."""
    before: State
    figures_before: Figures
    versions_before: dict[StreamName, int]
    after: State
    world: World
    model: PlainModel


@dataclass(frozen=True)
class Broken:
    """A check that a step broke, and how."""

    check: str
    says: str


Check = Callable[[Step], str | None]


def book_adds_up(step: Step) -> str | None:
    """A host's book comes to the running total that the rules read, and has no entry of 0."""
    for id, host in step.world.hosts.items():
        if sum(host.book.values()) != host.state.held or 0 in host.book.values():
            return f"host {id} holds {host.state.held}, its book says {host.book}"
    return None


def figures_are_told(step: Step) -> str | None:
    """Each event tells the figures of its stream as they were and as they are."""
    after = step.world.figures()
    for stream, event in () if step.answer is None else step.answer.events:
        assert isinstance(event, Decided)
        told_before, told_after = (getattr(event, name) for name in ("before", "after"))
        if told_before != step.figures_before.get(stream):
            return f"{event.KIND} tells of before: {told_before}"
        if told_after != after.get(stream, told_before):  # what is removed keeps its last figures
            return f"{event.KIND} tells of after: {told_after}"
    return None


def answer_is_recorded(step: Step) -> str | None:
    """Each event of a command says what was answered to it."""
    if step.answer is None:
        return None
    decided = (step.answer.command, step.answer.outcome, step.answer.code)
    amounts = (step.answer.requested, step.answer.granted)
    for _, event in step.answer.events:
        assert isinstance(event, Decided)
        if (event.command, event.outcome, event.code) != decided:
            return f"{event.KIND} says {event}, the answer was {decided}"
        if isinstance(event, VmEvent) and (event.requested, event.granted) != amounts:
            return f"{event.KIND} says {(event.requested, event.granted)}, the answer was {amounts}"
    return None


def evidence_is_true(step: Step) -> str | None:
    """A host that was read is told as it was, with the version of its stream."""
    for _, event in () if step.answer is None else step.answer.events:
        evidence = event.evidence if isinstance(event, VmEvent | HostCommandRefused) else None
        for read in () if evidence is None else (evidence.host, evidence.destination):
            if read is not None and (fault := _untrue(read, step)):
                return f"{event.KIND}: {fault}"
    return None


def _untrue(read: HostRead, step: Step) -> str | None:
    stream = host_stream(read.id)
    if read.stream_version != step.versions_before[stream]:
        return f"read {stream} at {read.stream_version}, it was at {step.versions_before[stream]}"
    told_figures = HostFigures(read.total, read.reserve, read.free, read.held)
    if told_figures != step.figures_before[stream]:
        return f"read {told_figures}, it was {step.figures_before[stream]}"
    return None


def decided_again(step: Step) -> str | None:
    """Decided again from its event's evidence alone, the decision is the same, part by part."""
    decisions = () if step.answer is None else tuple(redecide(event) for _, event in step.answer.events)
    if step.answer is None or not decisions:
        return None
    if decisions[0] != step.answer.decision:
        return f"decided {step.answer.decision}, and again {decisions[0]}"
    return None if set(decisions[1:]) <= {None} else "the other half of a change was decided too"


def agrees_with_the_plain_model(step: Step) -> str | None:
    """The independent second reading comes to the same answer, the same events, and the same state."""
    if step.result != step.expected:
        return f"{step.result}, the plain model {step.expected}"
    stands = step.model.snapshot()
    return None if step.after == stands else f"{step.after}, the plain model {stands}"


def replay_equals_live(step: Step) -> str | None:
    """All events from scratch come to the same aggregates, versions and books included."""
    again = step.world.replayed()
    same = (again.vms, again.hosts, again.begun) == (step.world.vms, step.world.hosts, step.world.begun)
    return None if same else "what the events come to is not what stands"


OWN_CHECKS: tuple[Check, ...] = (
    book_adds_up,
    figures_are_told,
    answer_is_recorded,
    evidence_is_true,
    decided_again,
    agrees_with_the_plain_model,
)


def broken_by(step: Step) -> list[Broken]:
    """Every check that a step breaks, in order."""
    says = [(rule.__name__, rule(step.after)) for rule in INVARIANTS]
    says += [(rule.__name__, rule(step.before, step.line, step.result, step.after)) for rule in PROPERTIES]
    says += [(check.__name__, check(step)) for check in OWN_CHECKS]
    return [Broken(name, fault) for name, fault in says if fault is not None]


class Twin:
    """The product and the plain model, asked the same."""

    def __init__(self) -> None:
        self.world = World()
        self.model = PlainModel()

    def ask(self, line: Line) -> Step:
        """Asks both for one line."""
        before, figures, versions = self.world.snapshot(), self.world.figures(), self.world.versions()
        try:
            answer = self.world.ask(line)
        except InputError:
            answer = None
        result = Expected("input-error") if answer is None else told(answer)
        expected = self.model.apply(line)
        after = self.world.snapshot()
        return Step(line, result, expected, answer, before, figures, versions, after, self.world, self.model)

    def ask_any(self, chooser: Chooser) -> tuple[Step, list[Broken]]:
        """Asks both for a random line, and checks the step."""
        step = self.ask(next_line(chooser, self.world.snapshot()))
        return step, broken_by(step)


@dataclass(frozen=True)
class Run:
    """What a simulation met: how often each decision, and the first checks that broke, if any."""

    reached: Counter[Reached]
    broken: tuple[Broken, ...] = ()
    where: str = ""


def simulate(seeds: range, lines: int) -> Run:
    """Seeded histories, checked after each line and replayed at their end; it stops at the first broken check."""
    reached: Counter[Reached] = Counter()
    for seed in seeds:
        twin, chooser = Twin(), Seeded(seed)
        for number in range(1, lines + 1):
            step, broken = twin.ask_any(chooser)
            if not broken and number == lines and (fault := replay_equals_live(step)):
                broken = [Broken(replay_equals_live.__name__, fault)]
            if broken:
                return Run(reached, tuple(broken), f"seed {seed}, line {number}, {step.line}")
            reached[str(step.line["command"]), step.result.outcome, step.result.code] += 1
    return Run(reached)
