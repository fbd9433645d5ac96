"""The benchmarks, one after the other, each as lines of the table."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks import (
    columns,
    commands,
    driving,
    importing,
    judging,
    moments,
    planning,
    policies,
    proving,
    recording,
    replaying,
    reporting,
    sealing,
    serving,
    setting_up,
    sharing,
    sieving,
    sparking,
    stages,
    starting,
)
from benchmarks.fleet import A_DAY, Size
from benchmarks.histories import History, history
from benchmarks.raw import flush_seconds
from benchmarks.report import Line
from benchmarks.timing import SideBySide
from benchmarks.tlc import checker

MB: Final = 1_000_000
BLIND: Final = "… beside a loop that asks for no version"


@dataclass(frozen=True, slots=True)
class Scale:
    """How much of everything is done, and where."""

    folder: Path
    """Where the files are. It must be on a real disk: in memory a commit costs nothing."""
    histories: Path
    """Where the long histories are; those that are there are used again."""
    pieces: int = 30
    single: int = 100
    """Commands in a piece, one a commit."""
    grouped: int = 1000
    lengths: tuple[int, ...] = (10_000, 100_000, 1_000_000)
    replayed: int = 2000
    """Events in a piece."""
    judged: tuple[int, ...] = (10_000, 100_000, 1_000_000)
    """Events of histories that are judged while they are made."""
    polled: Size = A_DAY
    """The fleet whose day is imported."""
    moments: int = 40
    resizes: int = 9
    watched: int = 100
    """VMs."""
    every: float = 10
    """Seconds between two readings of a VM that is watched."""
    script: int = 5000
    starts: int = 15
    set_ups: int = 1
    """How often it is installed, which asks a registry."""
    proofs: int = 3
    """How often everything is proved."""
    turns: int | None = None
    """How many of the commands are the first once; ``None`` is all of them."""
    proved: int | None = None
    """How many obligations each solver is given; ``None`` is all of them."""
    proved_commands: tuple[str, ...] = ()
    """The commands about which all is proved; none is all of them."""
    fleets: tuple[tuple[int, int], ...] = ((2, 30), (40, 1200))
    """Hosts and VMs of the fleets in which a plan is looked for."""
    clusters: int = 300
    policies: int = 10
    decided: int = 1_000_000
    """Rows of decisions as columns."""
    spark: bool = True
    """Whether Spark is measured, where it is installed."""
    guests: tuple[str, ...] = ("windows", "windows-legacy", "linux")
    """The guests in the bounded world."""

    def history(self, number: int) -> History:
        """The history of one of the lengths."""
        return history(self.histories, self.lengths[number])


def record_singly(scale: Scale) -> Iterator[Line]:
    """Recording one command at a time."""
    both, blind = recording.one_at_a_time(scale.folder, pieces=scale.pieces, commands=scale.single)
    yield _rate("record, a commit each (FULL)", "commands/s", both, 0.5)
    yield Line(
        "… processor",
        f"{both.ours.cpu_each * 1e6:.0f} µs",
        f"{both.other.cpu_each * 1e6:.0f} µs",
        f"{both.cpu:.2f}",
        "< 4",
        both.cpu < 4,
    )
    yield _rate(BLIND, "commands/s", blind)


def flush(scale: Scale) -> Iterator[Line]:
    """The disk alone."""
    yield Line("the disk: 4 KiB written and flushed", "", f"{flush_seconds(scale.folder) * 1e6:.0f} µs")


def record_in_groups(scale: Scale) -> Iterator[Line]:
    """Recording as a script does."""
    both, blind = recording.in_groups(scale.folder, pieces=scale.pieces, commands=scale.grouped)
    yield _rate(f"record, {recording.BATCH_COMMANDS} a commit (FULL)", "commands/s", both, 0.2)
    yield _rate(BLIND, "commands/s", blind)


def run_script(scale: Scale) -> Iterator[Line]:
    """A script from end to end."""
    seconds = commands.whole_script(scale.folder, scale.script)
    yield Line(f"nilo run, {scale.script:,} commands", f"{scale.script / seconds:,.0f} commands/s")


def replay(scale: Scale) -> Iterator[Line]:
    """Rows to hosts and VMs, and to lines."""
    stored = scale.history(-2)
    pieces = min(scale.pieces, stored.events // scale.replayed)
    for what, work, target in (
        ("replay rows to state (json.loads)", replaying.replay, 1 / 3),
        ("nilo export: rows to lines (json.loads)", replaying.export, 1 / 2),
        ("nilo log as JSON: rows to lines (json.loads)", replaying.list_as_json, 1 / 2),
        ("nilo log: rows to words (json.loads)", replaying.list_in_words, 1 / 2),
    ):
        yield _rate(what, "events/s", work(stored, pieces=pieces, events=scale.replayed), target)


def judge(scale: Scale) -> Iterator[Line]:
    """Judging a decided history, by one process and by two."""
    stored = scale.history(-2)
    pieces = min(scale.pieces, stored.events // scale.replayed)
    both = judging.judge(stored, pieces=pieces, events=scale.replayed)
    yield _rate("judge lines of a history (json.loads)", "events/s", both, 0.2)
    file = judging.export(stored, scale.folder)
    one, two = (judging.audit(file, cores=cores) for cores in (1, 2))
    yield Line(
        f"nilo audit of {stored.events:,} events by two processes, beside one",
        f"{stored.events / two:,.0f} events/s",
        f"{stored.events / one:,.0f} events/s",
        f"{one / two:.2f}",
    )


def share(scale: Scale) -> Iterator[Line]:
    """Judging a history in two shares, and on Spark where that is installed."""
    stored = scale.history(-2)
    for form, cost in sharing.measure(stored, scale.folder).items():
        is_target = form != "lines"
        yield Line(
            f"audit of {stored.events:,} events in two shares: {form}",
            f"{max(cost.shares):.2f} CPU s the longer, {cost.join:.2f} the join",
            f"{cost.whole:.2f} CPU s in one piece",
            f"{cost.gain:.2f}",
            "≥ 1.8" if is_target else "",
            cost.gain >= 1.8 if is_target else None,
        )
    if scale.spark and sparking.is_there():
        first = scale.history(-3)
        for form, exported in (("lines", judging.export), ("Parquet with buckets", sharing.export_with_buckets)):
            files = exported(first, scale.folder), exported(stored, scale.folder)
            warm = sparking.measure(*files, stored.events, stored.events - first.events)
            yield Line(
                f"audit of {stored.events:,} events on Spark, after a first job: {form}",
                f"{warm.spark * 1e6:.0f} µs CPU/event",
                f"{warm.audit * 1e6:.0f} µs CPU/event nilo audit",
                f"{warm.ratio:.2f}",
                "≤ 1.5",
                warm.ratio <= 1.5,
            )


def sieve(scale: Scale) -> Iterator[Line]:
    """The sieve, on a history of which it clears all."""
    cost = sieving.measure(scale.history(-2), scale.folder)
    sieved, events = cost.sieving, cost.sieving.events
    rate, memory = events / (sieved.rules + sieved.sieve) / 1e6, sieved.peak / MB
    yield Line(
        f"sieve {events:,} events of Parquet, rules read (judge)",
        f"{rate:.3f} million/CPU s",
        f"{events / cost.judge / 1e6:.3f} million/CPU s",
        f"{cost.judge / (sieved.rules + sieved.sieve):.1f}",
        "≥ 0.3 million/CPU s",
        rate >= 0.3,
    )
    yield Line(
        "… without reading the rules (columns read and no more)",
        f"{sieved.sieve / events * 1e6:.1f} µs CPU/event",
        f"{sieved.decode / events * 1e6:.1f} µs CPU/event",
        f"{sieved.sieve / sieved.decode:.1f}",
    )
    yield Line("… peak memory", f"{memory:,.0f} MB", target="< 1074 MB", ok=memory < 1074)


def judge_any_length(scale: Scale) -> Iterator[Line]:
    """Peak memory of ``nilo audit`` on histories that are made while they are judged."""
    runs = [judging.audit_of_any_length(events, scale.folder) for events in scale.judged]
    growth = runs[-1].peak / runs[0].peak
    yield Line(
        f"peak memory of nilo audit, at {', '.join(_short(length) for length in scale.judged)}",
        f"{', '.join(f'{run.peak / MB:.0f}' for run in runs)} MB",
        f"{runs[-1].seconds:.0f} s the longest",
        f"{growth:.2f}",
        "< 1.2",
        growth < 1.2,
    )


def import_spools(scale: Scale) -> Iterator[Line]:
    """A day of a fleet of Hyper-V hosts, polled each minute, and the questions that operators ask of it."""
    yield from importing.lines(scale.polled, scale.folder, scale.histories, times=scale.starts)


def write_history(scale: Scale) -> Iterator[Line]:
    """What the longest history cost to write, and what it takes on disk."""
    stored = scale.history(-1)
    if stored.seconds is not None and stored.catch_up_seconds is not None:
        yield Line(f"write {stored.events:,} events", f"{stored.events / stored.seconds:,.0f} events/s")
        yield Line("catch up the stored views", f"{stored.events / stored.catch_up_seconds:,.0f} events/s")
    bodies, file = stored.bytes_of_bodies() / stored.events, stored.path.stat().st_size / stored.events
    yield Line("stored, an event", f"{file:,.0f} bytes", f"{bodies:,.0f} of them its body")


def any_moment(scale: Scale) -> Iterator[Line]:
    """The view at random moments."""
    stored = scale.history(-1)
    for what, waits in (
        ("position", moments.at_positions(stored, scale.moments)),
        ("time", moments.at_times(stored, scale.moments)),
    ):
        yield Line(
            f"view at a random {what} of {stored.events:,} events",
            f"{waits.most:.2f} s at most",
            f"{waits.middle:.2f} s the median",
            target="< 1 s",
            ok=waits.most < 1,
        )


def flat_memory(scale: Scale) -> Iterator[Line]:
    """Peak memory of whole commands, on histories of all lengths."""
    for arguments in (["export"], ["replay"], ["log"], ["log", "-n", "20"], ["view"]):
        runs = [
            commands.in_memory(arguments, scale.history(number).url, scale.folder)
            for number in range(len(scale.lengths))
        ]
        growth = runs[-1].peak / runs[0].peak
        yield Line(
            f"peak memory of nilo {' '.join(arguments)}, at {', '.join(_short(length) for length in scale.lengths)}",
            f"{', '.join(f'{run.peak / MB:.0f}' for run in runs)} MB",
            f"{runs[-1].seconds:.1f} s the longest",
            f"{growth:.2f}",
            "< 1.5",
            growth < 1.5,
        )


def reports(scale: Scale) -> Iterator[Line]:
    """A report of histories of all lengths: the longest in under ten seconds, and its memory does not grow."""
    costs = [reporting.report(scale.history(number), scale.folder) for number in range(len(scale.lengths))]
    longest, growth = costs[-1], costs[-1].peak / costs[0].peak
    yield Line(
        f"nilo report of {_short(scale.lengths[-1])} events",
        f"{longest.seconds:.1f} s",
        f"{longest.query:.1f} s a raw query of the rows",
        f"{longest.seconds / longest.query:.1f}",
        "< 10 s",
        longest.seconds < 10,
    )
    yield Line(
        "… of the processor",
        f"{longest.cpu:.1f} s",
        f"{longest.query_cpu:.1f} s a raw query of the rows",
        f"{longest.cpu / longest.query_cpu:.1f}",
    )
    yield Line(
        f"… peak memory, at {', '.join(_short(length) for length in scale.lengths)}",
        f"{', '.join(f'{cost.peak / MB:.0f}' for cost in costs)} MB",
        ratio=f"{growth:.2f}",
        target="< 1.5",
        ok=growth < 1.5,
    )


def served(scale: Scale) -> Iterator[Line]:
    """The live report of the longest history."""
    cost = serving.serve(scale.history(len(scale.lengths) - 1), scale.folder)
    length = _short(scale.lengths[-1])
    yield Line(
        f"nilo serve of {length} events, until it answers",
        f"{cost.ready:.1f} s",
        f"{cost.whole:.1f} s until all are read",
    )
    yield Line(
        "… its first page",
        f"{cost.first_page * 1000:.0f} ms",
        f"{cost.again * 1000:.0f} ms when nothing is new",
        target="< 200 ms",
        ok=cost.first_page < 0.2,
    )
    yield Line(
        "… from a commit until the page has its event",
        f"{cost.shown * 1000:.0f} ms",
        target="< 1 s",
        ok=cost.shown < 1,
    )


STARTS: Final = {"info": 2.0, "view": 2.0, "log": 3.3, "do add-memory": 3.3}
"""How many times the processor's time of ``nilo --help`` each command may take."""


def start(scale: Scale) -> Iterator[Line]:
    """What it costs to start the program."""
    python = f"{starting.python_alone(times=scale.starts) * 1000:.0f} ms python alone"
    help, starts = starting.starts(scale.folder, times=scale.starts)
    yield Line("nilo --help", f"{help * 1000:.0f} ms CPU", python)
    beside = f"{help * 1000:.0f} ms nilo --help"
    for name, target in STARTS.items():
        taken = starts[name]
        yield Line(
            f"nilo {name}",
            f"{taken.cpu * 1000:.0f} ms CPU",
            beside,
            f"{taken.ratio:.2f}",
            f"≤ {target}",
            ok=taken.ratio <= target,
        )


def set_up(scale: Scale) -> Iterator[Line]:
    """What it costs to install the program."""
    pinned = f"{setting_up.pins('requirements.lock')} pins"
    yield Line("what make installs", pinned, f"{setting_up.pins('requirements-test.lock')} pins for make test")
    for _ in range(scale.set_ups):
        cost = setting_up.make(scale.folder)
        yield Line("make, in a fresh clone with cold caches", _cpu(cost.cpu, cost.wall))


def where_time_goes(scale: Scale) -> Iterator[Line]:
    """The parts of a recorded command."""
    for what, seconds in stages.stages(scale.folder, loops=scale.single * 20, pieces=scale.pieces):
        yield Line(f"processor: {what}", f"{seconds * 1e6:.1f} µs")


def drive(scale: Scale) -> Iterator[Line]:
    """A resize of a scripted guest, and a watch of many, beside plain sockets that ask the same."""
    cost = driving.measure(scale.folder, resizes=scale.resizes, vms=scale.watched, every=scale.every)
    yield Line(
        "nilo drive, beyond its start and the guest's own time",
        f"{cost.resize * 1000:.0f} ms CPU",
        target="< 500 ms",
        ok=cost.resize < 0.5,
    )
    yield Line(
        f"the same, on {cost.records:,} records of evidence",
        f"{cost.long * 1000:.0f} ms CPU",
        f"{cost.resize * 1000:.0f} ms on few",
        f"{cost.long / cost.resize:.1f}",
        "< 500 ms",
        ok=cost.long < 0.5,
    )
    yield Line(
        f"nilo drive --watch, {cost.vms} VMs",
        f"{cost.watch:.2%} of a core",
        f"{cost.floor:.2%} plain sockets",
        f"{cost.watch / cost.floor:.1f}",
        "< 5 % of a core",
        ok=cost.watch < 0.05,
    )


def seal(scale: Scale) -> Iterator[Line]:
    """A seal, beside a loop that reads the same rows and hashes their leaves."""
    costs = sealing.measure(scale.history(-2), scale.folder)
    for what, each, ratio in (
        ("nilo seal", costs.seal, costs.seal_ratio),
        ("nilo verify, one process", costs.verify, costs.verify_ratio),
    ):
        yield Line(
            f"{what} (rows read and leaves hashed)",
            f"{each * 1e6:.1f} µs CPU/event",
            f"{costs.floor * 1e6:.1f} µs CPU/event",
            f"{ratio:.2f}",
            "≤ 1.30",
            ratio <= 1.3,
        )
    yield Line("nilo seal, 100 new events", f"{costs.step * 1e3:.1f} ms CPU", target="≤ 5 ms", ok=costs.step <= 0.005)
    yield Line("a proof of one event", f"{costs.proof * 1e3:.1f} ms CPU", target="≤ 5 ms", ok=costs.proof <= 0.005)


def prove(scale: Scale) -> Iterator[Line]:
    """Proving the rules, each time by a program that is started for it."""
    alone = proving.obligations_alone(times=scale.proofs, first=scale.proved)
    whole = proving.nilo_prove(times=scale.proofs, commands=scale.proved_commands)
    yield Line(
        f"prove {alone.obligations} obligations, cold",
        _cpu(alone.cpu, alone.wall),
        f"{alone.solving:.2f} s of it Z3",
        target="≤ 3 CPU s",
        ok=alone.cpu <= 3,
    )
    yield Line(
        "nilo prove: the same and all checks, cold", _cpu(whole.cpu, whole.wall), "", "", "≤ 6 CPU s", whole.cpu <= 6
    )
    kept = proving.nilo_prove_kept(scale.folder, times=scale.proofs, commands=scale.proved_commands)
    yield Line(
        "nilo prove --kept, where nothing has changed",
        _cpu(kept.cpu, kept.wall),
        "",
        "",
        "≤ 0.3 CPU s",
        kept.cpu <= 0.3,
    )
    yield Line("… a loop of ten million steps, on this machine in this run", _seconds_of(proving.calibrate()))
    for part in proving.by_commands(turns=scale.turns, most=len(scale.proved_commands) or None):
        yield Line(
            f"… Z3 alone, commands: {part.commands}, their obligations: {part.obligations:.0f}",
            f"{part.cpu * 1000:.0f} ms CPU",
            f"{part.cpu * 1000 / part.commands:.0f} ms a command",
        )


def _seconds_of(seconds: float) -> str:
    return f"{seconds:.2f} CPU s"


def solvers(scale: Scale) -> Iterator[Line]:
    """The same obligations, by another solver."""
    other = proving.by_cvc5(first=scale.proved)
    if other is None:
        yield Line("obligations by Z3 and by cvc5", "", "cvc5 was not run: it is not installed")
        return
    ours = proving.obligations_alone(times=1, first=scale.proved)
    yield Line(
        f"{ours.obligations} obligations by Z3, {other.obligations} by cvc5, cold",
        _cpu(ours.cpu, ours.wall),
        _cpu(other.cpu, other.wall),
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
    searched = checker.search("memory", scale.folder, scale.guests)
    yield Line(
        what,
        _cpu(ours.cpu, ours.wall),
        _cpu(searched.cost.cpu, searched.cost.wall),
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


def as_columns(scale: Scale) -> Iterator[Line]:
    """Parquet, and the rules as columns."""
    costs = columns.write(scale.history(-2), scale.folder)
    yield Line(
        "nilo export --as parquet, an event (JSON Lines)",
        f"{costs.parquet * 1e6:.0f} µs, {costs.parquet_bytes:.0f} bytes",
        f"{costs.lines * 1e6:.0f} µs, {costs.line_bytes:.0f} bytes",
        f"{costs.parquet / costs.lines:.2f}",
        "< 3",
        costs.parquet < 3 * costs.lines,
    )
    for command, (decided, read) in columns.decide(scale.decided).items():
        yield Line(
            f"{command} as columns (rows only read)",
            f"{decided:.2f} million/CPU s",
            f"{read:.2f} million/CPU s",
            f"{decided / read:.2f}",
            "≥ 0.1",
            decided >= 0.1 * read,
        )


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


SUITE: Final[dict[str, Callable[[Scale], Iterator[Line]]]] = {
    "flush": flush,
    "record": record_singly,
    "group": record_in_groups,
    "script": run_script,
    "replay": replay,
    "judge": judge,
    "share": share,
    "sieve": sieve,
    "lengths": judge_any_length,
    "import": import_spools,
    "history": write_history,
    "moments": any_moment,
    "memory": flat_memory,
    "report": reports,
    "serve": served,
    "start": start,
    "setup": set_up,
    "stages": where_time_goes,
    "drive": drive,
    "plans": plans,
    "policies": check_policies,
    "columns": as_columns,
    "seal": seal,
    "prove": prove,
    "solvers": solvers,
    "tlc": tlc,
}


def _rate(what: str, unit: str, both: SideBySide, target: float | None = None) -> Line:
    return Line(
        what,
        f"{both.ours.rate:,.0f} {unit}",
        f"{both.other.rate:,.0f} {unit}",
        f"{both.rate:.2f}",
        "" if target is None else f"≥ {target:.2g}",
        None if target is None else both.rate >= target,
    )


def _cpu(cpu: float, wall: float) -> str:
    return f"{cpu:.1f} CPU s, {wall:.1f} s"


def _short(length: int) -> str:
    return f"{length // 1000}k" if length < 1_000_000 else f"{length // 1_000_000}M"
