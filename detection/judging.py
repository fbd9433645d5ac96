"""Judges a history that is held in memory as lines."""

from __future__ import annotations

import json
from collections.abc import Iterable

from detection.histories import Line
from domain.aggregates import HistoryError
from nilometer.errors import UnreadableEvent
from nilometer.storage.bodies import decode
from rules.judging.findings import At, Finding, Verdict
from rules.judging.judge import Judge

_ATTRIBUTES = ("actor", "causation", "correlation", "earliest", "reason", "recorded", "via")


def judged(lines: Iterable[Line]) -> list[Finding]:
    """What is found wrong; a line that cannot be read is wrong."""
    judge, found = Judge(), list[Finding]()
    for line in lines:
        stream, version = line["subject"], line["version"]
        body = {name: line.get(name) for name in _ATTRIBUTES} | {"data": line["data"], "happened": line["time"]}
        topic = line["type"].removeprefix("nilometer.").replace(".v", "/")
        try:
            envelope = decode(stream, version, topic, json.dumps(body).encode(), line["position"])
            found += judge.take(envelope, f"line {line['position']}", line["source"])
        except (UnreadableEvent, HistoryError) as error:
            found.append(Finding("unreadable", Verdict.VIOLATED, At(stream, line["position"], None), error.message))
    found += judge.finish()
    return [finding for finding in found if finding.verdict is Verdict.VIOLATED]
