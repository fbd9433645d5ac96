"""What the sieve clears is clean: with it an audit comes to what the judge alone comes to."""

from __future__ import annotations

from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from detection.corruptions import KINDS
from detection.histories import Line, history
from detection.judging import judged
from domain.errors import InputError, NilometerError
from nilometer.history.parquet.reading import read_export
from tests.nilometer.audit.mixed import judged_whole, mixed_history, with_faults
from tests.nilometer.audit.sieve.exporting import audit_of, export_of
from tests.nilometer.audit.test_buckets import shown


@settings(deadline=None, max_examples=8)
@given(seed=st.integers(0, 10**6), faults=st.integers(0, 2), buckets=st.integers(1, 4))
def test_with_the_sieve_an_audit_comes_to_what_it_comes_to_without(seed: int, faults: int, buckets: int) -> None:
    lines = with_faults(mixed_history(seed, commands=25), seed, faults)
    with TemporaryDirectory() as folder:
        try:
            export = export_of(lines, Path(folder), buckets)
        except NilometerError:
            event("it cannot be exported")
            return
        try:
            audit, sieved = audit_of(export)
        except InputError:
            event("it cannot be read")
            with pytest.raises(InputError):
                list(read_export(export))
            return
        if sieved.undivided:
            event("in one piece")
            return
        event("cleared" if sieved.cleared_groups else "nothing is cleared")
        assert shown(audit, str(export)) == shown(judged_whole(lines), str(export))


@pytest.fixture(scope="module")
def histories(tmp_path_factory: pytest.TempPathFactory) -> list[list[Line]]:
    folder = tmp_path_factory.mktemp("histories")
    return [history(folder, seed, 60) for seed in (1, 2)]


@pytest.mark.parametrize("kind", KINDS)
def test_no_corruption_that_the_judge_finds_is_cleared(kind: str, histories: list[list[Line]], tmp_path: Path) -> None:
    random = Random(kind)
    for number in range(4):
        corruption = KINDS[kind](random, histories[number % 2], histories[(number + 1) % 2])
        if corruption is None:
            continue
        found = {finding.at.stream for finding in judged(corruption.lines)}
        try:
            _, sieved = audit_of(export_of(corruption.lines, tmp_path / str(number)))
        except NilometerError:
            continue  # it cannot be exported, or the audit reads it no further
        assert found.isdisjoint(sieved.streams), corruption.what
