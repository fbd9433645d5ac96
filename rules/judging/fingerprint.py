"""The hash of the rules that judge: over their terms, so that it does not depend on spelling, machine or process.

To read all rules takes a quarter of a second, so the hash is kept, under the hash of what runs, in the folder that the
system has for what can be made again. Whatever does not fit, is damaged or cannot be written is computed.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Final

from domain.changes import HOST_CHANGES, VM_CHANGES
from domain.commands import NAMES
from domain.deciding.steps import STEPS
from domain.hosts import register_host, remove_host, resize_host, set_reserve
from domain.recording.groups import record_on_group
from domain.rule import RULES, Rule, is_rule
from rules.cache_folder import cache_folder
from rules.claims import CLAIMS
from rules.specification.invariants import INVARIANTS
from rules.specification.observations import OBSERVATIONS
from rules.specification.predicate import is_predicate
from rules.symbolic.reader import RuleReader
from rules.symbolic.running import hash_running
from rules.symbolic.terms import Term
from rules.symbolic.values import leaves

_PROGRAM: Final = register_host.__module__.removesuffix("hosts")
"""What the modules of the program's rules begin with, here and as installed."""
_APART: Final[tuple[Rule, ...]] = (record_on_group,)
"""Rules of modules that nothing else here imports: the hash has them in every process."""


@cache
def rules_digest() -> str:
    """The SHA-256 of the rules of the program, the predicates that are asked, and the tables that join them.

    Each is a line, sorted. That of a rule has its name, and for each figure that it gives the hash of the term.
    """
    key = running_key()
    kept = _read_kept(key)
    if kept is None:
        lines = [*_joins(), *_lines(RuleReader(is_rule), _program()), *_lines(RuleReader(is_predicate), _asked())]
        kept = hash_lines(sorted(lines))
        _keep(key, kept)
    return kept


def running_key() -> str:
    """The hash of all that the hash of the rules comes from, as it runs."""
    modules = {__name__, *(rule.__module__ for rule in (*_program(), *_asked()))}
    return hash_lines([*sorted(_joins()), hash_running(modules)])


def _program() -> list[Rule]:
    return [rule for rule in dict.fromkeys((*RULES, *_APART)) if rule.__module__.startswith(_PROGRAM)]


def _asked() -> list[Rule]:
    conditions = [claim.when for claim in CLAIMS if claim.when is not None]
    return [*INVARIANTS, *OBSERVATIONS, *(claim.predicate for claim in CLAIMS), *conditions]


def hash_lines(lines: Iterable[str]) -> str:
    """The SHA-256 of lines."""
    return sha256("".join(f"{line}\n" for line in lines).encode()).hexdigest()


def kept_file() -> Path:
    """Where the hash is kept: one line with the key, the hash, and the hash of both."""
    return cache_folder() / "rules.sha256"


def _read_kept(key: str) -> str | None:
    try:
        found, digest, check = kept_file().read_text(encoding="ascii").split()
    except (OSError, ValueError, RuntimeError):
        return None
    return digest if found == key and check == hash_lines([key, digest]) else None


def _keep(key: str, digest: str) -> None:
    with suppress(OSError, RuntimeError):  # nothing is kept where nothing can be written
        file = kept_file()
        partial = file.with_suffix(f".{os.getpid()}")
        try:
            file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            partial.write_text(f"{key} {digest} {hash_lines([key, digest])}\n", encoding="ascii")
            partial.replace(file)
        except OSError:
            partial.unlink(missing_ok=True)


def _lines(reader: RuleReader, rules: Iterable[Rule]) -> Iterator[str]:
    hashes: dict[Term, str] = {}
    for rule in dict.fromkeys(rules):
        if getattr(sys.modules[rule.__module__], rule.__name__, None) is rule:
            figures = [[figure, hash_term(term, hashes)] for figure, term in leaves(reader.read(rule))]
            yield json.dumps([_name(rule), figures])


def _joins() -> Iterator[str]:
    """Which rule decides a command, which replays an event, and which predicate is asked of which command."""
    for command, step in STEPS.items():
        yield json.dumps(["decides", NAMES[command], _name(step.rule), step.event.KIND, list(step.takes)])
    for decides in (register_host, resize_host, set_reserve, remove_host):
        yield json.dumps(["decides", _name(decides)])
    for invariant in INVARIANTS:
        yield json.dumps(["invariant", _name(invariant)])
    for vm_event, vm_change in VM_CHANGES.items():
        yield json.dumps(["replays", vm_event.KIND, _name(vm_change.rule)])
    for host_event, host_change in HOST_CHANGES.items():
        yield json.dumps(["replays", host_event.KIND, _name(host_change.rule)])
    for claim in CLAIMS:
        when = None if claim.when is None else _name(claim.when)
        yield json.dumps(["claims", claim.kind, claim.command, _name(claim.predicate), claim.accepted, when])


def _name(rule: Rule) -> str:
    """The name of a rule, which is the same in the repository and as installed."""
    return f"{rule.__module__.removeprefix('nilometer.')}.{rule.__qualname__}"


def hash_term(term: Term, hashes: dict[Term, str]) -> str:
    """The hash of a term: of its operation, its sort, its name or value, and the hashes of its parts."""
    known = hashes.get(term)
    if known is None:
        leaf = None if term.leaf is None else str(term.leaf)
        parts = [hash_term(part, hashes) for part in term.parts]
        known = sha256(json.dumps([term.op.value, term.sort.__name__, leaf, *parts]).encode()).hexdigest()
        hashes[term] = known
    return known
