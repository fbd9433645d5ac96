"""The share of an audit that an earlier version wrote is read, whole."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from domain.errors import InputError
from nilometer.audit.documents.share import FORMAT, read_share, write_share

GOLDENS = Path(__file__).with_name("goldens")
SHARES = {version: GOLDENS / f"share-{version}.json" for version in (1, 2)}
"""As ``nilo audit --share K/2`` printed it when that format was in use; never changes."""


@pytest.mark.parametrize("version", SHARES)
def test_a_share_of_an_earlier_format_is_read_and_written_as_it_was(version: int) -> None:
    document = json.loads(SHARES[version].read_text(encoding="utf-8"))
    share = read_share(str(SHARES[version]))
    written = json.loads(json.dumps(write_share(share)))
    digest, written_format = written.pop("digest"), written["share"].pop("format")
    assert (written_format, document["share"].pop("format")) == (FORMAT, version)
    assert document.pop("digest", digest) == digest
    assert written == document
    assert share.events == document["events"] > 0
    assert {finding["verdict"] for finding in document["findings"]} >= {"violated"}


def test_a_share_of_an_unknown_format_is_refused(tmp_path: Path) -> None:
    document = json.loads(SHARES[2].read_text(encoding="utf-8"))
    document["share"]["format"] = FORMAT + 1
    (file := tmp_path / "share.json").write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(InputError, match="its format is 3, and this program reads 1 to 2"):
        read_share(str(file))
