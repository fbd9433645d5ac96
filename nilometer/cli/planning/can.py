"""``nilo can``: whether a command would be granted, why not, and what would make it possible."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import click

from domain.aggregates import VmAggregate
from domain.commands import Command, MoveVm, RemoveMemory, SetMemory
from domain.errors import InputError
from domain.identifiers import UtcTime
from domain.observed.host import ObservedHost
from domain.observed.vm import ObservedVm
from nilometer.cli.failures import NOT_IN_FULL, OK, UNDECIDED, UNREADABLE, Mistyped, say
from nilometer.cli.groups import LazyGroup
from nilometer.cli.names import add_hint, find_host, find_vm, list_vm_names, match_host_case
from nilometer.cli.options import common_options
from nilometer.cli.output import Output
from nilometer.cli.planning.decided import show_decided
from nilometer.cli.planning.observed import show_observed
from nilometer.cli.planning.taking import show_taking
from nilometer.cli.session import Session, current_session
from nilometer.cli.vm_names import VmNames
from nilometer.cli.writing.do import ModelCommand
from nilometer.cli.writing.do_arguments import SHAPES
from nilometer.ledger.reader import LedgerReader
from nilometer.ledger.typed_commands import parse_command
from nilometer.planning.asking import CanAnswer, ask, world_of
from nilometer.planning.givers import GENTLEST_FIRST
from nilometer.planning.keeping import adopted_policies
from nilometer.planning.observed import DaysReader, ask_observed, check_is_on, find_day
from nilometer.planning.observed_taking import ask_taking
from nilometer.planning.options import MOST_STEPS
from nilometer.queries import read_log
from nilometer.times import current_time
from projections.fleet import Fleet
from rules.policies.policy import Policy

_ASKED: Final = (
    "add-memory",
    "remove-memory",
    "set-memory",
    "start",
    "restore",
    "reboot-guest",
    "move-vm",
    "grow",
    "reclaim",
)
_CODES: Final = {CanAnswer.YES: OK, CanAnswer.UNKNOWN: UNDECIDED}


class Can(LazyGroup):
    """The commands that can be asked about, each made when it is called."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Makes a command; ``None`` if there is none of this name."""
        if cmd_name == "fail":
            from nilometer.cli.planning.fail import command

            return command
        return _make_command(cmd_name) if cmd_name in _ASKED else None


@click.group(
    "can",
    cls=Can,
    sections={
        "Commands": {name: ("", SHAPES[name].purpose) for name in _ASKED},
        "What may happen": {"fail": ("", "A host fails: does every VM of it find a place?")},
    },
    short_help="Ask whether a command would be granted, and what would make it possible.",
    invoke_without_command=True,
)
@click.option("--survive", type=click.IntRange(1), metavar="N", help="Of every host: can it fail? N is 1, so far.")
@click.option("--cluster", metavar="NAME|HOSTS", help="Only the hosts of this cluster, or these, as hv01,hv02.")
@common_options
@click.pass_context
def command(context: click.Context, survive: int | None, cluster: str | None) -> int:
    """Ask whether a command would be granted, why not, and what would make it possible. Nothing is recorded or sent.

    Exit 0: yes. 1: no, or not in full. 3: that is not known. On an observed host, Hyper-V decides; the answer says how
    old the figures are.

    \b
    Examples:
      nilo can add-memory db02 16GiB
      nilo can --survive 1 --cluster hv01,hv02,hv03
    """
    if context.invoked_subcommand is not None:
        if survive is not None or cluster is not None:
            option = "--survive" if survive is not None else "--cluster"
            raise Mistyped(f"{option} does not go with a command", hint="leave one of them out")
        return OK
    if survive is None:
        say("error", "a question is missing", "nilo can --help lists them")
        return UNREADABLE
    from nilometer.cli.planning.fail import ask_survival

    return ask_survival(current_session(), survive, cluster)


def _make_command(name: str) -> click.Command:
    shape = SHAPES[name]

    def run(show_all: bool, without: str | None, within: int, keep: str | None, spool: str | None, **given: Any) -> int:
        arguments = {key: value for key, value in given.items() if value is not None}
        question = _Question(
            name=name,
            given=arguments,
            unwanted=read_kinds(without),
            within=within,
            keep=read_kept(keep),
            show_all=show_all,
        )
        session = current_session()
        if spool is not None:
            from nilometer.cli.planning.spool import read_spool

            with read_spool(session, spool) as ledger:
                return question.ask(session, ledger, spool)
        with session.reading() as ledger:
            return question.ask(session, ledger)

    examples = "\n".join(
        f"  {example.replace('nilo do', 'nilo can').partition(' --')[0]}" for example in shape.examples[:1]
    )
    run.__doc__ = f"Ask: {shape.purpose}\n\n\b\nExamples:\n{examples}\n  nilo can {name} --help"
    decorated: Any = common_options(run)
    for option in reversed(_OPTIONS):
        decorated = option(decorated)
    for argument in reversed(shape.arguments):
        decorated = click.argument(argument)(decorated)
    made: click.Command = click.command(name, cls=ModelCommand)(decorated)
    return made


WITHIN: Final = click.option(
    "--within",
    type=click.IntRange(1, MOST_STEPS),
    default=2,
    show_default=True,
    metavar="N",
    help=f"Options of at most N steps, up to {MOST_STEPS}.",
)
WITHOUT: Final = click.option(
    "--without", metavar="KINDS", help=f"No steps of these kinds: {','.join(GENTLEST_FIRST)}."
)
KEEP: Final = click.option(
    "--keep", metavar="FILE", help="Policies that no step may make worse; nilo policy check FILE says what they mean."
)
_OPTIONS: Final = (
    WITHIN,
    WITHOUT,
    KEEP,
    click.option("--all", "show_all", is_flag=True, help="Show all options."),
    click.option("--spool", metavar="DIR", help="Of observed hosts: by the newest of this spool; it is not recorded."),
)


def read_kinds(without: str | None) -> frozenset[str]:
    """The kinds of steps that are not wanted. Raises ``InputError`` for one that there is not."""
    unwanted = frozenset(filter(None, (without or "").replace(" ", "").split(",")))
    wrong = sorted(unwanted - set(GENTLEST_FIRST))
    if wrong:
        raise InputError(f"--without: {wrong[0]!r} is not a kind of step", hint=f"known: {', '.join(GENTLEST_FIRST)}")
    return unwanted


def read_kept(file: str | None) -> tuple[Policy, ...]:
    """The policies of a file that apply now. Raises ``InputError``, or ``UnreadableRule`` with place and reason."""
    if file is None:
        return ()
    from nilometer.audit.policies import open_kept

    return open_kept(file, current_time(current_session().clock))


class _Question(NamedTuple):
    """A command that is asked about, and how far the search for options goes."""

    name: str
    given: dict[str, Any]
    unwanted: frozenset[str]
    within: int
    keep: tuple[Policy, ...]
    show_all: bool

    def ask(self, session: Session, ledger: LedgerReader, spool: str | None = None) -> int:
        """Shows the answer; returns the exit code."""
        out = Output(session.format)
        parse_command(self.name, self.given)
        fleet = ledger.views.fleet()
        out.name = VmNames(ledger, fleet).put_in
        given = self.given | {"vm": find_vm(self.given["vm"], list_vm_names(fleet))}
        if "to" in given:
            given["to"] = match_host_case(given["to"], fleet)
        command = parse_command(self.name, given)
        subject = fleet.vms[given["vm"]].subject
        if isinstance(command, MoveVm):
            _check_destination(command, subject, fleet)
        if isinstance(subject, VmAggregate):
            adopted = ledger.policy_set().at(current_time(session.clock))
            try:
                asked = ask(
                    world_of(fleet, policies=adopted.enforced),
                    command,
                    within=self.within,
                    without=self.unwanted,
                    keep=(*adopted_policies(adopted), *self.keep),
                )
            except InputError as error:
                raise add_hint(error, lambda: fleet) from None
            show_decided(out, asked, show_all=self.show_all)
            return _CODES.get(asked.answer, NOT_IN_FULL)
        if self.keep:
            raise InputError(f"--keep is not asked of {subject.name}: a hypervisor decides", hint="leave --keep out")
        from nilometer.importers.hyperv.going_on.newest_polls import (
            read_newest_polls,  # only where a hypervisor decides
        )

        now = current_time(session.clock)
        polls = read_newest_polls(ledger)
        taken = _amount_taken(command, subject)
        if taken:
            answer = ask_taking(fleet, subject, taken, now, polls=polls)
            show_taking(out, answer, now, spool=spool)
            return _CODES.get(answer.answer, NOT_IN_FULL)
        found = ask_observed(
            fleet, subject, command, now, days_of(ledger, now), polls=polls, within=self.within, without=self.unwanted
        )
        show_observed(out, found, now, show_all=self.show_all, spool=spool)
        return _CODES.get(found.answer, NOT_IN_FULL)


def days_of(ledger: LedgerReader, now: UtcTime) -> DaysReader:
    """Reads the events of a host in the last 24 hours."""
    return lambda host: read_log(ledger, host=host, since=find_day(now))


def _check_destination(command: MoveVm, vm: VmAggregate | ObservedVm, fleet: Fleet) -> None:
    """Raises ``InputError`` for a host that a VM cannot move to: no VM moves between decided and observed hosts."""
    find_host(command.to, fleet.hosts)
    is_decided = isinstance(vm, VmAggregate)
    if not is_decided and command.to == vm.host:
        raise InputError(f"{vm.name} is on {command.to} already", hint="name another host; nilo view lists them")
    if isinstance(fleet.hosts[command.to].subject, ObservedHost) is is_decided:
        kinds = ("an observed", "a decided") if is_decided else ("a decided", "an observed")
        raise InputError(
            f"{command.to} is {kinds[0]} host, and {vm.name} is {kinds[1]} VM",
            hint=f"name {kinds[1]} host; nilo view lists them",
        )


def _amount_taken(command: Command, vm: ObservedVm) -> int:
    """How much memory a command takes from an observed VM; 0 if it takes none. Raises ``InputError`` for one off."""
    match command:
        case RemoveMemory():
            check_is_on(vm)
            return command.amount
        case SetMemory() if vm.assigned is not None:
            return max(0, vm.assigned - command.size)
        case _:
            return 0
