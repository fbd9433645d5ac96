"""Audits with prediction from the first line on, and without: they must come to the same."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import cache
from io import BytesIO
from typing import Any

from domain.errors import NilometerError
from domain.identifiers import StreamName
from nilometer.audit.prediction.lines import LinePredictor
from nilometer.audit.reading import LineEvents, read_events
from nilometer.audit.result import Audit
from nilometer.audit.stored import RowEvents
from nilometer.history.cloudevents import envelope_to_cloudevent, to_canonical_json
from nilometer.storage.reader import StoredRow
from rules.judging.judge import Judge
from tests.nilometer.audit.mixed import LEDGER, contents_of, text_of
from tests.oracle.strategies import Seeded
from tests.rules.judging.histories import random_history

NEVER = 10**9


def judged(
    history: bytes | Sequence[StoredRow], make_judge: Callable[[], Judge] = Judge, *, predict_after: int
) -> tuple[dict[str, object], list[str], Any]:
    """What an audit of a file, or of rows, finds, what cannot be read, and what the judge knows afterwards."""
    audit, judge, errors = Audit(minor=True, predict_after=predict_after), make_judge(), list[NilometerError]()
    if isinstance(history, bytes):
        events: LineEvents[Any] = read_events(BytesIO(history), "h.jsonl", errors.append)
    else:
        events = RowEvents(history, LEDGER, errors.append)
    events.most_together = 1  # so that each line is predicted if it can be
    try:
        audit.judge(events, judge, "")
    except NilometerError as error:
        errors.append(error)
    known: Any = vars(judge)
    state: Any = (
        known["_decided"].records.vms,
        known["_decided"].records.hosts,
        known["_recorded"],
        judge.events_read,
        vars(known["_completeness"])["_versions"],
    )
    audit.finish(judge, "")
    return contents_of(audit), [str(error) for error in errors], state


def assert_the_same(text: bytes, make_judge: Callable[[], Judge] = Judge) -> None:
    """The audit is the same, whether lines are predicted from the first one on or never; and that of a ledger too."""
    assert_all_is_the_same(text, make_judge)
    assert_all_is_the_same(rows_of(text), make_judge)


def assert_all_is_the_same(history: bytes | Sequence[StoredRow], make_judge: Callable[[], Judge] = Judge) -> None:
    """The audit of a file, or of rows, is the same, whether events are predicted from the first one on or never."""
    predicted = judged(history, make_judge, predict_after=0)
    for found, expected in zip(predicted, judged(history, make_judge, predict_after=NEVER), strict=True):
        assert found == expected


def rows_of(text: bytes) -> list[StoredRow]:
    """The lines of a history as a ledger would have them, all of one; without those that no ledger can have."""
    rows: list[StoredRow] = []
    for line in text.splitlines():
        try:
            row = _row_of(json.loads(line))
        except (ValueError, TypeError, KeyError, AttributeError):
            continue
        rows.append(row)
    return rows


def _row_of(line: dict[str, Any]) -> StoredRow:
    kind, _, shape = line["type"].removeprefix("nilometer.").rpartition(".v")
    names = ("actor", "causation", "correlation", "data", "earliest", "reason", "recorded", "via")
    body = {**{name: line.get(name) for name in names}, "happened": line["time"]}
    stored = to_canonical_json(body)
    return StoredRow(line["position"], StreamName(line["subject"]), line["version"], f"{kind}/{shape}", stored)


def decided_history(seed: int, commands: int) -> bytes:
    """What one site recorded, decided by the decider."""
    return text_of(envelope_to_cloudevent(one, LEDGER) for one in random_history(Seeded(seed), commands))


def _skip(error: NilometerError) -> None:
    """Leaves out a line that is no event."""


@cache
def passed_places(text: bytes) -> tuple[list[bytes], list[int]]:
    """The lines of a history, and the indexes of those that are predicted."""
    judge, lines, places, begin = Judge(), text.splitlines(), list[int](), 0
    predictor = LinePredictor(judge, 0)
    while begin < len(lines):
        end = predictor.pass_lines(lines, begin)
        places += range(begin, end)
        for envelope, place, source in read_events(BytesIO(lines[end]), "h", _skip) if end < len(lines) else ():
            judge.take(envelope, place, source)
        begin = end + 1
    return lines, places
