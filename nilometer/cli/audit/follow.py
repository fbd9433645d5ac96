"""A ledger judged while it grows."""

from __future__ import annotations

import time
from collections.abc import Iterable
from contextlib import suppress
from typing import Final

from nilometer.audit.reading import PassOver, read_ledger
from nilometer.audit.result import Audit, Found
from nilometer.cli.audit.page import show_findings
from nilometer.cli.failures import say
from nilometer.cli.interrupts import interruptible
from nilometer.cli.output import Output
from nilometer.history.cloudevents import source_uri
from nilometer.ledger.ledger import Ledger
from rules.judging.judge import Judge
from rules.judging.scope import Scope

PAUSE: Final = 0.25
"""Seconds between two looks at the ledger."""


def follow(out: Output, audit: Audit, ledger: Ledger, scope: Scope, pass_over: PassOver | None) -> None:
    """Judges what is there, then what comes, until Ctrl-C. People see each finding as soon as it is made."""
    judge, source = Judge(scope), source_uri(ledger.id)
    position = shown = 0
    told = ""
    with interruptible() as go_on, suppress(KeyboardInterrupt):
        while True:
            last = ledger.position
            events = read_ledger(ledger, position, last, pass_over)
            audit.judge(events, judge, source, lambda _: go_on())  # between events: none is judged by half
            position = last
            shown = _show(out, audit, shown)
            so_far = f"{position:,} events are judged: {audit.verdict}, so far"
            if so_far != told:
                say("note", f"{so_far}; waiting for more, Ctrl-C ends it")
                told = so_far
            time.sleep(PAUSE)
            go_on()
    audit.finish(judge, source)
    _show(out, audit, shown)


def _show(out: Output, audit: Audit, shown: int) -> int:
    """Shows what was found since; returns how many findings are shown then."""
    if out.format in ("human", "plain"):
        fresh: Iterable[Found] = audit.findings[shown:]
        show_findings(out, audit, fresh)
        out.flush()
    return len(audit.findings)
