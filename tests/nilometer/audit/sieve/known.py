"""Histories of commands of which the sieve knows every form: it clears all of them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from random import Random
from tempfile import TemporaryDirectory
from typing import Final

from detection.histories import Line
from domain.events import VmDefined, VmRemoved
from nilometer import Ledger, Request
from nilometer.history.cloudevents import to_cloudevent
from nilometer.ledger.typed_commands import parse_command
from nilometer.storage.bodies import topic_of

HOSTS: Final = ("hv@0", "hv@1")
"""Every name has an ``@``, and nothing else has one: a copy of a history under other names is made of its text."""
SETTINGS: Final = (
    ("windows", {"static": {"size": 2**32}}),
    ("linux-legacy", {"static": {"size": 2**31}}),
    ("windows-legacy", {"dynamic": {"minimum": 2**29, "startup": 2**30, "maximum": 2**33, "buffer": 20, "weight": 50}}),
)
AMOUNTS: Final = (2**21, 2**28, 3 * 2**30, 2**20, 2**40)
MEMORIES: Final = (
    {"static": {"size": 2**31}},
    {"static": {"size": 9001}},
    {"dynamic": {"minimum": 2**28, "startup": 2**30, "maximum": 2**34, "buffer": 20, "weight": 50}},
    {"dynamic": {"minimum": 2**30, "startup": 2**30, "maximum": 2**31, "buffer": 1, "weight": 50}},
)
GUESTS: Final = (("windows", "10.0"), ("linux", "9.0"), ("unenlightened", "11.0"))


def first_commands() -> Iterator[Line]:
    """Two hosts, and three VMs on each of them."""
    for number, host in enumerate(HOSTS):
        yield {"command": "register-host", "host": host, "version": "2022", "total": 2**36, "reserve": 2**31}
        for place, (guest, memory) in enumerate(SETTINGS):
            vm = {"vm": f"vm@{number}{place}", "host": host, "generation": 2, "guest": guest}
            yield {"command": "define-vm", **vm, "config_version": "10.0", "memory": memory}


def on_vm(random: Random, vm: str, number: int) -> Line:
    """A command on a VM."""
    amount = random.choice(AMOUNTS)
    guest, version = random.choice(GUESTS)
    plain = ("start", "stop", "pause", "resume", "save", "restore", "reboot-guest")
    choices: list[Line] = [
        *[{"command": name} for name in plain],
        *[{"command": "start"}] * 3,
        *[{"command": "report-in-use", "in_use": amount // 4}] * 3,
        *[{"command": name, "amount": amount} for name in ("add-memory", "remove-memory", "grow", "reclaim")] * 2,
        *[{"command": "set-memory", "size": amount}] * 2,
        *[{"command": "configure-memory", "memory": random.choice(MEMORIES)}] * 2,
        {"command": "configure-guest", "guest": guest, "config_version": version},
    ]
    return {**random.choice(choices), "vm": vm}


def on_host(random: Random, vm: str, number: int) -> Line:
    """A command on a host, the definition of a VM on it, or the removal of one."""
    host = random.choice(HOSTS)
    guest, version = random.choice(GUESTS)
    defined: Line = {"vm": f"new @{number}", "generation": random.choice((1, 2, 2)), "guest": guest}
    defined |= {"config_version": version, "memory": random.choice(MEMORIES)}
    if random.random() < 0.5:
        defined["name"] = f'the "{number}"'
    choices: list[Line] = [
        {"command": "resize-host", "host": host, "total": random.choice((2**36, 2**35, 2**31, 0))},
        {"command": "set-reserve", "host": host, "reserve": random.choice((2**31, 2**32, 2**37))},
        {"command": "define-vm", "host": host, **defined},
        {"command": "remove-vm", "vm": vm},
    ]
    return random.choice(choices)


@cache
def known_history(seed: int, commands: int) -> list[Line]:
    """What a ledger recorded of such commands: two groups, each of a host and its VMs."""
    random, vms = Random(seed), list[str]()
    with TemporaryDirectory() as folder, Ledger.open(f"sqlite:///{folder}/l.db", create=True, durable=False) as ledger:

        def execute(line: Line) -> None:
            given = {key: value for key, value in line.items() if key != "command"}
            before = ledger.position
            ledger.execute(Request(parse_command(line["command"], given), "anna", "detection", reason="a test"))
            for row in ledger.rows(before):
                if row.topic == topic_of(VmDefined):
                    vms.append(row.stream.removeprefix("vm/"))
                elif row.topic == topic_of(VmRemoved):
                    vms.remove(row.stream.removeprefix("vm/"))

        for line in first_commands():
            execute(line)
        for number in range(commands):
            execute(random.choice([on_vm, on_vm, on_vm, on_host])(random, random.choice(vms), number))
        return [to_cloudevent(stored, ledger.id) for stored in ledger.rows()]
