"""What a VM's object tells does not hang on what stood before it, though what stood there before is not read again."""

from __future__ import annotations

import json
from random import Random

import pytest

from nilometer.importers.hyperv.readings import Reading, SourceRecord, VmReading
from nilometer.importers.hyperv.sources.source import FileContext
from nilometer.importers.hyperv.sources.spool import spool_lines
from nilometer.importers.run import SkippedRecords
from tests.nilometer.importers.hyperv.synthetic import Json, Spool, Store, dynamic, off, vm
from tests.nilometer.importers.qemu.damages import VALUES

EQUAL = [1, True, 1.0, "1", 0, False, 0.0, None, "", 2, 2.0, "2", 4096, "4096"]
"""Values of which Python calls some equal that JSON does not."""


def read(*lines: bytes) -> list[SourceRecord]:
    """The records of a spool, without the lines that cannot be read."""
    context = FileContext(skipped=SkippedRecords(keep_going=True))
    return list(spool_lines.read(iter(list(enumerate(lines, 1))), "spool", context))


def told(records: list[SourceRecord]) -> list[tuple[bytes, list[Reading]]]:
    """What was read, but for the places."""
    return [
        (record.identity, [each._replace(record="") for each in record.readings if isinstance(each, VmReading)])
        for record in records
    ]


@pytest.mark.parametrize("seed", range(40))
def test_a_line_tells_the_same_whatever_stood_before_it(seed: int) -> None:
    random = Random(seed)
    spool = Spool()
    for minute in range(30):
        web: Json = vm(generation=1, buffer=1, weight=0, added_mb=1) if random.random() < 0.9 else off(generation=1)
        listed = [web, dynamic(random.choice((2048, 2050)), generation=1, weight=1)]
        for _ in range(random.choice((0, 0, 1, 2))):
            changed = random.choice(listed)
            key = random.choice(list(changed))
            changed[key] = random.choice(EQUAL if random.random() < 0.8 else VALUES)
        if random.random() < 0.1:
            listed.reverse()
        if random.random() < 0.1:
            del listed[0][random.choice(list(listed[0]))]
        spool.poll(minute, *[each | {"uptime": each.get("uptime") or 60 * minute} for each in listed])
        spool.host = random.choice((spool.host, "HV01", "HV02"))

    alone = [record for line in spool.lines for record in read(line)]

    assert 5 < len(alone) <= 30
    assert told(read(*spool.lines)) == told(alone)


def test_what_equals_the_value_before_and_is_none_is_refused() -> None:
    spool = Spool().poll(0, vm(generation=1)).poll(1, vm(generation=1)).poll(2, vm(generation=True))
    assert len(read(*spool.lines)) == 2


@pytest.mark.parametrize("separators", [(",", ":"), (" , ", " : ")])
def test_a_line_is_known_again_however_it_is_spelled(separators: tuple[str, str]) -> None:
    spool = Spool().poll(0, vm(name="büro"), dynamic(2048)).poll(1, vm(name="büro"), dynamic(2048, startup=4096))
    spool.change(2, 3, 4096, 8192, 8192, command="Set-VMMemory 'büro' \t\"")
    store = Store()
    store.take(spool)
    known = len(store.stored)
    for ascii in (True, False):
        lines = [json.dumps(json.loads(line), ensure_ascii=ascii, separators=separators) for line in spool.lines]
        (file,) = store.take("".join(f"\n  {line} \r\n" for line in lines).encode())
        assert (file.counts.facts, file.counts.repeats) == (0, file.counts.records)
    assert all(each.stream.startswith("import/") for each in store.stored[known:])
