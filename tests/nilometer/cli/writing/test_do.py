"""``nilo do`` and ``nilo record``: one change from arguments."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from domain.commands import COMMANDS
from nilometer.cli.writing.do_arguments import SHAPES
from tests.nilometer.cli.calling import Desk

LIFE = """\
do register-host hv01 --version 2022 --total 64GiB --reserve 2304MiB
do register-host hv02 --version 2019 --total 64GiB --reserve 0
do resize-host hv02 128GiB
do set-reserve hv02 4GiB
do define-vm web01 --host hv01 --generation 2 --guest windows --config-version 10.0 --size 4GiB --name shop
do define-vm db01 --host hv01 --generation 1 --guest windows-legacy --config-version 9.0 --minimum 512MiB --startup 2GiB --maximum 8GiB
do configure-memory db01 --minimum 512MiB --startup 2GiB --maximum 4GiB --buffer 25
do configure-guest web01 --guest windows --config-version 11.0
do start web01
do start db01
do pause web01
do resume web01
do report-in-use web01 1GiB
do add-memory web01 2GiB
do remove-memory web01 1GiB
do set-memory web01 6GB
do grow db01 1GiB
do report-in-use db01 1GiB
do reclaim db01 1GiB
do save web01
do restore web01
do reboot-guest web01
do move-vm web01 hv02
do stop web01
do remove-vm web01
do stop db01
do remove-vm db01
do remove-host hv01
"""  # noqa: E501


def test_every_command_of_the_model_can_be_done_from_arguments(desk: Desk) -> None:
    assert SHAPES.keys() == COMMANDS.keys()
    done = [line.split() for line in LIFE.splitlines()]
    for args in done:
        result = desk.call(*args, "--format", "json")
        assert result.code == 0, (args, result)
        assert result.json["command"] == args[1]
    assert {args[1] for args in done} == COMMANDS.keys()


def test_options_may_stand_before_or_after_the_command_and_the_last_counts(desk: Desk) -> None:
    host = ["do", "register-host", "hv01", "--version", "2022", "--total", "1GiB", "--reserve", "0"]
    result = desk.call("--format", "json", *host, "--actor", "bob", env={"NILO_FORMAT": "human"})
    assert result.json["positions"] == [1]
    assert desk.call("--format", "plain", "log", "--format", "json").lines[0]["actor"] == "bob"


def test_a_vm_may_be_called_by_a_name_that_is_its_alone(desk: Desk) -> None:
    for line in LIFE.splitlines()[:6]:
        desk.call(*line.split())
    result = desk.call("do", "start", "shop", "--format", "json")
    assert (result.code, result.json["target"]) == (0, "vm/web01")
    assert result.err == "note: shop is the VM web01\n"


def test_a_name_that_two_vms_have_lists_them(desk: Desk) -> None:
    for line in LIFE.splitlines()[:6]:
        desk.call(*line.split())
    desk.call(*LIFE.splitlines()[4].replace("web01", "web02").split())
    result = desk.call("do", "start", "shop")
    assert result.code == 2
    assert result.err == "error: 2 VMs have the name 'shop'\nhint: give an id: web01, web02\n"


@pytest.mark.parametrize(
    ("args", "error", "hint"),
    [
        ("do start wbe01", "there is no VM 'wbe01'", "did you mean web01?"),
        ("do move-vm web01 hv2", "there is no host 'hv2'", "did you mean hv01?"),
        ("do add-memory web01 4gib", "amount: '4gib' has the unknown unit 'gib'", "did you mean 4GiB?"),
        ("do add-memory web01 1.5GiB", "amount: '1.5GiB' is not a size", "write a whole number and a unit"),
        ("do add-memory web01 9PiB", "amount: 10133099161583616 is over the largest size", ""),
        ("do configure-memory web01", "the memory setting is missing", "static: --size 4GiB"),
        ("do configure-memory web01 --maximum 4GiB", "the memory setting is neither static nor dynamic", "static:"),
        ("do start web01 --at noon", "'noon' is not a time", "write 2026-11-17"),
        ("do start web01 --at 2020-01-01", "'at' 2020-01-01 00:00:00Z is before the last event of", "times in a"),
        ("do start", "missing argument 'VM'", "nilo do start --help"),
        ("do define-vm web01 --host hv01 --generation 2 --guest windos --config-version 10.0 --size 4GiB",
         "guest: 'windos' is not one of", "did you mean windows?"),
        ("do define-vm web01 --host hv01 --generation 2 --guest windows --config-version 10.0 --size 4GiB",
         "the VM id 'web01' is taken", "choose another id"),
        ("do start web01 --actor=", "--actor is empty", "write something"),
    ],
)  # fmt: skip
def test_bad_input_is_told_with_a_hint_and_records_nothing(desk: Desk, args: str, error: str, hint: str) -> None:
    for line in LIFE.splitlines()[:6]:
        if "hv02" not in line:
            desk.call(*line.split())
    history = desk.events
    result = desk.call(*args.split())
    assert result.code == 2
    assert (result.out, desk.events) == ("", history)
    messages = [line for line in result.err.splitlines() if not line.startswith("note: ")]
    assert messages[0].startswith(f"error: {error}")
    assert "\n".join(messages[1:]).startswith(f"hint: {hint}") or not hint


def test_a_command_on_a_ledger_that_is_not_there_makes_none(desk: Desk) -> None:
    result = desk.call("do", "start", "web01")
    assert result.code == 2
    assert "ledger.db" in result.err
    assert not (desk.folder / "ledger.db").exists()


def test_a_time_without_a_zone_is_local_and_the_zone_is_told(desk: Desk) -> None:
    desk.with_history()
    result = desk.call("view", "--at", "2026-11-23 10:00", env={"TZ": "UTC"})
    assert result.err == "note: 2026-11-23 10:00 is read as 2026-11-23 10:00:00Z\n"


RECORD = ["record", "web07", "--new", "--asked", "8GiB", "--before", "4GiB"]


def test_what_another_tool_did_is_recorded_with_what_came_of_it(desk: Desk) -> None:
    result = desk.call(*RECORD, "--after", "6GiB", "--via", "powershell", "--reason", "month end", "--format", "json")
    assert result.code == 1
    answer = result.json
    assert (answer["outcome"], answer["requested"], answer["granted"]) == ("partially-completed", 2**32, 2**31)
    kinds = [event["type"] for event in desk.call("log", "--format", "json").lines]
    assert kinds == [
        "nilometer.vm.observed.v3",
        "nilometer.vm.change-requested.v2",
        "nilometer.vm.memory-moved.v4",
        "nilometer.vm.request-settled.v1",
    ]
    moved = desk.call("log", "--format", "json").lines[2]
    assert (moved["data"]["why"], moved["data"]["request"], moved["reason"]) == ("request", 1, "month end")
    (vm,) = desk.call("view", "--format", "json").json["vms"]
    assert (vm["origin"], vm["assigned"], vm["power"]) == ("observed", 6 * 2**30, None)


@pytest.mark.parametrize(
    ("args", "code", "outcome", "why"),
    [
        (["--after", "8GiB"], 0, "completed", None),
        (["--after", "4GiB"], 1, "failed", "not-told"),
        (["--after", "4GiB", "--error", "Not enough memory.\nSorry."], 1, "rejected", "refused-by-hypervisor"),
        (["--after", "6GiB", "--error", "It stopped."], 1, "partially-completed", "refused-by-hypervisor"),
    ],
)
def test_why_it_fell_short_is_what_the_figures_or_the_tool_say(
    desk: Desk, args: list[str], code: int, outcome: str, why: str | None
) -> None:
    result = desk.call(*RECORD, *args, "--format", "json")
    assert (result.code, result.json["outcome"]) == (code, outcome)
    error = result.json["error"]
    assert (error and error["code"]) == why


def test_memory_that_moved_away_from_what_was_asked_was_not_asked_for(desk: Desk) -> None:
    result = desk.call(*RECORD, "--after", "2GiB", "--format", "json")
    assert (result.json["outcome"], result.json["granted"]) == ("failed", 0)
    moved = desk.call("log", "--format", "json").lines[2]
    assert (moved["data"]["why"], moved["data"]["request"]) == ("unasked", None)


def test_memory_that_was_in_use_is_inferred_from_the_figures(desk: Desk) -> None:
    args = ["record", "web07", "--new", "--asked", "2GiB", "--before", "8GiB", "--after", "6GiB", "--in-use", "5900MiB"]
    result = desk.call(*args, "--format", "json")
    assert result.json["error"]["code"] == "memory-in-use"
    assert result.json["error"]["hint"].startswith("free 4 GiB in the guest by stopping applications or services")


def test_a_second_change_goes_on_from_the_first(desk: Desk) -> None:
    desk.call(*RECORD, "--after", "6GiB")
    result = desk.call("record", "web07", "--asked", "8GiB", "--before", "6GiB", "--after", "8GiB", "--format", "json")
    assert result.code == 0
    requests = [e["request"] for e in desk.call("log", "--asked", "--format", "json").lines]
    assert requests == [1, 2]


def test_a_decided_vm_cannot_be_observed(desk: Desk) -> None:
    desk.with_history()
    history = desk.events
    result = desk.call("record", "web01", "--asked", "8GiB", "--before", "4GiB", "--after", "6GiB")
    assert result.code == 2
    assert "decided by this ledger" in result.err
    assert "hint: ask for the change instead: nilo do set-memory web01 SIZE" in result.err
    assert desk.events == history


@pytest.mark.parametrize(
    ("args", "error"),
    [
        ("a/b --asked 2GiB --before 1GiB --after 2GiB", "vm: has a '/'"),
        ("web07 --asked 2.5GiB --before 1GiB --after 2GiB", "--asked: '2.5GiB' is not a size"),
        ("web07 --asked 2GiB --before 1gib --after 2GiB", "--before: '1gib' has the unknown unit 'gib'"),
        ("web07 --asked 2GiB --before 1GiB --after 5PiB", "--after: 5629499534213120 is over the largest size"),
        ("web07 --asked 2GiB --before 1GiB --after 2GiB --in-use x", "--in-use: 'x' is not a size"),
        ("web07 --asked 2GiB --before 1GiB --after 2GiB --error=", "--error is empty"),
        ("web07 --asked 8 --before 4GiB --after 6GiB", "--asked: '8' has no unit, and is 8 bytes\nhint: write 8GiB"),
        ("web07 --asked 8GiB --before 4GiB --after 6144", "--after: '6144' has no unit, and is 6144 bytes"),
    ],
)
def test_what_cannot_be_read_of_another_tool_is_told_and_not_recorded(desk: Desk, args: str, error: str) -> None:
    result = desk.call("record", *args.split())
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith(f"error: {error}"), result.err
    assert not (desk.folder / "ledger.db").exists()


HOST = ("register-host", "hv09", "--version", "2022", "--total", "64GiB", "--reserve", "2GiB")


def test_a_time_that_is_still_to_come_is_told_and_so_is_what_follows_it(tmp_path: Path) -> None:
    desk = Desk(tmp_path, clock=lambda: datetime(2030, 1, 1, tzinfo=UTC))
    ahead = desk.call("do", *HOST, "--at", "2030-01-01T23:00:00Z")
    after = desk.call("do", "resize-host", "hv09", "32GiB")
    for result in (ahead, after):
        assert result.code == 0
        assert "note: recorded as happening at 2030-01-01 23:00:00Z, which is still to come" in result.err
    assert "still to come" not in desk.call("do", *HOST[:1], "hv10", *HOST[2:]).err


def test_a_time_over_a_day_ahead_is_refused_unless_that_is_meant(desk: Desk) -> None:
    refused = desk.process("do", *HOST, "--at", "2999-01-01T00:00:00Z")
    assert (refused.code, refused.out) == (2, "")
    assert "error: 'at' 2999-01-01 00:00:00Z is more than a day ahead of the clock (20" in refused.err
    assert "hint: correct the time or the clock; if it is meant, say so (--at-ahead" in refused.err
    assert desk.events == ""
    meant = desk.process("do", *HOST, "--at", "2999-01-01T00:00:00Z", "--at-ahead")
    assert meant.code == 0
    assert "note: recorded as happening at 2999-01-01 00:00:00Z, which is still to come" in meant.err
    after = desk.call("do", "resize-host", "hv09", "32GiB")
    assert after.code == 2
    assert "error: the last event of host/hv09 happened 2999-01-01 00:00:00Z, more than a day ahead" in after.err
    assert desk.call("do", "resize-host", "hv09", "32GiB", "--at-ahead").code == 0


def test_what_another_tool_did_is_not_ahead_either(desk: Desk) -> None:
    args = (
        "record",
        "web07",
        "--new",
        "--asked",
        "8GiB",
        "--before",
        "4GiB",
        "--after",
        "8GiB",
        "--happened",
        "2999-01-01",
    )
    refused = desk.call(*args)
    assert refused.code == 2
    assert "error: vm/web07: the time 2999-01-01 00:00:00Z is more than a day ahead of the clock" in refused.err
    assert desk.events == ""
    assert desk.call(*args, "--at-ahead").code == 0


@pytest.mark.parametrize(
    ("after", "options", "message"),
    [
        (
            "6GiB",
            (),
            "The memory change was only partially completed: 2 GiB of 4 GiB was moved for web07; cause not recorded.",
        ),
        (
            "4GiB",
            ("--error", "it failed"),
            'No memory was moved for web07 (4 GiB requested): refused-by-hypervisor (reported): "it failed".',
        ),
    ],
)
def test_a_recorded_change_that_fell_short_says_so_with_its_figures(
    desk: Desk, after: str, options: tuple[str, ...], message: str
) -> None:
    args = ("record", "web07", "--new", "--asked", "8GiB", "--before", "4GiB", "--after", after, *options)
    assert desk.call(*args, "--format", "json").json["error"]["message"] == message


def test_a_key_makes_a_command_happen_once_and_is_of_no_other_command(desk: Desk) -> None:
    desk.with_history()
    first = desk.call("do", "add-memory", "web01", "2MiB", "--key", "k1")
    again = desk.call("do", "add-memory", "web01", "2MiB", "--key", "k1")
    assert (first.code, again.code) == (0, 0)
    assert "recorded before" not in first.out
    assert "recorded before" in again.out
    other = desk.call("do", "stop", "web01", "--key", "k1")
    assert other.code == 2
    assert "'k1' was used before, for another command" in other.err
    assert '"add-memory"' in other.err


def test_a_typed_day_is_one_by_the_clock_of_the_ledger(tmp_path: Path) -> None:
    desk = Desk(tmp_path, clock=lambda: datetime(2030, 1, 2, 9, tzinfo=UTC))
    result = desk.call("do", *HOST, "--at", "yesterday")
    assert (result.code, "2030-01-01" in result.err) == (0, True), result.err
