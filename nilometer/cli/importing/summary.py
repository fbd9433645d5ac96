"""An import at the command line, and what came of it, file by file: the same of every hypervisor."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from nilometer.cli.failures import OK, UNREADABLE, Interrupted, say
from nilometer.cli.output import Output, Progress
from nilometer.cli.session import Session
from nilometer.importers.importing import ImportedFile, ImportStopped
from nilometer.importers.run import MAX_NOTES, PENDING
from nilometer.ledger.ledger import Ledger

Run = Callable[[Ledger, Callable[[int], None]], list[ImportedFile]]
"""Imports into a ledger, and tells how many records were read."""


def imported(session: Session, run: Run, *, repeats: str, kind: Callable[[ImportedFile], str]) -> int:
    """Imports, and tells of each file: ``kind`` says what it was read as, ``repeats`` what gave nothing."""
    out = Output(session.format)
    with session.writing() as ledger:
        try:
            with Progress("importing", unit="records") as progress:
                files = run(ledger, progress.at)
        except KeyboardInterrupt:
            raise Interrupted("what was read is recorded", hint="import the files again to go on") from None
        except ImportStopped as stopped:
            for each in stopped.files:
                _remark(each)
            kept = sum(each.recorded for each in stopped.files)
            if kept:
                what = f"{kept} events of what stands before it were recorded in {ledger.url}"
                say("note", f"{what}; import the mended file again to go on")
            raise
        url = ledger.url
    for each in files:
        for error in each.errors:
            say("error", error.message, error.hint)
        _remark(each)
    waiting = sum(each.not_needed.get(PENDING, 0) for each in files)
    if waiting:
        say("note", f"{waiting:,} of the records wait for what follows: import them with that, or with --final")
    _show(out, [each for each in files if each.format is not None], url, kind, repeats)
    return UNREADABLE if any(each.errors for each in files) else OK


def _remark(file: ImportedFile) -> None:
    """Says what was odd about the records: the first of each kind, and how many more there were."""
    for note in file.notes:
        say("note", note)
    for kind, count in file.remarks.items():
        if count > MAX_NOTES:
            say("note", f"{file.file}: {count - MAX_NOTES} more of the same ({kind})")


def _show(
    out: Output, files: Sequence[ImportedFile], url: str, kind: Callable[[ImportedFile], str], repeats: str
) -> None:
    if out.json:
        kinds: Counter[str] = Counter()
        remarks: Counter[str] = Counter()
        for each in files:
            kinds.update(each.not_needed)
            remarks.update(each.remarks)
        sums = {name: sum(getattr(each, name) for each in files) for name in _SUMS}
        sorts = {"not_needed": dict(sorted(kinds.items())), "remarks": dict(sorted(remarks.items()))}
        out.document(sums | sorts | {"files": [_document(each) for each in files]})
        return
    for each in files:
        others = ", ".join(f"{count} {name}" for name, count in each.not_needed.items())
        not_needed = sum(each.not_needed.values())
        out.line(f"{each.file}: {each.records} records {kind(each)}")
        out.line(f"    {each.events} gave events, {each.repeats} {repeats}")
        out.line(f"    {not_needed} not needed{f' ({others})' if others else ''}")
        out.line(f"    {each.recorded} events recorded in {url}{'' if each.recorded else ': nothing new'}")


_SUMS = ("records", "events", "repeats", "recorded")


def _document(file: ImportedFile) -> dict[str, Any]:
    """What is counted of a file, as JSON has it."""
    return {
        name: getattr(file, name)
        for name in ("file", "format", "prefix", *_SUMS[:2], "not_needed", *_SUMS[2:], "remarks")
    }
