"""Whatever is asked in whatever order: the real decider keeps every rule, and agrees with the plain model."""

from __future__ import annotations

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from tests.domain.checking import Twin, replay_equals_live, simulate
from tests.oracle.reachable import REACHABLE
from tests.oracle.strategies import Drawn, Seeded


class AnyHistory(RuleBasedStateMachine):
    """Any commands, checked after each: rules, events, evidence, and the plain model beside it."""

    def __init__(self) -> None:
        super().__init__()
        self.twin = Twin()

    @rule(data=st.data())
    def ask(self, data: st.DataObject) -> None:
        for _ in range(data.draw(st.integers(1, 4))):
            step, broken = self.twin.ask_any(Drawn(data))
            assert broken == [], step.line

    @rule(seed=st.integers(0, 2**32), lines=st.integers(1, 80))
    def ask_for_a_while(self, seed: int, lines: int) -> None:
        """What goes wrong deep in a history is out of reach of single choices."""
        chooser = Seeded(seed)
        for _ in range(lines):
            step, broken = self.twin.ask_any(chooser)
            assert broken == [], step.line

    @rule()
    def replay(self) -> None:
        step = self.twin.ask({"command": "start", "vm": "nobody"})
        assert replay_equals_live(step) is None

    @rule()
    def what_fits_starts_and_is_restored_and_everything_stops_and_goes(self) -> None:
        world = self.twin.world.replayed()
        for id, vm in list(world.vms.items()):
            free = world.host(vm.host).state.free
            if vm.state.power == "off" and vm.state.memory.startup <= free:
                assert world.apply({"command": "start", "vm": id}).outcome == "done"
            elif vm.state.power == "saved" and vm.state.assigned <= free:
                assert world.apply({"command": "restore", "vm": id}).outcome == "done"
            if vm.state.power != "off":
                assert world.apply({"command": "stop", "vm": id}).outcome == "done"
            assert world.apply({"command": "remove-vm", "vm": id}).outcome == "done"
        for id in list(world.hosts):
            assert world.apply({"command": "remove-host", "host": id}).outcome == "done"
        assert not world.vms
        assert not world.hosts

    @invariant()
    def the_book_adds_up(self) -> None:
        for host in self.twin.world.hosts.values():
            assert sum(host.book.values()) == host.state.held
            assert 0 not in host.book.values(), "a VM that holds nothing has no entry"


AnyHistory.TestCase.settings = settings(
    max_examples=40,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
TestAnyHistory = AnyHistory.TestCase


def test_a_seeded_run_reaches_exactly_the_decisions_that_are_alive() -> None:
    run = simulate(range(80), 120)
    assert run.broken == (), run.where
    assert {each for each in run.reached if each[1] != "input-error"} == REACHABLE
