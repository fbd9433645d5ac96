"""Judges a ledger while it grows."""

from __future__ import annotations

from contextlib import suppress

from nilometer.audit.reading import OnError, read_ledger
from nilometer.audit.result import Audit
from nilometer.cli.audit.page import show_findings
from nilometer.cli.failures import say
from nilometer.cli.following import wait_for_more
from nilometer.cli.interrupts import interruptible
from nilometer.cli.output import Output
from nilometer.history.cloudevents import source_uri
from nilometer.ledger.reader import LedgerReader
from rules.judging.judge import Judge


def follow_ledger(out: Output, audit: Audit, ledger: LedgerReader, judge: Judge, on_error: OnError | None) -> None:
    """Judges the events of a ledger, then each new one, until Ctrl-C; shows each finding at once to people."""
    source = source_uri(ledger.id)
    position = shown = 0
    last_note = ""
    with interruptible() as check_interrupt, suppress(KeyboardInterrupt):
        while True:
            last = ledger.position
            events = read_ledger(ledger, position, last, on_error)
            audit.judge(events, judge, source, lambda _: check_interrupt())  # never within an event
            position = last
            shown = _show_new(out, audit, shown)
            note = f"{position:,} event{'' if position == 1 else 's'} judged so far: {audit.verdict_so_far(judge)}"
            if note != last_note:
                say("note", f"{note}; waiting for more (Ctrl-C ends)")
                last_note = note
            wait_for_more()
            check_interrupt()
    audit.finish(judge, source)
    _show_new(out, audit, shown)


def _show_new(out: Output, audit: Audit, shown: int) -> int:
    """Shows the findings made since the last time; returns how many were made by now."""
    findings, made = audit.newest_findings(shown)
    if out.format in ("human", "plain"):
        show_findings(out, audit, findings)
        out.flush()
    return made
