"""The judge takes any well-typed event in any order, on streams of any name, and never raises."""

from __future__ import annotations

from random import Random

import pytest

from domain.events import Decided
from domain.observed.events import Observed
from tests.rules.judging.any_events import KINDS, any_history
from tests.rules.judging.histories import judged

DECIDED = tuple(kind for kind in KINDS if issubclass(kind, Decided))
OBSERVED = tuple(kind for kind in KINDS if issubclass(kind, Observed))


@pytest.mark.parametrize("kinds", [KINDS, DECIDED, OBSERVED], ids=["mixed", "decided", "observed"])
def test_whatever_a_history_tells_is_judged(kinds: tuple[type[Decided | Observed], ...]) -> None:
    for seed in range(40):
        envelopes = any_history(Random(seed), 20, kinds)
        coverage = judged(envelopes)[1]
        assert coverage.events == len(envelopes)
