"""Decided and observed hosts in one ledger, of any names and at any times: each is judged as if it were alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import groupby
from random import Random

import pytest

from domain.identifiers import UtcTime
from rules.judging.findings import Verdict
from tests.nilometer.importers.qemu.reading import facts
from tests.oracle.strategies import Seeded
from tests.rules.judging.histories import Recorded, judged, moment, random_history
from tests.rules.judging.observed.made_up import several_vms
from tests.rules.judging.observed.recordings import envelopes

LATER = moment(10**9)
"""When everything was recorded."""


def mixed(decided: list[Recorded], observed: list[Recorded], random: Random) -> Iterator[Recorded]:
    """Both as one ledger has them: the events of one decision stand together."""
    changes = [list(group) for _, group in groupby(decided, key=lambda envelope: envelope.metadata.correlation)]
    envelopes = [[envelope] for envelope in observed]
    position = 0
    while changes or envelopes:
        takes = changes if not envelopes or (changes and random.random() < 0.5) else envelopes
        for envelope in takes.pop(0):
            position += 1
            recorded = replace(envelope.metadata, recorded=LATER)
            yield replace(envelope, position=position, metadata=recorded)


@pytest.mark.parametrize("seed", range(6))
def test_neither_changes_what_is_judged_of_the_other(seed: int) -> None:
    decided = random_history(Seeded(seed), 200)
    observed = list(envelopes(facts(several_vms(seed))))
    both, one, other = judged(mixed(decided, observed, Random(seed))), judged(decided), judged(observed)
    assert [finding for finding in both[0] if finding.verdict is Verdict.VIOLATED] == []
    assert len(both[0]) == len(one[0]) + len(other[0])
    for rule, asked in both[1].rules.items():
        parts = [coverage.rules[rule] for coverage in (one[1], other[1]) if rule in coverage.rules]
        assert asked.holds == sum(part.holds for part in parts), rule
        assert asked.unknown == sum(part.unknown for part in parts), rule


@pytest.mark.parametrize("at", [moment(0), moment(10**9)], ids=["all at once", "all in the future"])
def test_times_may_be_equal_and_to_come(at: UtcTime) -> None:
    envelopes = [
        replace(envelope, metadata=replace(envelope.metadata, happened=at, recorded=LATER))
        for envelope in random_history(Seeded(3), 200)
    ]
    assert judged(envelopes)[0] == []
