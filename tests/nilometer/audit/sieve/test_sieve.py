"""What the sieve clears is clean: with it an audit comes to what the judge alone comes to."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import pytest
from hypothesis import Phase, event, given, settings
from hypothesis import strategies as st

from detection.corruptions import KINDS, renumber
from detection.histories import Line
from detection.judging import judged
from domain.errors import InputError, NilometerError
from nilometer.audit.sieve import pieces
from nilometer.audit.sieve.judging import open_export
from nilometer.history.parquet.reading import read_export
from tests.nilometer.audit.mixed import judged_whole, mixed_history, with_faults
from tests.nilometer.audit.partitioning.test_buckets import shown
from tests.nilometer.audit.sieve.exporting import audit_of, export_of
from tests.nilometer.audit.sieve.known import known_history


@settings(deadline=None, max_examples=8, phases=(Phase.explicit, Phase.reuse, Phase.generate))
@given(seed=st.integers(0, 10**6), faults=st.integers(0, 2), buckets=st.integers(1, 4))
def test_with_the_sieve_an_audit_comes_to_what_it_comes_to_without(seed: int, faults: int, buckets: int) -> None:
    known = known_history(seed % 3, 40)
    others = [{**line, "source": known[0]["source"]} for line in mixed_history(seed, commands=25)]
    lines = with_faults(renumber([*known, *others]), seed, faults)
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
        if not faults:
            assert sieved.undivided == ""
            assert sieved.streams >= {line["subject"] for line in known}
        if sieved.undivided:
            event("in one piece")
            return
        event("cleared" if sieved.cleared_groups else "nothing is cleared")
        assert shown(audit, str(export)) == shown(judged_whole(lines), str(export))


def test_what_a_hypervisor_is_the_authority_for_is_left_to_the_judge(tmp_path: Path) -> None:
    lines = mixed_history(7, commands=25)
    observed = {line["subject"] for line in lines if line["data"]["origin"] == "observed"}
    _, sieved = audit_of(export_of(lines, tmp_path))
    assert (sieved.undivided, sieved.streams & observed) == ("", frozenset())
    assert sieved.suspects >= observed > set()


@pytest.fixture(scope="module")
def histories() -> list[list[Line]]:
    return [known_history(seed, 150) for seed in (1, 2)]


def test_known_commands_are_all_cleared(histories: list[list[Line]], tmp_path: Path) -> None:
    for number, lines in enumerate(histories):
        _, sieved = audit_of(export_of(lines, tmp_path / str(number)))
        assert (sieved.undivided, sieved.cleared_groups, sieved.cleared.events) == ("", 2, len(lines))


def test_states_are_kept_from_piece_to_piece(
    histories: list[list[Line]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pieces, "PIECE_ROWS", 50)
    monkeypatch.setattr(pieces, "LEAST_ROWS", 50)
    for number, lines in enumerate(histories):
        export = export_of(lines, tmp_path / str(number))
        assert len(list(pieces.read_pieces(open_export(export), ("position", "topic"), "vm."))) > 3
        _, sieved = audit_of(export)
        assert (sieved.undivided, sieved.cleared.events) == ("", len(lines))


def test_an_event_that_was_recorded_late_is_left_to_the_judge_whatever_file_it_is_in(tmp_path: Path) -> None:
    lines = known_history(1, 150)
    change, *_ = (line for line in lines[len(lines) // 2 :] if line["type"].startswith("nilometer.vm.stopped"))
    for line in lines:
        if line["correlation"] == change["correlation"]:
            moment = datetime.fromisoformat(line["recorded"]) - timedelta(hours=1)
            line["recorded"] = moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    export = export_of(lines, tmp_path, buckets=2)
    audit, sieved = audit_of(export)
    assert (sieved.cleared_groups, set(sieved.late)) == (1, {change["position"]})
    assert shown(audit, str(export)) == shown(judged_whole(lines), str(export))


OF_THE_WHOLE = ("an event dropped", "an event duplicated", "an event moved", "two histories spliced")
"""Corruptions after which a history is seldom judged in pieces, as its positions or versions have gaps."""


@pytest.mark.parametrize("kind", KINDS)
def test_no_corruption_that_the_judge_finds_is_cleared(kind: str, histories: list[list[Line]], tmp_path: Path) -> None:
    random, cleared = Random(kind), 0
    for number in range(3):
        corruption = KINDS[kind](random, histories[number % 2], histories[(number + 1) % 2])
        assert corruption is not None
        found = {finding.at.stream for finding in judged(corruption.lines)}
        try:
            _, sieved = audit_of(export_of(corruption.lines, tmp_path / str(number)))
        except NilometerError:
            continue  # it cannot be exported, or the audit reads it no further
        assert found.isdisjoint(sieved.streams), corruption.what
        cleared += sieved.cleared_groups
    assert cleared or kind in OF_THE_WHOLE
