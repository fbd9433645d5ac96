"""Charts as examples: a real VM, a balloon, a host, a day of a host, and sizes as far apart as sizes can be."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from domain.identifiers import UtcTime
from nilometer.report.series import (
    LABELS,
    Chart,
    ChartMark,
    ChartMoment,
    ComparedMoment,
    ComparedSubject,
    Line,
    LineName,
    LineStep,
    RequestEnd,
    RequestMove,
    RequestSpan,
    TimeSpan,
)

MIB: Final = 1 << 20
GIB: Final = 1 << 30
TIB: Final = 1 << 40


def clock(text: str, day: str = "2026-11-23") -> UtcTime:
    """A time of that day: ``14:52:46.571``."""
    whole, _, fraction = text.partition(".")
    return UtcTime(f"{day}T{whole}.{fraction.ljust(6, '0')}Z")


def line(name: LineName, *steps: tuple[str, int | None], label: str | None = None, href: str | None = None) -> Line:
    """A line of sizes in MiB."""
    return Line(
        name=name,
        label=label or LABELS[name],
        steps=tuple(
            LineStep(clock(time), None if size is None else size * MIB, position)
            for position, (time, size) in enumerate(steps, 1)
        ),
        href=href,
    )


def moments(chart: Chart) -> Chart:
    """The chart with a moment for each of its instants."""

    def size(name: LineName, time: str) -> str:
        steps = [step for line in chart.lines if line.name == name for step in line.steps if step.time <= time]
        return "unknown" if not steps or steps[-1].size is None else f"{steps[-1].size // MIB}\u00a0MiB"

    return replace(
        chart,
        moments=tuple(
            ChartMoment(
                time=time,
                position=40 + number,
                clock=time[11:23].removesuffix(".000"),
                visible=size("visible", time),
                assigned=size("assigned", time),
                ballooned="0\u00a0MiB",
                in_use=size("in_use", time),
                high_watermark=size("high_watermark", time),
                note="In use was measured at 14:53:31.251." if number % 2 else "",
                says=f"event {40 + number}",
            )
            for number, time in enumerate(chart.times)
        ),
    )


LAB: Final = moments(
    Chart(
        name="vm-lab.vm0",
        kind="lines",
        title="Memory of lab.vm0",
        description="lab.vm0: assigned, guest visible, high watermark and in use, 14:52:46 to 14:53:57 UTC.",
        since=clock("14:52:46.571"),
        until=clock("14:53:57.011"),
        unit="MiB",
        lines=(
            line("assigned", ("14:52:46.571", 256), ("14:52:55.588", 384), ("14:52:55.729", 512), ("14:52:55.852", 640),
                 ("14:53:22.000", 512), ("14:53:32.200", 384), ("14:53:32.400", 352), ("14:53:32.727", 320)),
            line("visible", ("14:52:46.571", 256), ("14:52:55.588", None), ("14:52:56.566", 640),
                 ("14:53:22.000", None), ("14:53:31.251", 512), ("14:53:32.200", None), ("14:53:33.700", 320)),
            line("high_watermark", ("14:52:46.571", 256), ("14:52:55.588", 384), ("14:52:55.729", 512),
                 ("14:52:55.852", 640)),
            line("in_use", ("14:52:46.571", 64), ("14:52:55.588", None), ("14:52:56.566", 73), ("14:53:21.005", 474),
                 ("14:53:22.000", None), ("14:53:31.251", 469), ("14:53:31.979", 70), ("14:53:32.200", None),
                 ("14:53:33.700", 67)),
        ),
        times=tuple(map(clock, ("14:52:46.571", "14:52:55.459", "14:52:55.588", "14:52:55.729", "14:52:55.852",
                                "14:52:56.566", "14:53:21.005", "14:53:22.000", "14:53:31.251", "14:53:31.979",
                                "14:53:32.200", "14:53:32.400", "14:53:32.727", "14:53:33.700", "14:53:57.011"))),
        marks=(
            ChartMark(kind="short", time=clock("14:53:31.251"), size=512 * MIB, label="#70 short",
                      title="#70: 128 of 256 MiB: the rest was in use", href="#e70"),
        ),
        requests=(
            RequestSpan(position=47, asked=clock("14:52:55.459"), amount=384 * MIB, title="+384 MiB",
                        clock="14:52:55.459",
                        who="root via import-qemu",
                        state="completed", says="in full after 393 ms", closed=clock("14:52:55.852"),
                        moves=(RequestMove(clock("14:52:55.588"), 48, 128 * MIB),
                               RequestMove(clock("14:52:55.729"), 49, 128 * MIB),
                               RequestMove(clock("14:52:55.852"), 50, 128 * MIB)),
                        ends=(RequestEnd(time=clock("14:52:55.852"), position=51, state="completed",
                                         granted=384 * MIB),)),
            RequestSpan(position=67, asked=clock("14:53:21.114"), amount=-256 * MIB, title="−256 MiB",
                        clock="14:53:21.114",
                        who="root via import-qemu",
                        state="partial", says="128 of 256 MiB after 10.1 s: the rest was in use (inferred)",
                        moves=(RequestMove(clock("14:53:22.000"), 68, 128 * MIB),),
                        ends=(RequestEnd(time=clock("14:53:31.251"), position=70, state="partial",
                                         granted=128 * MIB),)),
        ),
        unmeasured=(
            TimeSpan(clock("14:52:55.588"), clock("14:52:56.566"), "in use not measured"),
            TimeSpan(clock("14:53:22.000"), clock("14:53:31.251"), "guest visible and in use not measured"),
            TimeSpan(clock("14:53:32.200"), clock("14:53:33.700"), "in use not measured"),
        ),
        idle=(
            TimeSpan(clock("14:52:56.566"), clock("14:53:21.005"), "idle 24.4 s"),
            TimeSpan(clock("14:53:33.700"), clock("14:53:57.011"), "idle 23.3 s"),
        ),
        chosen=8,
    )
)  # fmt: skip

BALLOON: Final = moments(
    Chart(
        name="vm-erp01",
        kind="lines",
        title="Memory of erp01",
        description="erp01: assigned, guest visible, high watermark and in use, 08:02 to 18:10 UTC.",
        since=clock("08:02:00"),
        until=clock("18:10:00"),
        unit="MiB",
        lines=(
            line("assigned", ("08:04:00", 2048), ("18:06:00", 640)),
            line("visible", ("08:04:00", 2048)),
            line("high_watermark", ("08:04:00", 2048)),
            line("in_use", ("18:05:00", 600)),
        ),
        times=tuple(map(clock, ("08:02:00", "08:04:00", "18:05:00", "18:06:00", "18:10:00"))),
        unmeasured=(TimeSpan(clock("08:04:00"), clock("18:05:00"), "in use not reported"),),
        idle=(TimeSpan(clock("08:04:00"), clock("18:05:00"), "idle 10 h 1 min"),),
        chosen=4,
    )
)

HOST: Final = Chart(
    name="host-lab",
    kind="stack",
    title="What the VMs of lab hold",
    description="Memory held by the VMs of host lab under its capacity; the table below has the figures.",
    since=clock("14:52:40"),
    until=clock("14:53:57"),
    unit="MiB",
    lines=(
        line("total", ("14:52:46", 1280)),
        line("reserve", ("14:52:46", 64)),
        line("held", ("14:52:46", 256), ("14:52:55.852", 640), ("14:53:22", 512), ("14:53:32.7", 320),
             ("14:53:56.9", None), label="lab.vm0", href="#vm-lab.vm0"),
        line("held", ("14:52:51", 256), ("14:52:56", 384), ("14:53:46", 512), ("14:53:56.9", None), label="lab.vm1"),
        line("held", ("14:52:55.5", 128), ("14:52:56.5", 192), ("14:53:56.9", None), label="lab.vm2"),
    ),
    times=tuple(map(clock, ("14:52:40", "14:52:46", "14:52:51", "14:52:55.852", "14:53:22", "14:53:56.9", "14:53:57"))),
    marks=(
        ChartMark(kind="short", time=clock("14:53:05.392"), size=1280 * MIB, label="#58",
                  title="#58: short grant to lab.vm1", href="#e58"),
        ChartMark(kind="violated", time=clock("14:53:14.019"), size=1280 * MIB, label="#63",
                  title="#63: host_never_overcommitted is violated", href="#f1"),
    ),
    unwatched=(TimeSpan(clock("14:53:36"), clock("14:53:44"), "not watched 8 s"),),
)  # fmt: skip

STRIP: Final = Chart(
    name="strip-hv01",
    kind="stack",
    title="hv01",
    description="hv01: 4096 MiB free of 65 536 MiB, least 0 MiB at 09:00",
    since=clock("00:00:00"),
    until=clock("23:59:59"),
    unit="MiB",
    lines=(
        line("total", ("00:00:00", 65536)),
        line("reserve", ("00:00:00", 2304)),
        line("held", ("00:00:00", 10240), ("09:00:00", 63232), ("18:00:00", 7050), ("20:00:00", None),
             ("22:00:00", 9000)),
        line("free", ("00:00:00", 50000), ("09:00:00", 0), ("18:00:00", 30000), ("20:00:00", None),
             ("22:00:00", 54232)),
    ),
    times=tuple(map(clock, ("00:00:00", "09:00:00", "18:00:00", "20:00:00", "22:00:00"))),
    unwatched=(TimeSpan(clock("20:00:00"), clock("22:00:00"), "not watched 2 h"),),
)  # fmt: skip

EXTREMES: Final = moments(
    Chart(
        name="vm-extremes",
        kind="lines",
        title="Memory of \u05e9\u05e8\u05ea-\u05d6\u05d9\u05db\u05e8\u05d5\u05df-01",
        description="32 MiB and 240 TiB in one chart",
        since=clock("08:00:00"),
        until=clock("10:00:00", "2026-11-25"),
        unit="TiB",
        lines=(
            line("assigned", ("08:00:00", 32), ("18:05:00", 240 << 20)),
            line("visible", ("08:00:00", 32), ("18:05:00", 240 << 20)),
            line("high_watermark", ("08:00:00", 32), ("18:05:00", 240 << 20)),
            line("in_use", ("08:00:00", 32)),
        ),
        times=(clock("08:00:00"), clock("18:05:00"), clock("10:00:00", "2026-11-25")),
    )
)

NOISE: Final = replace(
    LAB,
    name="vm-noise",
    lines=(
        Line(
            name="in_use",
            label="in use",
            steps=(LineStep(LAB.since, 64 * MIB + 12345, 1), LineStep(LAB.times[6], 64 * MIB, 2)),
        ),
        Line(
            name="assigned",
            label="assigned",
            steps=(LineStep(LAB.since, 5, 3), LineStep(LAB.times[8], 70 * GIB + 77777, 4)),
        ),
    ),
)
"""What guests use never stands still, and not every size is a round one."""

COMPARED: Final = tuple(
    ComparedSubject(href=f"#{chart.name}", label=label, lines=chart.lines)
    for chart, label in (
        (LAB, "VM lab.vm0"),
        (BALLOON, "VM erp01"),
        (HOST, "Host lab"),
        (EXTREMES, "VM big"),
        (NOISE, "VM n"),
    )
)
COMPARED_MOMENTS: Final = tuple(
    ComparedMoment(time, position, time[11:19])
    for position, time in enumerate(
        sorted({time for chart in (LAB, BALLOON, HOST, EXTREMES) for time in chart.times}), 1
    )
)
