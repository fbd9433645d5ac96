"""For people, nilo log shows the first event of each command: the same ones, whether the others are read or not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

import pytest

from domain.identifiers import StreamName
from nilometer.cli.reading.log_lines import first_of_rows
from nilometer.errors import UnreadableEvent
from nilometer.ledger.ledger import Ledger
from nilometer.storage.canonical import BodyMatcher
from nilometer.storage.reader import StoredRow
from tests.nilometer.ledger.asking import ask, with_web01


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> list[StoredRow]:
    """A VM that is given memory twice, and stops: each time the host's stream has an event too."""
    folder = tmp_path_factory.mktemp("ledger")
    with Ledger.open(f"sqlite:///{folder}/ledger.db", create=True, durable=False) as ledger:
        with_web01(ledger)
        for _ in range(2):
            ask(ledger, "add-memory", vm="web01", amount="1GiB")
        ask(ledger, "stop", vm="web01")
        return list(ledger.rows())


def shown(rows: Sequence[StoredRow], *, after: int) -> list[tuple[object, ...]]:
    found = first_of_rows(rows, BodyMatcher(after))
    return [(event.position, event.why if isinstance(event, UnreadableEvent) else event) for event in found]


def check_same(rows: Sequence[StoredRow]) -> list[object]:
    expected = shown(rows, after=2**62)
    assert shown(rows, after=0) == expected
    return [position for position, _ in expected]


def test_what_only_follows_on_a_command_is_not_shown(rows: list[StoredRow]) -> None:
    second = {row.position for row in rows if row.topic.startswith("host.memory-")}
    assert {row.topic for row in rows[-2:]} == {"vm.stopped/1", "host.memory-returned/2"}
    assert len(second) >= 3
    assert check_same(rows) == [row.position for row in rows if row.position not in second]


LIES: Final = [
    (b'"causation":"vm/web01/', b'"causation":"vm/web02/'),
    (b'"causation":"vm/web01/', b'"causation":"vm/web01/1'),
    (b'"causation":"vm/web01/', b'"causation":"vm/web01/\\u0030'),
    (b'"data":{', b'"data":{"more":1,'),
    (b'"bytes":', b'"bytes":0'),
    (b'"via":', b'"viaduct":'),
]


@pytest.mark.parametrize("lie", LIES, ids=repr)
def test_a_second_event_that_was_changed_is_shown_as_if_it_were_read(
    rows: list[StoredRow], lie: tuple[bytes, bytes]
) -> None:
    for index, row in enumerate(rows):
        if row.topic.startswith("host.memory-"):
            assert lie[0] in row.body
            positions = check_same([*rows[:index], replace(row, body=row.body.replace(*lie)), *rows[index + 1 :]])
            assert row.position in positions


@pytest.mark.parametrize("changed", [{"stream": b"host/hv01"}, {"version": "7"}, {"topic": "host.memory-granted/9"}])
def test_a_second_event_in_a_damaged_row_is_shown_as_unreadable(rows: list[StoredRow], changed: dict[str, Any]) -> None:
    row = replace(rows[-1], **changed)
    assert row.position in check_same([*rows[:-1], row])


def test_a_second_event_whose_first_is_not_there_or_cannot_be_read_is_shown(rows: list[StoredRow]) -> None:
    *before, first, second = rows
    assert second.position in check_same([*before, second])
    assert {first.position, second.position} <= set(check_same([*before, replace(first, body=b"{}"), second]))
    again = replace(second, position=second.position + 1, stream=StreamName("host/other"))
    assert again.position not in check_same([*rows, again])
