"""Observed histories for the judge: recordings as envelopes, and what is judged of them as lines to read."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence

from domain.envelope import Envelope, Metadata
from domain.events import Event
from domain.identifiers import UtcTime
from nilometer.ledger.requests import Fact
from rules.judging.findings import Coverage, Finding
from tests.nilometer.importers.qemu.reading import facts, lines_of
from tests.rules.judging.histories import judged


def envelopes(given: Iterable[Fact]) -> Iterator[Envelope[Event]]:
    """Facts as a ledger would hold them: imported at once, after the last of them happened."""
    versions: dict[str, int] = {}
    all_facts = list(given)
    recorded = max((fact.happened for fact in all_facts), default=UtcTime(""))
    for position, fact in enumerate(all_facts, start=1):
        version = versions[fact.stream] = versions.get(fact.stream, 0) + 1
        metadata = Metadata("driver", "import-qemu", fact.happened, recorded, "c", fact.earliest)
        yield Envelope(fact.stream, version, fact.event, metadata, position)


def judged_facts(given: Iterable[Fact]) -> tuple[list[Finding], Coverage]:
    """What is judged of facts."""
    return judged(envelopes(given))


def judged_lines(lines: Sequence[bytes]) -> tuple[list[Finding], Coverage]:
    """What is judged of the lines of a recording."""
    return judged_facts(facts(lines))


def readable(found: Iterable[Finding], coverage: Coverage) -> Iterator[str]:
    """A judgement in lines: findings first, then how often each rule was asked."""
    for finding in found:
        times = f" x{finding.count}" if finding.count > 1 else ""
        yield f"{finding.verdict} {finding.rule} {finding.at.record}: {finding.why}{times}"
        for envelopes, figures in (("expected", finding.expected), ("found", finding.found)):
            if figures:
                yield f"    {envelopes} {', '.join(f'{name} {_size(value)}' for name, value in figures.items())}"
    for rule, asked in sorted(coverage.rules.items()):
        counts = (("holds", asked.holds), ("violated", asked.violated), ("unknown", asked.unknown))
        told_of = [f"{name} {count}" for name, count in (*counts, ("remarks", asked.remarks)) if count]
        yield f"{rule}: {', '.join(told_of)}"


def _size(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, int):
        return str(value)
    return f"{value / 2**20:g}"


if __name__ == "__main__":
    print("\n".join(readable(*judged_lines(lines_of(sys.argv[1])))))
