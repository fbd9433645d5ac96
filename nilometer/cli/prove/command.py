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
@click.option("--all", "all_results", is_flag=True, help="Also list each obligation and each check.")
@click.option("--kept", is_flag=True, help="Say what was proved before, if nothing that it reads has changed.")
@click.option("--smt2", metavar="FOLDER", type=FOLDER, help="Also write each obligation as an SMT-LIB 2 file.")
@click.option("--save", metavar="FOLDER", type=FOLDER, help="Write the history of each counterexample as a script.")
@click.option("--recheck", is_flag=True, help="Check each obligation again with another solver, cvc5.")
@click.option(
    "--cores", metavar="N", type=click.IntRange(1), help="The number of processes; default 2 on two cores or more."
)
@click.option(
    "--budget", metavar="STEPS", type=click.IntRange(1), help="The number of steps after which the solver gives up."
)
@click.option("--policies", "policy_file", metavar="FILE", help="Prove what the policies of this file mean instead.")
@common_options
def command(
    rules: Sequence[str],
    more_rules: Sequence[str],
    commands: Sequence[str],
    explained: str | None,
    all_results: bool,
    kept: bool,
    smt2: Path | None,
    save: Path | None,
    recheck: bool,
    cores: int | None,
    budget: int | None,
    policy_file: str | None,
) -> int:
    """Prove that no command can break the rules (or each RULE), for any number of VMs and all sizes.

    Proved: no command can break it. Refuted (exit 1): a command can, and is shown. Unknown (exit 3): the solver gave
    up, and nothing is claimed. A proof is about the code that runs, not about Hyper-V. --all lists what is proved.

    \b
    Examples:
      nilo prove host_never_overcommitted --command move-vm
      nilo prove --explain keeps/add-memory/host_never_overcommitted
    """
    out = Output(current_session().format)
    if policy_file is not None:
        if rules or more_rules or commands or all_results or kept or smt2 or save or recheck or explained or budget:
            raise Mistyped("--policies goes with no other options", hint="nilo prove --policies FILE")
        from nilometer.cli.policies.check import check_file

        return check_file(current_session(), policy_file, past=False)
    if explained is not None:
        if rules or more_rules or commands or all_results or kept or smt2 or save or recheck:
            raise Mistyped("--explain takes one obligation and no other options", hint="nilo prove --explain NAME")
        return _explain(out, explained, budget)
    names = [*rules, *more_rules]
    if kept:
        if smt2 or recheck:
            raise Mistyped("--kept asks no solver: --smt2 and --recheck do", hint="nilo prove --kept")
        return _prove_unless_kept(out, names, commands, budget=budget, show_all=all_results, save=save, cores=cores)
    from nilometer.cli.prove.selection import select
    from rules.solving.prover import BUDGET

    selection = select(names, commands)
    if recheck:
        from rules.solving.recheck import second_solver

        second_solver()  # fails at once if there is none
    if smt2 is not None:
        _export(selection, smt2)
    report = _report(out, save, show_all=all_results)
    return _prove(report, selection, recheck=recheck, cores=cores, budget=budget or BUDGET)


def _explain(out: Output, name: str, budget: int | None) -> int:
    from nilometer.cli.prove.explain import show
    from nilometer.cli.prove.selection import obligation_named
    from rules.solving.prover import BUDGET

    return show(out, obligation_named(name), budget or BUDGET)


def _prove_unless_kept(
    out: Output,
    rules: Sequence[str],
    commands: Sequence[str],
    *,
    budget: int | None,
    show_all: bool,
    save: Path | None,
    cores: int | None,
) -> int:
    """Says what was proved before, or else proves it and keeps it."""
    from nilometer.cli.prove.kept import keep_proof, proof_key, read_proof
    from nilometer.cli.prove.report import Report

    begun = time.monotonic()
    options = {"rules": sorted(set(rules)), "commands": sorted(set(commands)), "budget": budget}
    key = proof_key(options)
    proof = read_proof(key)
    if proof is not None:
        report = Report(out, all=show_all)
        report.kept = proof.at
        for result in proof.results:
            report.add(result)
        return report.finish(time.monotonic() - begun)
    from nilometer.cli.prove.selection import select
    from rules.solving.prover import BUDGET

    selection = select(rules, commands)
    report = _report(out, save, show_all=show_all)
    code = _prove(report, selection, recheck=False, cores=cores, budget=budget or BUDGET)
    if proof_key(options) == key:  # else it was changed meanwhile
        keep_proof(key, report.results.values())
    return code


def _report(out: Output, save: Path | None, *, show_all: bool) -> Report:
    from nilometer.cli.prove.report import Report

    return Report(out, save, all=show_all)


def _prove(report: Report, selection: Selection, *, recheck: bool, cores: int | None, budget: int) -> int:
    from nilometer.cli.interrupts import interruptible
    from rules.proving.run import prove

    begun = time.monotonic()
    try:
        with report.bar, interruptible() as check_interrupt:
            for result in prove(selection.rules, selection.commands, cores=cores, budget=budget):
                if not report.results:
                    report.expect(lambda: len(selection.obligations))
                report.add(result)
                check_interrupt()
            if recheck:
                _recheck(report, selection, cores, check_interrupt)
    except KeyboardInterrupt:
        raise Interrupted(report.progress(), hint="nilo prove starts from the beginning each time") from None
    return report.finish(time.monotonic() - begun)


def _recheck(report: Report, selection: Selection, cores: int | None, check_interrupt: Callable[[], None]) -> None:
    from rules.solving.recheck import recheck, second_solver

    report.begin_recheck(second_solver())
    for opinion in recheck(selection.obligations, cores=cores or 1):
        report.add_opinion(opinion)
        check_interrupt()


def _export(selection: Selection, folder: Path) -> None:
    from rules.solving.smtlib import exports

    folder.mkdir(parents=True, exist_ok=True)
    for export in exports(selection.obligations):
        (folder / export.file).write_text(export.text, encoding="utf-8", newline="\n")
    say("note", f"{len(selection.obligations)} obligations were written to {folder}; unsat means proved")
