"""``nilo policy check``: what a file of policies means, and what it would have changed in the past."""

from __future__ import annotations

import pytest

from rules.symbolic import terms
from tests.nilometer.cli.calling import Desk
from tests.nilometer.cli.test_schemas import problems

POLICIES = '''\
from nilometer.policy import GiB, Host, Power, Vm, scope


def most_stays_free(host: Host) -> bool:
    """90 % of the host stay free."""
    return host.free * 10 >= host.total * 9


@scope(vms="db*")
def db_keeps_8_gib(vm: Vm) -> bool:
    """A db VM never has less than 8 GiB, unless it is off."""
    return vm.power is Power.OFF or vm.assigned >= 8 * GiB
'''


def test_the_answer_has_proofs_examples_and_what_would_have_been_refused(desk: Desk) -> None:
    desk.with_history()
    before = desk.events
    shown = desk.call("policy", "check", desk.write("policies.py", POLICIES))
    assert (shown.code, shown.err, desk.events) == (0, "", before)
    lines = shown.out.splitlines()
    assert lines[0] == "2 policies: consistent."
    assert lines[2] == f"most_stays_free: 90 % of the host stay free. ({desk.folder}/policies.py:4)"
    assert lines[3].startswith("  to be enforced at start, restore, ")
    assert lines[5].startswith("  for example: start web01 (hv01.free ")
    assert lines[6:8] == [
        "  in this ledger: it would have refused 2 of 6 decided commands:",
        "    #3 2026-11-23 09:00:02Z · CONTOSO\\ops: start, for hv01",
    ]
    assert "db_keeps_8_gib [VMs db*]: A db VM never has less than 8 GiB, unless it is off." in shown.out
    assert lines[-1] == "  in this ledger: kept by all 6 decided commands"
    document = desk.call("policy", "check", str(desk.folder / "policies.py"), "--format", "json").json
    assert problems("policy-check", document) == []
    assert [(one["position"], one["command"], one["held_before"]) for one in document["past"]["refused"]] == [
        (3, "start", True),
        (8, "add-memory", False),  # what it gives makes the breach larger
    ]


GROUP = '''\
@scope(vms=("web*", "db*"), group="shop")
def shop(group: Group) -> bool:
    """The shop holds at most 20 GiB."""
    return group.held <= 20 * GiB
'''


def test_a_bug_of_the_reader_is_no_refusal_of_a_policy_and_names_its_place(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(terms, "multiply", None)  # as if the reader called what it should not
    monkeypatch.setattr("tempfile.tempdir", str(desk.folder))
    shown = desk.call("policy", "check", desk.write("policies.py", POLICIES))
    assert (shown.code, shown.out) == (70, "")
    where = f"{desk.folder}/policies.py:4, most_stays_free: TypeError: "
    assert shown.err.startswith(f"internal error: this is a bug in Nilometer: the reader of rules failed at {where}")


def test_of_a_group_it_says_that_its_book_is_proved_to_be_right(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    file, alone = desk.write("group.py", GROUP), desk.write("policies.py", POLICIES)
    right = "  its book has what its VMs hold together, after each of 18 commands (proved)"
    assert right in desk.call("policy", "check", file).out.splitlines()
    document = desk.call("policy", "check", file, "--format", "json").json
    assert problems("policy-check", document) == []
    assert (len(document["books"]), set(document["books"].values())) == (18, {True})
    assert desk.call("policy", "check", alone, "--format", "json").json["books"] == {}
    monkeypatch.setattr("rules.policies.book_proofs.BUDGET", 1)
    given_up = desk.call("policy", "check", file)
    assert given_up.code == 3
    assert "  its book is not proved to have what its VMs hold together, after " in given_up.out


def test_a_ledger_without_decided_commands_has_nothing_to_check(desk: Desk) -> None:
    made = desk.call("record", "web07", "--asked", "8GiB", "--before", "4GiB", "--after", "8GiB", "--new")
    assert made.code == 0
    shown = desk.call("policy", "check", desk.write("policies.py", POLICIES)).out
    assert shown.count("  in this ledger: no decided command, so nothing to check\n") == 2


def test_with_all_each_command_at_which_it_is_to_be_enforced_has_an_example(desk: Desk) -> None:
    file = desk.write("policies.py", POLICIES)
    shown = desk.call("policy", "check", file, "--all").out
    report = desk.call("policy", "check", file, "--format", "json").json["policies"][1]
    enforced = [name for name, kept in report["commands"].items() if kept == "enforced"]
    assert (
        sorted(report["examples"])
        == sorted(enforced)
        == sorted(["start", "reboot-guest", "remove-memory", "reclaim", "set-memory"])
    )
    last = shown[shown.index("db_keeps_8_gib [") :]
    for name in enforced:
        assert f"for example: {name} web01 " in last
    assert all(example["command"] == name for name, example in report["examples"].items())


def test_without_a_ledger_the_file_is_checked_alone(desk: Desk) -> None:
    document = desk.call("policy", "check", desk.write("p.py", POLICIES), "--format", "json").json
    assert problems("policy-check", document) == []
    assert (document["verdict"], document["past"]) == ("fine", None)
    assert not (desk.folder / "ledger.db").exists()


def test_policies_that_conflict_or_refuse_a_stop_end_with_1(desk: Desk) -> None:
    text = (
        POLICIES
        + '''
def small(vm: Vm) -> bool:
    """At most 6 GiB."""
    return vm.assigned <= 6 * GiB


def stays_on(vm: Vm) -> bool:
    """Never off again."""
    return vm.session == 0 or vm.power is not Power.OFF
'''
    )
    shown = desk.call("policy", "check", desk.write("p.py", text))
    assert shown.code == 1
    lines = shown.out.splitlines()
    assert lines[0] == "4 policies, 3 of them cannot be used as they are: db_keeps_8_gib, small, stays_on."
    assert lines[1] == "db_keeps_8_gib and small conflict: no VM that runs keeps both, so that none can start."
    assert "  refuses every stop" in lines
    assert lines[2] == '  "A db VM never has less than 8 GiB, unless it is off." "At most 6 GiB."'
    assert lines[3] == "  together they refuse every start; each alone does not"
    assert any(line.startswith("  would refuse a stop, which no policy may: stop web01 (") for line in lines)
    assert desk.call("policy", "check", str(desk.folder / "p.py"), "--format", "json").json["verdict"] == "wrong"


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("def f(vm: Vm) -> bool:\n    'x'\n    return open()\n", "p.py:3:12: a call of 'open'"),
        ("", "p.py: there is no policy"),
        (b"\xff\xfe\x00", "this is not UTF-8"),
        (b"a\0b", "this is not a text"),
    ],
)
def test_what_cannot_be_read_is_an_error_with_its_place(desk: Desk, text: str | bytes, error: str) -> None:
    result = desk.call("policy", "check", desk.write("p.py", text))
    assert (result.code, result.out) == (2, "")
    assert error in result.err
    assert "hint: " in result.err


def test_a_file_that_is_not_there_is_an_error(desk: Desk) -> None:
    assert desk.call("policy", "check", "none.py").code == 2
    assert desk.call("policy", "chek", "none.py").code == 2
    folder = desk.call("policy", "check", str(desk.folder))
    assert folder.code == 2
    assert "this is a folder, not a file of policies\nhint: name one file, .py or .toml" in folder.err


def test_in_ci_only_what_policies_mean_is_proved(desk: Desk) -> None:
    desk.with_history()
    file = desk.write("p.py", POLICIES)
    shown = desk.call("prove", "--policies", file)
    assert (shown.code, shown.out.splitlines()[0]) == (0, "2 policies: consistent.")
    assert "in this ledger" not in shown.out
    document = desk.call("prove", "--policies", file, "--format", "json").json
    assert problems("policy-check", document) == []
    assert document["past"] is None
    wrong = desk.call("prove", "--policies", file, "book_agrees")
    assert (wrong.code, wrong.out) == (2, "")
    assert wrong.err.startswith("error: --policies goes with no other options")
