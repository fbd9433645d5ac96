"""Which time of a host was watched, by samples of its counters: as often as somebody asked for."""

from __future__ import annotations

import pytest

from domain.observed.events import HostNotWatched, HostWatched
from tests.nilometer.importers.hyperv.synthetic import Spool, Store, vm

HEAD = r'"(PDH-CSV 4.0) (UTC)(0)","\\HV01\Hyper-V Dynamic Memory VM(web01)\Physical Memory"'


def counters(*minutes: float) -> bytes:
    """Samples of one VM's memory as CSV."""
    rows = [
        f'"11/23/2026 {9 + int(at) // 60:02}:{int(at) % 60:02}:{round(at * 60) % 60:02}.000","2048"' for at in minutes
    ]
    return "\n".join([HEAD, *rows, ""]).encode()


def gaps(store: Store) -> list[tuple[str, str]]:
    return [
        ((one.metadata.earliest or "")[11:16], one.metadata.happened[11:16])
        for one in store.of("host/hv01")
        if isinstance(one.event, HostNotWatched)
    ]


@pytest.mark.parametrize(
    ("minutes", "expected"),
    [
        ((0, 1, 2, 3, 8, 9), []),  # five minutes are no gap
        ((0, 1, 2, 3, 8.5, 9), [("09:03", "09:08")]),
        ((0, 15, 30, 45, 75, 90), []),  # one sample of each quarter of an hour is missing
        ((0, 15, 30, 45, 105, 120), [("09:45", "10:45")]),
    ],
)
def test_a_gap_is_longer_than_usual(minutes: tuple[float, ...], expected: list[tuple[str, str]]) -> None:
    store = Store()
    store.take(counters(*minutes))
    assert gaps(store) == expected
    (watched,) = store.events(HostWatched, stream="host/hv01")
    assert (watched.since[11:16], watched.polls) == ("09:00", len(minutes))


def test_a_file_that_has_grown_adds_what_is_new() -> None:
    store = Store()
    for minutes in ((0, 1, 2), (0, 1, 2, 20, 21, 22)):
        store.take(counters(*minutes))
    assert gaps(store) == [("09:02", "09:20")]
    assert [(one.since[11:16], one.polls) for one in store.events(HostWatched, stream="host/hv01")] == [
        ("09:00", 3),
        ("09:20", 3),
    ]


def test_samples_show_that_a_host_was_watched_while_no_polls_were_read() -> None:
    store, spool = Store(), Spool()
    for minute in (0, 1, 2, 20, 21):
        spool.poll(minute, vm())
    store.take(spool.data, counters(*range(22)))
    assert gaps(store) == []
    store = Store()
    store.take(spool.data)
    assert gaps(store) == [("09:02", "09:20")]
