"""``nilo policy check``: what a file of policies means, proved; and what they would have changed in the past."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any, Final

import click

from nilometer.audit.policies import open_policies
from nilometer.cli.failures import NOT_IN_FULL, OK, UNDECIDED
from nilometer.cli.options import common_options
from nilometer.cli.output import Output, Progress
from nilometer.cli.session import Session, current_session
from nilometer.cli.vm_names import VmNames
from nilometer.messages.sizes import plural
from nilometer.queries import read_log
from nilometer.times import format_time
from rules.judging.decided.attribution import RESTRICTED_BY_POLICIES
from rules.policies.adopting import AdoptionProof, prove_for_adoption
from rules.policies.book_proofs import prove_books
from rules.policies.checking import Kept, PolicyCheck, PolicyReport, check_policies
from rules.policies.examples import Example
from rules.policies.judging.history import PolicyBreach, PolicyHistory
from rules.policies.policy import Policy
from rules.wording import format_figures

MOST_SHOWN: Final = 5
"""Past changes of one policy that are shown without ``--all``."""
MOST_FIGURES: Final = 4


@click.command("check", short_help="Check a file of policies.")
@click.argument("file", metavar="FILE")
@click.option("--all", "show_all", is_flag=True, help="Show all past changes that they would have refused.")
@common_options
def command(file: str, show_all: bool) -> int:
    """Check the policies of FILE: which conflict, which say nothing new, and where each has to be enforced.

    Each answer is a proof, or an example that was executed. If there is a ledger, its decided commands are replayed:
    which would a policy have refused? FILE is read, and never run. Exit 1: policies that conflict, that nothing can
    keep, or that would refuse a stop. 3: something is not known.

    \b
    Examples:
      nilo policy check policies.py
      nilo policy check policies.py --ledger sqlite:///month-end.db --all
    """
    return check_file(current_session(), file, show_all=show_all)


def check_file(session: Session, file: str, *, past: bool = True, show_all: bool = False) -> int:
    """Shows what the policies of a file mean, and with ``past`` what they would have refused; returns the exit code."""
    policies = open_policies(file)
    out = Output(session.format)
    with (
        Progress(f"checking {file}", len(policies), "policies") as checking,
        Progress(f"comparing the policies of {file}", 2 * len(policies), "steps") as comparing,
    ):
        checked = check_policies(policies, on_checked=checking.update, on_compared=comparing.update)
        books = prove_books(policies)
    history, breaches = _replay(session, out, policies) if past else (None, [])
    proofs = {} if past else {policy.name: prove_for_adoption(policy) for policy in policies}
    if out.json:
        out.write_document(_to_document(checked, history, breaches, proofs, books))
    else:
        for line in _describe(checked, history, breaches, proofs, books, show_all=show_all):
            out.write_line(line)
    is_unknown = checked.is_unknown or not all(books.values())
    return NOT_IN_FULL if checked.wrong else UNDECIDED if is_unknown else OK


def _replay(
    session: Session, out: Output, policies: Sequence[Policy]
) -> tuple[PolicyHistory | None, list[PolicyBreach]]:
    """The commands of the ledger that policies would have refused; no history if there is no ledger."""
    with session.reading_if_any() as ledger:
        if ledger is None:
            return None, []
        out.name = VmNames(ledger, ledger.views.fleet()).put_in
        history = PolicyHistory(policies)
        breaches = [breach for envelope in read_log(ledger) for breach in history.take(envelope)]
        return history, [*breaches, *history.finish()]


def _verdict(checked: PolicyCheck) -> str:
    if checked.wrong:
        return "wrong"
    return "unknown" if checked.is_unknown else "fine"


# Words


def _describe(
    checked: PolicyCheck,
    history: PolicyHistory | None,
    breaches: Sequence[PolicyBreach],
    proofs: Mapping[str, AdoptionProof],
    books: Mapping[str, bool | None],
    *,
    show_all: bool,
) -> Iterator[str]:
    yield _headline(checked)
    sentences = {report.policy.name: report.policy.sentence for report in checked.reports}
    yield from describe_conflicts(checked, sentences)
    for report in checked.reports:
        yield ""
        yield from _describe_report(report, show_all=show_all)
        if report.policy.is_over_groups:
            yield from _describe_books(books)
        if report.policy.name in proofs and not report.never_bites:
            yield from _describe_restricted(report, proofs[report.policy.name])
        if history is not None and not report.never_bites:
            own = [breach for breach in breaches if breach.policy.name == report.policy.name]
            yield from _describe_past(own, history.commands, show_all=show_all)


def describe_conflicts(checked: PolicyCheck, sentences: Mapping[str, str]) -> Iterator[str]:
    """The pairs of policies that cannot be kept together, with what they say where that is known."""
    for conflict in checked.conflicts:
        what = "nothing keeps both" if conflict.always else "no VM that runs keeps both, so that none can start"
        yield f"{conflict.one} and {conflict.other} conflict: {what}."
        quoted = [f'"{sentences[name]}"' for name in (conflict.one, conflict.other) if name in sentences]
        yield f"  {' '.join(quoted)}"
        if conflict.commands:
            yield f"  together they refuse every {', every '.join(conflict.commands)}; each alone does not"


def _headline(checked: PolicyCheck) -> str:
    count = plural(len(checked.reports), "policy").replace("policys", "policies")
    if checked.wrong:
        return f"{count}, {len(checked.wrong)} of them cannot be used as they are: {', '.join(checked.wrong)}."
    if checked.is_unknown:
        return f"{count}; something about them is not known within the solver's budget."
    return f"{count}: consistent."


def _describe_report(report: PolicyReport, *, show_all: bool) -> Iterator[str]:
    policy = report.policy
    scope = "" if str(policy.scope) == "all" else f" [{policy.scope}]"
    yield f"{policy.name}{scope}: {policy.sentence} ({policy.place})"
    if report.possible is False:
        yield "  impossible: no state that the rules allow keeps it"
        return
    if report.possible_running is False:
        yield "  no VM that runs keeps it, so that none could start"
    if report.implied_by_rules:
        yield "  says nothing new: the rules alone imply it (proved)"
        return
    if report.never_bites:
        yield "  never bites: no command breaks it (proved)"
        return
    if report.implied_by:
        yield f"  implied by {', '.join(report.implied_by)} (proved)"
    kept = [name for name, kept in report.commands.items() if kept is Kept.KEPT]
    unknown = [name for name, kept in report.commands.items() if kept is Kept.UNKNOWN]
    if report.enforced_at:
        yield f"  to be enforced at {', '.join(report.enforced_at)}"
    if report.broken_by_facts:
        yield f"  broken by {', '.join(report.broken_by_facts)} too, which records what is so: it is never refused"
    if kept:
        yield f"  kept by the rules alone (proved): {', '.join(kept)}"
    if unknown:
        yield f"  not known: {', '.join(unknown)}"
    if report.refuses_every:
        when = "" if policy.scope.window is None else f", {policy.scope.window.text}"
        yield f"  refuses every {', every '.join(report.refuses_every)}{when}"
    for name, example in report.blocks.items():
        yield f"  would refuse a {name}, which no policy may: {_describe_example(example)}"
    if show_all:
        for name, example in report.examples.items():
            if report.example is None or name != report.example.command:
                yield f"  at {name}, for example: {_describe_example(example)}"
    if report.example is not None and not report.blocks:
        yield f"  for example: {_describe_example(report.example)}"


def _describe_books(books: Mapping[str, bool | None]) -> Iterator[str]:
    """At which commands the book of a group is proved to have what its VMs hold."""
    others = [command for command, proved in books.items() if not proved]
    if others:
        yield f"  its book is not proved to have what its VMs hold together, after {', '.join(others)}"
    else:
        yield f"  its book has what its VMs hold together, after each of {len(books)} commands (proved)"


def _describe_restricted(report: PolicyReport, proof: AdoptionProof) -> Iterator[str]:
    """Which obligations of the rules a policy changes once it is adopted. None is dropped."""
    partly = [name for name in proof.monotone if name in report.enforced_at]
    yield f"  adopted, it restricts {RESTRICTED_BY_POLICIES[1]} where it is enforced: such a command is refused"
    if partly:
        names = ", ".join(partly)
        yield f"  and {RESTRICTED_BY_POLICIES[0]} at {names}: the most that rules and policies allow (proved)"
    yield "  all other obligations stand as they are"


def _describe_example(example: Example) -> str:
    arguments = {name: value for name, value in example.arguments.items() if name not in ("host", "to")}
    typed = [str(arguments.pop("vm"))] if "vm" in arguments else []
    typed += [f"{name} {format_figures(name, [value])[0]}" for name, value in arguments.items()]
    changes = [
        f"{path} {' -> '.join(format_figures(path, [before, after]))}"
        for path, (before, after) in example.changed.items()
        if before is not None and not path.endswith((".held", ".hot_pluggable", ".high_watermark", ".visible", ".vsc"))
    ]
    shown = ", ".join(changes[:MOST_FIGURES])
    when = f", on {example.time}" if example.time else ""
    read = [f"{path} {format_figures(path, [value])[0]}" for path, value in example.reads.items()]
    beyond = any(path.startswith(("one.", "group.")) for path in example.reads)
    then = f": then {', '.join(read)}" if beyond else ""
    return f"{example.command} {' '.join(typed)} ({shown or 'a new state'}), of {example.about}{when}{then}"


def _describe_past(breaches: Sequence[PolicyBreach], commands: int, *, show_all: bool) -> Iterator[str]:
    if not commands:
        yield "  in this ledger: no decided command, so nothing to check"
        return
    if not breaches:
        yield f"  in this ledger: kept by all {plural(commands, 'decided command')}"
        return
    yield f"  in this ledger: it would have refused {len(breaches):,} of {plural(commands, 'decided command')}:"
    shown = breaches if show_all else breaches[:MOST_SHOWN]
    for breach in shown:
        worse = "" if breach.held_before else ", which broke it already, and more so after it"
        yield (
            f"    #{breach.position} {format_time(breach.happened)} · {breach.actor}: {breach.command}, "
            f"for {breach.subject}{worse}"
        )
    if len(breaches) > len(shown):
        yield f"    and {len(breaches) - len(shown):,} more: --all"


# JSON


def _to_document(
    checked: PolicyCheck,
    history: PolicyHistory | None,
    breaches: Sequence[PolicyBreach],
    proofs: Mapping[str, AdoptionProof],
    books: Mapping[str, bool | None],
) -> dict[str, Any]:
    return {
        "verdict": _verdict(checked),
        "wrong": list(checked.wrong),
        "obligations": checked.obligations,
        "books": dict(books),
        "policies": [
            _report_to_document(report) | {"adopted": _proof_to_document(report, proofs.get(report.policy.name))}
            for report in checked.reports
        ],
        "conflicts": [
            {
                "policies": [conflict.one, conflict.other],
                "always": conflict.always,
                "commands": list(conflict.commands),
            }
            for conflict in checked.conflicts
        ],
        "past": None
        if history is None
        else {
            "commands": history.commands,
            "refused": [
                {
                    "policy": breach.policy.name,
                    "position": breach.position,
                    "time": breach.happened,
                    "actor": breach.actor,
                    "command": breach.command,
                    "subject": breach.stream,
                    "who": breach.subject,
                    "held_before": breach.held_before,
                    "distance": breach.distance,
                }
                for breach in breaches
            ],
            "unreadable": sorted(history.unreadable),
        },
    }


def _proof_to_document(report: PolicyReport, proof: AdoptionProof | None) -> dict[str, Any] | None:
    if proof is None:
        return None
    partly = [name for name in proof.monotone if name in report.enforced_at]
    maximal, honest = RESTRICTED_BY_POLICIES
    restricts = {honest: list(report.enforced_at), maximal: partly}
    return {"restricts": restricts, "beside": list(proof.beside)}


def _report_to_document(report: PolicyReport) -> dict[str, Any]:
    policy = report.policy
    return {
        "name": policy.name,
        "sentence": policy.sentence,
        "place": policy.place,
        "over": sorted(policy.over),
        "vms": list(policy.scope.vms),
        "hosts": list(policy.scope.hosts),
        "one": policy.scope.one or None,
        "other": policy.scope.other or None,
        "group": policy.scope.group or None,
        "window": None if policy.scope.window is None else policy.scope.window.text,
        "possible": report.possible,
        "possible_running": report.possible_running,
        "implied_by_rules": report.implied_by_rules,
        "implied_by": list(report.implied_by),
        "never_bites": report.never_bites,
        "commands": {name: kept.value for name, kept in report.commands.items()},
        "refuses_every": list(report.refuses_every),
        "blocks": {name: example_to_document(example) for name, example in report.blocks.items()},
        "example": None if report.example is None else example_to_document(report.example),
        "examples": {name: example_to_document(example) for name, example in report.examples.items()},
    }


def example_to_document(example: Example) -> dict[str, Any]:
    """A command that breaks a policy, as JSON."""
    return {
        "command": example.command,
        "about": example.about,
        "arguments": _plain(example.arguments),
        "before": _plain(example.before),
        "after": _plain(example.after),
        "reads": _plain(example.reads),
        "time": example.time or None,
    }


def _plain(figures: Any) -> dict[str, Any]:
    return {path: value.value if isinstance(value, StrEnum) else value for path, value in figures.items()}
