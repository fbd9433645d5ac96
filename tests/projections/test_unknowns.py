"""Why a figure is not known, since when, what it was, and what would tell it."""

from __future__ import annotations

from domain.events import Event
from domain.observed.events import HostObserved, VmObserved, VmRetired
from domain.quantities import GiB
from domain.settings import MemorySetting
from domain.state import Power
from projections.fleet import Fleet
from projections.unknowns import (
    UnknownFigure,
    WhyUnknown,
    has_stale_balloon,
    how_to_know,
    is_stale,
    knows_setting,
    unknown_figures,
    unknown_host_figures,
)
from tests.projections.histories import HOST, START, WEB, Recorder, in_use, time, told
from tests.projections.test_requests import MOVED

SEEN = VmObserved(
    host="seen1",
    power=Power.RUNNING,
    session=1,
    assigned=4 * GiB,
    visible=4 * GiB,
    ballooned=0,
    in_use=GiB,
    memory=MemorySetting.static(4 * GiB),
)
NOT_MEASURED, BEFORE = WhyUnknown.NOT_MEASURED, WhyUnknown.BEFORE_THE_LAST_MOVE


def fleet_of(*events: Event, stream: str = "vm/seen") -> Fleet:
    """What these events lead to, ten seconds apart."""
    recorder = Recorder()
    for place, event in enumerate(events):
        recorder.append(stream, event, 10 * place, f"c{place}")
    return recorder.fleet


def whys(*events: Event) -> dict[str, WhyUnknown]:
    found = unknown_figures(fleet_of(*events).vms["seen"])
    assert all(figure.collect for figure in found.values())
    return {name: figure.why for name, figure in found.items()}


def test_of_a_decided_vm_only_what_its_guest_uses_may_be_unknown() -> None:
    for lines, unknown in (([], []), ([START], ["in_use"]), ([START, in_use("1GiB")], [])):
        tracked = Fleet().apply_all(told(HOST, WEB, *lines)).vms["web01"]
        assert list(unknown_figures(tracked)) == unknown
        assert knows_setting(tracked)
        assert (is_stale(tracked, "visible"), has_stale_balloon(tracked)) == (False, False)
    tracked = Fleet().apply_all(told(HOST, WEB, START)).vms["web01"]
    assert unknown_figures(tracked)["in_use"] == UnknownFigure(
        why=WhyUnknown.NOT_REPORTED,
        since=None,
        last=None,
        measured=None,
        collect="Report it: nilo do report-in-use VM SIZE.",
    )
    fleet = Fleet().apply_all(told(HOST))
    assert unknown_host_figures(fleet.hosts["hv01"], fleet.account("hv01")) == {}


def test_what_no_source_measured_is_unknown() -> None:
    assert whys(SEEN) == {}
    assert whys(VmObserved(power=Power.RUNNING)) == dict.fromkeys(
        ("assigned", "visible", "ballooned", "in_use", "memory"), NOT_MEASURED
    )
    setting = VmObserved(memory=MemorySetting.static(GiB))
    assert [knows_setting(fleet_of(event).vms["seen"]) for event in (setting, VmObserved(in_use=1))] == [True, False]


def test_a_vm_that_is_off_saved_or_gone_has_nothing_that_could_be_unknown() -> None:
    for power in (Power.OFF, Power.SAVED):
        assert whys(VmObserved(power=power)) == {}
    assert whys(VmObserved(power=Power.RUNNING), VmRetired()) == {}
    assert "visible" in whys(VmObserved(power=Power.PAUSED))
    stopped = fleet_of(SEEN, VmObserved(assigned=6 * GiB), VmObserved(power=Power.OFF)).vms["seen"]
    assert (is_stale(stopped, "visible"), has_stale_balloon(stopped)) == (False, False)
    plugged = fleet_of(SEEN, VmObserved(power=Power.OFF), MOVED).vms["seen"]
    assert plugged.last_change is not None
    assert (plugged.last_change.at, is_stale(plugged, "visible")) == (time(20), False)


def test_what_was_measured_before_the_last_move_is_not_known_any_more() -> None:
    moved = fleet_of(SEEN, VmObserved(assigned=6 * GiB)).vms["seen"]
    old = UnknownFigure(
        why=BEFORE,
        since=time(10),
        last=4 * GiB,
        measured=time(0),
        collect="Collect the counter Guest Visible Physical Memory, or measure the guest again.",
    )
    found = unknown_figures(moved)
    assert found["visible"] == old
    assert found["in_use"].last is None
    assert (found["in_use"].why, found["in_use"].since, found["in_use"].measured) == (BEFORE, time(10), time(0))
    assert (found["ballooned"].why, found["ballooned"].last, found["ballooned"].measured) == (BEFORE, 0, time(0))
    assert (is_stale(moved, "visible"), has_stale_balloon(moved)) == (True, True)
    assert whys(SEEN, VmObserved(assigned=6 * GiB), VmObserved(visible=6 * GiB, ballooned=0, in_use=GiB)) == {}
    assert whys(SEEN, VmObserved(assigned=6 * GiB), VmObserved(power=Power.OFF)) == {}


def test_what_was_measured_in_another_session_is_not_stale_but_not_measured() -> None:
    events = (SEEN, VmObserved(session=2, assigned=6 * GiB))
    assert not is_stale(fleet_of(*events).vms["seen"], "visible")
    assert whys(*events)["visible"] is NOT_MEASURED


def test_a_balloon_of_which_nothing_was_told_is_not_stale() -> None:
    before = VmObserved(power=Power.RUNNING, session=1, assigned=4 * GiB, visible=4 * GiB)
    assert not has_stale_balloon(fleet_of(before, VmObserved(assigned=6 * GiB)).vms["seen"])


def test_what_a_host_has_is_unknown_as_far_as_nobody_measured_it() -> None:
    def unknown(event: HostObserved) -> set[str]:
        fleet = fleet_of(event, stream="host/seen1")
        found = unknown_host_figures(fleet.hosts["seen1"], fleet.account("seen1"))
        assert {figure.why for figure in found.values()} <= {NOT_MEASURED}
        return set(found)

    assert unknown(HostObserved(name="seen1")) == {"total", "reserve", "free"}
    assert unknown(HostObserved(total=GiB)) == {"reserve", "free"}
    assert unknown(HostObserved(reserve=GiB)) == {"total", "free"}
    assert unknown(HostObserved(total=GiB, reserve=0)) == set()
    assert unknown(HostObserved(total=GiB, free=GiB)) == {"reserve"}
    assert unknown(HostObserved(budget=GiB)) == {"total"}
    fleet = fleet_of(HostObserved(total=GiB, reserve=0), stream="host/seen1")
    everything = {"total", "reserve", "free"}
    assert set(unknown_host_figures(None, fleet.account("seen1"))) == everything
    assert set(unknown_host_figures(fleet.hosts["seen1"], None)) == everything


def test_what_to_do_names_the_vm() -> None:
    tracked = Fleet().apply_all(told(HOST, WEB, START)).vms["web01"]
    unknown = unknown_figures(tracked)["in_use"]
    assert how_to_know(unknown, "web 01") == "Report it: nilo do report-in-use 'web 01' SIZE."
    seen = unknown_figures(fleet_of(VmObserved(power=Power.RUNNING)).vms["seen"])["assigned"]
    assert how_to_know(seen, "seen") == seen.collect
