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
from tests.rules.judging.histories import Told, judged, moment, random_history
from tests.rules.judging.observed.made_up import several_vms
from tests.rules.judging.observed.recordings import envelopes


def mixed(decided: list[Told], observed: list[Told], random: Random) -> Iterator[Told]:
    """Both as one ledger has them: the events of one decision stand together."""
    changes = [list(group) for _, group in groupby(decided, key=lambda each: each.metadata.correlation)]
    told = [[each] for each in observed]
    position = 0
    while changes or told:
        takes = changes if not told or (changes and random.random() < 0.5) else told
        for each in takes.pop(0):
            position += 1
            yield replace(each, position=position)


@pytest.mark.parametrize("seed", range(6))
def test_neither_changes_what_is_judged_of_the_other(seed: int) -> None:
    decided = random_history(Seeded(seed), 200)
    observed = list(envelopes(facts(several_vms(seed))))
    both, one, other = judged(mixed(decided, observed, Random(seed))), judged(decided), judged(observed)
    assert [each for each in both[0] if each.verdict is Verdict.VIOLATED] == []
    assert len(both[0]) == len(one[0]) + len(other[0])
    for rule, asked in both[1].rules.items():
        parts = [coverage.rules[rule] for coverage in (one[1], other[1]) if rule in coverage.rules]
        assert asked.holds == sum(part.holds for part in parts), rule
        assert asked.unknown == sum(part.unknown for part in parts), rule


@pytest.mark.parametrize("at", [moment(0), moment(10**9)], ids=["all at once", "all in the future"])
def test_times_may_be_equal_and_to_come(at: UtcTime) -> None:
    told = [replace(each, metadata=replace(each.metadata, happened=at)) for each in random_history(Seeded(3), 200)]
    assert judged(told)[0] == []
