"""A history judged in two shares, beside one piece: as lines, and as Parquet with buckets."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.commands import NILO
from benchmarks.histories import History
from benchmarks.judging import export
from benchmarks.processes import run
from nilometer.history.parquet.writing import write_export
from nilometer.ledger.reader import open_reader

SHARES: Final = 2
_BUCKETS: Final = 8


@dataclass(frozen=True, slots=True)
class ShareCosts:
    """Seconds of the processor, starts of processes included."""

    whole: float
    shares: tuple[float, ...]
    join: float

    @property
    def gain(self) -> float:
        """How much sooner the last share is done than one piece, if each has a processor."""
        return self.whole / max(self.shares)


LINES: Final = "lines"
PARQUET: Final = "Parquet with buckets"


def measure(
    history: History, folder: Path, *, rounds: int, forms: Sequence[str] = (LINES, PARQUET)
) -> dict[str, ShareCosts]:
    """The costs of some forms, by their names.

    Each is run in so many rounds, by turns, and the least counts: what else runs on a machine makes all of it slower.
    """
    cache = folder / "cache"  # of its own: another tree that is tested meanwhile would drop what is kept
    made = {LINES: export, PARQUET: export_with_buckets}
    exports = {form: str(made[form](history, folder)) for form in forms}
    if not cache.exists():
        _audit(cache, exports[forms[0]], "--share", f"{SHARES}/{SHARES}")  # now the hash of the rules is kept
    return {form: _share(name, folder, cache, rounds) for form, name in exports.items()}


def export_with_buckets(history: History, folder: Path) -> Path:
    """A history as Parquet, in eight buckets at most."""
    bucketed = folder / f"{history.path.stem}-bucketed"
    shutil.rmtree(bucketed, ignore_errors=True)
    with open_reader(history.url) as ledger:
        write_export(ledger, bucketed, _ignore, _ignore, max(1, history.events // _BUCKETS))
    return bucketed


def _share(name: str, folder: Path, cache: Path, rounds: int) -> ShareCosts:
    files = [str(folder / f"share-{number}.json") for number in range(1, SHARES + 1)]
    wholes, shares = list[float](), [list[float]() for _ in files]
    for _ in range(rounds):
        wholes.append(_audit(cache, name))
        for number, (file, costs) in enumerate(zip(files, shares, strict=True), start=1):
            cost = run([*_NILO, "audit", name, "--share", f"{number}/{SHARES}"], listen=True, cache=cache)
            Path(file).write_text(cost.output)
            costs.append(cost.cpu)
    return ShareCosts(whole=min(wholes), shares=tuple(map(min, shares)), join=_audit(cache, "--join", *files))


_NILO: Final = (sys.executable, "-c", NILO)


def _audit(cache: Path, *arguments: str) -> float:
    return run([*_NILO, "audit", *arguments], cache=cache).cpu


def _ignore(_: int) -> None: ...
