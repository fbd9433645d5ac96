"""``nilo audit --sieve``: an export as Parquet, of which the sieve clears what is surely clean."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

from domain.errors import InputError
from nilometer.audit.provenance import FileDigests
from nilometer.audit.result import Audit
from nilometer.audit.sieve.installed import require_sieve
from nilometer.cli.failures import Mistyped, say
from nilometer.cli.output import Progress
from nilometer.history.opening import check_listed
from nilometer.history.parquet.manifest import NAME

_HINT = "nilo export --as parquet -o DIR writes one; nilo audit --sieve DIR"


def check_sieved(files: Sequence[str]) -> Path:
    """The folder of an export that is to be sieved. Raises ``InputError`` for anything else."""
    if len(files) != 1:
        raise Mistyped("--sieve judges one export as Parquet, a folder", hint=_HINT)
    folder = Path(files[0])
    if not folder.exists():
        raise InputError(f"{folder}: No such file or directory", hint=_HINT)
    check_listed(folder)
    if not (folder / NAME).is_file():
        raise InputError(f"{files[0]}: this is not a folder of an export as Parquet, which --sieve reads", hint=_HINT)
    require_sieve()
    return folder


def judge_sieved(
    audit: Audit, folder: Path, digests: FileDigests, judge_whole: Callable[[Audit], None], cores: int
) -> list[str]:
    """Judges an export; returns the names of the files that were judged, of which the digests are known then."""
    from nilometer.audit.sieve.judging import audit_sieved, describe_sieved, open_export

    manifest = open_export(folder)
    name, content = f"{folder}/{NAME}", (folder / NAME).read_bytes()
    with Progress("judging", manifest.events, "events") as progress:
        audit_sieved(
            audit,
            manifest,
            judge_whole,
            lambda sieved: say("note", describe_sieved(sieved)),
            progress.update,
            cores,
            lambda why: say("note", f"one process judges what is left: {why}"),
        )
    digests.files[name] = len(content), hashlib.sha256(content).hexdigest()
    return [name]
