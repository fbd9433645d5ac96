"""Moments: half a command is never shown; a change says which events made it; small ones can be left out."""

from __future__ import annotations

from tests.nilometer.cli.calling import Desk
from tests.paths import RECORDINGS

S7 = str(RECORDINGS / "s7_three_vms_one_budget.jsonl")


def test_a_position_within_a_command_shows_all_of_the_command(desk: Desk) -> None:
    # given a history in which a grant stands on the VM's stream and on the host's
    desk.with_history()
    moments = desk.call("log", "--moments", "--format", "json").lines
    grant = next(moment for moment in moments if len(moment["positions"]) == 2)
    first, last = grant["positions"]

    # when the view is asked for at the first of them
    half = desk.call("view", "--position", str(first), "--format", "json")

    # then both are in it, and that is said
    assert half.json == desk.call("view", "--position", str(last), "--format", "json").json
    assert half.json["position"] == last
    assert half.err == f"note: the events up to #{last} were recorded together: this is position {last}\n"


def test_a_difference_up_to_a_position_within_a_command_has_all_of_the_command(desk: Desk) -> None:
    # given a history in which a grant stands on the VM's stream and on the host's
    desk.with_history()
    moments = desk.call("log", "--moments", "--format", "json").lines
    first, last = next(moment["positions"] for moment in moments if len(moment["positions"]) == 2)

    # when the difference is asked for up to the first of them, and from there
    until, since = (
        desk.call("diff", *pair, "--format", "json") for pair in (("0", str(first)), (str(first), str(last)))
    )

    # then both are before the one and after the other, and that is said
    assert until.json == desk.call("diff", "0", str(last), "--format", "json").json
    assert since.json["changes"] == since.json["positions"] == []
    note = f"note: the events up to #{last} were recorded together: this is position {last}\n"
    assert until.err == since.err == note


def test_all_events_of_hosts_and_vms_are_in_one_moment_each_and_an_import_is_none(desk: Desk) -> None:
    desk.with_history()
    desk.call("import-qemu", S7, "--as", "lab")

    moments = desk.call("log", "--moments", "--format", "json").lines
    events = desk.call("log", "--format", "json").lines

    happened = [event["position"] for event in events if not event["subject"].startswith("import/")]
    assert len(happened) < len(events)
    assert [position for moment in moments for position in moment["positions"]] == happened


def test_each_change_names_the_events_that_made_it_and_small_ones_can_be_left_out(desk: Desk) -> None:
    # given three VMs, of which one got memory and two others used a little more or less
    desk.call("import-qemu", S7, "--as", "lab")

    # when two moments are compared
    changes = {change["path"]: change for change in desk.call("diff", "13", "27", "--format", "json").json["changes"]}
    large = desk.call("diff", "13", "27", "--least", "1MiB", "--format", "json").json

    # then a figure names its events, and no other's
    moved = {event["position"]: event for event in desk.call("log", "--vm", "lab.vm1", "--format", "json").lines}
    assert changes["vms.lab.vm1.assigned"]["by"]
    assert all("memory-moved" in moved[position]["type"] for position in changes["vms.lab.vm1.assigned"]["by"])
    # and what changed by less than 1 MiB is counted
    small = [change for change in changes.values() if type(change["before"]) is int and type(change["after"]) is int]
    small = [change for change in small if abs(change["after"] - change["before"]) < 2**20]
    small = [change for change in small if not change["path"].endswith("session")]
    assert large["left_out"] == len(small) > 0
    assert len(large["changes"]) == len(changes) - len(small)
