"""The decider: from a command and what it reads to the answer and the events that record it. Pure.

The rule that decides a command and says what is recorded stands in a table: ``steps.RECORDINGS`` of commands on VMs,
``steps.HOST_RECORDINGS`` of those on hosts. ``vms`` and ``hosts`` call the rules and write the events; ``evidence``
writes down what was read.
"""

from __future__ import annotations

from functools import partial

from domain import commands
from domain.commands import Command
from domain.deciding.answer import Answer
from domain.deciding.books import keep_books
from domain.deciding.hosts import decide_on_host, define_vm
from domain.deciding.policies import keep_policies
from domain.deciding.reads import Reads
from domain.deciding.vms import decide_on_vm


def decide(command: Command, reads: Reads) -> Answer:
    """Decides a command by the rules, and by the policies that are adopted.

    ``reads`` is what ``reads.load`` loads for this command. Raises ``InputError`` for an id that was used before:
    nothing is recorded then.
    """
    answer = decide_by_rules(command, reads)
    if reads.policies:
        again = partial(decide_by_rules, reads=reads)
        answer = keep_policies(reads.policies, command, reads.for_policies, answer, again)
    return keep_books(reads, answer) if reads.groups else answer  # also while no policy over them applies


def decide_by_rules(command: Command, reads: Reads) -> Answer:
    """Decides a command by the rules alone."""
    match command:
        case commands.DefineVm():
            return define_vm(command, reads)
        case commands.RegisterHost() | commands.ResizeHost() | commands.SetReserve() | commands.RemoveHost():
            return decide_on_host(command, reads)
        case _:
            return decide_on_vm(command, reads)
