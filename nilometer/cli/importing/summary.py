"""Runs an import at the command line, and shows its result, file by file: the same for every hypervisor."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, Final

from nilometer.cli.failures import OK, UNREADABLE, Interrupted, say
from nilometer.cli.output import Output, Progress
from nilometer.cli.session import Session
from nilometer.importers.importing import ImportedFile, ImportStopped
from nilometer.importers.run import MAX_NOTES, PENDING, READ_BEFORE
from nilometer.ledger.ledger import Ledger
from nilometer.messages.sizes import plural

Run = Callable[[Ledger, Callable[[int], None]], list[ImportedFile]]
"""Imports into a ledger; calls the function now and then with the number of records read so far."""

_SUMS: Final = ("records", "events", "repeats", "recorded")


def run_import(session: Session, run: Run, describe: Callable[[ImportedFile], str]) -> int:
    """Imports, and shows the result of each file; ``describe`` says what the file was read as."""
    out = Output(session.format)
    with session.writing() as ledger:
        try:
            with Progress("importing", unit="records") as progress:
                files = run(ledger, progress.update)
        except KeyboardInterrupt:
            raise Interrupted("what was read is recorded", hint="import the files again to go on") from None
        except ImportStopped as stopped:
            for file in stopped.files:
                _say_remarks(file)
            recorded = sum(file.recorded for file in stopped.files)
            if recorded:
                before = (
                    f"{plural(recorded, 'event')} from before that record {_was(recorded)} recorded in {ledger.url}"
                )
                say("note", f"{before}; import the corrected file again to go on")
            raise
        url = ledger.url
    for file in files:
        for error in file.errors:
            say("error", error.message, error.hint)
        _say_remarks(file)
    pending = sum(file.not_needed.get(PENDING, 0) for file in files)
    if pending:
        records = f"{plural(pending, 'record')} {'is' if pending == 1 else 'are'} pending"
        say("note", f"{records}; import the next file, or use --final if there is none")
    _show(out, [file for file in files if file.format is not None], url, describe)
    return UNREADABLE if any(file.errors for file in files) else OK


def _say_remarks(file: ImportedFile) -> None:
    """Shows what was odd about the records: the first of each kind, and how many more there were."""
    for note in file.notes:
        say("note", note)
    for kind, count in file.remarks.items():
        if count > MAX_NOTES:
            say("note", f"{file.file}: {count - MAX_NOTES} more of the same ({kind})")


def _show(out: Output, files: Sequence[ImportedFile], url: str, describe: Callable[[ImportedFile], str]) -> None:
    if out.json:
        not_needed: Counter[str] = Counter()
        remarks: Counter[str] = Counter()
        for file in files:
            not_needed.update(file.not_needed)
            remarks.update(file.remarks)
        sums = {name: sum(getattr(file, name) for file in files) for name in _SUMS}
        kinds = {"not_needed": dict(sorted(not_needed.items())), "remarks": dict(sorted(remarks.items()))}
        out.write_document(sums | kinds | {"files": [_document(file) for file in files]})
        return
    for file in files:
        out.write_line(f"{file.file}: {plural(file.records, 'record')} {describe(file)}")
        out.write_line(f"    {_summarize(file)}")
        out.write_line(
            f"    {plural(file.recorded, 'event')} recorded in {url}{'' if file.recorded else ': nothing new'}"
        )


def _summarize(file: ImportedFile) -> str:
    """What came of the records of a file, in a sentence."""
    others = {kind: count for kind, count in file.not_needed.items() if kind not in (PENDING, READ_BEFORE)}
    pending, before = file.not_needed.get(PENDING, 0), file.not_needed.get(READ_BEFORE, 0)
    total = sum(others.values())
    parts = [f"{before} {_was(before)} read before"] if before else []
    if before == file.records > 0:
        return parts[0]
    parts += [f"{file.events} produced events", f"{file.repeats} contained nothing new"]
    if others.keys() == {"job"}:
        parts.append(f"{plural(total, 'job')} {_was(total)} not needed")
    elif others:
        kinds = ", ".join(f"{count} {kind}" for kind, count in others.items())
        parts.append(f"{total} {_was(total)} not needed ({kinds})")
    if pending:
        parts.append(f"{pending} {'is' if pending == 1 else 'are'} pending")
    return ", ".join(parts)


def _was(count: int) -> str:
    return "was" if count == 1 else "were"


def _document(file: ImportedFile) -> dict[str, Any]:
    """The counts of a file, as JSON has them."""
    return {
        name: getattr(file, name)
        for name in ("file", "format", "prefix", *_SUMS[:2], "not_needed", *_SUMS[2:], "remarks")
    }
