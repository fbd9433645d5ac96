"""A history with adopted policies, as the first version that has them wrote it: read, stored and judged as then.

``goldens/policies.jsonl`` is the export of a ledger that adopted ``docs/examples/policies.py``, was refused and granted
less by them, and retired one of them. It never changes.
"""

from __future__ import annotations

from pathlib import Path

from domain.kinds import BY_POLICIES, POLICIES
from nilometer.history.checked import read_history
from nilometer.history.cloudevents import write_lines
from nilometer.history.restoring import restore
from nilometer.ledger.ledger import Ledger
from nilometer.storage.bodies import encode
from rules.policies.adopted import AdoptedJudge
from tests.nilometer.ledger.asking import stored

EXPORT = Path(__file__).with_name("goldens") / "policies.jsonl"


def test_a_history_with_policies_is_read_stored_and_judged_as_when_it_was_written(tmp_path: Path) -> None:
    with Ledger.open(f"sqlite:///{tmp_path}/ledger.db", create=True) as ledger:
        with EXPORT.open("rb") as file:
            restore(ledger, read_history(file, EXPORT.name))
        kinds = {row.topic.partition("/")[0] for row in ledger.rows()}
        assert {event.KIND for event in BY_POLICIES + POLICIES} <= kinds
        assert b"".join(write_lines(ledger.rows(), ledger.id)) == EXPORT.read_bytes()
        envelopes = list(ledger.events())
        assert [(one.stream, one.version, *encode(one.event, one.metadata)) for one in envelopes] == stored(ledger)
        judge = AdoptedJudge()
        assert [*(finding for one in envelopes for finding in judge.take(one)), *judge.finish()] == []
        assert [policy.name for policy in ledger.policy_set().adopted] == ["erp_keeps_512_mib", "tenth_stays_free"]
