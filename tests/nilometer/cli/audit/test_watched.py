"""``nilo audit`` shows which time of each host was not watched."""

from __future__ import annotations

import pytest

from tests.nilometer.cli.calling import Desk
from tests.nilometer.cli.test_schemas import problems
from tests.nilometer.importers.hyperv.synthetic import Spool, vm


def spool(*gaps: tuple[int, int], host: str = "HV01") -> bytes:
    """An hour and a half of polls, but for some times."""
    found = Spool(host)
    for minute in range(90):
        if not any(begin < minute < end for begin, end in gaps):
            found.poll(minute, vm())
    return found.data


@pytest.fixture
def watched(desk: Desk) -> Desk:
    """A ledger with two hosts, of which one has gaps."""
    files = [
        desk.write("one.jsonl", spool((5, 20), (30, 36), (40, 48), (60, 70))),
        desk.write("two.jsonl", spool(host="HV02")),
    ]
    desk.call("import-hyperv", *files, "--final")
    return desk


def test_the_longest_times_without_polls_are_shown_and_the_others_counted(watched: Desk) -> None:
    shown = watched.call("audit").out
    assert (
        "What was not watched:\n"
        "  host hv01, for 39 min: 2026-11-23 09:05:00Z to 09:20:00Z, 2026-11-23 10:00:00Z to 10:10:00Z, "
        "2026-11-23 09:40:00Z to 09:48:00Z, and 1 shorter time\n"
    ) in shown
    assert "2026-11-23 09:30:00Z to 09:36:00Z" in watched.call("audit", "--all").out


def test_programs_have_all_of_them(watched: Desk) -> None:
    document = watched.call("audit", "--format", "json").json
    assert problems("audit", document) == []
    one, two = document["watched"]
    assert (one["host"], one["since"], one["until"]) == (
        "hv01",
        "2026-11-23T09:00:00.000000Z",
        "2026-11-23T10:29:00.000000Z",
    )
    assert [gap["since"][11:16] for gap in one["gaps"]] == ["09:05", "09:30", "09:40", "10:00"]
    assert (two["host"], two["gaps"]) == ("hv02", [])


def test_only_what_was_asked_for_is_shown(watched: Desk) -> None:
    asked = ("audit", "--since", "2026-11-23T09:33:00Z", "--until", "2026-11-23T09:45:00Z", "--format", "json")
    one, _ = watched.call(*asked).json["watched"]
    assert [gap["since"][11:16] for gap in one["gaps"]] == ["09:30", "09:40"]
    assert [host["host"] for host in watched.call("audit", "--host", "hv02", "--format", "json").json["watched"]] == [
        "hv02"
    ]
    assert "What was not watched" not in watched.call("audit", "--host", "hv02").out
