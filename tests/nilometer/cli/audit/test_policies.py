"""Audits by policies of one's own: from the command line, from Python, and with pytest."""

from __future__ import annotations

import json
import re
from hashlib import sha256

import pytest

from nilometer import InputError, Ledger, Verdict, audit_history
from tests.nilometer.cli.calling import Desk
from tests.nilometer.cli.test_schemas import problems
from tests.nilometer.importers.hyperv.synthetic import Spool, dynamic, vm
from tests.nilometer.test_pytest_plugin import said_in

POLICIES = '''\
def most_stays_free(host: Host) -> bool:
    """90 % of the host stay free."""
    return host.free * 10 >= host.total * 9
'''


@pytest.fixture
def judged(desk: Desk) -> Desk:
    """A desk with a history and a file of policies."""
    desk.with_history()
    desk.write("policies.py", POLICIES)
    desk.write("history.jsonl", desk.events)
    return desk


def test_a_breach_is_a_violation_in_every_format(judged: Desk) -> None:
    policies, history = str(judged.folder / "policies.py"), str(judged.folder / "history.jsonl")
    for source in ([], [history]):
        shown = judged.call("audit", *source, "--policies", policies)
        assert shown.code == 1
        lines = shown.out.splitlines()
        assert lines[0].startswith("violated: 2 findings in 9 events")
        assert "violated: The policy most_stays_free holds. (policy/most_stays_free)" in lines
        assert "  However, the policy does not hold of hv01: 90 % of the host stay free" in lines
        assert "  policy/most_stays_free: violated 2, holds 1" in lines
        document = judged.call("audit", *source, "--policies", policies, "--format", "json").json
        assert problems("audit", document) == []
        assert [finding["position"] for finding in document["findings"]] == [3, 8]
        assert document["about"]["policies"] == [
            {"name": "most_stays_free", "place": f"{policies}:1", "sha256": sha256(POLICIES.encode()).hexdigest()}
        ]
        assert f"  policy most_stays_free ({policies}:1), its text with SHA-256 " in shown.out
    sarif = judged.call("audit", history, "--policies", policies, "--format", "sarif").json
    assert {result["ruleId"] for result in sarif["runs"][0]["results"]} == {"policy/most_stays_free"}
    assert sarif["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["region"]["startLine"] == 3
    commands = judged.call("audit", history, "--policies", policies, "--format", "github").out
    assert commands.splitlines()[0].startswith("::error ")


def test_without_policies_and_with_ones_that_hold_it_holds(judged: Desk) -> None:
    kept = judged.write("kept.py", POLICIES.replace("* 9", "* 1"))
    assert judged.call("audit").code == 0
    shown = judged.call("audit", "--policies", kept)
    assert shown.code == 0
    rules = judged.call("audit").out.splitlines()[0]
    before, with_policy = (int(line.split()[3]) for line in (rules, shown.out.splitlines()[0]))
    assert with_policy == before + 1


def test_a_policy_is_asked_alone_and_required_by_its_name(judged: Desk) -> None:
    file = judged.write("two.py", POLICIES + POLICIES.replace("most_stays_free", "another"))
    alone = judged.call("audit", "--policies", file, "--rule", "policy/another", "--format", "json").json
    assert {finding["rule"] for finding in alone["findings"]} == {"policy/another"}
    assert [rule["rule"] for rule in alone["checked"]] == ["policy/another"]
    unknown = judged.call("audit", "--require", "policy/nobodys")
    assert (unknown.code, "Nothing to check for policy/nobodys" in unknown.out) == (3, True)
    wrong = judged.call("audit", "--rule", "policy/not a name")
    assert (wrong.code, "there is no rule 'policy/not a name'" in wrong.err) == (2, True)


def test_what_is_out_of_scope_is_not_counted(judged: Desk) -> None:
    file = str(judged.folder / "policies.py")
    checked = judged.call("audit", "--policies", file, "--until", "2000-01-01", "--format", "json").json["checked"]
    assert [rule for rule in checked if rule["rule"].startswith("policy/") and rule["holds"]] == []


def test_a_file_that_is_no_policies_is_an_error_before_anything_is_judged(judged: Desk) -> None:
    wrong = judged.call("audit", "--policies", judged.write("wrong.py", "x = 1"))
    assert (wrong.code, wrong.out) == (2, "")
    assert "wrong.py:1:1: a statement that a file of policies does not have" in wrong.err


def test_from_python(judged: Desk) -> None:
    with Ledger.open(judged.url) as ledger:
        audited = audit_history(ledger, policies=judged.folder / "policies.py")
    assert audited.verdict is Verdict.VIOLATED
    assert audited.checked["policy/most_stays_free"].violated == 2
    files = audit_history(judged.folder / "history.jsonl", policies=str(judged.folder / "policies.py"))
    assert files.checked["policy/most_stays_free"] == audited.checked["policy/most_stays_free"]
    with pytest.raises(InputError):
        audit_history(judged.folder / "history.jsonl", policies=judged.folder / "none.py")


def test_with_pytest(judged: Desk) -> None:
    history, policies = str(judged.folder / "history.jsonl"), str(judged.folder / "policies.py")
    code, said = said_in(judged.folder, "--nilo-history", history, "--nilo-policies", policies, "-q")
    assert code == 1
    assert "However, the policy does not hold of hv01: 90 % of the host stay free" in said
    assert "1 failed" in said


def test_the_history_of_an_audit_is_not_changed(judged: Desk) -> None:
    before = judged.events
    judged.call("audit", "--policies", str(judged.folder / "policies.py"))
    assert judged.events == before
    assert json.loads(before.splitlines()[0])["position"] == 1


# Every kind

KINDS = """\
[roomy_host]
hosts = "hv0?"
says = "90 % of the host stay free."
holds = "host.free * 10 >= host.total * 9"

[web_is_small]
vms = "web*"
says = "A web VM never has more than 6 GiB."
holds = "vm.assigned <= 6 * GiB"

[both_are_small]
one = "web01"
other = "web02"
says = "They never hold more than 10 GiB together."
holds = "one.held + other.held <= 10 * GiB"

[shop_is_small]
vms = "web*"
group = "shop"
says = "The shop never holds more than 11 GiB."
holds = "group.held <= 11 * GiB"

[never_shrinks]
says = "No running VM loses memory."
holds = "vm.assigned >= before.assigned or command is Command.STOP"

[grows_at_night]
outside = "22:00-04:00"
zone = "Europe/Berlin"
says = "No VM grows by day."
holds = "vm.assigned <= before.assigned or command is Command.START"

[kept_in_another_window]
inside = "Sat-Sun 00:00-24:00"
zone = "Europe/Berlin"
says = "No VM grows at the weekend."
holds = "vm.assigned <= before.assigned"
"""
VM = '"generation": 2, "guest": "windows", "config_version": "10.0", "host": "hv01", "memory": {"static": {"size": '
HOST = '"host": "hv01", "version": "2022", "total": "64GiB", "reserve": 0'
LINES = f"""\
{{"command": "register-host", {HOST}, "at": "2026-11-23T09:00:00Z"}}
{{"command": "define-vm", "vm": "web01", {VM}"8GiB"}}}}, "at": "2026-11-23T09:00:01Z"}}
{{"command": "start", "vm": "web01", "at": "2026-11-23T09:00:02Z"}}
{{"command": "report-in-use", "vm": "web01", "in_use": "1GiB", "at": "2026-11-23T09:00:03Z"}}
{{"command": "remove-memory", "vm": "web01", "amount": "4GiB", "at": "2026-11-23T09:00:04Z"}}
{{"command": "define-vm", "vm": "web02", {VM}"6GiB"}}}}, "at": "2026-11-23T09:00:05Z"}}
{{"command": "start", "vm": "web02", "at": "2026-11-23T09:00:06Z"}}
{{"command": "add-memory", "vm": "web01", "amount": "2GiB", "at": "2026-11-23T09:00:07Z"}}
{{"command": "stop", "vm": "web01", "at": "2026-11-23T22:00:07Z"}}
"""
BREACHES = {
    "roomy_host": [(3, "hv01"), (9, "hv01"), (11, "hv01, less than before")],
    "web_is_small": [(3, "web01")],
    "both_are_small": [(11, "web01 and web02")],
    "shop_is_small": [(11, "the group shop")],
    "never_shrinks": [(6, "web01")],
    "grows_at_night": [(11, "web01")],
}
"""By policy: the events that break it, and of whom."""


@pytest.fixture
def kinds(desk: Desk) -> Desk:
    """A desk with a policy of every kind, all but one broken, and a history."""
    assert desk.call("run", desk.write("lines.jsonl", LINES)).code == 0
    desk.write("kinds.toml", KINDS)
    desk.write("history.jsonl", desk.events)
    return desk


def expected() -> set[tuple[str, int, str]]:
    return {(name, line, whom) for name, found in BREACHES.items() for line, whom in found}


def breach(policy: str, line: int, text: str) -> tuple[str, int, str]:
    """A finding as a tuple: whom is read from the text."""
    whom = text.partition("the policy does not hold of ")[2].partition(":")[0]
    return policy.removeprefix("policy/"), line, whom


def test_every_kind_of_policy_is_a_result_of_sarif_with_its_line(kinds: Desk) -> None:
    files = [str(kinds.folder / name) for name in ("history.jsonl", "kinds.toml")]
    (run,) = kinds.call("audit", files[0], "--policies", files[1], "--format", "sarif").json["runs"]
    assert {
        breach(
            result["ruleId"],
            result["locations"][0]["physicalLocation"]["region"]["startLine"],
            result["message"]["text"],
        )
        for result in run["results"]
    } == expected()
    rules = {rule["id"]: rule["shortDescription"]["text"] for rule in run["tool"]["driver"]["rules"]}
    for name in (*BREACHES, "kept_in_another_window"):
        assert rules[f"policy/{name}"] == f"The policy {name} holds."
    for result in run["results"]:
        assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["level"] == "error"
    fingerprints = [result["partialFingerprints"]["nilometer/v1"] for result in run["results"]]
    assert len(set(fingerprints)) == len(fingerprints)


def test_every_kind_of_policy_is_an_error_of_github_on_its_line(kinds: Desk) -> None:
    files = [str(kinds.folder / name) for name in ("history.jsonl", "kinds.toml")]
    shown = kinds.call("audit", files[0], "--policies", files[1], "--format", "github")
    assert shown.code == 1
    found = [
        re.fullmatch(r"::error file=.*history\.jsonl,line=(\d+),title=(policy/\w+)::(.*)", line)
        for line in shown.out.splitlines()
    ]
    assert {breach(match[2], int(match[1]), match[3]) for match in found if match is not None} == expected()


def test_every_kind_of_policy_is_a_test_of_pytest(kinds: Desk) -> None:
    files = [str(kinds.folder / name) for name in ("history.jsonl", "kinds.toml")]
    code, said = said_in(kinds.folder, "--nilo-history", files[0], "--nilo-policies", files[1], "-q", "-rfps")
    assert code == 1
    failed = set(re.findall(r"^FAILED .*::policy/(\w+)", said, re.MULTILINE))
    assert failed == set(BREACHES)
    for name, found in BREACHES.items():
        for line, whom in found:
            assert f"at #{line}, " in said
            assert f"However, the policy does not hold of {whom}: " in said, name
    assert "6 failed" in said


def test_an_observed_group_and_a_change_at_an_unknown_time_are_warnings(desk: Desk) -> None:
    spool = Spool().poll(0, vm(4096, 4096), dynamic(4096)).poll(10, vm(8192, 8192), dynamic(4096))
    assert desk.call("import-hyperv", desk.write("s.jsonl", spool.data), "--final").code == 0
    policies = desk.write("p.toml", """
[together]
vms = ["web*", "erp*"]
group = "both"
says = "Never over 9 GiB together."
holds = "group.held <= 9 * GiB"

[early]
inside = "Mon 10:05-10:08"
zone = "Europe/Berlin"
says = "No VM grows in these minutes."
holds = "vm.assigned <= before.assigned"
""")  # fmt: skip
    history = desk.write("h.jsonl", desk.events)
    results = desk.call("audit", history, "--policies", policies, "--format", "sarif").json["runs"][0]["results"]
    levels = {(result["ruleId"], result["level"]) for result in results if result["ruleId"].startswith("policy/")}
    assert levels == {("policy/together", "error"), ("policy/early", "warning")}
    shown = desk.call("audit", history, "--policies", policies, "--format", "github").out
    assert re.search(
        r"^::warning file=.*title=policy/early::it is not known whether it happened inside Mon", shown, re.M
    )
    assert re.search(r"^::error file=.*title=policy/together::the policy does not hold", shown, re.MULTILINE)


def test_why_one_process_judges_it_all_is_said(kinds: Desk) -> None:
    policy = kinds.write("one.toml", '[some]\nsays = "Some."\nholds = "host.free >= 0 * MiB or host.total > 9 * TiB"\n')
    assert kinds.call("audit", "--cores", "2").err == ""
    assert kinds.call("policy", "adopt", policy).code == 0
    shown = kinds.call("audit", "--cores", "2")
    position = 14 + 1
    assert f"note: one process judges all of it: event #{position + 1} adopts a policy or retires one" in shown.err
