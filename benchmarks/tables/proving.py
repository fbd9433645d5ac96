"""The lines of proving, and of plans: Z3, cvc5 and TLC on the same rules."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks import (
    planning,
    proving,
)
from benchmarks.report import Line
from benchmarks.scale import Scale
from benchmarks.tables.figures import format_cpu, format_seconds
from benchmarks.tlc import checker


def prove(scale: Scale) -> Iterator[Line]:
    """Proving the rules, each time by a program that is started for it."""
    alone = proving.obligations_alone(times=scale.proofs, first=scale.proved)
    whole = proving.nilo_prove(times=scale.proofs, commands=scale.proved_commands)
    yield Line(
        f"prove {alone.obligations} obligations, cold",
        format_cpu(alone.cpu, alone.wall),
        f"{alone.solving:.2f} s of it Z3",
        target="≤ 3 CPU s",
        ok=alone.cpu <= 3,
    )
    yield Line(
        "nilo prove: the same and all checks, cold",
        format_cpu(whole.cpu, whole.wall),
        "",
        "",
        "≤ 6 CPU s",
        whole.cpu <= 6,
    )
    kept = proving.nilo_prove_kept(scale.folder, times=scale.proofs, commands=scale.proved_commands)
    yield Line(
        "nilo prove --kept, where nothing has changed",
        format_cpu(kept.cpu, kept.wall),
        "",
        "",
        "≤ 0.3 CPU s",
        kept.cpu <= 0.3,
    )
    yield Line("… a loop of ten million steps, on this machine in this run", format_seconds(proving.calibrate()))
    for part in proving.by_commands(turns=scale.turns, most=len(scale.proved_commands) or None):
        yield Line(
            f"… Z3 alone, commands: {part.commands}, their obligations: {part.obligations:.0f}",
            f"{part.cpu * 1000:.0f} ms CPU",
            f"{part.cpu * 1000 / part.commands:.0f} ms a command",
        )


def solvers(scale: Scale) -> Iterator[Line]:
    """The same obligations, by another solver."""
    other = proving.by_cvc5(first=scale.proved)
    if other is None:
        yield Line("obligations by Z3 and by cvc5", "", "cvc5 was not run: it is not installed")
        return
    ours = proving.obligations_alone(times=1, first=scale.proved)
    yield Line(
        f"{ours.obligations} obligations by Z3, {other.obligations} by cvc5, cold",
        format_cpu(ours.cpu, ours.wall),
        format_cpu(other.cpu, other.wall),
        f"{ours.cpu / other.cpu:.2f}",
    )
    yield Line(
        "… the solvers alone, an obligation",
        f"{ours.solving / ours.obligations * 1000:.1f} ms",
        f"{other.solving / other.obligations * 1000:.1f} ms",
        f"{ours.solving / ours.obligations * other.obligations / other.solving:.2f}",
    )


def tlc(scale: Scale) -> Iterator[Line]:
    """All states of a small world, by a model checker."""
    what = "any number of VMs and any sizes; beside, TLC"
    if missing := checker.missing():
        yield Line(what, "", f"TLC 2.15 was not run: {missing}")
        return
    ours = proving.obligations_alone(times=1, first=scale.proved)
    searched = checker.search("memory", scale.folder, scale.bounds)
    yield Line(
        what,
        format_cpu(ours.cpu, ours.wall),
        format_cpu(searched.cost.cpu, searched.cost.wall),
        f"{ours.cpu / searched.cost.cpu:.2f}",
    )
    yield Line(
        "… on 2 VMs and a host of 4 MiB",
        f"{ours.obligations} obligations",
        f"{searched.distinct:,} states, {searched.generated:,} decisions",
    )


def plans(scale: Scale) -> Iterator[Line]:
    """What would make a command possible, and whether VMs find a place if a host fails."""
    for (hosts, vms), target in zip(scale.fleets, (5, 20), strict=True):
        world = planning.make_fleet(hosts, vms)
        for gib, steps in ((24, 1), (24, 2), (24, 3), (160, 3), (400, 3)):
            asked = planning.ask_for(world, gib, steps)
            yield Line(
                f"nilo can add-memory {gib}GiB --within {steps}, {hosts} hosts, {vms:,} VMs",
                f"{asked.cpu * 1e3:,.2f} ms CPU, {asked.options} options",
                target=f"< {target} CPU s",
                ok=asked.cpu < target,
            )
    clusters = planning.compare_clusters(scale.clusters)
    yield Line(
        f"nilo can --survive 1: clusters of {clusters.count} with a place for all, unknown",
        f"{clusters.placed}, {clusters.unknown}",
        f"{clusters.placed - clusters.called_overcommitted} by VMM's methods",
    )
