"""``nilo log --asked`` for programs and for reviewers, and ``nilo annotate``. The spools are synthetic."""

from __future__ import annotations

import pytest

from domain.quantities import GiB, MiB
from tests.nilometer.cli.calling import Desk
from tests.nilometer.cli.test_schemas import problems
from tests.nilometer.importers.hyperv.synthetic import WEB, Spool, job, vm
from tests.paths import EXAMPLES

DAY = str(EXAMPLES / "HV01-20261123.jsonl")
ASKED = ("log", "--asked", "--format", "json")


@pytest.fixture
def day(desk: Desk) -> Desk:
    """A desk with the ledger of the example's day."""
    assert desk.call("import-hyperv", DAY).code == 0
    return desk


def test_each_request_is_one_object_as_its_schema_says(day: Desk) -> None:
    anna, ben, nobody = lines = day.call(*ASKED).lines
    assert [problems("request", line) for line in lines] == [[], [], []]
    assert (anna["name"], anna["actor"], anna["via"], anna["command"]) == (
        "web01",
        "CONTOSO\\anna",
        "powershell",
        "Set-VMMemory web01 -StartupBytes 8GB",
    )
    assert (anna["size_from"], anna["target"], anna["requested"], anna["granted"]) == (
        4 * GiB, 8 * GiB, 4 * GiB, 4 * GiB,
    )  # fmt: skip
    assert (ben["outcome"], ben["code"], ben["granted"]) == ("partially-completed", "superseded", 2500 * MiB)
    assert (nobody["actor"], nobody["asked_after"]) == (None, "2026-11-23T09:05:00.000000Z")
    assert nobody["position"] in nobody["positions"]
    assert len(nobody["positions"]) == 3, "the request, its move, its settlement"


def test_what_was_decided_has_the_same_form(desk: Desk) -> None:
    host = '{"command": "register-host", "host": "hv01", "version": "2022", "total": "8GiB", "reserve": "1GiB"}'
    desk.call("run", desk.write("s.jsonl", host + "\n"), "--actor", "anna")
    (line,) = desk.call(*ASKED).lines
    assert problems("request", line) == []
    assert (line["command"], line["host"], line["outcome"], line["positions"]) == ("register-host", "hv01", "done", [1])


def test_a_correlation_that_somebody_gave_is_a_ticket_and_one_of_our_own_is_none(desk: Desk) -> None:
    host = '{"command": "register-host", "host": "hv0N", "version": "2022", "total": "8GiB", "reserve": "1GiB"}'
    desk.call("run", desk.write("s.jsonl", host.replace("N", "1") + "\n"))
    desk.call("run", "-", stdin=host.replace("N", "2").encode() + b"\n")
    register = ("do", "register-host", "--version", "2022", "--total", "8GiB", "--reserve", "1GiB")
    desk.call(*register, "hv03")
    desk.call(*register, "hv04", "--correlation", "CHG-9")
    record = ("record", "--new", "--asked", "8GiB", "--before", "4GiB", "--after", "8GiB")
    desk.call(*record, "web01")
    desk.call(*record, "web02", "--correlation", "CHG-9")
    shown = [line["vm"] or line["host"] for line in desk.call(*ASKED, "--no-ticket").lines]
    assert shown == ["hv01", "hv02", "hv03", "web01"]


def test_requests_without_a_user_or_a_ticket_are_found_until_somebody_adds_it(day: Desk) -> None:
    def positions(*options: str) -> list[int]:
        return [line["position"] for line in day.call(*ASKED, *options).lines]

    assert positions("--nobody") == [23]
    assert positions("--no-ticket") == [7, 14, 23]
    assert positions("--no-ticket", "-n", "1") == [23]
    added = ("--reason", "month end", "--ticket", "CHG-2041", "--approved-by", "CONTOSO\\anna")
    result = day.call("annotate", "23", *added, "--actor", "CONTOSO\\dora", "--format", "json").json
    assert problems("annotation", result) == []
    assert result["about"] == 23
    assert positions("--no-ticket") == [7, 14]
    (line,) = day.call(*ASKED, "--nobody").lines
    assert (line["reason"], line["ticket"], line["approved_by"]) == ("month end", "CHG-2041", "CONTOSO\\anna")
    assert day.call("annotate", "23", "--reason", "year end").code == 0
    for part in [one for one in line["positions"] if one != 23]:
        refused = day.call("annotate", str(part), "--ticket", "CHG-1")
        assert refused.err == (
            f"error: position {part} is what came of the request at position 23\n"
            "hint: add it to the request: nilo annotate 23\n"
        )
    for added_at in (result["positions"][0], result["positions"][0] + 1):  # what is added to that is shown nowhere
        refused = day.call("annotate", str(added_at), "--ticket", "CHG-1")
        assert refused.err == (
            f"error: position {added_at} is itself what was added to another event\n"
            "hint: add it to that: nilo annotate 23\n"
        )
    history = day.call("log", "--format", "json").lines
    on_host = next(line["position"] for line in history if "host.observed" in line["type"])
    refused = day.call("annotate", str(on_host), "--ticket", "CHG-1")
    assert refused.err.endswith("hint: nilo log --asked lists requests with their positions\n")
    shown = day.call("log", "--asked", "--nobody").out
    assert ', because "year end", ticket CHG-2041, approved by CONTOSO\\anna' in shown
    assert day.call("view", "--vm", "web01", "--format", "json").json["vms"][0]["as_of"] < "2026-11-24"


@pytest.mark.parametrize(
    ("args", "what"),
    [
        (["annotate", "23"], "nothing is added"),
        (["annotate", "2200", "--reason", "x"], "there is no position 2200"),
        (["annotate", "1", "--reason", "x"], "position 1 is not an event of an observed VM"),
        (["annotate", "0", "--reason", "x"], "0"),
        (["log", "--nobody"], "--nobody needs --asked"),
        (["log", "--asked", "--nobody", "--actor", "x"], "--nobody does not go with --actor"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_recorded(day: Desk, args: list[str], what: str) -> None:
    before = day.call("info", "--format", "json").json["events"]
    result = day.call(*args)
    assert (result.code, what in result.err) == (2, True), result.err
    assert day.call("info", "--format", "json").json["events"] == before


def test_the_words_of_the_hypervisor_stand_beside_what_came_of_a_request(desk: Desk) -> None:
    long = f"web01 could not give\n back {'all ' * 60}memory"
    jobs = [job(0.5, kind=42, state=32768, error=32768, description=long)]
    spool = Spool().poll(0, vm(8192, 8192)).poll(1, vm(7168, 4096), jobs=jobs).poll(2, vm(7168, 4096), jobs=jobs)
    assert desk.call("import-hyperv", desk.write("s.jsonl", spool.poll(3, vm(7168, 4096)).data)).code == 0
    outcome = desk.call("log", "--asked").out.splitlines()[-1]
    quote = outcome.partition(': "')[2]
    assert quote.startswith("web01 could not give back all all")
    assert (len(quote), quote[-2:]) == (161, '…"')
    assert desk.call(*ASKED).lines[0]["message"] == long


def test_a_vm_that_has_not_what_it_is_set_to_is_shown_so(desk: Desk) -> None:
    spool = Spool().poll(0, vm(8192, 8192)).poll(1, vm(7168, 4096)).poll(2, vm(7168, 4096))
    assert desk.call("import-hyperv", desk.write("s.jsonl", spool.data), "--final").code == 0
    short = "set to 4096 MiB, has 7168 MiB: 3072 MiB could not be removed so far"
    assert f"; {short}; last update" in desk.call("view", "--vm", WEB).out
    assert f"web01 {short}" in desk.call("view", "--format", "human").out


def test_what_nobody_requested_is_not_said_to_have_failed(desk: Desk) -> None:
    spool = Spool().poll(0, vm(4096, 1024)).poll(1, vm(4096, 1024))
    assert desk.call("import-hyperv", desk.write("s.jsonl", spool.data), "--final").code == 0
    assert "; set to 1024 MiB, has 4096 MiB; last update" in desk.call("view").out
