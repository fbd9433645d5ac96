"""``nilo policy adopt``, ``list`` and ``retire``: what they say, end with, and leave in the history."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from tests.nilometer.cli.calling import Desk
from tests.nilometer.cli.policies.test_check import POLICIES
from tests.nilometer.cli.test_schemas import problems

QUARTER = '''\
def quarter_stays_free(host: Host) -> bool:
    """A quarter of each host stays free."""
    return host.free * 4 >= host.total
'''


def test_adopted_policies_refuse_and_are_listed_and_retired(desk: Desk) -> None:
    desk.with_history()
    adopted = desk.call("policy", "adopt", desk.write("policies.py", QUARTER), "--reason", "CHG-1")
    assert (adopted.code, adopted.err) == (0, "")
    assert adopted.out.splitlines()[0] == "Adopted quarter_stays_free: A quarter of each host stays free."
    short = desk.call("do", "add-memory", "web01", "1TiB")
    assert short.code == 1
    assert "the policy quarter_stays_free would not hold of host hv01: A quarter of each host stays free" in short.out
    document = desk.call("policy", "list", "--format", "json").json
    assert problems("policy-list", document) == []
    (listed,) = document["policies"]
    assert (listed["name"], listed["reason"], listed["broken"]) == ("quarter_stays_free", "CHG-1", [])
    assert "quarter_stays_free" in desk.call("policy", "list").out
    log = desk.call("log").out
    assert 'policy quarter_stays_free was adopted: "A quarter of each host stays free."' in log
    (position,) = [line.split()[0].strip("#") for line in log.splitlines() if " was adopted: " in line]
    assert '    requested by ann via nilo, because "CHG-1"\n' in desk.call("show", position).out
    assert desk.call("audit").code == 0
    retired = desk.call("policy", "retire", "quarter_stays_free", "--format", "json").json
    assert problems("policy-retire", retired) == []
    assert retired["retired"] == ["quarter_stays_free"]
    assert desk.call("policy", "list").out.startswith("No policy is adopted")
    assert desk.call("audit").code == 0


def test_a_policy_that_is_broken_is_refused_with_who_breaks_it(desk: Desk) -> None:
    desk.with_history()
    file, before = desk.write("policies.py", POLICIES), desk.events
    refused = desk.call("policy", "adopt", file)
    assert (refused.code, desk.events) == (1, before)
    assert "most_stays_free is broken now: 90 % of the host stay free." in refused.out
    by = "host.total * 9 is 589824 MiB, more than host.free * 10, 561820 MiB (host.held is "
    assert f"  broken by host hv01: {by}" in refused.out
    assert "--from-now" in refused.err
    document = desk.call("policy", "adopt", file, "--format", "json").json
    assert problems("policy-adopt", document) == []
    assert (document["refused"], [one["subject"] for one in document["broken"]]) == ("broken", ["host/hv01"])
    from_now = desk.call("policy", "adopt", file, "--only", "most_stays_free", "--from-now", "--format", "json").json
    assert problems("policy-adopt", from_now) == []
    assert (from_now["refused"], from_now["adopted"]) == (None, ["most_stays_free"])
    assert "broken by host hv01" in desk.call("policy", "list").out
    assert desk.call("audit").code == 0


def test_a_policy_that_would_refuse_a_stop_shuts_it_off(desk: Desk) -> None:
    desk.with_history()
    text = 'def held(host: Host) -> bool:\n    """Something is held."""\n    return host.held >= GiB\n'
    refused = desk.call("policy", "adopt", desk.write("policies.py", text), "--from-now")
    assert refused.code == 1
    assert "held shuts off stop, which no policy may refuse" in refused.out


def test_a_policy_with_a_bound_that_no_size_reaches_is_impossible_and_not_broken(desk: Desk) -> None:
    desk.with_history()
    absurd = QUARTER.replace("host.free * 4 >= host.total", "host.free >= 8192 * TiB")
    refused = desk.call("policy", "adopt", desk.write("absurd.py", absurd), "--from-now")
    assert refused.code == 1
    assert "quarter_stays_free is impossible: no state that the rules allow keeps it" in refused.out
    assert "broken" not in refused.out
    largest = absurd.replace("8192", "4095")  # a host may have 4096 TiB
    assert desk.call("policy", "adopt", desk.write("large.py", largest), "--from-now").code == 0


def test_the_list_says_to_what_and_when_a_policy_applies(desk: Desk) -> None:
    desk.with_history()
    text = """
[no_growth_at_night]
inside = "22:00-04:00"
zone = "Europe/Berlin"
vms = ["web*"]
says = "No web VM grows at night."
holds = "vm.assigned <= before.assigned"
"""
    assert desk.call("policy", "adopt", desk.write("night.toml", text)).code == 0
    line = "no_growth_at_night [VMs web*, inside 22:00-04:00 Europe/Berlin]: No web VM grows at night."
    assert line in desk.call("policy", "list").out.splitlines()
    shop = """
[shop]
vms = ["web*"]
group = "shop"
says = "The shop holds at most 60 GiB."
holds = "group.held <= 60 * GiB"
[together]
one = "web01"
other = "db01"
says = "They hold at most 60 GiB."
holds = "one.held + other.held <= 60 * GiB"
"""
    assert desk.call("policy", "adopt", desk.write("shop.toml", shop)).code == 0
    document = desk.call("policy", "list", "--format", "json").json
    assert problems("policy-list", document) == []
    shown = [[one[name] for name in ("name", "one", "other", "group", "window")] for one in document["policies"]]
    assert shown == [
        ["no_growth_at_night", None, None, None, "inside 22:00-04:00 Europe/Berlin"],
        ["shop", None, None, "shop", None],
        ["together", "web01", "db01", None, None],
    ]


def test_wrong_names_end_with_2(desk: Desk) -> None:
    desk.with_history()
    file = desk.write("policies.py", QUARTER)
    unknown = desk.call("policy", "adopt", file, "--only", "quarter_stay_free")
    assert (unknown.code, "did you mean quarter_stays_free?" in unknown.err) == (2, True)
    none = desk.call("policy", "retire", "quarter_stays_free")
    assert (none.code, "no policy 'quarter_stays_free' is adopted" in none.err) == (2, True)


def test_questions_and_plans_are_answered_by_the_adopted_policies(desk: Desk) -> None:
    desk.with_history()
    desk.call("policy", "adopt", desk.write("policies.py", QUARTER))
    partly = desk.call("can", "add-memory", "web01", "1TiB")
    assert partly.code == 1
    assert "with more, the policy quarter_stays_free would not hold of hv01" in partly.out
    asked = desk.call("can", "add-memory", "web01", "1TiB", "--format", "json").json
    done = desk.call("do", "add-memory", "web01", "1TiB", "--format", "json").json
    assert (asked["granted"], asked["code"]) == (done["granted"], "policy")


RESERVED = '''\
def reserve_of_4_gib(host: Host) -> bool:
    """Each host reserves 4 GiB."""
    return host.reserve >= 4 * GiB
'''


def test_the_refused_registration_of_a_host_names_the_policy(desk: Desk) -> None:
    desk.with_history()
    assert desk.call("policy", "adopt", desk.write("policies.py", RESERVED), "--from-now").code == 0
    register = ("do", "register-host", "hv09", "--version", "2022", "--total", "64GiB", "--reserve", "1GiB")
    before = desk.events
    for more in ((), ("--dry-run",), ("--key", "once"), ("--key", "once")):
        refused = desk.call(*register, *more)
        assert (refused.code, refused.err, desk.events) == (1, "", before)
        assert (
            "Cannot register host hv09: the policy reserve_of_4_gib would not hold of host hv09: "
            "Each host reserves 4 GiB (host.reserve 1 GiB)." in refused.out
        )


def test_a_rehearsal_of_a_registration_that_the_rules_refuse_says_why(desk: Desk) -> None:
    desk.with_history()
    register = ("do", "register-host", "hv09", "--version", "2022", "--total", "1GiB", "--reserve", "2GiB")
    refused = desk.call(*register, "--dry-run")
    assert (refused.code, refused.err) == (1, "")
    assert "the reserve 2 GiB is more than the total 1 GiB" in refused.out


def test_a_measurement_that_breaks_a_policy_is_recorded_and_no_finding(desk: Desk) -> None:
    desk.with_history()
    text = 'def spare(vm: Vm) -> bool:\n    """A tenth is spare."""\n    return vm.in_use * 10 <= vm.assigned * 9\n'
    assert "broken by report-in-use too" in desk.call("policy", "check", desk.write("policies.py", text)).out
    assert desk.call("policy", "adopt", desk.write("policies.py", text), "--from-now").code == 0
    (web,) = [row for row in desk.call("view", "--format", "json").json["vms"] if row["vm"] == "web01"]
    assert desk.call("do", "report-in-use", "web01", str(web["assigned"])).code == 0
    assert desk.call("audit").code == 0


def test_a_policy_counts_for_a_question_and_a_plan_while_it_applies(desk: Desk) -> None:
    desk.with_history()
    desk = replace(desk, clock=lambda: datetime(2030, 1, 1, 12, tzinfo=UTC))  # a Tuesday
    scope = '@scope({}="Tue 00:00-24:00", zone="UTC")\n'
    text = 'def same(before: Vm, vm: Vm) -> bool:\n    """No growth."""\n    return vm.assigned <= before.assigned\n'
    grow = '{"command": "add-memory", "vm": "web01", "amount": "64MiB"}\n'
    questions = (("can", "add-memory", "web01", "64MiB"), ("do", "add-memory", "web01", "64MiB", "--dry-run"))
    for window, code in (("outside", 0), ("inside", 1)):
        adopted = desk.call("policy", "adopt", desk.write("policies.py", scope.format(window) + text))
        assert (adopted.code, adopted.err) == (0, "")
        assert [desk.call(*question).code for question in questions] == [code, code]
        assert desk.call("plan", desk.write("one.jsonl", grow)).code == code


def test_a_limit_of_a_vm_alone_says_that_its_host_has_the_memory(desk: Desk) -> None:
    desk.with_history()
    (web,) = [row for row in desk.call("view", "--format", "json").json["vms"] if row["vm"] == "web01"]
    text = f'def capped(vm: Vm) -> bool:\n    """No more."""\n    return vm.assigned <= {web["assigned"]}\n'
    assert desk.call("policy", "adopt", desk.write("policies.py", text)).code == 0
    asked = desk.call("can", "add-memory", "web01", "64MiB")
    assert asked.code == 1
    assert "makes it possible: host hv01 has the memory, and capped limits web01" in asked.out
