"""``nilo can``: what it answers is what the ledger then decides, and each option makes it possible."""

from __future__ import annotations

import shlex

import pytest

from domain.quantities import GiB
from tests.nilometer.cli.calling import Desk
from tests.nilometer.cli.test_schemas import problems


@pytest.mark.parametrize(
    ("question", "code", "begin"),
    [
        ("add-memory db02 6GiB", 0, "yes: add-memory db02 would be granted in full, 6 GiB."),
        ("add-memory db02 16GiB", 1, "partly: 6 GiB of 16 GiB."),
        ("set-memory db02 32GiB", 1, "partly: 6 GiB of 16 GiB."),
        ("add-memory DB02 6GiB", 0, "yes: add-memory db02"),
        ("move-vm db02 hv02", 0, "yes: move-vm db02 would be granted in full."),
        ("start db02", 1, "no: Cannot start db02: it is already running."),
        ("move-vm db02 hv01", 1, "no: Cannot move db02: it is already on host hv01."),
        (
            "remove-memory db02 12GiB",
            1,
            "partly: 8 GiB of 12 GiB. 8 GiB of 12 GiB was removed from db02; ",
        ),
        ("set-memory db02 16GiB", 0, "yes: db02 has that already: set-memory would change nothing."),
    ],
)
def test_the_answer_is_what_the_ledger_then_decides(full: Desk, question: str, code: int, begin: str) -> None:
    before = full.events
    asked = full.call("can", *question.split())
    assert (asked.code, full.events) == (code, before)
    assert asked.out.startswith(begin)
    document = full.call("can", *question.split(), "--format", "json").json
    assert problems("can", document) == []
    decided = full.call("do", *question.replace("DB02", "db02").split(), "--format", "json").json
    assert document["granted"] == decided["granted"]
    assert (document["answer"] == "yes") == (decided["outcome"] in ("completed", "done"))


def test_each_option_makes_it_possible(full: Desk) -> None:
    document = full.call("can", "add-memory", "db02", "16GiB", "--all", "--format", "json").json
    shown = full.call("can", "add-memory", "db02", "16GiB", "--all").out.splitlines()
    assert (
        "Host hv01 has 6 GiB free; erp01 holds 20 GiB, db02 holds 16 GiB, web01 holds 12 GiB, dev07 holds 8 GiB."
        in shown
    )
    lines = [line.strip() for line in shown if line.startswith("  nilo do")]
    assert len(lines) == len(document["options"]) == 11
    history = full.write("history.jsonl", full.events)
    for number, line in enumerate(lines):
        url = f"{full.url}{number}"
        assert full.call("import", history, "--ledger", url).code == 0
        for step in line.split(", then "):
            assert full.call(*shlex.split(step)[1:], "--ledger", url).code == 0, line
        assert full.call("do", "add-memory", "db02", "16GiB", "--ledger", url).code == 0, line


def test_steps_that_are_not_wanted_are_left_out_and_the_rest_is_counted(full: Desk) -> None:
    question = ("can", "add-memory", "db02", "16GiB")
    assert full.call(*question).out.splitlines()[-1] == "  and 6 more: --all"
    found = full.call(*question, "--without", "stop, move-vm,set-reserve", "--format", "json").json
    assert {step["command"] for option in found["options"] for step in option["steps"]} == {"remove-memory"}
    alone = full.call("can", "add-memory", "db02", "40GiB", "--without", "stop,move-vm,set-reserve").out
    assert alone.splitlines()[-1] == (
        "Without move-vm, set-reserve, stop, no plan makes it possible: the host lacks 34 GiB, and all others could "
        "give 20 GiB. On no host are fewer than 14 GiB missing, whatever is done without that."
    )
    wrong = full.call(*question, "--without", "stopp")
    assert (wrong.code, wrong.err.splitlines()[0]) == (2, "error: --without: 'stopp' is not a kind of step")


def test_what_no_plan_can_reach_says_what_is_missing(full: Desk) -> None:
    shown = full.call("can", "add-memory", "db02", "300GiB").out
    assert shown.endswith(
        "\nNo plan makes it possible: the host lacks 294 GiB, and all others could give 42 GiB. "
        "On no host are fewer than 252 GiB missing, whatever else is done.\n"
    )
    document = full.call("can", "add-memory", "db02", "300GiB", "--format", "json").json
    assert (document["missing"], document["options"]) == (252 * GiB, [])
    over = full.call("can", "add-memory", "db02", "300TiB")
    assert (over.code, over.out) == (1, "never: 240 TiB is the most that such a VM can have on any host here.\n")


KEEP = '''
def quarter_stays_free(host: Host) -> bool:
    """A quarter of the host stays free."""
    return host.free * 4 >= host.total
'''


def test_a_policy_that_is_to_be_kept_is_kept_by_every_option(full: Desk) -> None:
    keep = full.write("keep.py", KEEP.replace("* 4", "* 16"))
    assert full.call("can", "add-memory", "db02", "2GiB", "--keep", keep).code == 0
    shown = full.call("can", "add-memory", "db02", "4GiB", "--keep", keep)
    assert shown.code == 1
    assert shown.out.splitlines()[0] == (
        "no: after it, the policy quarter_stays_free would not hold of hv01: A quarter of the host stays free."
    )
    assert "  nilo do remove-memory web01 2GiB" in shown.out.splitlines()
    document = full.call("can", "add-memory", "db02", "4GiB", "--keep", keep, "--all", "--format", "json").json
    assert problems("can", document) == []
    assert (document["answer"], document["granted"]) == ("not-now", 0)
    assert document["policy"]["name"] == "quarter_stays_free"
    planned = full.call("plan", "db02 >= 20GiB", "--keep", keep)
    assert planned.out.splitlines()[:2] == [
        "1. remove-memory dev07: completed, 2 GiB",
        "2. set-memory db02: completed, 4 GiB",
    ]
    wrong = full.call("can", "add-memory", "db02", "4GiB", "--keep", full.write("wrong.py", "x = 1"))
    assert (wrong.code, wrong.out) == (2, "")
    assert full.call("plan", "fill.jsonl", "--keep", keep).code == 2


def test_what_there_is_not_is_an_error(full: Desk) -> None:
    for args in (["add-memory", "db2", "1GiB"], ["add-memory", "db02", "-1"], ["add-memory", "db02", "x"]):
        result = full.call("can", *args)
        assert (result.code, result.out) == (2, "")
        assert "hint: " in result.err


@pytest.mark.parametrize(
    ("args", "error"),
    [
        ([], "a question is missing"),
        (["fail", "hv9"], "there is no host 'hv9'"),
        (["--survive", "2"], "--survive 2 cannot be asked yet"),
        (["--survive", "1", "start", "db02"], "--survive does not go with a command"),
        (["--survive", "1", "--cluster", ", "], "--cluster names no host"),
        (["--survive", "1", "--cluster", "hv01,hv7"], "there is no host and no cluster 'hv7'"),
        (["move-vm", "db02", "hv7"], "there is no host 'hv7'\nhint: did you mean hv0"),
    ],
)
def test_what_cannot_be_asked_is_told(full: Desk, args: list[str], error: str) -> None:
    result = full.call("can", *args)
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith(f"error: {error}")
