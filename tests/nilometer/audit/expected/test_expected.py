"""The forms of a command: only its rules are read, and none of its forms is missing."""

from __future__ import annotations

import subprocess
import sys
from typing import cast

import pytest

from domain.commands import COMMANDS, NAMES
from domain.recording.vms.records import VmCommandName, VmEventKind
from nilometer.audit.expected import expected_events, expected_events_of
from nilometer.audit.expected.on_vms import events_on_vms
from nilometer.audit.expected.writing import RuleTerms
from rules.symbolic.reader import RuleReader
from rules.symbolic.values import as_record
from rules.transitions.vm_commands import possible_values, transitions


@pytest.mark.parametrize("command", COMMANDS)
def test_the_forms_of_a_command_are_its_own(command: str) -> None:
    assert {event.command for event in expected_events_of(command)} == {command}


def test_what_is_no_command_has_no_form() -> None:
    assert expected_events_of("no-command") == ()


def test_every_command_that_an_event_can_be_recorded_of_has_a_form_for_it() -> None:
    forms = {(event.topic.partition("/")[0], event.command, event.sized) for event in expected_events()}
    for transition in transitions(RuleReader()):
        recorded = as_record(transition.recorded["asked"])
        sized = transition.command == "set-memory"
        for name in cast("list[VmCommandName]", possible_values(recorded.term("command"))):
            assert ("vm.command-refused", name.value, sized) in forms
        if not sized:
            kinds = cast("list[VmEventKind]", possible_values(transition.recorded.term("event")))
            assert len([form for form in forms if form[1:] == (transition.command, False)]) >= len(kinds) - 1


def test_only_the_rules_of_a_command_are_read() -> None:
    rules = RuleTerms()
    assert len(list(events_on_vms(rules, "start"))) > 1
    assert {NAMES[kind] for kind in rules.transitions} == {"start"}
    assert len(list(events_on_vms(rules, "add-memory"))) > 1
    assert {NAMES[kind] for kind in rules.transitions} == {"start", "add-memory", "set-memory"}


def test_the_order_in_which_commands_are_read_makes_no_difference() -> None:
    program = """
import sys
from nilometer.audit.expected import expected_events_of
from domain.commands import COMMANDS
names = sorted(COMMANDS, reverse=sys.argv[1] == "reverse")
forms = {name: [(form.topic, form.sized, str(form.holds)) for form in expected_events_of(name)] for name in names}
print(sorted(forms.items()))
"""
    one, other = (
        subprocess.run([sys.executable, "-c", program, order], capture_output=True, text=True, check=True).stdout
        for order in ("forward", "reverse")
    )
    assert one == other
