"""Any history of a Hyper-V host that can be: the judge raises no false alarm, and damaged files give no traceback.

All of it is synthetic: VMs that are resized, restarted, saved, moved, renamed, in random order, VMs that no host lists
for a while, failovers, restarts short of memory, and polls that miss, fail in part or pause.
``python -m tests.nilometer.importers.hyperv.test_any_history MINUTES``
goes on for longer, and says how many histories it made.
"""

from __future__ import annotations

import json
import sys
import time
from datetime import datetime, timedelta
from itertools import count
from random import Random
from typing import Any

import pytest

from domain.errors import InputError
from domain.quantities import MiB
from domain.settings import Mode
from nilometer.times import parse_time, to_utc_time
from tests.nilometer.importers.hyperv.synthetic import ERP, WEB, Json, Spool, Store, dynamic, job, off, vm
from tests.nilometer.importers.qemu.damages import VALUES, keys_of


class Fleet:
    """Two VMs on two hosts: what they are is known here, and what is seen of it is spooled."""

    clocks_jump = True
    """Now and then a host's clock is half an hour behind for a poll."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.spools = {"HV01": Spool("HV01"), "HV02": Spool("HV02")}
        self.host: dict[str, str] = {WEB: "HV01", ERP: "HV01"}
        self.power: dict[str, int] = {WEB: 2, ERP: 2}
        self.since: dict[str, float] = {WEB: -60, ERP: -60}
        self.assigned: dict[str, int] = {WEB: 4096, ERP: 2048}
        self.startup: dict[str, int] = {WEB: 4096, ERP: 2048}
        self.bounds = [512, 8192]
        self.jobs: list[Json] = []
        self.balloons = seed % 2 == 1
        """Whether the guests go on counting what they lent."""
        self.sees: dict[str, int] = {WEB: 4096, ERP: 2048}
        self.saw: dict[str, int] = dict(self.sees)
        """As before the last change: counters may lag."""
        self.away: dict[str, int] = {WEB: 0, ERP: 0}
        """Until when no host lists it: it was moved to a host that nobody collects, and comes back."""
        self.blind = {"HV01": 0, "HV02": 0}
        """Until when a host is not polled."""

    def live(self, minutes: int) -> None:
        """So many minutes, of which some are not polled."""
        for minute in range(minutes):
            for id in (WEB, ERP):
                since, self.saw[id] = self.since[id], self.sees[id]
                if self.random.random() < 0.3:
                    self.happen(id, minute)
                self.go_on(id, minute)
                begun = since != self.since[id] or not self.balloons
                self.sees[id] = self.assigned[id] if begun else max(self.sees[id], self.assigned[id])
                if self.random.random() < 0.01:
                    self.away[id] = minute + self.random.randrange(1, 12)
            for host, spool in self.spools.items():
                if self.random.random() < 0.01:
                    self.blind[host] = minute + self.random.randrange(6, 20)
                if self.random.random() < 0.9 and minute >= self.blind[host]:
                    clock = self.clock(host, minute)
                    there = [self.seen(id, minute) for id in self.listed_by(host, minute)]
                    error = "some part could not be read" if self.random.random() < 0.05 else None
                    spool.poll(clock, *there, jobs=self.jobs_of(host), error=error)

    def clock(self, host: str, minute: int) -> float:
        """What the clock of a host shows."""
        jumps = self.random.random() < 0.01 and self.clocks_jump
        return max(0, minute + (0.5 if host == "HV02" else 0) - (30 if jumps else 0))

    def jobs_of(self, host: str) -> list[Json]:
        """The jobs that a poll of a host lists."""
        return self.jobs[-2:]

    def listed_by(self, host: str, minute: int) -> list[str]:
        """The VMs that a host lists."""
        return [id for id in (WEB, ERP) if self.host[id] == host and minute >= self.away[id]]

    def seen(self, id: str, minute: int) -> Json:
        """A VM as a poll tells it."""
        power = {"state": self.power[id], "uptime": max(0, round((minute - self.since[id]) * 60))}
        size = self.assigned[id] if self.power[id] in (2, 9) and self.random.random() < 0.95 else 0
        sees = self.saw if self.random.random() < 0.1 else self.sees
        free = {
            "physical_mb": size + self.random.choice((0, 0, 0, 64)),
            "visible_mb": sees[id] if size else None,
            "free": self.random.randrange(400),
        }
        if self.power[id] == 3:
            return off(self.startup[id], id=id, dynamic=id == ERP, maximum=8192 * MiB, minimum=512 * MiB)
        if id == WEB:
            return vm(size, self.startup[id], **power, **free)
        low, high = self.bounds
        return dynamic(size, self.startup[id], minimum=low * MiB, maximum=high * MiB, **power, **free)

    def happen(self, id: str, minute: int) -> None:
        """Something happens to a VM."""
        choose, on = self.random.random(), self.power[id] == 2
        if choose < 0.5 and on:
            self.resize(id, minute)
        elif choose < 0.6 and on:
            self.assigned[id], self.since[id] = self.startup[id], minute
        elif choose < 0.7:
            self.power[id] = self.random.choice((6, 9)) if on else 2 if self.power[id] in (6, 9) else self.power[id]
        elif choose < 0.8 and on:
            self.power[id] = 3
        elif choose < 0.9 and self.power[id] == 3:
            self.power[id], self.since[id], self.assigned[id] = 2, minute, self.startup[id]
            self.bounds = [512, 8192] if id == ERP else self.bounds
        elif choose > 0.95 and on:
            self.host[id] = "HV02" if self.host[id] == "HV01" else "HV01"
            if self.random.random() < 0.3:  # its host failed: it starts anew, perhaps short of memory
                self.since[id], self.assigned[id] = minute, self.startup[id] - (512 if id == ERP else 0)

    def go_on(self, id: str, minute: int) -> None:
        """What began before goes on."""

    def resize(self, id: str, minute: int) -> None:
        """Memory is asked for and granted in full, in part, later or not; or Dynamic Memory moves it."""
        if id == ERP:
            if self.random.random() < 0.1:
                self.bounds[1] += 1024
            self.assigned[id] = self.random.randrange(self.bounds[0], self.bounds[1], 2)
            return
        if self.random.random() < 0.6:
            self.startup[id] = self.random.randrange(1024, 9000, 2)
            self.jobs.append(job(minute - 0.2, self.random.choice(("CONTOSO\\anna", "CONTOSO\\ben", None))))
        way = self.startup[id] - self.assigned[id]
        self.assigned[id] += self.random.choice((0, way // 2, way))


class RestlessFleet(Fleet):
    """The same, and grants that come late and in parts, sizes that swing about their target, and checkpoints."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.grants: list[tuple[int, int]] = []
        """When the static VM will have which size."""
        self.checkpoint: tuple[int, int, float] | None = None
        """The startup, the size and the uptime that the static VM had when it was taken."""

    def resize(self, id: str, minute: int) -> None:
        """Memory is asked for, and comes later."""
        if id == ERP or self.random.random() < 0.4:
            super().resize(id, minute)
            return
        self.startup[id] = self.random.randrange(1024, 9000, 2)
        self.jobs.append(job(minute - 0.2, self.random.choice(("CONTOSO\\anna", "CONTOSO\\ben", None))))
        size, target, at = self.assigned[id], self.startup[id], minute
        if self.random.random() < 0.5:
            for _ in range(self.random.randrange(1, 4)):
                at, size = at + self.random.randrange(1, 6), size + (target - size) // 2
                self.grants.append((at, size))
        else:
            self.grants = [(minute + turn, target + self.random.choice((-2, 0, 2))) for turn in range(1, 9)]

    def go_on(self, id: str, minute: int) -> None:
        """Late grants come, and a checkpoint is taken or applied: the VM is off then, or goes on as it was."""
        if id == ERP:
            return
        if self.power[id] != 2 or self.since[id] == minute:
            self.grants.clear()
        self.assigned[id] = next((size for at, size in self.grants if at == minute), self.assigned[id])
        choose = self.random.random()
        if choose < 0.05 and self.power[id] == 2:
            self.checkpoint = self.startup[id], self.assigned[id], minute - self.since[id]
        elif choose < 0.1 and self.checkpoint is not None:
            self.startup[id], self.assigned[id], uptime = self.checkpoint
            self.grants.clear()
            self.jobs.append(job(minute - 0.2, "CONTOSO\\ben", 71))
            self.power[id], self.since[id] = self.random.choice((2, 3)), minute - uptime


class FleetOfTwoClocks(RestlessFleet):
    """The same, where the clock of one host is minutes before the other's, or behind, all the time."""

    clocks_jump = False

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.ahead = {"HV01": 45.0, "HV02": 45 + self.random.choice((-44, -12, -3, 3, 12, 44))}

    def clock(self, host: str, minute: int) -> float:
        return minute + self.ahead[host]

    def jobs_of(self, host: str) -> list[Json]:
        by_its_clock = timedelta(minutes=self.ahead[host])
        return [
            each | {"submitted": to_utc_time(datetime.fromisoformat(parse_time(each["submitted"])) + by_its_clock)}
            for each in self.jobs[-2:]
        ]


@pytest.mark.parametrize("seed", range(10))
def test_no_false_alarm_where_the_clock_of_one_host_is_minutes_off_all_the_time(seed: int) -> None:
    judged_stores(FleetOfTwoClocks(seed))


@pytest.mark.parametrize("seed", range(15))
def test_no_false_alarm_where_grants_come_late_sizes_swing_and_checkpoints_are_applied(seed: int) -> None:
    check(RestlessFleet(seed))


@pytest.mark.parametrize("seed", [*range(25), 2370, 5019, 5233, 5249, 31030, 44130])
def test_the_judge_raises_no_false_alarm_and_a_spool_that_is_read_in_parts_comes_to_the_same(seed: int) -> None:
    check(Fleet(seed))


def judged_stores(fleet: Fleet) -> tuple[Store, Store]:
    """Imports what two hosts spooled, at once and in parts, and has both judged."""
    fleet.live(90)
    spools = list(fleet.spools.values())
    whole, parts = Store(), Store()
    whole.take(*spools, final=True)
    for share in (1, 2, 3):
        parts.take(*[b"".join(each.lines[: len(each.lines) * share // 3]) for each in spools], final=share == 3)
    for store in (whole, parts):
        assert store.violations() == []
    return whole, parts


def check(fleet: Fleet) -> None:
    """The same, and both come to the same."""
    whole, parts = judged_stores(fleet)
    for id, mode in ((WEB, Mode.STATIC), (ERP, Mode.DYNAMIC)):
        fold = whole.vm(id)
        assert fold.memory is not None
        assert fold.memory.mode is mode
        assert (fold.assigned, fold.power, fold.memory) == (
            parts.vm(id).assigned,
            parts.vm(id).power,
            parts.vm(id).memory,
        )


def damaged(random: Random, data: bytes) -> bytes:
    """A spool with some damages: values of any kind, keys away, lines cut, doubled, lost, noise."""
    lines = data.splitlines(keepends=True)
    for _ in range(random.randrange(1, 5)):
        at = random.randrange(len(lines))
        how = random.randrange(9)
        if how == 0:
            lines[at] = lines[at][: random.randrange(len(lines[at]) + 1)]
        elif how == 1:
            lines.insert(random.randrange(len(lines)), lines[at])
        elif how == 2:
            lines[at] = lines[at].replace(random.choice((b"2026", b"true", b":", b"4096", b"HV01")), b"9", 1)
        else:
            lines[at] = changed(random, lines[at])
    return b"".join(lines)


def changed(random: Random, line: bytes) -> bytes:
    """The line with another value somewhere."""
    try:
        record: Any = json.loads(line)
    except ValueError:
        return line
    part = record
    while keys := keys_of(part):
        key = random.choice(keys)
        if not keys_of(part[key]) or random.random() < 0.1:
            part[key] = random.choice([*VALUES, "1601-01-01T00:00:00Z", str(2**60), -0.5, {"a": 1}, "x" * 5000])
            break
        part = part[key]
    return json.dumps(record).encode() + b"\n"


@pytest.mark.parametrize("seed", range(150))
def test_a_damaged_spool_is_read_or_refused_with_its_place_and_a_hint(seed: int) -> None:
    check_damaged(seed)


def check_damaged(seed: int) -> None:
    """Imports a damaged spool, as one who stops at the first fault, and as one who keeps going; and once more."""
    fleet = Fleet(seed)
    fleet.live(6)
    data = damaged(Random(seed), fleet.spools["HV01"].change(6, 6.5, 4096, 8192, 8192).data)
    for keep_going in (False, True):
        store = Store()
        refused: InputError | None = None
        try:
            store.take(data, final=True, keep_going=keep_going)
        except InputError as error:
            refused = error
        assert refused is None or (refused.message.startswith("spool1.jsonl:") and refused.hint)


def main(minutes: float) -> None:
    """Goes on for so many minutes."""
    end = time.monotonic() + minutes * 60
    for seed in count(1000):
        if time.monotonic() >= end:
            return
        check_damaged(seed)
        if seed % 10 == 0:
            check(Fleet(seed))
            check(RestlessFleet(seed))
            judged_stores(FleetOfTwoClocks(seed))
        if seed % 500 == 499:
            print(f"{seed - 999} damaged spools, {(seed - 999) // 10} whole histories", flush=True)


if __name__ == "__main__":
    main(float(sys.argv[1]))
