"""An event in one sentence."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from domain.envelope import Envelope, Metadata
from domain.events import Event
from domain.identifiers import UtcTime, vm_stream
from domain.observed.events import DeviceFigures, VmMemoryMoved, VmObserved
from domain.observed.words import BASE_MEMORY, OWN_CHANGE, UNKNOWN_ACTOR, Means, WhyMoved
from domain.quantities import GiB, MiB
from domain.state import Power
from nilometer.messages.events import describe
from nilometer.messages.provenance import describe_actor
from nilometer.messages.stories import tell_change

NOON = UtcTime("2026-11-23T12:00:00.000000Z")
FIGURES = "assigned 4096 MiB, visible 4001 MiB, in use 1536 MiB"
GOLDENS = Path(__file__).parents[1] / "cli/reading/goldens"
BOOT = DeviceFigures(BASE_MEMORY, Means.BOOT, 4 * GiB)


def envelope_of(event: Event) -> Envelope[Event]:
    metadata = Metadata("a", "b", NOON, NOON, "c")
    return Envelope(stream=vm_stream("web01"), version=1, event=event, metadata=metadata, position=1)


@pytest.mark.parametrize(
    ("event", "text"),
    [
        (VmObserved(label="ACPI_DEVICE_OST", told="{}"), "reported ACPI_DEVICE_OST"),
        (VmObserved(told="Hyper-V-Worker 18600"), "reported Hyper-V-Worker 18600"),
        (VmObserved(label=OWN_CHANGE, told="Stop-VM web01"), "had a recorded command: Stop-VM web01"),
        (VmObserved(), "was measured: no new figures"),
    ],
)
def test_what_has_no_figures_was_reported_and_not_measured(event: VmObserved, text: str) -> None:
    assert describe(envelope_of(event)) == f"VM web01 {text}"


@pytest.mark.parametrize(
    ("event", "figures"),
    [
        (VmObserved(host="hv02"), "on host hv02"),
        (VmObserved(name="sql01"), "named sql01"),
        (VmObserved(devices=(BOOT,)), "base-memory 4 GiB"),
        (VmObserved(devices=(BOOT,), label="before"), "before"),
        (VmObserved(devices=(BOOT,), assigned=4 * GiB), "assigned 4 GiB"),
        (VmObserved(name="sql01", host="hv02", power=Power.OFF), "off, on host hv02, named sql01"),
        (VmObserved(assigned=4 * GiB, in_use=1536 * MiB, visible=4001 * MiB), FIGURES),
        (VmObserved(power=Power.RUNNING, session=1, host="hv02"), "running, on host hv02"),
        (VmObserved(power=Power.RUNNING, session=2, assigned=4 * GiB), "running, session 2, assigned 4 GiB"),
        (VmObserved(), "no new figures"),
    ],
)
def test_a_measurement_says_where_a_vm_is_its_name_and_its_figures_in_one_unit(event: VmObserved, figures: str) -> None:
    assert describe(envelope_of(event)) == f"VM web01 was measured: {figures}"


@pytest.mark.parametrize(
    ("figures", "move"),
    [
        ((2048, 2048, 2048, 7168), "2 GiB -> 2 GiB (lowest 2 GiB, highest 7 GiB)"),
        ((2048, 3072, 512, 3072), "2048 MiB -> 3072 MiB (lowest 512 MiB, highest 3072 MiB)"),
        ((3072, 2048, None, 4096), "3 GiB -> 2 GiB (lowest 2 GiB, highest 4 GiB)"),
        ((3072, 2048, 2048, 3072), "3 GiB -> 2 GiB"),
        ((3072, 2048, None, None), "3 GiB -> 2 GiB"),
    ],
)
def test_one_event_for_many_moves_says_how_far_they_went(figures: tuple[int | None, ...], move: str) -> None:
    before, after, least, most = (None if figure is None else figure * MiB for figure in figures)
    event = VmMemoryMoved(
        device=BASE_MEMORY,
        means=Means.BOOT,
        size_from=before or 0,
        size_to=after or 0,
        why=WhyMoved.BALANCER,
        least=least,
        most=most,
    )
    assert describe(envelope_of(event)) == f"VM web01: base-memory {move}, by Dynamic Memory"
    assert f"base-memory {move}, by Dynamic Memory" in next(iter(tell_change([envelope_of(event)])))


def test_a_change_that_nobody_is_known_to_have_made_is_by_an_unknown_user() -> None:
    metadata = Metadata(UNKNOWN_ACTOR, "hyper-v", NOON, NOON, "c")
    assert describe_actor(metadata) == "an unnamed user"
    assert describe_actor(replace(metadata, actor="ann")) == "ann via hyper-v"


def test_one_answer_has_one_unit() -> None:
    for name in ("show.plain", "show-ticket.plain", "view.plain", "view-vm.plain", "diff.plain"):
        text = (GOLDENS / f"{name}.txt").read_text(encoding="utf-8")
        for answer in text.split("\n\n"):
            lines = [line for line in answer.splitlines() if "the limit of such a VM" not in line]
            assert len(set(re.findall(r"\d (TiB|GiB|MiB|bytes)\b", "\n".join(lines)))) == 1, name
