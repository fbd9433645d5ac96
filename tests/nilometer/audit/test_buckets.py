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
from nilometer.history.checked import read_history
from nilometer.history.parquet.writing import write_export
from nilometer.history.restoring import restore
from nilometer.ledger.ledger import Ledger
from nilometer.ledger.reader import open_reader
from nilometer.textio.files import open_input
from tests.nilometer.audit.mixed import Line, contents_of, judged_whole, mixed_history, text_of, with_faults


def exported(lines: list[Line], folder: Path, buckets: int) -> Path:
    """An export of a history with at most so many buckets. Raises ``InputError`` for what no ledger takes."""
    file, url, target = folder / "history.jsonl", f"sqlite:///{folder / 'ledger.db'}", folder / "parquet"
    file.write_bytes(text_of(lines))
    with Ledger.open(url, create=True) as ledger, open_input(str(file)) as stream:
        restore(ledger, read_history(stream, str(file)))
    with open_reader(url) as reader:
        write_export(reader, target, lambda _: None, lambda _: None, len(lines) // buckets)
    return target


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
