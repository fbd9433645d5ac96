"""Which versions of events are brought to the next: all before the one that is written now."""

from __future__ import annotations

from domain.kinds import EVENTS
from nilometer.storage.upcasters import UPCASTERS


def test_there_is_one_from_each_version_before_the_one_that_is_written() -> None:
    before = {(event.KIND, version) for event in EVENTS.values() for version in range(1, event.VERSION)}
    assert UPCASTERS.keys() == before
    first = UPCASTERS["host.memory-granted", 1]
    assert first({"bytes": 1}, "host/hv01") == {"bytes": 1, "granted": None, "requested": None}
