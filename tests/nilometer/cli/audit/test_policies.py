"""Audits by policies of one's own: from the command line, from Python, and with pytest."""

from __future__ import annotations

import json
from hashlib import sha256

import pytest

from nilometer import InputError, Ledger, Verdict, audit_history
from tests.nilometer.cli.calling import Desk
from tests.nilometer.cli.test_schemas import problems
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
