"""``nilo policy adopt``, ``list`` and ``retire``: what they say, end with, and leave in the history."""

from __future__ import annotations

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
    assert "policy quarter_stays_free was adopted: A quarter of each host stays free." in log
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
    assert "  broken by host hv01" in refused.out
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
