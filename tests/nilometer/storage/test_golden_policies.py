"""Histories with adopted policies, as the first version that has them wrote them: read, stored and judged as then.

``goldens/policies.jsonl`` is the export of a ledger that adopted ``docs/examples/policies.py``, was refused and granted
less by them, and retired one of them. ``goldens/policies-2.jsonl`` is that of one that adopted policies in TOML: over
two VMs, a group, a change, and in windows. ``goldens/policies-3.jsonl`` is that of one whose group had a book, as since
then. None of them ever changes.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from domain.kinds import BY_POLICIES, POLICIES
from nilometer.history.checked import read_history
from nilometer.history.cloudevents import write_lines
from nilometer.history.restoring import restore
from nilometer.ledger.ledger import Ledger
from nilometer.storage.bodies import encode
from rules.policies.judging.adopted import AdoptedJudge
from tests.nilometer.ledger.asking import stored

GOLDENS = Path(__file__).with_name("goldens")


def test_each_kind_of_event_by_policies_has_a_golden() -> None:
    text = "".join(file.read_text() for file in GOLDENS.glob("policies*.jsonl"))
    assert [event.KIND for event in BY_POLICIES + POLICIES if f'"nilometer.{event.KIND}.v1"' not in text] == []


@pytest.mark.parametrize(
    ("name", "adopted"),
    [
        ("policies", ["erp_keeps_512_mib", "tenth_stays_free"]),
        ("policies-2", ["erp_stays_small", "growth_on_saturdays", "web_and_erp_together"]),
        ("policies-3", []),
    ],
)
def test_a_history_with_policies_is_read_stored_and_judged_as_when_it_was_written(
    name: str, adopted: list[str], tmp_path: Path
) -> None:
    export = GOLDENS / f"{name}.jsonl"
    with Ledger.open(f"sqlite:///{tmp_path}/ledger.db", create=True) as ledger:
        with export.open("rb") as file:
            restore(ledger, read_history(file, export.name))
        assert b"".join(write_lines(ledger.rows(), ledger.id)) == export.read_bytes()
        envelopes = list(ledger.events())
        assert [(one.stream, one.version, *encode(one.event, one.metadata)) for one in envelopes] == stored(ledger)
        judge = AdoptedJudge()
        assert [*(finding for one in envelopes for finding in judge.take(one)), *judge.finish()] == []
        assert [policy.name for policy in ledger.policy_set().adopted] == adopted
