"""The glue: what commands come to as terms is what the decider and the aggregates do, in any state whatever."""

from __future__ import annotations

from functools import cache
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.commands import COMMANDS
from domain.deciding.world import World
from domain.state import Host, Site
from rules.concrete.replay import ARGUMENT_TYPES
from rules.concrete.world import HERE, THERE, VM, command_of, site_in, world_of
from rules.obligations.builder import running_rules
from rules.search.actions import Action, actions_by_command
from rules.symbolic.terms import Literal
from rules.symbolic.values import concretize, constants
from tests.rules.symbolic.test_meanings import plain
from tests.rules.symbolic.values import anything_of

ON_VMS = sorted(set(COMMANDS) - {"register-host", "resize-host", "set-reserve", "remove-host", "define-vm"})


@cache
def all_deeds() -> dict[str, Action]:
    return actions_by_command(running_rules())


def leaves_of(name: str, value: object) -> dict[str, Literal]:
    return plain(constants(value), name)


def test_every_command_is_a_deed() -> None:
    assert all_deeds().keys() == COMMANDS.keys()


@pytest.mark.parametrize("name", ON_VMS)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_a_command_on_a_vm_does_what_its_transition_says(name: str, data: st.DataObject) -> None:
    transition = running_rules().transitions[name]
    site = cast("Site", data.draw(anything_of(Site)))
    arguments: dict[str, Any] = {
        argument: data.draw(anything_of(ARGUMENT_TYPES[argument]), argument)
        for argument in transition.arguments
        if argument in ARGUMENT_TYPES
    }
    values = leaves_of("site", site)
    for path, value in arguments.items():
        values |= leaves_of(path, value)
    to, destination = THERE, None
    if name == "move-vm":
        same_host = data.draw(st.booleans(), "same host")
        destination = site.host if same_host else cast("Host", data.draw(anything_of(Host)))
        to = HERE if same_host else THERE
        values |= {**leaves_of("destination", destination), "same_host": same_host}
    world = world_of(site, destination=destination)

    answer = world.execute(command_of(name, arguments, to=to))

    assert answer.decision == concretize(transition.decision, values)
    accepted = concretize(transition.accepted, values)
    assert accepted == (answer.outcome.value not in ("rejected", "failed"))
    after: Site = concretize(transition.after, values)
    if name == "remove-vm" and accepted:
        assert VM not in world.vms
        assert (world.host(HERE).state, world.host(HERE).entry(VM)) == (after.host, after.entry)
    else:
        assert site_in(world) == after
    if transition.left is not None and transition.left_entry is not None:
        left = concretize(transition.left, values), concretize(transition.left_entry, values)
        assert (world.host(HERE).state, world.host(HERE).entry(VM)) == left


@pytest.mark.parametrize("name", sorted(set(COMMANDS) - set(ON_VMS)))
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_a_command_on_a_host_does_what_its_deed_says(name: str, data: st.DataObject) -> None:
    action = all_deeds()[name]
    site = cast("Site", data.draw(anything_of(Site)))
    alone = data.draw(st.booleans(), "no VM")
    world = World() if name == "register-host" else world_of(None if alone or name == "define-vm" else site, site.host)
    arguments: dict[str, Any] = {
        argument: data.draw(anything_of(ARGUMENT_TYPES[argument]), argument) for argument in action.arguments
    }
    values = leaves_of("site", site) | {"vms": len(world.vms)}
    for path, value in arguments.items():
        values |= leaves_of(path, value)

    answer = world.execute(command_of(name, arguments))

    assert answer.decision == concretize(action.decision, values)
    accepted = concretize(action.accepted, values)
    assert accepted == (answer.outcome.value not in ("rejected", "failed"))
    if not accepted:
        assert HERE not in world.hosts or world.host(HERE).state == site.host
    elif name == "define-vm":
        assert site_in(world) == Site(site.host, concretize(action.after["vm"], values), 0)
    elif name == "remove-host":
        assert not world.hosts
    else:
        assert world.host(HERE).state == concretize(action.after["host"], values)
