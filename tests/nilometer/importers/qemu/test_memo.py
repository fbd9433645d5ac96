"""What an import knows behind a line: going on from it comes to the same as reading the whole recording."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from nilometer.importers.qemu.importer import QemuImporter
from nilometer.importers.qemu.memo import SHAPE, QemuCheckpoint, decode, encode
from nilometer.importers.stored_form import NotTheEnd
from nilometer.ledger.requests import Observation
from nilometer.storage.import_ends import StoredEnd
from tests.nilometer.importers.qemu.any_guest import Guest
from tests.nilometer.importers.qemu.reading import D1, NAMES, lines_of, observations
from tests.paths import ROOT

EVIDENCE = ROOT / "tests" / "nilometer" / "drive" / "goldens" / "evidence.jsonl"


def store(importer: QemuImporter, offset: int, line: int) -> StoredEnd | None:
    """What is stored behind a line; ``None`` if something waits."""
    memo = importer.remember()
    if memo is None:
        return None
    stored = encode(QemuCheckpoint(shape=SHAPE, position=7, offset=offset, line=line, memo=memo))
    assert stored is not None
    return stored


def begin(stored: StoredEnd, content: bytes) -> QemuImporter:
    """An importer that goes on from what was stored."""
    found = decode(stored)
    assert found is not None
    importer = QemuImporter("recording.jsonl")
    importer.go_on(found.memo, content[: found.offset], found.line)
    return importer


def whole(lines: Sequence[bytes]) -> list[Observation]:
    """All that a recording gives that is read at once."""
    return observations(line.rstrip(b"\n") for line in lines)[0]


def read_in_parts(lines: Sequence[bytes]) -> tuple[list[Observation], int]:
    """All that a recording gives, if another importer goes on wherever nothing waits; and how often one did."""
    importer, content = QemuImporter("recording.jsonl"), b"".join(lines)
    given, offset, times = list[Observation](), 0, 0
    for number, line in enumerate(lines, 1):
        given += importer.read_line(line.rstrip(b"\n"), number)
        offset += len(line)
        stored = store(importer, offset, number)
        if stored is not None:
            importer, times = begin(stored, content), times + 1
    given += importer.finish()
    return given, times


@pytest.mark.parametrize("name", NAMES)
def test_a_recording_that_is_read_in_parts_gives_the_same(name: str) -> None:
    lines = lines_of(name)
    given, times = read_in_parts(lines)
    assert given == whole(lines)
    assert times > 9


def test_evidence_that_is_read_in_parts_gives_the_same() -> None:
    lines = EVIDENCE.read_bytes().splitlines(keepends=True)
    given, times = read_in_parts(lines)
    assert given == whole(lines)
    assert times >= sum(b'"kind":"meta"' in line for line in lines) > 4


@pytest.mark.parametrize("seed", range(12))
def test_any_history_that_is_read_in_parts_gives_the_same(seed: int) -> None:
    lines = Guest(seed).live(14)
    given, times = read_in_parts(lines)
    assert given == whole(lines)
    assert times


def read(lines: Sequence[bytes]) -> tuple[QemuImporter, StoredEnd]:
    """An importer behind these lines, where nothing waits, and what is stored there."""
    importer = QemuImporter("recording.jsonl")
    for number, line in enumerate(lines, 1):
        list(importer.read_line(line.rstrip(b"\n"), number))
    stored = store(importer, sum(map(len, lines)), len(lines))
    assert stored is not None
    return importer, stored


def test_another_beginning_is_not_gone_on_from() -> None:
    lines = lines_of(D1)
    content = b"".join(lines)
    _, stored = read(lines)
    for other in (content.replace(b'"v":1', b'"v": 1', 1), content[:-1] + b" "):
        with pytest.raises(NotTheEnd):
            begin(stored, other)


def test_a_record_that_may_have_been_there_before_is_not_read_behind_them() -> None:
    lines = lines_of(D1)
    _, stored = read(lines)
    importer = begin(stored, b"".join(lines))
    with pytest.raises(NotTheEnd):
        list(importer.read_line(lines[3], len(lines) + 1))


def test_what_has_another_shape_is_nothing() -> None:
    _, stored = read(lines_of(D1))
    assert decode(stored) is not None
    assert decode(StoredEnd(8, stored.state)) is None
    assert decode(StoredEnd(7, stored.state.replace(SHAPE.encode(), b"import-qemu/0"))) is None
    assert decode(StoredEnd(7, stored.state[:-1])) is None
    assert decode(StoredEnd(7, stored.state.replace(b'"vms"', b'"vm"'))) is None
