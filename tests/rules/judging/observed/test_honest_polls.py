"""Hosts and VMs that keep every rule, looked at now and then, and never at all of it: no look makes a violation."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Any

from domain.guests import Guest, Mechanism, removal_mechanism
from domain.quantities import MiB
from domain.settings import HostVersion, MemorySetting
from domain.state import Power
from tests.rules.judging.observed.test_days import GIB, Fact, broken, days, dynamic, host, vm

TOTAL, KERNEL = 64 * GIB, 40 * MiB


@dataclass
class Real:
    """A VM as it really is."""

    guest: Guest
    memory: MemorySetting
    beside: int
    """What it takes of its host beside its memory."""
    host: str = "hv01"
    session: int = 0
    assigned: int = 0
    most: int = 0
    used: int = 0

    def lives(self, random: Random) -> None:
        """Something happens to it."""
        what = random.random()
        if what < 0.2 and self.assigned:
            self.assigned = self.most = self.used = 0
        elif what < 0.4 and not self.assigned:
            self.session += 1
            self.assigned = self.most = self.memory.startup
        elif what < 0.5 and not self.assigned:
            self.memory = any_setting(random)
        elif what < 0.6:
            self.host = random.choice(("hv01", "hv02"))
        elif self.assigned:
            self.assigned = random.randrange(self.memory.minimum, self.memory.maximum + 1, MiB)
            self.most, self.used = max(self.most, self.assigned), random.randrange(self.assigned + 1)

    def envelopes(self, random: Random) -> dict[str, Any]:
        """Some of what can be measured of it."""
        sees = self.most if removal_mechanism(self.guest) is Mechanism.BALLOON else self.assigned
        rest = {
            "memory": self.memory,
            "host": self.host,
            "generation": 2,
            "guest": self.guest,
            "in_use": self.used,
            "session": self.session or None,
            "guest_total": sees - KERNEL if self.assigned else None,
        }
        power = Power.RUNNING if self.assigned else Power.OFF
        return {"assigned": self.assigned, "power": power} | {
            name: value for name, value in rest.items() if random.random() < 0.5
        }


def any_setting(random: Random) -> MemorySetting:
    """Any valid setting of Dynamic Memory."""
    return dynamic(*sorted(random.choices(range(1, 9), k=3)))


def polls(random: Random) -> list[Fact]:
    """What is told of five VMs on two hosts."""
    vms = [Real(random.choice(list(Guest)), any_setting(random), random.randrange(64) * MiB) for _ in range(5)]
    facts: list[Fact] = []
    for _ in range(80):
        number = random.randrange(5)
        vms[number].lives(random)
        if random.random() < 0.6:
            facts.append(vm(f"vm{number}", **vms[number].envelopes(random)))
        if random.random() < 0.3:
            id, reserve = random.choice(("hv01", "hv02")), random.randrange(3 * GIB, 4 * GIB, MiB)
            held = sum(each.assigned + each.beside for each in vms if each.host == id and each.assigned)
            coverage = {"total": TOTAL, "reserve": reserve, "version": HostVersion.V2022}
            some = coverage if random.random() < 0.5 else {}
            facts.append(host(id, free=TOTAL - reserve - held, **some))
    return facts


def test_what_is_looked_at_now_and_then_is_never_a_violation() -> None:
    for seed in range(40):
        random = Random(seed)
        facts = polls(random)
        assert broken(days(*facts, seconds=random.choice((0.5, 1, 5, 60)))) == set(), f"seed {seed}"
