"""Why a command was not granted in full: a sentence with the figures for every code, and a hint that leads on."""

from __future__ import annotations

from dataclasses import fields

import pytest

from domain.commands import COMMANDS
from domain.decision import Code
from domain.state import Power
from nilometer.ledger.ledger import Ledger
from nilometer.ledger.requests import Request
from nilometer.ledger.typed_commands import parse_command
from nilometer.messages.reasons import SENTENCES, explain, explain_result
from tests.domain.given import DB, HOST, SMALL_HOST, START, WEB, do, given
from tests.oracle.shapes import Line

DB_START = do("start", "db01")
USED = do("report-in-use", in_use="3000MiB")
PAUSED = (HOST, WEB, START, do("pause"))
OLD = {**WEB, "config_version": "6.1"}
BIG_HOST = {**HOST, "total": "4TiB"}
TERA: Line = {**WEB, "generation": 1, "memory": {"static": {"size": "1TiB"}}}

PARTIALLY = "The memory change was only partially completed:"
VM_COMMANDS = [name for name, kind in COMMANDS.items() if fields(kind)[0].name == "vm" and name != "define-vm"]

CASES: list[tuple[tuple[Line, ...], Line, Code, str, str]] = [
    ((HOST, WEB), do("stop"), Code.WRONG_POWER_STATE, "Cannot stop web01: it is already off.", "nothing to do"),
    (
        (HOST, WEB),
        do("add-memory", amount="2MiB"),
        Code.WRONG_POWER_STATE,
        "add memory to web01: it is off",
        "nilo do start web01",
    ),
    (
        (HOST,),
        {**WEB, "memory": {"static": {"size": 9001 << 20}}},
        Code.INVALID_SETTING,
        "Cannot define web01: the size 9001 MiB is not a multiple of 2 MiB.",
        "9000MiB or 9002MiB",
    ),
    (
        (HOST,),
        {**WEB, "memory": {"static": {"size": "16MiB"}}},
        Code.INVALID_SETTING,
        "16 MiB is less than",
        "32MiB or more",
    ),
    (
        (HOST,),
        {**TERA, "memory": {"static": {"size": "2TiB"}}},
        Code.INVALID_SETTING,
        "2 TiB is more than",
        "1TiB or less",
    ),
    (
        (HOST, WEB),
        do("configure-guest", guest="windows", config_version="9.0"),
        Code.INVALID_SETTING,
        "Cannot lower the configuration version of web01 from 10.0 to 9.0.",
        "keep the configuration version 10.0",
    ),
    (
        (HOST,),
        {"command": "resize-host", "host": "hv01", "total": 0},
        Code.INVALID_SETTING,
        "Cannot resize host hv01: its total would be 0.",
        "such as 64GiB",
    ),
    (
        (HOST, WEB, START),
        do("add-memory", amount=0),
        Code.INVALID_AMOUNT,
        "Cannot add memory to web01: the amount is 0.",
        "2MiB or a multiple",
    ),
    (
        (HOST, WEB, START),
        do("add-memory", amount="3MiB"),
        Code.INVALID_AMOUNT,
        "Cannot add memory to web01: 3 MiB is not a multiple of 2 MiB.",
        "2MiB or 4MiB",
    ),
    (
        (HOST, WEB, START),
        {"command": "resize-host", "host": "hv01", "total": "5GiB"},
        Code.HOST_WOULD_BE_OVERCOMMITTED,
        "a reserve of 2 GiB and the 4 GiB held by VMs would exceed a total of 5 GiB.",
        "nilo view --host hv01",
    ),
    (
        (HOST, WEB),
        {"command": "remove-host", "host": "hv01"},
        Code.HOST_NOT_EMPTY,
        "1 VM is still on it",
        "nilo view --host hv01",
    ),
    ((HOST, WEB), do("move-vm", to="hv01"), Code.SAME_HOST, "it is already on host hv01", "another host"),
    (
        PAUSED,
        do("configure-memory", memory={"static": {"size": "2GiB"}}),
        Code.STATIC_WHILE_RUNNING,
        "is paused",
        "nilo do set-memory web01",
    ),
    (
        (HOST, DB, DB_START),
        do("configure-memory", "db01", memory={"static": {"size": "2GiB"}}),
        Code.NOT_WHILE_RUNNING,
        "While db01 is running, only its maximum can be raised and its minimum lowered.",
        "nilo do stop db01",
    ),
    (
        (HOST, DB, DB_START),
        do("add-memory", "db01", amount="2MiB"),
        Code.DYNAMIC_MEMORY_ENABLED,
        "uses Dynamic Memory",
        "nilo do configure-memory db01",
    ),
    (
        (HOST, WEB, START),
        do("grow", amount="2MiB"),
        Code.DYNAMIC_MEMORY_DISABLED,
        "has static memory",
        "nilo do add-memory web01 2MiB",
    ),
    (
        (HOST, {**WEB, "guest": "unenlightened"}, START),
        do("add-memory", amount="2MiB"),
        Code.GUEST_CANNOT_RESIZE,
        "Cannot add memory to web01 while it runs: its guest (unenlightened) has no driver for that.",
        "nilo do stop web01",
    ),
    (
        (HOST, OLD, START),
        do("add-memory", amount="2MiB"),
        Code.CONFIGURATION_VERSION,
        "needs configuration version 6.2, and it has 6.1.",
        "--config-version 10.0",
    ),
    (
        (HOST, WEB, START),
        do("remove-memory", amount="2MiB"),
        Code.IN_USE_NOT_REPORTED,
        "its guest has not reported the memory in use since it started.",
        "nilo do report-in-use web01",
    ),
    (
        (HOST, WEB, START),
        do("report-in-use", in_use="5GiB"),
        Code.IMPLAUSIBLE,
        "5 GiB is more than the 4 GiB assigned.",
        "4GiB",
    ),
    (
        (HOST, WEB, START),
        do("add-memory", amount="100GiB"),
        Code.INSUFFICIENT_HOST_MEMORY,
        f"{PARTIALLY} 58 GiB of 100 GiB was added to web01; host hv01 had 58 GiB free.",
        "free 42 GiB on host hv01",
    ),
    (
        ({**SMALL_HOST, "host": "hv01"}, WEB),
        START,
        Code.INSUFFICIENT_HOST_MEMORY,
        "Cannot start web01: it needs 4 GiB, and host hv01 had 1 GiB free.",
        "free 3 GiB on host hv01: stop, save or move a VM; to list them: nilo view --host hv01",
    ),
    (
        (HOST, SMALL_HOST, WEB, START),
        do("move-vm", to="hv02"),
        Code.INSUFFICIENT_HOST_MEMORY,
        "Cannot move web01: it needs 4 GiB, and host hv02 had 1 GiB free.",
        "nilo view --host hv02",
    ),
    (
        (BIG_HOST, TERA, START),
        do("add-memory", amount="2MiB"),
        Code.SIZE_LIMIT,
        "No memory was added to web01 (2 MiB requested): the limit of a generation 1 VM on a 2022 host is 1048576 MiB",
        "the limit depends on",
    ),
    (
        (HOST, DB, DB_START),
        do("grow", "db01", amount="8GiB"),
        Code.SIZE_LIMIT,
        "its maximum is 8 GiB",
        "raise the maximum",
    ),
    (
        (HOST, WEB, START, USED),
        do("remove-memory", amount="2GiB"),
        Code.MEMORY_IN_USE,
        f"{PARTIALLY} 1096 MiB of 2048 MiB was removed from web01; its guest is using 3000 MiB of 4096 MiB.",
        "free 952 MiB in the guest by stopping applications or services, then: nilo do remove-memory web01 952MiB",
    ),
    (
        (HOST, WEB, START, do("report-in-use", in_use=1)),
        do("remove-memory", amount="4GiB"),
        Code.MINIMUM_REACHED,
        "keeps 32 MiB",
        "nilo do stop web01",
    ),
    (
        (HOST, DB, DB_START),
        do("reclaim", "db01", amount="2GiB"),
        Code.MINIMUM_REACHED,
        "its minimum is 512 MiB",
        "lower the minimum",
    ),
]


@pytest.mark.parametrize(
    ("lines", "when", "code", "says", "hint"), CASES, ids=[f"{case[1]['command']} {case[2]}" for case in CASES]
)
def test_every_code_has_a_sentence_with_its_figures_and_a_hint(
    lines: tuple[Line, ...], when: Line, code: Code, says: str, hint: str
) -> None:
    answer = given(*lines).when(when).answer
    stream, event = answer.events[0]
    problem = explain(stream, event)
    assert problem is not None
    assert problem.code == code
    assert says in problem.message
    assert problem.message.endswith(".")
    assert hint in problem.hint


def test_no_code_is_left_out() -> None:
    assert SENTENCES.keys() == set(Code)
    of_the_rules = set(Code) - {Code.NONE, Code.POLICY}  # a policy has its own sentence: tests/nilometer/cli/policies
    assert {case[2] for case in CASES} == of_the_rules


def test_what_was_granted_in_full_is_no_problem() -> None:
    for stream, event in given(HOST, WEB, START).when(do("add-memory", amount="2GiB")).answer.events:
        assert explain(stream, event) is None


def test_a_refusal_that_leaves_no_event_is_explained_too(ledger: Ledger) -> None:
    asked = parse_command("register-host", {"host": "hv01", "version": "2022", "total": "1GiB", "reserve": "2GiB"})
    problem = explain_result(ledger.execute(Request(asked, "ann", "test")))
    assert problem is not None
    assert problem.message == "Cannot register host hv01: the reserve 2 GiB is more than the total 1 GiB."
    assert problem.hint == "write a reserve of at most 1GiB"


POWERS: dict[Power, tuple[Line, ...]] = {
    Power.OFF: (HOST, SMALL_HOST, WEB),
    Power.RUNNING: (HOST, SMALL_HOST, WEB, START),
    Power.PAUSED: (HOST, SMALL_HOST, WEB, START, do("pause")),
    Power.SAVED: (HOST, SMALL_HOST, WEB, START, do("save")),
}
ARGUMENTS = {
    "amount": "2MiB",
    "size": "2GiB",
    "in_use": 0,
    "guest": "windows",
    "config_version": "10.0",
    "to": "hv02",
    "memory": {"static": {"size": "2GiB"}},
}


@pytest.mark.parametrize("power", Power)
@pytest.mark.parametrize("command", VM_COMMANDS)
def test_the_hint_of_a_wrong_power_state_leads_to_one_that_fits(command: str, power: Power) -> None:
    takes = [field.name for field in fields(COMMANDS[command]) if field.name in ARGUMENTS]
    asked: Line = do(command) | {name: ARGUMENTS[name] for name in takes}
    answer = given(*POWERS[power]).when(asked).answer
    if answer.code is not Code.WRONG_POWER_STATE:
        return
    problem = explain(*answer.events[0])
    assert problem is not None
    if problem.hint.startswith("nothing to do"):
        assert command in ("start", "stop", "pause", "resume", "save", "restore")
        return
    instead = problem.hint.rpartition("nilo do ")[2].split()[0]
    led = given(*POWERS[power]).when(do(instead)).answer
    assert led.code is None
    again = given(*POWERS[power], do(instead)).when(asked).answer
    same = {"start", "restore", "resume"}
    assert again.code is not Code.WRONG_POWER_STATE or (command in same and instead in same)
