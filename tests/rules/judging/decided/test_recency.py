"""A decision that read its host as it was long ago is found, and times that contradict each other are shown."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pytest

from domain.events import HostCommandRefused, VmCommandRefused, VmDefined, VmStarted
from rules.judging.findings import Verdict
from tests.domain.given import HOST, START, WEB, do
from tests.oracle.shapes import Line
from tests.rules.judging.histories import BEGINNING, Recorded, causes, history, judged, moment, tampered, with_metadata

DB: Line = {**WEB, "vm": "db01"}
REFUSED = VmCommandRefused | HostCommandRefused


def citing(envelopes: list[Recorded], version: int) -> list[Recorded]:
    """The history whose last event cites the host as the first event that read this version of it does."""
    reads = [
        envelope.event.evidence.host
        for envelope in envelopes
        if isinstance(envelope.event, REFUSED | VmDefined | VmStarted)
    ]
    read = next(host for host in reads if host is not None and host.stream_version == version)
    return tampered(envelopes, -1, lambda event: replace(event, evidence=replace(event.evidence, host=read)))


def test_a_refusal_that_read_an_older_host_than_its_own_stream_knew_is_found() -> None:
    """The VM was refused on version 3 of its host, and then on version 2."""
    envelopes = history(HOST, WEB, DB, START, do("start", "db01"), do("start"), do("start"))
    assert isinstance(envelopes[-1].event, VmCommandRefused)
    assert causes(envelopes) == []
    assert causes(citing(envelopes, 2)) == [("event_tells_all", len(envelopes))]


def test_a_refusal_that_read_the_host_before_the_change_that_its_own_stream_made_is_found() -> None:
    envelopes = history(HOST, WEB, START, do("start"))
    assert isinstance(envelopes[-1].event, VmCommandRefused)
    assert causes(envelopes) == []
    assert causes(citing(envelopes, 1)) == [("event_tells_all", len(envelopes))]


@pytest.mark.parametrize(("seconds", "found"), [(0.5, False), (3600, True)])
def test_a_refusal_that_read_a_version_that_was_replaced_well_before_it_is_found(seconds: float, found: bool) -> None:
    """The VM has read no other version of its host: only the times show that the refusal is wrong."""
    envelopes = history(HOST, WEB, DB, START, do("stop", "db01"))
    assert isinstance(envelopes[-1].event, VmCommandRefused)
    replaced = envelopes[-2].metadata.recorded
    late = (datetime.fromisoformat(replaced).replace(tzinfo=None) - BEGINNING).total_seconds() + seconds
    older = with_metadata(citing(envelopes, 1), -1, recorded=moment(late), happened=moment(late))
    assert causes(older) == ([("event_tells_all", len(older))] if found else [])


def test_a_refusal_on_the_stream_of_its_host_reads_the_version_before_it() -> None:
    too_large = {**DB, "memory": {"static": {"size": "3MiB"}}}
    envelopes = history(HOST, WEB, START, too_large)
    assert isinstance(envelopes[-1].event, HostCommandRefused)
    assert causes(envelopes) == []
    assert causes(citing(envelopes, 1)) == [("event_tells_all", len(envelopes))]


# Times

CLEAN = history(HOST, WEB, START)


def remarks(envelopes: list[Recorded]) -> list[tuple[str, int | None]]:
    return [(found.why, found.at.position) for found in judged(envelopes)[0] if found.verdict is Verdict.REMARK]


def test_what_was_recorded_before_the_event_before_it_is_a_remark() -> None:
    early = with_metadata(CLEAN, 1, recorded=moment(-90), happened=moment(-90))
    assert remarks(early) == [("the event was recorded before the previous event of its ledger", 2)]


def test_writers_who_take_turns_record_out_of_order() -> None:
    assert remarks(with_metadata(CLEAN, 1, recorded=moment(-5), happened=moment(-5))) == []


def test_what_was_recorded_before_it_happened_is_a_remark() -> None:
    late = with_metadata(CLEAN, 1, happened=moment(100))
    assert remarks(late) == [("the event was recorded before it happened", 2)]


def test_what_cannot_have_happened_between_its_times_is_a_violation() -> None:
    assert causes(with_metadata(CLEAN, 1, earliest=moment(0.5))) == []
    assert causes(with_metadata(CLEAN, 1, earliest=moment(2))) == [("time_goes_forward", 2)]
