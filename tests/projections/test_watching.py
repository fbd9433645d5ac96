"""Which time of a host was watched: a fold of events, in parts too."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from domain.envelope import Envelope, Metadata
from domain.event import Event
from domain.identifiers import UtcTime, host_stream
from domain.observed.events import HostNotWatched, HostWatched
from projections.watching import Watching, gap_seconds


def moment(minute: int) -> UtcTime:
    return UtcTime(f"2026-11-23T{minute // 60:02}:{minute % 60:02}:00.000000Z")


def envelope(host: str, event: Event, since: int, until: int) -> Envelope[Event]:
    said = Metadata("ann", "nilo", moment(until), moment(until), "-", moment(since))
    return Envelope(host_stream(host), 1, event, said, 1)


@st.composite
def events(draw: st.DrawFn) -> list[Envelope[Event]]:
    found: list[Envelope[Event]] = []
    for host, since, length in draw(
        st.lists(st.tuples(st.sampled_from(("hv01", "hv02")), st.integers(0, 600), st.integers(6, 90)), max_size=12)
    ):
        watched = draw(st.booleans())
        event = HostWatched(since=moment(since), polls=2, longest_gap=60) if watched else HostNotWatched()
        found.append(envelope(host, event, since, since + length))
    return found


def folded(parts: list[Envelope[Event]]) -> list[object]:
    watching = Watching()
    for one in parts:
        watching.take(one)
    return shown(watching)


def shown(watching: Watching) -> list[object]:
    return [(host.host, host.since, host.until, host.gaps_between()) for host in watching]


@given(events(), st.integers(0, 12))
def test_parts_of_a_history_come_to_the_same_as_all_of_it(history: list[Envelope[Event]], cut: int) -> None:
    one, other = Watching(), Watching()
    for part, watching in ((history[:cut], one), (history[cut:], other)):
        for event in part:
            watching.take(event)
    one.merge(other)
    assert shown(one) == folded(history) == folded(history[::-1])


def test_a_gap_lies_in_an_interval_if_a_part_of_it_does() -> None:
    watching = Watching()
    watching.take(envelope("hv01", HostNotWatched(), 10, 20))
    (host,) = watching
    for since, until, lies in ((0, 10, False), (0, 11, True), (12, 13, True), (19, 40, True), (20, 40, False)):
        assert bool(host.gaps_between(moment(since), moment(until))) is lies


def test_a_host_was_watched_from_its_first_poll_to_its_last_and_a_gap_has_a_beginning() -> None:
    watching = Watching()
    later = HostWatched(since=moment(30), polls=2, longest_gap=60)
    for event, until in ((later, 40), (HostWatched(since=moment(0), polls=2, longest_gap=60), 20)):
        watching.take(envelope("hv01", event, 0, until))
    (host,) = watching
    assert (host.host, host.since, host.until) == ("hv01", moment(0), moment(40))
    gap = envelope("hv01", HostNotWatched(), 50, 61)
    watching.take(gap)
    watching.take(replace(gap, metadata=replace(gap.metadata, earliest=None)))
    watching.take(envelope("hv01", HostWatched(since=moment(61), polls=1, longest_gap=0), 0, 70))
    (gap_found,) = host.gaps_between()
    assert (gap_found.since, gap_found.until, gap_seconds(gap_found)) == (moment(50), moment(61), 660)
    assert (host.since, host.until) == (moment(0), moment(70))


def test_it_happened_when_it_was_read_and_not_when_it_was_recorded() -> None:
    said = Metadata("ann", "nilo", moment(20), moment(600), "-", moment(10))
    watching = Watching()
    watching.take(Envelope(host_stream("hv01"), 1, HostWatched(since=moment(10), polls=2, longest_gap=60), said, 1))
    (host,) = watching
    assert (host.since, host.until) == (moment(10), moment(20))


def test_gaps_are_in_the_order_in_which_they_began_also_where_they_end_together() -> None:
    watching = Watching()
    for since, until in ((20, 30), (10, 60), (40, 60)):
        watching.take(envelope("hv01", HostNotWatched(), since, until))
    (host,) = watching
    assert [gap.since for gap in host.gaps_between()] == [moment(10), moment(20), moment(40)]
