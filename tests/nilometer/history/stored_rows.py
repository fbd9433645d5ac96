"""Lines of an export as the rows of a ledger that would write them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from domain.identifiers import StreamName
from nilometer.history.cloudevents import ATTRIBUTES, to_canonical_json
from nilometer.storage.reader import StoredRow


def row_of(line: Mapping[str, Any]) -> StoredRow:
    """The row whose event is written as this line."""
    body = {name: line.get(name) for name in ATTRIBUTES} | {"data": line["data"], "happened": line["time"]}
    return StoredRow(
        position=line["position"],
        stream=StreamName(line["subject"]),
        version=line["version"],
        topic=line["type"].removeprefix("nilometer.").replace(".v", "/"),
        body=to_canonical_json(body),
    )
