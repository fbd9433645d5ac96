"""The forms by their names, and stored events as lines of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, cast

from nilometer.history.cloudevents import to_cloudevent
from nilometer.history.columns import ColumnReader
from nilometer.siem.cef import to_cef
from nilometer.siem.ecs import to_ecs
from nilometer.siem.facts import EventFacts, event_facts
from nilometer.siem.ocsf import to_ocsf
from nilometer.storage.reader import StoredRow


def _as_json(write: Callable[[EventFacts], dict[str, Any]]) -> Callable[[EventFacts], str]:
    return lambda event: json.dumps(write(event), ensure_ascii=False, separators=(",", ":"))


FORMS: Final[Mapping[str, Callable[[EventFacts], str]]] = {
    "ocsf": _as_json(to_ocsf),
    "ecs": _as_json(to_ecs),
    "cef": to_cef,
}


class FormWriter:
    """Writes events in a form, by their positions: it remembers what VMs are called, and where they are."""

    def __init__(self, form: str, ledger: str) -> None:
        self._write, self._ledger = FORMS[form], ledger
        self._reader = ColumnReader()

    def lines(self, rows: Iterable[StoredRow], after: int = 0) -> Iterator[bytes]:
        """The lines of stored events behind a position; all before it must be given too. Raises ``UnreadableEvent``."""
        for row in rows:
            cloudevent = to_cloudevent(row, self._ledger)
            columns = self._reader.read_named(row, cloudevent)
            if row.position > after:
                yield self._write(event_facts(columns, _data_of(cloudevent), self._ledger)).encode() + b"\n"


def _data_of(cloudevent: Mapping[str, object]) -> Mapping[str, object]:
    data = cloudevent.get("data")
    return cast("Mapping[str, object]", data) if isinstance(data, dict) else {}
