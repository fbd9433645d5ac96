"""Receipts: what a key was used for, and what was answered where no event shows it.

A request whose key was recorded before is answered again from its receipt, and nothing is decided.
"""

from __future__ import annotations

import json
from typing import Any

from domain import commands
from domain.commands import NAMES, Command
from domain.deciding.reads import named_streams
from domain.decision import Code, Outcome
from domain.errors import InputError
from domain.events import HostCommandRefused, HostEvent, VmEvent
from domain.identifiers import StreamName, vm_stream
from domain.policy_events import PolicyRead
from domain.replacing import replace
from domain.settings import ConfigVersion, MemorySetting
from domain.shapes import write_memory
from nilometer.errors import LedgerError
from nilometer.ledger.requests import Request, Result
from nilometer.storage.application import LedgerApplication
from nilometer.storage.store import Receipt


def write_receipt(command: Command, result: Result | None) -> str:
    """What a receipt keeps beside the events: the command, and its result where no event shows that."""
    kept: dict[str, object] = {"asked": _describe(command)}
    if result is not None:
        code = None if result.code is None else result.code.value
        kept["answered"] = [result.target, result.outcome.value, code, result.requested, result.granted]
        if result.policies:
            kept["policies"] = [
                {name: getattr(read, name) for name in PolicyRead.__slots__} for read in result.policies
            ]
    return json.dumps(kept, ensure_ascii=False, separators=(",", ":"))


def _describe(command: Command) -> dict[str, object]:
    """A command as a receipt keeps it: as in a script line, sizes in bytes."""
    described: dict[str, object] = {"command": NAMES[type(command)]}
    for name in type(command).__slots__:
        value = getattr(command, name)
        if isinstance(value, MemorySetting):
            described[name] = write_memory(value)
        elif value is not None:
            described[name] = str(value) if isinstance(value, ConfigVersion) else value
    return described


def repeat_answer(request: Request, receipt: Receipt, application: LedgerApplication) -> Result:
    """What was answered when the request with this key was recorded. Raises ``InputError`` if that was another one."""
    repeated = request.key is not None  # else its own commit took place, and only the answer was lost
    asked, answered = _read_receipt(receipt)
    if asked is not None and asked != _describe(request.command):
        raise _used_for_another(receipt.key, json.dumps(asked, ensure_ascii=False))
    if not receipt.events:
        policies = _read_policies(receipt)
        return replace(_read_result(request, answered, receipt.key, repeated=repeated), policies=policies)
    positions = tuple(range(receipt.position, receipt.position + receipt.events))
    envelopes = list(application.all(positions[0] - 1, positions[-1]))
    if envelopes and not isinstance(envelopes[0].event, VmEvent | HostEvent):
        what = f"an observation ({envelopes[0].event.KIND} of {envelopes[0].stream})"
        raise _used_for_another(receipt.key, what)
    if len(envelopes) != receipt.events or any(
        envelope.metadata.causation != envelopes[0].id for envelope in envelopes[1:]
    ):
        raise LedgerError(
            f"the receipt of the key {receipt.key!r} names positions {positions[0]} to {positions[-1]}, "
            "and the events there are not those of one command; nothing was recorded",
            hint="the ledger was changed: compare it with a backup, and restore it with nilo restore BACKUP",
        )
    event, target = envelopes[0].event, envelopes[0].stream
    assert isinstance(event, VmEvent | HostEvent)
    if asked is None and not _may_come_of(request.command, target, event):
        raise _used_for_another(receipt.key, f"{event.command} of {target}")
    if isinstance(event, HostCommandRefused) and isinstance(request.command, commands.DefineVm):
        target = vm_stream(request.command.vm)
    return Result(
        request=request,
        command=NAMES[type(request.command)],
        target=target,
        outcome=event.outcome,
        code=event.code,
        requested=event.requested if isinstance(event, VmEvent) else None,
        granted=event.granted if isinstance(event, VmEvent) else None,
        positions=positions,
        events=tuple(envelope.event for envelope in envelopes),
        repeated=repeated,
        happened=envelopes[0].metadata.happened,
    )


def _read_receipt(receipt: Receipt) -> tuple[dict[str, object] | None, list[Any]]:
    """The command of a receipt and the answer, where it has them: the first versions kept the answer alone."""
    kept: dict[str, Any] | list[Any] = json.loads(receipt.result or "{}")
    if isinstance(kept, list):
        return None, kept
    return kept.get("asked"), kept.get("answered", [])


def _read_policies(receipt: Receipt) -> tuple[PolicyRead, ...]:
    kept: dict[str, Any] | list[Any] = json.loads(receipt.result or "{}")
    return () if isinstance(kept, list) else tuple(PolicyRead(**read) for read in kept.get("policies", ()))


def _may_come_of(command: Command, target: StreamName, event: VmEvent | HostEvent) -> bool:
    """Whether an event may be the answer to a command, as far as the event alone shows."""
    if isinstance(event, HostCommandRefused) and event.command == "define-vm":
        return isinstance(command, commands.DefineVm) and event.arguments.get("vm") == command.vm
    if target not in named_streams(command):
        return False
    if isinstance(command, commands.SetMemory):
        return event.command in ("set-memory", "configure-memory", "add-memory", "remove-memory")
    if event.command != NAMES[type(command)]:
        return False
    return not isinstance(event, VmEvent) or event.requested == getattr(command, "amount", event.requested)


def _used_for_another(key: str, first: str) -> InputError:
    return InputError(
        f"the key {key!r} was used before, for another command: {first}",
        hint="give this command a key of its own, or leave the key out",
    )


def _read_result(request: Request, answered: list[Any], key: str, *, repeated: bool) -> Result:
    if not answered:
        raise _used_for_another(key, "an observation without events")
    target, outcome, code, requested, granted = answered
    if target not in named_streams(request.command):
        raise _used_for_another(key, f"a command on {target}")
    return Result(
        request=request,
        command=NAMES[type(request.command)],
        target=target,
        outcome=Outcome(outcome),
        code=None if code is None else Code(code),
        requested=requested,
        granted=granted,
        positions=(),
        events=(),
        repeated=repeated,
    )
