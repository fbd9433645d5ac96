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
    from nilometer.cli.prove.choice import Choice
    from nilometer.cli.prove.report import Report

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
    from nilometer.cli.prove.choice import choose, obligation_named
    from rules.solving.prover import BUDGET

    out = Output(current_session().format)
    steps = budget or BUDGET
    if explained is not None:
        if rules or more_rules or commands or smt2 or save or recheck:
            raise Mistyped("--explain takes one obligation, and nothing beside it", hint="nilo prove --explain NAME")
        from nilometer.cli.prove.explain import show

        return show(out, obligation_named(explained), steps)
    choice = choose([*rules, *more_rules], commands)
    if recheck:
        from rules.solving.recheck import solver

        solver()  # or says at once that there is none
    if smt2 is not None:
        _export(choice, smt2)
    return _prove(out, choice, save, recheck, cores, steps)


def _prove(out: Output, choice: Choice, save: Path | None, recheck: bool, cores: int, budget: int) -> int:
    from nilometer.cli.interrupts import interruptible
    from nilometer.cli.prove.report import Report
    from rules.proving.run import prove

    report = Report(out, [each.kind for each in choice.obligations], save)
    begun = time.monotonic()
    try:
        with report.bar, interruptible() as go_on:
            for result in prove(choice.rules, choice.commands, cores=cores, budget=budget):
                report.add(result)
                go_on()
            if recheck:
                _recheck(report, choice, cores, go_on)
    except KeyboardInterrupt:
        raise Interrupted(report.so_far(), hint="nilo prove begins anew; it keeps nothing") from None
    return report.finish(time.monotonic() - begun)


def _recheck(report: Report, choice: Choice, cores: int, go_on: Callable[[], None]) -> None:
    from rules.solving.recheck import recheck, solver

    report.begin_recheck(solver())
    for opinion in recheck(choice.obligations, cores=cores):
        report.add_opinion(opinion)
        go_on()


def _export(choice: Choice, folder: Path) -> None:
    from rules.solving.smtlib import exports

    folder.mkdir(parents=True, exist_ok=True)
    for each in exports(choice.obligations):
        (folder / each.file).write_text(each.text, encoding="utf-8", newline="\n")
    say("note", f"{len(choice.obligations)} obligations are written to {folder}: unsat means proved")
