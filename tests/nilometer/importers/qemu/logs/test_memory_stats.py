"""What libvirt prints of a VM's memory. Figures of the first are of a report of virtio-win; all else is synthetic."""

from __future__ import annotations

import pytest

from domain.errors import InputError
from domain.identifiers import UtcTime
from domain.observed.events import VmMemoryMoved, VmObserved
from domain.quantities import MiB
from nilometer.importers.qemu.importer import QemuImporter
from nilometer.ledger.requests import Fact
from nilometer.times import parse_time

NINE = "2026-11-23T09:00:00.000000Z"
SECONDS = 1795424400
DOMMEMSTAT = "actual 1665024\nswap_in 0\nswap_out 0\nunused 900000\navailable 1600000\nusable 1200000\nrss 1904032\n"


def read(text: str, vm: str | None = None, at: str | None = None) -> list[Fact]:
    """The facts of a file."""
    importer = QemuImporter("stats.txt", vm=vm, at=None if at is None else UtcTime(parse_time(at)))
    lines = enumerate(text.encode().splitlines(), start=1)
    given = [each for number, line in lines for each in importer.read_line(line, number)]
    given += importer.finish(final=True)
    counts = importer.counts
    assert counts.records == counts.events + counts.repeats + sum(counts.not_needed.values())
    return [fact for observation in given for fact in observation.facts]


def measured(found: list[Fact]) -> list[tuple[str, str, int | None, int | None]]:
    """Of each measurement its VM, its time, the balloon's size and what is in use, in MiB."""
    return [
        (fact.stream, fact.happened, (event.devices[0].size or 0) // MiB, event.in_use and event.in_use // MiB)
        for fact in found
        if isinstance(event := fact.event, VmObserved) and event.devices
    ]


def test_the_size_is_what_the_vm_has_and_what_the_guest_does_not_need_is_available() -> None:
    text = DOMMEMSTAT.replace("rss", f"last_update {SECONDS - 3}\nrss")
    assert measured(read(text, "web01", NINE)) == [("vm/stats.web01", NINE, 1626, 454)]


@pytest.mark.parametrize("update", ["", "last_update 0\n", f"last_update {SECONDS - 100}\n"])
def test_of_a_guest_that_reports_nothing_now_the_use_is_unknown(update: str) -> None:
    assert measured(read(DOMMEMSTAT + update, "web01", NINE)) == [("vm/stats.web01", NINE, 1626, None)]


@pytest.mark.parametrize(
    ("text", "vm"),
    [
        (f"2026-11-23T10:00:00+01:00\n{DOMMEMSTAT}", "web01"),
        (f"{SECONDS}\n{DOMMEMSTAT}", "web01"),
        (f"root@hv01:~# virsh -c qemu:///system dommemstat web01\n{DOMMEMSTAT}last_update {SECONDS}\n", None),
        ("".join(f"2026-11-23T09:00:00Z {line}\n" for line in DOMMEMSTAT.splitlines()), "web01"),
        ("2026-11-23T09:00:00Z\nDomain: 'web01'\n  balloon.current=1665024\n  balloon.maximum=16773120\n", None),
    ],
    ids=["a date", "seconds", "a prompt", "each line", "domstats"],
)
def test_time_and_name_stand_beside_the_figures_in_many_ways(text: str, vm: str | None) -> None:
    assert [(stream, at, size) for stream, at, size, _ in measured(read(text, vm))] == [("vm/stats.web01", NINE, 1626)]


def test_several_vms_of_one_time_and_the_same_again_of_another() -> None:
    domains = [f"Domain: '{name}'\n  balloon.current={size}\n" for name, size in (("a", 2097152), ("b", 1048576))]
    later = "".join(domains).replace("2097152", "1572864")
    found = read(f"2026-11-23T09:00:00Z\n{''.join(domains)}\n2026-11-23T09:01:00Z\n{later}")
    assert [(stream, at[11:16], size) for stream, at, size, _ in measured(found)][:2] == [
        ("vm/stats.a", "09:00", 2048),
        ("vm/stats.b", "09:00", 1024),
    ]
    (moved,) = [fact for fact in found if isinstance(fact.event, VmMemoryMoved)]
    assert (moved.stream, moved.earliest, moved.happened[11:16]) == ("vm/stats.a", NINE, "09:01")


@pytest.mark.parametrize(
    ("text", "vm", "at", "error"),
    [
        (DOMMEMSTAT, None, NINE, "stats.txt:1: virsh dommemstat does not name the VM"),
        (DOMMEMSTAT, "web01", None, "stats.txt:1: virsh dommemstat does not say when it ran"),
        (f"2026-11-23T09:00:00\n{DOMMEMSTAT}", "web01", None, "stats.txt:1: the time 2026-11-23 09:00:00 has no zone"),
        (f"{SECONDS}\n{DOMMEMSTAT}{DOMMEMSTAT}", "web01", None, "stats.txt:9: virsh dommemstat does not say when"),
    ],
    ids=["no VM", "no time", "no zone", "one time for two"],
)
def test_what_is_missing_is_said_with_its_place(text: str, vm: str | None, at: str | None, error: str) -> None:
    with pytest.raises(InputError) as refused:
        read(text, vm, at)
    assert refused.value.message.startswith(error)
    assert refused.value.hint
