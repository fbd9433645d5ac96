"""An export shared by its buckets comes to what the history comes to in one piece, or is judged in one piece."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import event, given, settings
from hypothesis import strategies as st

from domain.errors import InputError
from nilometer.audit.buckets import open_bucketed
from nilometer.audit.grouping import Grouping
from nilometer.audit.result import Audit
from nilometer.audit.shares import ShareNumber, judge_share
from tests.nilometer.audit.mixed import contents_of, exported, judged_whole, mixed_history, with_faults


def shown(audit: Audit, folder: str) -> dict[str, object]:
    """What an audit shows; findings stand in another file, and streams are not listed of a share."""
    contents = contents_of(audit)
    return {**contents, "findings": repr(contents["findings"]).replace(f"{folder}:", "history.jsonl:"), "streams": None}


@settings(deadline=None, max_examples=8)
@given(seed=st.integers(0, 10**6), faults=st.integers(0, 3), buckets=st.integers(2, 5), shares=st.integers(2, 4))
def test_shares_of_buckets_come_to_what_the_whole_comes_to(seed: int, faults: int, buckets: int, shares: int) -> None:
    lines = with_faults(mixed_history(seed, commands=20), seed, faults)
    with TemporaryDirectory() as folder:
        try:
            export = str(exported(lines, Path(folder), buckets))
        except InputError:
            event("no ledger takes it")
            return
        audits, absent, grouping = list[Audit](), list[str](), Grouping("")
        for number in range(1, shares + 1):
            source = open_bucketed(export, shares)
            if source is None:
                event("one bucket")
                return
            grouping = source.survey()
            audits.append(judge_share(source, grouping, ShareNumber(number, shares), lambda audit: None))
            absent += source.absent
        event("in one piece" if grouping.undivided else "divided")
        if grouping.undivided:
            return
        assert len(absent) == len(set(absent))
        joined = Audit(minor=True)
        joined.merge(audits)
        assert shown(joined, export) == shown(judged_whole(lines), export)
