"""Who noticed which wrong file, kept in a file of JSON lines: an interrupted run goes on where it was.

A wrong file is known again by its change and the whole file, so a fate of another text of the file counts for nothing.
Survivors are asked about again, for their tests may have been written since; but not those that are known to survive,
with a reason.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from hashlib import sha256
from pathlib import Path

from mutants.glue.changes import WrongFile
from mutants.glue.judging import Judged
from mutants.glue.noticed import Noticed
from mutants.glue.survivors import REASONS
from mutants.places import ROOT


def read_kept(path: Path, wrongs: Iterable[WrongFile]) -> tuple[list[Judged], list[WrongFile]]:
    """The wrong files that were noticed before, with by whom; and those that are to be judged."""
    known: dict[str, tuple[Noticed | None, str]] = {}
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
        kept = json.loads(line)
        known[kept["text"]] = (Noticed(kept["noticed"]), kept["by"])
    judged: list[Judged] = []
    left: list[WrongFile] = []
    for wrong in wrongs:
        noticed, by = known.get(_hash(wrong), (None, ""))
        if noticed is None or (noticed is Noticed.NOBODY and wrong.key not in REASONS):
            left.append(wrong)
        else:
            judged.append((wrong, noticed, by))
    return judged, left


def keep(path: Path, judged: Iterable[Judged]) -> Iterator[Judged]:
    """Yields each, when it is written to the file."""
    with path.open("a", encoding="utf-8") as file:
        for wrong, noticed, by in judged:
            line = {"text": _hash(wrong), "noticed": noticed, "by": by, "key": wrong.key}
            file.write(json.dumps(line, ensure_ascii=False) + "\n")
            file.flush()
            yield wrong, noticed, by


def _hash(wrong: WrongFile) -> str:
    return sha256((ROOT / wrong.file).read_bytes() + wrong.key.encode()).hexdigest()
