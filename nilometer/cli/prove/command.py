"""``nilo prove``: proves the rules, from the code that runs."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from nilometer.cli.failures import Interrupted, Mistyped, say
from nilometer.cli.options import common_options
from nilometer.cli.output import Output
from nilometer.cli.session import current_session

if TYPE_CHECKING:
    from nilometer.cli.prove.report import Report
    from nilometer.cli.prove.selection import Selection

FOLDER = click.Path(file_okay=False, path_type=Path)


@click.command("prove", short_help="Prove that no command can break the rules.")
@click.argument("rules", metavar="[RULE]...", nargs=-1)
@click.option("--rule", "more_rules", metavar="RULE", multiple=True, help="Only this rule; the same as RULE.")
@click.option("--command", "commands", metavar="COMMAND", multiple=True, help="Only obligations about this command.")
@click.option(
    "--explain",
    "explained",
    metavar="OBLIGATION",
    help="Explain one obligation: what it says, and what its proof used.",
)
@click.option("--smt2", metavar="FOLDER", type=FOLDER, help="Also write each obligation as an SMT-LIB 2 file.")
@click.option("--save", metavar="FOLDER", type=FOLDER, help="Write the history of each counterexample as a script.")
@click.option("--recheck", is_flag=True, help="Check each obligation again with another solver, cvc5.")
@click.option("--cores", metavar="N", type=click.IntRange(1), default=1, help="The number of processes; default 1.")
@click.option(
    "--budget", metavar="STEPS", type=click.IntRange(1), help="The number of steps after which the solver gives up."
)
@common_options
def command(
    rules: Sequence[str],
    more_rules: Sequence[str],
    commands: Sequence[str],
    explained: str | None,
    smt2: Path | None,
    save: Path | None,
    recheck: bool,
    cores: int,
    budget: int | None,
) -> int:
    """Prove that no command can break the rules (or each RULE), for any number of VMs and all sizes.

    Proved: no command can break it. Refuted (exit 1): a command can, and is shown. Unknown (exit 3): the solver gave
    up, and nothing is claimed. A proof is about the code that runs, not about Hyper-V. docs/rules.md lists the rules.

    \b
    Examples:
      nilo prove host_never_overcommitted --command move-vm
      nilo prove --explain keeps/add-memory/host_never_overcommitted
    """
    from nilometer.cli.prove.selection import obligation_named, select
    from rules.solving.prover import BUDGET

    out = Output(current_session().format)
    budget = budget or BUDGET
    if explained is not None:
        if rules or more_rules or commands or smt2 or save or recheck:
            raise Mistyped("--explain takes one obligation and no other options", hint="nilo prove --explain NAME")
        from nilometer.cli.prove.explain import show

        return show(out, obligation_named(explained), budget)
    selection = select([*rules, *more_rules], commands)
    if recheck:
        from rules.solving.recheck import second_solver

        second_solver()  # fails at once if there is none
    if smt2 is not None:
        _export(selection, smt2)
    return _prove(out, selection, save=save, recheck=recheck, cores=cores, budget=budget)


def _prove(out: Output, selection: Selection, *, save: Path | None, recheck: bool, cores: int, budget: int) -> int:
    from nilometer.cli.interrupts import interruptible
    from nilometer.cli.prove.report import Report
    from rules.proving.run import prove

    report = Report(out, [obligation.kind for obligation in selection.obligations], save)
    begun = time.monotonic()
    try:
        with report.bar, interruptible() as check_interrupt:
            for result in prove(selection.rules, selection.commands, cores=cores, budget=budget):
                report.add(result)
                check_interrupt()
            if recheck:
                _recheck(report, selection, cores, check_interrupt)
    except KeyboardInterrupt:
        raise Interrupted(report.progress(), hint="nilo prove starts from the beginning each time") from None
    return report.finish(time.monotonic() - begun)


def _recheck(report: Report, selection: Selection, cores: int, check_interrupt: Callable[[], None]) -> None:
    from rules.solving.recheck import recheck, second_solver

    report.begin_recheck(second_solver())
    for opinion in recheck(selection.obligations, cores=cores):
        report.add_opinion(opinion)
        check_interrupt()


def _export(selection: Selection, folder: Path) -> None:
    from rules.solving.smtlib import exports

    folder.mkdir(parents=True, exist_ok=True)
    for export in exports(selection.obligations):
        (folder / export.file).write_text(export.text, encoding="utf-8", newline="\n")
    say("note", f"{len(selection.obligations)} obligations were written to {folder}; unsat means proved")
