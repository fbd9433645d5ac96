"""The synthetic spools: the same each time, said to be synthetic, and such that everything that matters happens."""

from __future__ import annotations

import json
from itertools import islice, pairwise
from pathlib import Path

from benchmarks.fleet import Fleet, Size
from benchmarks.spools import spools

SMALL = Size(hosts=16, vms=6)


def test_a_fleet_has_the_same_day_each_time() -> None:
    one, other = (list(islice(Fleet(SMALL).lines(), 100)) for _ in range(2))
    assert one == other


def test_a_day_has_moves_starts_stops_requests_changes_and_a_migration() -> None:
    lines = list(Fleet(SMALL).lines())
    polls = [line for _, line in lines if line["kind"] == "poll"]
    assert len(polls) == SMALL.hosts * SMALL.minutes
    assert any(line["kind"] == "change" for _, line in lines)
    assert any(job["type"] == 31 and job["owner"] for poll in polls for job in poll["jobs"])
    seen: dict[str, list[tuple[str, int, int, bool]]] = {}
    for poll in polls:
        for vm in poll["vms"]:
            seen.setdefault(vm["id"], []).append((poll["host"], vm["state"], vm["assigned"], vm["dynamic"]))
    assert any(len({host for host, *_ in told}) > 1 for told in seen.values())
    assert any({state for _, state, *_ in told} >= {2, 3} for told in seen.values())
    moves = [sum(one[2] != other[2] for one, other in pairwise(told)) for told in seen.values() if told[0][3]]
    assert min(moves) == 0 < max(moves), "some VMs with Dynamic Memory never move, and some do"


def test_a_spool_is_written_as_the_collector_does_and_says_that_it_is_synthetic(tmp_path: Path) -> None:
    files = spools(tmp_path, Size(hosts=2, vms=3, minutes=5))
    assert [file.name for file in files] == ["HV01-20261123.jsonl", "HV02-20261123.jsonl"]
    for file in files:
        empty, note, *rest = file.read_bytes().split(b"\n")
        assert (empty, rest[0]) == (b"", b"")
        assert json.loads(note)["text"].startswith("SYNTHETIC")
        lines = [json.loads(line) for line in rest if line]
        times = [line["time"] for line in lines]
        assert sum(line["kind"] == "poll" for line in lines) == 5
        assert times == sorted(times)
    assert spools(tmp_path, Size(hosts=2, vms=3, minutes=5)) == files
