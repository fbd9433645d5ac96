"""Programs with one wrong line: a copy of the program and its specification, changed as text, and proved where it is.

The reader demands that what runs is what is written, so a wrong rule has to be a wrong file, loaded by its own Python.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.broken_copies import copy_broken

GOLDENS = Path(__file__).parent / "goldens"
_LINES = re.compile(r"(\.py):\d+")

PROVE = """\
import json, sys
from rules.proving.run import prove
rules, commands = json.loads(sys.argv[1])
for result in prove(rules, commands, cores=1):  # the workers of the tests have all cores
    found = result.counterexample
    print(json.dumps({
        "name": result.name,
        "verdict": result.verdict.value,
        "text": found and found.text(),
        "document": found and found.document(),
    }))
"""


@dataclass(frozen=True)
class Bug:
    """One line of the program, written wrong, and what has to notice it."""

    name: str
    file: str
    line: str
    instead: str
    obligation: str

    @property
    def rule(self) -> str:
        return self.obligation.rpartition("/")[2]

    @property
    def command(self) -> str:
        return self.obligation.split("/")[1]


BUGS = (
    Bug(
        "min for max",
        "domain/resizing.py",
        "down(max(0, min(amount, bound, other_bound)))",
        "down(max(0, max(amount, bound, other_bound)))",
        "keeps/add-memory/host_never_overcommitted",
    ),
    Bug(
        "in use ignored",
        "domain/resizing.py",
        "take(amount, vm.available, vm.assigned - FLOOR)",
        "take(amount, vm.assigned, vm.assigned - FLOOR)",
        "keeps/remove-memory/in_use_is_assigned",
    ),
    Bug(
        "floor ignored",
        "domain/resizing.py",
        "take(amount, vm.available, vm.assigned - FLOOR)",
        "take(amount, vm.available, vm.assigned)",
        "keeps/remove-memory/within_bounds",
    ),
    Bug(
        "balloon not let down first",
        "domain/resizing.py",
        "unballooned = min(granted, vm.ballooned)",
        "unballooned = max(0, granted - max(0, size_limit - vm.assigned - vm.ballooned))",
        "keeps/grow/balloon_is_the_rest",
    ),
    Bug(
        "only the VM's half saved",
        "domain/evolve.py",
        "return after.held - before.held",
        "return 0",
        "keeps/start/book_agrees",
    ),
    Bug(
        "book forgotten",
        "domain/evolve.py",
        "return entry + bytes",
        "return entry",
        "property/start/others_kept",
    ),
    Bug(
        "rounding lost",
        "domain/quantities.py",
        "return size // QUANTUM * QUANTUM",
        "return size",
        "keeps/add-memory/whole_quanta",
    ),
    Bug(
        "guard dropped",
        "domain/resizing.py",
        "    if not vm.in_use_reported:\n        return rejected(Code.IN_USE_NOT_REPORTED)\n"
        "    return take(amount, vm.available, vm.assigned - FLOOR)",
        "    return take(amount, vm.available, vm.assigned - FLOOR)",
        "reason/remove-memory/why_not_remove_memory",
    ),
    Bug(
        "watermark not raised",
        "domain/evolve.py",
        "high_watermark=max(vm.high_watermark, assigned)",
        "high_watermark=vm.high_watermark",
        "property/add-memory/watermark_monotone",
    ),
    Bug(
        "refusal code swapped",
        "domain/resizing.py",
        "return Code.DYNAMIC_MEMORY_ENABLED\n    if not (vm.vsc",
        "return Code.DYNAMIC_MEMORY_DISABLED\n    if not (vm.vsc",
        "reason/add-memory/why_not_add_memory",
    ),
    Bug(
        "reason of a tie swapped",
        "domain/resizing.py",
        "if bound <= other_bound:",
        "if bound < other_bound:",
        "maximal/grow/giving_code_is_true",
    ),
    Bug(
        "migration double-booked",
        "domain/evolve.py",
        "return entry - bytes",
        "return entry",
        "move/move-vm/source_forgets_the_vm",
    ),
    Bug(
        "the wrong host asked for room",
        "domain/lifecycle.py",
        "if destination.free < vm.held:",
        "if site.host.free < vm.held:",
        "keeps/move-vm/host_never_overcommitted",
    ),
    Bug(
        "a neighbour's memory promised",
        "domain/lifecycle.py",
        "if site.host.free < vm.memory.startup - vm.assigned:".replace("vm.", "site.vm."),
        "if site.host.total < site.vm.memory.startup:",
        "bystander/reboot-guest/host_never_overcommitted",
    ),
    Bug(
        "a saved VM keeps its host's memory",
        "domain/state.py",
        "return self.assigned if self.power is Power.RUNNING or self.power is Power.PAUSED else 0",
        "return 0 if self.power is Power.OFF else self.assigned",
        "keeps/save/book_agrees",
    ),
    Bug(
        "paged memory stays in use",
        "domain/evolve.py",
        "in_use=vm.in_use - paged",
        "in_use=vm.in_use",
        "keeps/reclaim/in_use_is_assigned",
    ),
    Bug(
        "the reserve promised too",
        "domain/hosts.py",
        "fits = host.reserve + host.held <= total",
        "fits = host.held <= total",
        "keeps/resize-host/host_never_overcommitted",
    ),
    Bug(
        "any setting taken",
        "domain/lifecycle.py",
        "valid = valid_setting(memory, cap(generation, host.version))",
        "valid = memory.startup <= cap(generation, host.version)",
        "initiation/define-vm/settings_valid",
    ),
    Bug(
        "another size than was asked for",
        "domain/recording/vms/memory.py",
        "static_setting(size))",
        "static_setting(max(size, vm.memory.startup // 2)))",
        "effect/set-memory/set_memory_does",
    ),
    Bug(
        "another size recorded than was asked for",
        "domain/recording/vms/memory.py",
        "ask_size_as_amount(VmCommandName.ADD_MEMORY, more, size), add_memory(site, more))",
        "ask_size_as_amount(VmCommandName.ADD_MEMORY, more, vm.assigned), add_memory(site, more))",
        "record/set-memory/names_the_size",
    ),
    Bug(
        "evidence from the wrong host",
        "domain/recording/vms/lifecycle.py",
        "        read_destination=destination,\n        destination_free",
        "        read_destination=site.host,\n        destination_free",
        "record/move-vm/evidence_is_what_was_read",
    ),
    Bug(
        "figures before for those after",
        "domain/recording/vms/outcomes.py",
        "        vm_figures(after),",
        "        vm_figures(vm),",
        "record/pause/figures_are_recorded",
    ),
    Bug(
        "a host not told of what it gets back",
        "domain/recording/vms/outcomes.py",
        "gets_back = change < 0",
        "gets_back = change < -vm.assigned",
        "event/save/events_are_where_due",
    ),
    Bug(
        "the wrong event",
        "domain/recording/vms/lifecycle.py",
        "decision, VmEventKind.SAVED",
        "decision, VmEventKind.PAUSED",
        "replay/save/is_replayed_as_recorded",
    ),
    Bug(
        "books changed the wrong way round",
        "domain/evolve.py",
        "return after.held - before.held",
        "return before.held - after.held",
        "group/start/group_book_agrees",
    ),
    Bug(
        "a group given back what it was granted",
        "domain/evolve.py",
        "held=group.held + change",
        "held=group.held - change",
        "group/add-memory/group_book_agrees",
    ),
    Bug(
        "what a VM of a group held for what it holds",
        "domain/recording/groups.py",
        "group_changed(group, change)",
        "group_changed(group, vm.held)",
        "group/stop/group_book_agrees",
    ),
    Bug(
        "a grant to a group recorded as a return",
        "domain/recording/groups.py",
        "gives = change > 0",
        "gives = change < 0",
        "group/restore/group_event_is_where_due",
    ),
)


def broken(bug: Bug, folder: Path) -> Path:
    """A copy of the program and its specification with the bug in it."""
    copy_broken(("domain", "rules"), folder, bug.file, bug.line, bug.instead)
    return folder


def proved_in(folder: Path, rules: list[str], commands: list[str]) -> list[dict[str, Any]]:
    """The results of proving the program in a folder."""
    done = subprocess.run(
        [sys.executable, "-c", PROVE, json.dumps([rules, commands])],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def assert_golden(name: str, text: str) -> None:
    """The text is what the file holds, but for line numbers. ``NILO_GOLDENS=write pytest …`` writes them anew."""
    text = _LINES.sub(r"\1:<LINE>", text)
    golden = GOLDENS / name
    if os.environ.get("NILO_GOLDENS") == "write":
        golden.write_text(text, encoding="utf-8")
    assert text == golden.read_text(encoding="utf-8")
