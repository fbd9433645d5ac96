"""Changes of the glue that nobody who is asked notices, with the reasons: nearly all of them make no difference."""

from __future__ import annotations

from typing import Final

IN_PLACE: Final = "a VM changes in place, so before and after are one object; whether there is one is asked first"
COMPARED: Final = "the numbers of transactions are only compared with each other"
REMEMBERED: Final = "so many results are remembered, and one more is no more right or wrong"
NOT_READ: Final = "it only leaves out parts of an error that are not read"
MADE_UP: Final = "no event of a host repeats its release, and no command on a host reads it"
READ_BEFORE: Final = "both hosts are read before, which raises where one of them is not said"
EQUAL_TIMES: Final = "of two equal times it does not matter which is taken"
FROM_THE_VMS: Final = "it comes of the VMs, which are shown and compared"
ENTRY: Final = "no decision reads what a VM has in the book: the figures of host and VM decide"
LOSES: Final = "what was decided before expects the policies as they were, loses its race, and all is decided again"
NO_QUANTUM: Final = "one byte is no whole quantum either"
LONGER: Final = "it takes a longer way, which comes to the same"
AMOUNT: Final = "what has an amount has a grant, and what has none has neither"
NO_AMOUNT: Final = "what is answered without an event has no amount, neither asked for nor granted"
BOTH_TIMES: Final = "a host alone has no VM, before and after; a VM is there both times"
SAME_VM: Final = "it is the same VM, whose id and name stay"
READ_BACK: Final = "the second writer only spares that an event is read back, which comes to the same"
LOADED: Final = "the classes are loaded though only annotations name them, which are never evaluated: it takes longer"
NO_TYPES: Final = "when it runs, TYPE_CHECKING never holds either"
PAUSES: Final = "how long a writer waits after a lost race changes nothing of what it writes then"
SIZE: Final = "a size of 0 bytes has passed before"
NO_HOST: Final = "source is not None and destination is not None and (source.id == destination.id)"
SIZE_KNOWN: Final = "a request of which the size before is known has a size: the half is for the type checker"
ROW_THERE: Final = "whether a row is there is all that is compared"
REASONS: Final = {
    "domain/deciding/redecide.py: find_other_decision: dropped condition: "
    "decision is None or not isinstance(event, Decided) → decision is None": (
        "whatever records a decision is an event that was decided: the second half is for the type checker"
    ),
    "domain/deciding/redecide.py: _read_of_host: dropped condition: "
    "isinstance(event, events.HostCommandRefused) and event.command == NAMES[D… → event.command == NAMES[D…": (
        "of a host's events only a refusal names define-vm: the first half is for the type checker"
    ),
    "nilometer/ledger/receipts.py: repeat_answer: dropped condition: "
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
    "if TYPE_CHECKING: from … → if not TYPE_CHECKING: from …": LOADED,
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
    "nilometer/ledger/repository.py: (outside of functions): constant: 20000 → 20001": REMEMBERED,
    "nilometer/ledger/repository.py: Repository.load: constant: 1 → 2": COMPARED,
    "nilometer/ledger/repository.py: Repository.load: guard that never holds: "
    "if reads is not None: return reads → if False: return reads": "what is remembered is looked up a second time",
    "domain/deciding/policies.py: keep_policies: dropped condition: not answer.events or not "
    "accepted(answer.decision) or answer.command in NEVER_… → not answer.events or answer.command in NEVER_…": (
        "what the rules refuse changes nothing, so that it breaks no policy"
    ),
    "domain/deciding/policies.py: keep_policies: guard that never holds: if _keeps_all(policies, reads, answer): "
    "return answer → if False: return answer": LONGER,
    "domain/deciding/policies.py: _keeps_all: constant: True → False": LONGER,
    "domain/deciding/policies.py: _find_most: dropped condition: answer.granted or 0 → answer.granted": AMOUNT,
    "domain/deciding/policies.py: _find_most: another field: answer.granted → answer.requested": (
        "of more than the rules grant they grant as much, which breaks the policy"
    ),
    "domain/deciding/policies.py: _find_most: constant: 0 → 1 (2)": AMOUNT,
    "domain/deciding/policies.py: _refuse: another field: answer.granted → answer.requested": AMOUNT,
    "domain/deciding/policies.py: _recorded_command: other way: commands.AddMemory if isinstance(event, events… "
    "→ commands.AddMemory if not isinstance(event, events…": (
        "a refusal records the amount alone, of whichever of the two it is"
    ),
    "domain/deciding/policies.py: _recorded_command: wrong member: events.VmMemoryAdded → events.VmMemoryRemoved": (
        "a refusal records the amount alone, of whichever of the two it is"
    ),
    "domain/deciding/policies.py: _recorded_command: wrong member: events.VmMemoryAdded → events.VmMoved": (
        "a refusal records the amount alone, of whichever of the two it is"
    ),
    "domain/deciding/breaches.py: find_broken: guard that never holds: if not policy.measure(after.state, "
    "after.host): continue → if False: continue": LONGER,
    "domain/deciding/breaches.py: _find_broken_change: dropped condition: before is None or before.state is None "
    "or after.state is None → before is None or after.state is None": BOTH_TIMES,
    "domain/deciding/breaches.py: _find_broken_change: dropped condition: … or before.state is None or "
    "after.state is None → … or before.state is None": BOTH_TIMES,
    "domain/deciding/breaches.py: _find_broken_change: another name: before → after (2)": BOTH_TIMES,
    "domain/deciding/breaches.py: _find_broken_change: another name: after → before": BOTH_TIMES,
    "domain/deciding/breaches.py: _find_broken_change: another name: after → before (2)": SAME_VM,
    "domain/deciding/breaches.py: _find_broken_change: another name: after → before (3)": SAME_VM,
    "domain/deciding/breaches.py: _subject_changes: and for or: reads.vm is not None and answer.after is not "
    "Non… → reads.vm is not None or answer.after is not Non…": (
        "a command on a VM that a policy may refuse has a state after it"
    ),
    "domain/deciding/breaches.py: _subject_changes: dropped condition: reads.vm is not None and answer.after is "
    "not None → answer.after is not None": "a command on a VM that a policy may refuse has a state after it",
    "domain/deciding/breaches.py: _subject_changes: dropped condition: reads.vm is not None and answer.after is "
    "not None → reads.vm is not None": "a command on a VM that a policy may refuse has a state after it",
    "nilometer/ledger/repository.py: Repository.refresh_policies: guard that never holds: if not before.adopted: "
    "return False → if False: return False": LONGER,
    "nilometer/ledger/repository.py: Repository.as_of: comparison: tracked.as_of > latest → tracked.as_of >= "
    "latest": EQUAL_TIMES,
    "nilometer/ledger/repository.py: Repository.apply: dropped condition: after is None or tracked is None or "
    "(not isinstance(event, VmEvent)) → after is None or not isinstance(event, VmEvent)": (
        "a VM that is not remembered is defined just now, and no state after it is handed over"
    ),
    "nilometer/ledger/repository.py: Repository.apply: comparison: tracked is None → tracked is not None": (
        "a VM that is not remembered is defined just now, and no state after it is handed over"
    ),
    "nilometer/ledger/repository.py: Repository.refresh: dropped condition: not remembered or (len(transactions) "
    "== 1 and None not in transactions) → len(transactions) == 1 and None not in transactions": LONGER,
    "nilometer/ledger/unit_of_work.py: UnitOfWork.__init__: constant: False → True": LONGER,
    "nilometer/ledger/unit_of_work.py: UnitOfWork._execute: dropped condition: …mand, commands.DefineVm) and "
    "accepted(answer.decision) → …mand, commands.DefineVm)": (
        "a refused definition is written on its host, whose version is expected anyway"
    ),
    "nilometer/ledger/unit_of_work.py: UnitOfWork._decide: dropped condition: …lf._reads_what_is_stored and "
    "reads_beside(reads.policies, command) → …lf._reads_what_is_stored": (
        "it expects more than it needs, and decides again more often"
    ),
    "nilometer/ledger/unit_of_work.py: UnitOfWork._decide: dropped condition: reads.streams or "
    "named_streams(command) → reads.streams": "what is not there yet has no last event",
    "nilometer/ledger/unit_of_work.py: UnitOfWork._decide: dropped condition: not answer.events and "
    "self._repository.refresh… → self._repository.refresh…": LONGER,
    "nilometer/ledger/receipts.py: repeat_answer: dropped condition: asked is None and (not "
    "_may_come_of(request.command, target, event)) → not _may_come_of(request.command, target, event)": (
        "what was asked then is the same, so the event may come of it"
    ),
    "nilometer/ledger/receipts.py: write_receipt: another field: result.requested → result.granted": NO_AMOUNT,
    "nilometer/ledger/receipts.py: write_receipt: another field: result.granted → result.requested": NO_AMOUNT,
    "nilometer/ledger/receipts.py: _read_result: another name: requested → granted": NO_AMOUNT,
    "nilometer/ledger/receipts.py: _read_result: another name: granted → requested": NO_AMOUNT,
    "nilometer/ledger/receipts.py: write_receipt: constant: False → True": (
        "the text is written otherwise, and read as the same"
    ),
    "nilometer/storage/bodies.py: (outside of functions): constant: True → False (3)": (
        "a member is written as its value then, which is the same text, and takes longer"
    ),
    "nilometer/storage/bodies.py: find_difference: guard that never holds: if codec.was_read_back and "
    "_restate(codec.restate, envelope) == body: return None → if False: return None": READ_BACK,
    "nilometer/storage/bodies.py: _has_times: and for or: happened is recorded or _is_utc_time(happened) → "
    "happened is recorded and _is_utc_time(happened)": READ_BACK,
    "nilometer/storage/bodies.py: _has_times: dropped condition: happened is recorded or _is_utc_time(happened) "
    "→ _is_utc_time(happened)": READ_BACK,
    "nilometer/storage/bodies.py: _has_times: dropped condition: happened is recorded or _is_utc_time(happened) "
    "→ happened is recorded": READ_BACK,
    "nilometer/storage/bodies.py: _has_times: dropped condition: earliest is None or _is_utc_time(earliest) → "
    "earliest is None": READ_BACK,
    "projections/advancing.py: (outside of functions): wrong member: events.VmStarted → events.VmRebooted": (
        "a VM that starts was off, and no figure of what it uses is known"
    ),
    "projections/advancing.py: (outside of functions): wrong member: events.VmStarted → events.VmRestored": (
        "a VM that starts was off, and no figure of what it uses is known"
    ),
    "projections/fleet.py: (outside of functions): guard that never holds: "
    "if TYPE_CHECKING: from domain.envelo… → if False: from domain.envelo…": NO_TYPES,
    "projections/fleet.py: Fleet.apply: comparison: happened > self.latest → happened >= self.latest": EQUAL_TIMES,
    "projections/fleet.py: Fleet._leave: guard that never holds: "
    "if not on: del self._on[host] → if False: del self._on[host]": "no VM is on a host that has an empty set",
    "projections/fleet.py: (outside of functions): constant: False → True (2)": FROM_THE_VMS,
    "projections/fleet.py: (outside of functions): constant: False → True (3)": FROM_THE_VMS,
    "domain/deciding/redecide_policies.py: _reads_of: guard that never holds: if before is None: raise "
    "TypeError('… → if False: raise TypeError('…": "without it, what is raised in its place is reported alike",
    "domain/deciding/redecide_policies.py: _reads_of: left out: host.book[named.id] = vm.held → nothing": ENTRY,
    "domain/deciding/redecide_policies.py: _reads_of: another field: named.id → named.name": ENTRY,
    "domain/deciding/redecide_policies.py: _reads_of: another field: named.id → named.host": ENTRY,
    "domain/deciding/redecide.py: _within_policies: guard that never holds: if type(event) not in _BY_POLICY: "
    "return decision → if False: return decision": LONGER,
    "domain/deciding/redecide.py: _within_policies: dropped condition: not isinstance(event, BY_POLICY) or not "
    "accepted(decision) or ev… → not accepted(decision) or ev…": (
        "its class was asked for just before: this is for the type checker"
    ),
    "domain/deciding/redecide.py: _within_policies: constant: 0 → 1": NO_QUANTUM,
    "domain/deciding/redecide.py: _within_policies: constant: 0 → 1 (2)": NO_QUANTUM,
    "domain/deciding/reads.py: load: guard that never holds: if not policies: return reads → if False: return "
    "reads": LONGER,
    "domain/deciding/reads.py: Reads.for_policies: dropped condition: ….destination is not None and "
    "self.destination is not self.host → ….destination is not None": (
        "a move to the host that a VM is on is rejected before policies are asked"
    ),
    "nilometer/ledger/unit_of_work.py: UnitOfWork._decide: guard that never holds: "
    "if self._repository.refresh(named_streams(command), self._written): continue → if False: continue": (
        "what is an input error stays one, whatever others have recorded meanwhile: no id is used again"
    ),
    "domain/deciding/breaches.py: _find_broken_of_group: dropped condition: book is None or reads.vm is None or "
    "answer.after is None → book is None or answer.after is None": (
        "books are read of the groups of a VM alone, so with a book there is a VM"
    ),
    "domain/deciding/breaches.py: _find_broken_of_group: dropped condition: …None or reads.vm is None or "
    "answer.after is None → …None or reads.vm is None": (
        "a command on a VM that a policy may refuse has a state after it"
    ),
    "domain/deciding/reads.py: load: guard that never holds: if not needs.beside and (not of_groups): return reads → "
    "if False: return reads": LONGER,
    "nilometer/ledger/repository.py: Repository.all_vms: left out: self._leave_transaction() → nothing": (
        "what is read is the same; PostgreSQL alone would end a transaction that is idle for minutes meanwhile, which "
        "no test waits for"
    ),
    "nilometer/ledger/repository.py: Repository.group: left out: self._read_in[stream] = self._transactions → "
    "nothing": LONGER,
    "nilometer/ledger/values.py: (outside of functions): constant: 1024 → 1025": REMEMBERED,
    "nilometer/ledger/values.py: (outside of functions): constant: 4096 → 4097": REMEMBERED,
    "nilometer/ledger/values.py: _check_of_text: constant: 4096 → 4097": REMEMBERED,
    "nilometer/ledger/values.py: check_text: guard that never holds: if text.isprintable(): return text → "
    "if False: return text": LONGER,
    "nilometer/ledger/values.py: check_size: comparison: value < 0 → value <= 0": SIZE,
    "nilometer/ledger/values.py: check_size: constant: 0 → 1 (2)": SIZE,
    "nilometer/ledger/values.py: _check_member.check_one: comparison: abs(value) <= LARGEST → abs(value) < LARGEST": (
        "the bound only keeps a number from being written that has thousands of digits; no member is written as LARGEST"
    ),
    "nilometer/ledger/values.py: _check_of: dropped condition: …stance(annotation, type) and "
    "issubclass(annotation, StrEnum) → …stance(annotation, type)": (
        "all classes that are the type of a field of a command are enums of texts"
    ),
    "nilometer/ledger/values.py: checks_of_command: dropped condition: checks is None and kind in NAMES → kind in "
    "NAMES": LONGER,
    "nilometer/ledger/adopting.py: (outside of functions): other way: if TYPE_CHECKING: from … → if not "
    "TYPE_CHECKING: from …": LOADED,
    "nilometer/ledger/adopting.py: (outside of functions): guard that never holds: if TYPE_CHECKING: from "
    "rules.policie… → if False: from rules.policie…": NO_TYPES,
    "nilometer/ledger/adopting.py: find_breakers: another field: subject.id → subject.name": (
        "the name of a host alone is its id"
    ),
    "nilometer/ledger/books.py: check_groups: guard that never holds: if policy.of_group is None: continue → if False: "
    "continue": "policies without a group all have the same VMs of it: none",
    "nilometer/ledger/unit_of_work.py: UnitOfWork._open_books: left out: self.commit() → nothing": LOSES,
    "nilometer/ledger/ledger.py: (outside of functions): other way: if TYPE_CHECKING: from … → if not "
    "TYPE_CHECKING: from …": LOADED,
    "nilometer/ledger/ledger.py: (outside of functions): guard that never holds: if TYPE_CHECKING: from "
    "rules.policie… → if False: from rules.policie…": NO_TYPES,
    "nilometer/ledger/ledger.py: (outside of functions): constant: 60 → 61": "one try more is no more right or wrong",
    "nilometer/ledger/ledger.py: Ledger.__init__: constant: False → True": (
        "it is a default, and Ledger.open, which alone makes a ledger, always says which"
    ),
    "nilometer/ledger/ledger.py: Ledger.execute_all: constant: 16 → 17": "a longer random key is a random key too",
    "nilometer/ledger/ledger.py: Ledger._confirm_adoption: constant: False → True": (
        "it decides about the refusal alone, and who breaks a policy is all that is read there"
    ),
    "nilometer/ledger/ledger.py: Ledger.adopt_policy: left out: self._pause(lost) → nothing": PAUSES,
    "nilometer/ledger/ledger.py: Ledger._pause: left out: time.sleep(random.uniform(0, min(PAUSE_MOST, PAUSE * 2 ** "
    "lost))) → nothing": PAUSES,
    "nilometer/ledger/ledger.py: Ledger._pause: constant: 0 → 1": PAUSES,
    "nilometer/ledger/ledger.py: Ledger.record: left out: self._pause(lost) → nothing": PAUSES,
    "nilometer/ledger/ledger.py: Ledger.execute_all: left out: self._pause(lost) → nothing": PAUSES,
    "nilometer/ledger/ledger.py: Ledger.retire_policy: left out: self._pause(lost) → nothing": PAUSES,
    "nilometer/ledger/ledger.py: Ledger._pause: constant: 2 → 3": PAUSES,
    "nilometer/ledger/unit_of_work.py: UnitOfWork._open_books: left out: self._repository.forget_policies() → "
    "nothing": LOSES,
    "nilometer/ledger/unit_of_work.py: UnitOfWork._open_books: left out: self._repository.forget_policies() → "
    "nothing (2)": "a book is missing once more, and nothing is left to open: it takes a longer way",
    "projections/series.py: FleetSeries.take: dropped condition: host_before != host and host_before in self._books → "
    "host_before in self._books": "it leaves the book of its host, and is put there again",
    "projections/series.py: FleetSeries.take: dropped condition: host is not None and host in fleet.hosts → host in "
    "fleet.hosts": "no host is None: the first half is for the type checker",
    "projections/series.py: FleetSeries._host_point: and for or: host.total is None and host.budget is not None → "
    "host.total is None or host.budget is not None": LONGER,
    "projections/series.py: FleetSeries._host_point: dropped condition: host.total is None and host.budget is not "
    "None → host.budget is not None": LONGER,
    "projections/series.py: FleetSeries._host_point: dropped condition: host.total is None and host.budget is not "
    "None → host.total is None": LONGER,
    "projections/short.py: find_shortages: constant: 0 → 1": NO_QUANTUM,
    "projections/short.py: _lacking: dropped condition: …equest.size_from is None or request.size is None → "
    "…equest.size_from is None": SIZE_KNOWN,
    "projections/short.py: _lacking: another field: request.size → request.size_from": SIZE_KNOWN,
    "projections/diff.py: _figures_of: constant: True → False": ROW_THERE,
    "projections/diff.py: _figures_of: constant: True → False (2)": ROW_THERE,
    "projections/watching.py: WatchedHost.take: dropped condition: isinstance(event, HostNotWatched) and "
    "envelope.metadata.earlie… → envelope.metadata.earlie…": "events of other classes are not handed over",
    "projections/watching.py: Watching._host: dropped condition: host_id(stream) or stream → host_id(stream)": (
        "these events stand on streams of hosts alone: the second half is for the type checker"
    ),
    "domain/observed/vm.py: OpenRequest.beyond: comparison: self.target > self.size_from → self.target >= "
    "self.size_from": "that the two are equal is asked just before",
}
"""By ``WrongFile.key``."""
