"""The share of an audit that an earlier version wrote is read, whole."""

from __future__ import annotations

import json
from pathlib import Path

from nilometer.audit.share_documents import read_share, write_share

FORMAT_1 = Path(__file__).with_name("goldens") / "share-1.json"
"""As ``nilo audit --share K/2`` printed it when format 1 was in use; never changes."""


def test_a_share_of_format_1_is_read_and_written_as_it_was() -> None:
    document = json.loads(FORMAT_1.read_text(encoding="utf-8"))
    share = read_share(str(FORMAT_1))
    assert json.loads(json.dumps(write_share(share))) == document
    assert share.events == document["events"] > 0
    assert {finding["verdict"] for finding in document["findings"]} >= {"violated"}
