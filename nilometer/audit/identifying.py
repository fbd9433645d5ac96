"""What identifies a finding in later runs over the same history: for links, and for those who keep lists of them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from hashlib import sha256

from nilometer.audit.result import SourcedFinding


def identify(findings: Iterable[SourcedFinding]) -> Iterator[tuple[str, SourcedFinding]]:
    """Findings, each with its id: a digest and a number, so that two that are alike stay two."""
    counts: Counter[str] = Counter()
    for sourced in findings:
        digest = _digest_of(sourced)
        counts[digest] += 1
        yield f"{digest}:{counts[digest]}", sourced


def _digest_of(sourced: SourcedFinding) -> str:
    """The rule, the event in its ledger, and the figures that differ.

    The line in the file does not count, so that lines added before it do not make the finding new.
    """
    finding = sourced.finding
    event = [sourced.source, finding.at.stream, finding.at.position or finding.at.happened]
    known = [finding.rule, event, dict(finding.expected), dict(finding.found)]
    return sha256(json.dumps(known, sort_keys=True, ensure_ascii=True).encode()).hexdigest()
