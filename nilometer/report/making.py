"""Making a report: of a ledger, or of the files of histories; as one HTML document, or as a digest in plain text."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from os import PathLike, fspath
from pathlib import Path
from tempfile import NamedTemporaryFile

from domain.errors import InputError, InternalError, NilometerError
from nilometer.audit.documents.audit import read_audit
from nilometer.audit.histories import histories
from nilometer.audit.provenance import FileDigests
from nilometer.audit.reading import OnError, read_ledger
from nilometer.history.cloudevents import source_uri
from nilometer.ledger.reader import LedgerReader
from nilometer.messages.sizes import plural
from nilometer.queries import Histories
from nilometer.report.building.report import Making, Origin, build_report
from nilometer.report.clocks import Clock24, read_zone
from nilometer.report.collected import Collected
from nilometer.report.collecting import MOST_JUDGED, collect
from nilometer.report.data import ReportPages
from nilometer.report.pages.digest import digest_text
from nilometer.report.pages.document import digest_document, document
from nilometer.report.skimming.stretches import Skim, skim, skim_one_by_one
from nilometer.times import current_time, parse_time
from rules.judging.judge import Judge
from rules.judging.scope import Scope

Progress = Callable[[int], None]


def write_report(
    history: Histories,
    file: str | PathLike[str],
    *,
    at: str | None = None,
    zone: str | None = None,
    judged: bool | None = None,
) -> None:
    """Writes a report that anyone can open: of a ledger, or of the files that ``nilo export`` writes.

    ``at`` has a zone and ends the report; ``zone`` is its time zone, as ``Europe/Berlin``, by default that of this
    machine. The file appears when it is complete. Raises ``InputError`` for what cannot be read or written.
    """
    clock = Clock24(*read_zone(zone))
    making = Making(made=current_time(), clock=clock, at=None if at is None else parse_time(at))
    if isinstance(history, LedgerReader):
        reports = [report_of_ledger(history, making, judged=judged)]
    else:
        files = [fspath(history)] if isinstance(history, str | PathLike) else [fspath(one) for one in history]
        reports = reports_of_files(files, making)
    target = Path(fspath(file))
    try:
        with NamedTemporaryFile(dir=target.parent, prefix=f".{target.name}.", delete=False) as stream:
            for piece in write_document(reports, clock):
                stream.write(piece)
        Path(stream.name).replace(target)
    except OSError as error:
        raise InputError(f"{target}: {error.strerror}", hint="name a file in a folder that can be written") from None


def report_of_ledger(
    ledger: LedgerReader,
    making: Making,
    *,
    judged: bool | None = None,
    audit: str | None = None,
    on_error: OnError | None = None,
    on_progress: Progress = lambda count: None,
    skim_spans: Skim = skim_one_by_one,
) -> ReportPages:
    """The report of a ledger. ``judged``: whether its events are judged; by default if they are not too many.

    ``skim_spans`` skims the stretches of one that is not judged, by default one after another in this process.
    ``audit`` is the file of an audit that was made before: its findings are shown, and nothing is judged.
    """
    unreadable: list[NilometerError] = []
    last = ledger.position
    is_judged = last <= MOST_JUDGED if judged is None else judged
    audited = None if audit is None else read_audit(audit)
    if audited is not None and audited.source != source_uri(ledger.id):
        raise InputError(f"{audit} is an audit of {audited.source}, not of this ledger", hint="audit this one")
    is_judged = is_judged and audited is None
    skimmed = None if is_judged else skim(ledger, until=making.at, on_progress=on_progress, skim_spans=skim_spans)
    collected = (
        collect(
            read_ledger(ledger, upto=last, on_error=on_error or unreadable.append),
            source_uri(ledger.id),
            _judge(making) if is_judged else None,
            until=making.at,
            on_progress=on_progress,
        )
        if skimmed is None
        else skimmed.collected
    )
    if unreadable:
        note = f"{plural(len(unreadable), 'event')} could not be read and stand nowhere here: {unreadable[0].message}"
        making = replace(making, notes=(*making.notes, note))
    if audited is not None:
        collected.audit, collected.judged = audited.audit, True
        if audited.last < last:
            note = f"The audit judged the events up to #{audited.last}; those after it were not judged."
            making = replace(making, notes=(*making.notes, note))
    return build_report(collected, Origin(ledger.url), making)


def _judge(making: Making) -> Judge:
    """A judge of what happened until the moment of the report."""
    return Judge() if making.at is None else Judge(Scope(until=making.at))


def reports_of_files(
    files: Sequence[str], making: Making, *, on_error: OnError | None = None, on_progress: Progress = lambda count: None
) -> list[ReportPages]:
    """The reports of the histories in files, which are what ``nilo export`` writes: one for each history."""
    digests = FileDigests()
    found: list[ReportPages] = []
    for history in histories(files, digests.open, on_error):
        collected: Collected = collect(
            history.events, history.source, _judge(making), until=making.at, on_progress=on_progress
        )
        named = ", ".join("stdin" if file == "-" else Path(file).name for file in files)
        digest = tuple(
            f"{Path(file).name}, {size} bytes, SHA-256 {sha256}"
            for file in files
            if (known := digests.find(file)) is not None
            for size, sha256 in [known]
        )
        found.append(build_report(collected, Origin(named, digest), making))
    return found


def write_digest(report: ReportPages) -> tuple[bytes, bytes]:
    """The digest of a report: a short HTML document, and plain text. The report must have been made with ``since``."""
    digest = report.digest
    if digest is None:
        raise InternalError("a report without since has no digest")
    page = "".join(digest_document(report, digest))
    return page.encode("utf-8", "backslashreplace"), "".join(digest_text(report, digest)).encode()


def write_document(reports: Sequence[ReportPages], clock: Clock24) -> Iterator[bytes]:
    """The HTML document of a report, or of several, piece by piece."""
    for piece in document(reports, clock.zone):
        yield piece.encode("utf-8", "backslashreplace")
