"""What came of an import, file by file: the same of every hypervisor."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from nilometer.cli.failures import say
from nilometer.cli.output import Output
from nilometer.importers.reading import NOTES_MOST, Account


def remark(file: str, account: Account) -> None:
    """Says what was odd about the records: the first of each kind, and how many more there were."""
    for note in account.notes:
        say("note", note)
    for kind, count in account.remarks.items():
        if count > NOTES_MOST:
            say("note", f"{file}: {count - NOTES_MOST} more of the same ({kind})")


def counts(account: Account) -> dict[str, Any]:
    """What is counted of a file, as JSON has it."""
    return {
        "records": account.records,
        "events": account.events,
        "not_needed": dict(sorted(account.not_needed.items())),
        "repeats": account.repeats,
        "recorded": account.recorded,
        "remarks": dict(sorted(account.remarks.items())),
    }


def show(
    out: Output, told: list[dict[str, Any]], url: str, *, kind: Callable[[dict[str, Any]], str], repeats: str
) -> None:
    """Tells of each file: ``kind`` says what it was read as, ``repeats`` what records did that gave nothing."""
    if out.json:
        kinds: Counter[str] = Counter()
        remarks: Counter[str] = Counter()
        for each in told:
            kinds.update(each["not_needed"])
            remarks.update(each["remarks"])
        sums = {name: sum(each[name] for each in told) for name in ("records", "events", "repeats", "recorded")}
        sorts = {"not_needed": dict(sorted(kinds.items())), "remarks": dict(sorted(remarks.items()))}
        out.document(sums | sorts | {"files": told})
        return
    for each in told:
        others = ", ".join(f"{count} {name}" for name, count in each["not_needed"].items())
        not_needed = sum(each["not_needed"].values())
        out.line(f"{each['file']}: {each['records']} records {kind(each)}")
        out.line(f"    {each['events']} gave events, {each['repeats']} {repeats}")
        out.line(f"    {not_needed} not needed{f' ({others})' if others else ''}")
        out.line(f"    {each['recorded']} events recorded in {url}{'' if each['recorded'] else ': nothing new'}")
