"""Changes of the glue that nobody who is asked notices, with the reasons: nearly all of them make no difference."""

from __future__ import annotations

from typing import Final

IN_PLACE: Final = "a VM changes in place, so before and after are one object; whether there is one is asked first"
COMPARED: Final = "the numbers of transactions are only compared with each other"
REMEMBERED: Final = "so many results are remembered, and one more is no more right or wrong"
NOT_READ: Final = "it only leaves out parts of an error that are not read"
MADE_UP: Final = "no event of a host repeats its release, and no command on a host reads it"
READ_BEFORE: Final = "both hosts are read before, which raises where one of them is not said"
NO_HOST: Final = "source is not None and destination is not None and (source.id == destination.id)"
REASONS: Final = {
    "domain/deciding/redecide.py: find_other_decision: dropped condition: "
    "decision is None or not isinstance(event, Decided) → decision is None": (
        "whatever records a decision is an event that was decided: the second half is for the type checker"
    ),
    "domain/deciding/redecide.py: _read_of_host: dropped condition: "
    "isinstance(event, events.HostCommandRefused) and event.command == NAMES[D… → event.command == NAMES[D…": (
        "of a host's events only a refusal names define-vm: the first half is for the type checker"
    ),
    "nilometer/ledger/unit_of_work.py: UnitOfWork._repeat: dropped condition: "
    "isinstance(event, HostCommandRefused) and isinstance(request.command, command… → "
    "isinstance(request.command, command…": (
        "a definition that took place stands on the VM's stream, which is the target anyway"
    ),
    "projections/fleet.py: Fleet.apply: another name: after → before": IN_PLACE,
    "projections/fleet.py: Fleet.apply: another name: after → before (2)": IN_PLACE,
    "nilometer/storage/bodies.py: first_problem: constant: False → True": NOT_READ,
    "nilometer/storage/bodies.py: first_problem: constant: False → True (2)": NOT_READ,
    "nilometer/ledger/repository.py: Repository.__init__: constant: 0 → 1": COMPARED,
    "nilometer/ledger/repository.py: Repository.refresh: constant: 1 → 2 (2)": COMPARED,
    "nilometer/storage/bodies.py: (outside of functions): constant: 1024 → 1025": REMEMBERED,
    "projections/fleet.py: (outside of functions): other way: "
    "if TYPE_CHECKING: from … → if not TYPE_CHECKING: from …": (
        "the classes are loaded though only annotations name them, which are never evaluated: it takes longer"
    ),
    "nilometer/ledger/repository.py: Repository.apply: comparison: after is None → after is not None": (
        "the state after an event is known or comes of the same rule; beside it only what nobody asks here is kept"
    ),
    "nilometer/history/codecs.py: EventCodec.write: constant: True → False": (
        "both have three parts, always: there is nothing to be strict about"
    ),
    "nilometer/ledger/repository.py: Repository.apply: dropped condition: "
    "after is None or tracked is None or (not isinstance(event, VmEvent)) → "
    "tracked is None or not isinstance(event, VmEvent)": (
        "without the state after it, an event is applied to a VM by the same rule"
    ),
    "nilometer/ledger/unit_of_work.py: UnitOfWork._append: dropped condition: "
    "request.key is not None or self._application.answers_can_be_lost → request.key is not None": (
        "only a server can lose an answer: tests/nilometer/storage/postgres/test_lost_answers.py notices it, "
        "and tests with PostgreSQL are not among those that are asked"
    ),
    "nilometer/history/codecs.py: _without.leave_out: dropped condition: "
    "part.get('type') == 'dataclass-args' and part.get('dataclass_name') == Clou… → "
    "part.get('dataclass_name') == Clou…": "no other part of a schema names its class so",
    "domain/deciding/redecide.py: (outside of functions): constant: 256 → 257": REMEMBERED,
    "domain/deciding/redecide.py: _account: wrong member: HostVersion.V2025 → HostVersion.V2016": MADE_UP,
    "domain/deciding/redecide.py: _account: wrong member: HostVersion.V2025 → HostVersion.V2019": MADE_UP,
    f"domain/deciding/redecide.py: same_host: dropped condition: {NO_HOST} → "
    "destination is not None and source.id == destination.id": READ_BEFORE,
    f"domain/deciding/redecide.py: same_host: dropped condition: {NO_HOST} → "
    "source is not None and source.id == destination.id": READ_BEFORE,
    "domain/deciding/redecide.py: same_host: another name: source → destination": READ_BEFORE,
    "domain/deciding/redecide.py: same_host: another name: destination → source": READ_BEFORE,
    "domain/deciding/vms.py: decide_on_vm: another name: there → destination": "they are one object",
    "nilometer/history/codecs.py: EventCodecs.find: dropped condition: "
    "self.get(type) or EventCodec(event) → EventCodec(event)": "a codec that is made again is the same",
    "nilometer/history/codecs.py: _texts_for_enums.write_text: guard that never holds: "
    "if part.get('type') == 'enum' and issubclass(part['cls'], StrEnum): return {'type': 's… → "
    "if False: return {'type': 's…": "a member is written as its value then, which is the same text, and takes longer",
    "nilometer/history/codecs.py: _texts_for_enums.write_text: dropped condition: "
    "…rt.get('type') == 'enum' and issubclass(part['cls'], StrEnum) → …rt.get('type') == 'enum'": (
        "no event has an enum that is no StrEnum"
    ),
    "nilometer/ledger/repository.py: (outside of functions): constant: 20000 → 20001": REMEMBERED,
    "nilometer/ledger/repository.py: Repository.load: constant: 1 → 2": COMPARED,
    "nilometer/ledger/repository.py: Repository.load: guard that never holds: "
    "if reads is not None: return reads → if False: return reads": "what is remembered is looked up a second time",
}
"""By ``WrongFile.key``."""
