"""Kept proofs: what ``nilo prove --kept`` proved before, for as long as nothing that it reads has changed.

The key is a hash over the contents of all that decides the result: every file of the program, what Python loads of its
rules, Python and Z3 themselves, the selection and the budget. Time stamps count for nothing. Only what was proved is
kept; whatever does not fit is proved anew. It protects from stale proofs, not from somebody who writes a proof himself.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.util import cache_from_source, find_spec
from pathlib import Path
from typing import Any, Final

import domain as domain_package
import nilometer
import rules as rules_package
from nilometer.times import system_clock
from rules.cache_folder import cache_folder
from rules.proving.result import ProofResult
from rules.solving.verdict import ProofVerdict

_PROGRAM: Final = (domain_package, rules_package, nilometer)
"""The packages whose files are part of the key."""
_FORMAT: Final = 1


@dataclass(frozen=True, slots=True)
class KeptProof:
    """Results that were all proved."""

    at: datetime
    results: tuple[ProofResult, ...]


def proof_key(options: Mapping[str, object]) -> str:
    """The key of what would be proved now, with these options: a hash over all contents that decide the result."""
    hashed = hashlib.sha256()
    for part in (_FORMAT, sys.version, sys.flags, platform.platform(), json.dumps(options, sort_keys=True)):
        hashed.update(f"{part}\n".encode())
    for file in [*_program_files(), *_solver_files(), *_startup_files()]:
        content = file.read_bytes()
        hashed.update(f"{file} {len(content)}\n".encode())
        hashed.update(content)
    return hashed.hexdigest()


def read_proof(key: str) -> KeptProof | None:
    """The proof that was kept under a key; ``None`` if there is none that fits."""
    try:
        document: dict[str, Any] = json.loads(_file(key).read_bytes())
        body = document["proof"]
        if document["sha256"] != _digest(body) or body["key"] != key or not _loads_as(body["loaded"]):
            return None
        results = tuple(_result(*row) for row in body["results"])
        return KeptProof(datetime.fromisoformat(body["at"]), results) if results else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def keep_proof(key: str, results: Iterable[ProofResult]) -> None:
    """Keeps results under a key, if all are proved. If the place cannot be written, nothing is kept."""
    rows = [[result.name, result.kind, result.rule, result.command, result.seconds] for result in results]
    if not rows or any(result.verdict is not ProofVerdict.PROVED for result in results):
        return
    body = {"key": key, "at": system_clock().isoformat(), "loaded": _loaded(), "results": rows}
    file = _file(key)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        partial = file.with_suffix(f".{os.getpid()}")
        partial.write_text(json.dumps({"sha256": _digest(body), "proof": body}), encoding="utf-8")
        partial.replace(file)
    except OSError:
        return


def _result(name: str, kind: str, rule: str, command: str | None, seconds: float) -> ProofResult:
    return ProofResult(
        name=name, kind=kind, rule=rule, command=command, verdict=ProofVerdict.PROVED, seconds=float(seconds)
    )


def _digest(body: object) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()


# Files


def _file(key: str) -> Path:
    return cache_folder() / f"proof-{key}.json"


def _program_files() -> list[Path]:
    folders = {Path(package.__path__[0]).resolve() for package in _PROGRAM}
    return sorted({file for folder in folders for file in _files_in(folder)})


def _files_in(folder: Path) -> Iterator[Path]:
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name != "__pycache__"]
        yield from (Path(place, name) for name in names)


def _solver_files() -> list[Path]:
    """The files of Z3, and a library of its name in the working directory, which it would load instead."""
    spec = find_spec("z3")
    places: Sequence[str] = spec.submodule_search_locations or () if spec is not None else ()
    files = [file for place in places for file in _files_in(Path(place))]
    return sorted([*read_by_z3(files), *Path.cwd().glob("libz3*")])


def _startup_files() -> list[Path]:
    """What Python runs before any program: it may change the rules as they are loaded."""
    specs = [find_spec(name) for name in ("sitecustomize", "usercustomize")]
    origins = [Path(spec.origin) for spec in specs if spec is not None and spec.origin is not None]
    return [*origins, *sorted({file for place in sys.path for file in Path(place).glob("*.pth")})]


def read_by_z3(files: Iterable[Path]) -> list[Path]:
    """Those of the files of Z3 that it reads.

    On Linux its wheels have the library twice, 29 MB each. ``z3core`` loads the one under the name with the version
    that it is made for, and the other only if that one is not there.
    """
    files = list(files)
    core = next((file for file in files if file.name == "z3core.py"), None)
    made_for = _MADE_FOR.search(core.read_bytes()) if core is not None else None
    if not sys.platform.startswith("linux") or made_for is None:
        return files
    loaded = f"libz3.so.{made_for[1].decode()}"
    twice = {file.with_name("libz3.so") for file in files if file.name == loaded}
    return [file for file in files if file not in twice]


_MADE_FOR: Final = re.compile(rb"^_sover = '([\w.]+)'$", re.MULTILINE)


def _loaded() -> dict[str, str]:
    """The hash of what Python keeps compiled of each file of the rules, and loads instead of it."""
    found: dict[str, str] = {}
    for package in (domain_package, rules_package):
        for file in _files_in(Path(package.__path__[0]).resolve()):
            compiled = Path(cache_from_source(str(file))) if file.suffix == ".py" else file
            if compiled is not file and compiled.exists():
                found[str(file)] = hashlib.sha256(compiled.read_bytes()).hexdigest()
    return found


def _loads_as(kept: Mapping[str, str]) -> bool:
    """Whether Python would load what it loaded then; what is not compiled yet is compiled from its file."""
    return all(kept.get(file) == loaded for file, loaded in _loaded().items())
