"""Tests as sentences: given these lines, when this one, then exactly this.

Sizes are typed as people type them::

    given(HOST, WEB, START).when(do("add-memory", amount="2GiB")).then(
        "completed", granted="2GiB", web01={"assigned": "6GiB"}, hv01={"free": "56GiB"}
    )
"""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from domain.deciding.answer import Answer
from domain.errors import InputError
from domain.shapes import parse_size
from tests.domain.world import World, told
from tests.oracle.driving import figures
from tests.oracle.shapes import Line, State

HOST: Line = {"command": "register-host", "host": "hv01", "version": "2022", "total": "64GiB", "reserve": "2GiB"}
SMALL_HOST: Line = {"command": "register-host", "host": "hv02", "version": "2022", "total": "1GiB", "reserve": "0"}
WEB: Line = {
    "command": "define-vm",
    "vm": "web01",
    "host": "hv01",
    "generation": 2,
    "guest": "windows",
    "config_version": "10.0",
    "memory": {"static": {"size": "4GiB"}},
}
DYNAMIC: Line = {"dynamic": {"minimum": "512MiB", "startup": "2GiB", "maximum": "8GiB", "buffer": 20, "weight": 50}}
DB: Line = {**WEB, "vm": "db01", "guest": "windows-legacy", "memory": DYNAMIC}
START: Line = {"command": "start", "vm": "web01"}


def do(command: str, vm: str = "web01", **arguments: object) -> Line:
    """A line that asks a VM for something."""
    return {"command": command, "vm": vm, **arguments}


@dataclass(frozen=True)
class Answered:
    """What became of a line, and the world before and after it."""

    answer: Answer
    before: State
    world: World

    def then(
        self, outcome: str, code: str | None = None, granted: str | None = None, **expected: dict[str, object]
    ) -> Answered:
        """Exactly this was decided, and these are figures of VMs and hosts, by id, afterwards."""
        result = told(self.answer)
        due = None if granted is None else parse_size(granted)
        assert (result.outcome, result.code, result.granted) == (outcome, code, due)
        after = self.world.snapshot()
        for id, row in expected.items():
            found = figures(after, "vm" if id in after["vms"] else "host", id)
            assert {name: found[name] for name in row} == {
                name: parse_size(value) if isinstance(value, str) and value[0].isdigit() else value
                for name, value in row.items()
            }
        return self

    def recorded(self, *events: str) -> Answered:
        """Exactly these events, as ``vm/web01 vm.started``."""
        assert tuple(f"{stream} {event.KIND}" for stream, event in self.answer.events) == events
        return self

    def nothing_changed(self) -> Answered:
        """Every figure is as it was."""
        assert self.world.snapshot() == self.before
        return self


@dataclass(frozen=True)
class Given:
    """A world in which some lines were granted."""

    world: World

    def when(self, line: Line) -> Answered:
        """One more line is asked."""
        before = self.world.snapshot()
        return Answered(self.world.ask(line), before, self.world)

    def refuses_to_read(self, line: Line, kind: type[InputError], says: str) -> None:
        """The line is an input error, and nothing is recorded."""
        before, recorded = self.world.snapshot(), len(self.world.history)
        with pytest.raises(kind, match=says) as caught:
            self.world.ask(line)
        assert type(caught.value) is kind
        assert (self.world.snapshot(), len(self.world.history)) == (before, recorded)


def given(*lines: Line) -> Given:
    """A world in which these lines were asked in turn, and granted."""
    world = World()
    for line in lines:
        assert told(world.ask(line)).outcome in ("done", "completed", "partially-completed"), line
    return Given(world)
