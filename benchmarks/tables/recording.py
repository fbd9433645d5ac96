"""The lines of recording: commands a commit each and in groups, the disk alone, and policies that are kept."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from benchmarks import (
    commands,
    policies,
    recording,
    stages,
)
from benchmarks.raw import flush_seconds
from benchmarks.report import Line
from benchmarks.scale import Scale
from benchmarks.tables.figures import format_rates

BLIND: Final = "… beside a loop that asks for no version"


def record_singly(scale: Scale) -> Iterator[Line]:
    """Recording one command at a time."""
    both, blind = recording.one_at_a_time(scale.folder, pieces=scale.pieces, commands=scale.single)
    yield format_rates("record, a commit each (FULL)", "commands/s", both, 0.5)
    yield Line(
        "… processor",
        f"{both.ours.cpu_each * 1e6:.0f} µs",
        f"{both.other.cpu_each * 1e6:.0f} µs",
        f"{both.cpu:.2f}",
        "< 4",
        both.cpu < 4,
    )
    yield format_rates(BLIND, "commands/s", blind)


def flush(scale: Scale) -> Iterator[Line]:
    """The disk alone."""
    yield Line("the disk: 4 KiB written and flushed", "", f"{flush_seconds(scale.folder) * 1e6:.0f} µs")


def record_in_groups(scale: Scale) -> Iterator[Line]:
    """Recording as a script does."""
    both, blind = recording.in_groups(scale.folder, pieces=scale.pieces, commands=scale.grouped)
    yield format_rates(f"record, {recording.BATCH_COMMANDS} a commit (FULL)", "commands/s", both, 0.2)
    yield format_rates(BLIND, "commands/s", blind)


def run_script(scale: Scale) -> Iterator[Line]:
    """A script from end to end."""
    seconds = commands.whole_script(scale.folder, scale.script)
    yield Line(f"nilo run, {scale.script:,} commands", f"{scale.script / seconds:,.0f} commands/s")


def where_time_goes(scale: Scale) -> Iterator[Line]:
    """The parts of a recorded command."""
    for what, seconds in stages.stages(scale.folder, loops=scale.single * 20, pieces=scale.pieces):
        yield Line(f"processor: {what}", f"{seconds * 1e6:.1f} µs")


def check_policies(scale: Scale) -> Iterator[Line]:
    """Policies of the user's own."""
    checked = policies.check(scale.policies)
    yield Line(
        f"nilo policy check, {checked.policies} policies, {checked.obligations} obligations",
        f"{checked.cpu:.2f} CPU s",
        target="< 5 CPU s",
        ok=checked.cpu < 5,
    )
    kept = policies.enforce(scale.folder, pieces=scale.pieces, commands=scale.single)
    for what, both in zip(("one a commit", f"{scale.single} a commit"), kept, strict=True):
        yield Line(
            f"record with three policies kept, {what}, beside none (CPU)",
            f"{both.ours.cpu_each * 1e6:.0f} µs",
            f"{both.other.cpu_each * 1e6:.0f} µs",
            f"{both.cpu:.2f}",
            "< 1.10",
            both.cpu < 1.10,
        )
