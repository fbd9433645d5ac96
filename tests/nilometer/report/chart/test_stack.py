"""The stack of a host."""

from __future__ import annotations

from dataclasses import replace

from nilometer.report.chart.paths import levels_of
from nilometer.report.chart.scales import time_scale
from nilometer.report.chart.stack import MOST_LAYERS, draw_stack, stacked
from tests.nilometer.report.charts import HOST, MIB, line


def test_each_layer_stands_on_those_below_it() -> None:
    # given three VMs on a reserve
    scale = time_scale(HOST, "time")
    reserve = [level for each in HOST.lines if each.name == "reserve" for level in levels_of(each, scale)]
    # when they are stacked
    layers = stacked([each for each in HOST.lines if each.name == "held"], reserve, scale)
    # then each begins where the one below it ends
    assert [(layer.bands[-1].low // MIB, layer.bands[-1].high // MIB) for layer in layers] == [
        (64, 384), (384, 896), (896, 1088),
    ]  # fmt: skip


def test_a_host_of_many_vms_shows_the_largest_and_all_others_together() -> None:
    many = [line("held", ("14:52:46", size), label=f"vm{size}") for size in range(1, 31)]
    drawn = str(draw_stack(replace(HOST, lines=tuple(many))))
    assert drawn.count('class="layer') == MOST_LAYERS
    assert "19 others" in drawn
    assert sum(range(1, 20)) == 190
    assert "190\u00a0MiB" in drawn


def test_labels_stand_where_the_most_vms_hold_memory_also_if_all_stop_later() -> None:
    # given three VMs that stop one after another, of which one was smaller before
    vms = [
        line("held", ("14:52:46", 100), ("14:53:00", 200), (stop, None), label=label)
        for label, stop in (("a", "14:53:50"), ("b", "14:53:52"), ("c", "14:53:54"))
    ]
    drawn = str(draw_stack(replace(HOST, lines=tuple(vms), marks=())))
    # then each label is that of the time in which all of them ran
    assert drawn.count("200\u00a0MiB</tspan>") == 3


def test_a_host_whose_capacity_was_never_measured_is_drawn_by_what_its_vms_hold() -> None:
    told = replace(HOST, description="", lines=tuple(each for each in HOST.lines if each.name == "held"))
    drawn = str(draw_stack(told))
    assert "lab.vm0" in drawn
    assert "capacity" not in drawn


def test_a_host_without_anything_is_drawn() -> None:
    assert "<svg" in str(draw_stack(replace(HOST, lines=(), marks=())))
