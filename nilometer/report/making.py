"""Making a report: of a ledger, or of the files of histories; as one HTML document, or as a digest in plain text."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

from nilometer.audit.provenance import FileDigests
from nilometer.audit.reading import OnError, histories, read_ledger
from nilometer.history.cloudevents import source_uri
from nilometer.ledger.reader import LedgerReader
from nilometer.report.building.report import Making, Origin, build_report
from nilometer.report.clocks import Clock24
from nilometer.report.collecting import Collected, collect
from nilometer.report.data import ReportPages
from nilometer.report.pages.document import document
from rules.judging.completeness import PlacedEvent
from rules.judging.judge import Judge

MOST_JUDGED: Final = 100_000
"""A longer ledger is not judged unless somebody asks for it: it takes a minute for each million events."""

Progress = Callable[[int], None]


def report_of_ledger(
    ledger: LedgerReader,
    making: Making,
    *,
    judged: bool | None = None,
    on_error: OnError | None = None,
    on_progress: Progress = lambda count: None,
) -> ReportPages:
    """The report of a ledger. ``judged``: whether its events are judged; by default if they are not too many."""
    last = ledger.position
    is_judged = last <= MOST_JUDGED if judged is None else judged
    until = making.at
    events = read_ledger(ledger, upto=last, on_error=on_error)
    collected = collect(
        events if until is None else _until(events, until),
        source_uri(ledger.id),
        Judge() if is_judged else None,
        on_progress,
    )
    return build_report(collected, Origin(ledger.url), making)


def _until(events: Iterable[PlacedEvent], time: str) -> Iterator[PlacedEvent]:
    for placed in events:
        if placed.envelope.metadata.happened <= time:
            yield placed


def reports_of_files(
    files: Sequence[str], making: Making, *, on_error: OnError | None = None, on_progress: Progress = lambda count: None
) -> list[ReportPages]:
    """The reports of the histories in files, which are what ``nilo export`` writes: one for each history."""
    digests = FileDigests()
    found: list[ReportPages] = []
    for history in histories(files, digests.open, on_error):
        events = history.events if making.at is None else _until(history.events, making.at)
        collected: Collected = collect(events, history.source, Judge(), on_progress)
        named = ", ".join("stdin" if file == "-" else Path(file).name for file in files)
        digest = tuple(
            f"{Path(file).name}, {size} bytes, SHA-256 {sha256}"
            for file in files
            if (known := digests.find(file)) is not None
            for size, sha256 in [known]
        )
        found.append(build_report(collected, Origin(named, digest), making))
    return found


def write_document(report: ReportPages, clock: Clock24) -> Iterator[bytes]:
    """The HTML document of a report, piece by piece."""
    yield b"<!doctype html>\n"
    for piece in document(report, clock.zone):
        yield piece.encode("utf-8", "backslashreplace")
