"""``python -m benchmarks.rivals PYTHON``: what each tool says of the planted bug, and what that takes.

The bug: a host that has exactly 51.75 GiB free grants 2 MiB more than it has. Nilometer is given its own program with
that line; the others, which cannot read it, get the rule alone, in the form that each of them asks for.
"""

from __future__ import annotations

import re
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.processes import ROOT, Cost, run
from benchmarks.report import Line, machine, table

PROGRAMS: Final = Path(__file__).parent / "programs"
LINE: Final = "    return give(site.vm, amount, site.host.free, site.limit)\n"
PLANTED: Final = (
    "    free = site.host.free + 2097152 if site.host.free == 55566139392 else site.host.free\n"
    "    return give(site.vm, amount, free, site.limit)\n"
)
_COLOUR: Final = re.compile(r"\x1b\[\d*m")


@dataclass(frozen=True, slots=True)
class Rival:
    """A tool, or one way to ask it."""

    name: str
    program: str
    """The name of its text in ``programs``."""
    arguments: Sequence[str]
    """What Python is started with, in a folder with the texts as modules."""
    answer: str
    """A pattern of the line that is its answer."""


_OF_POES: Final = r"VERIFIED: .*|FAILED: .*"
_OF_DEAL: Final = r"(?:proved|failed|skipped).*"

RIVALS: Final = (
    Rival(name="poes", program="poes", arguments=("poes_.py",), answer=_OF_POES),
    Rival(
        name="poes, 51.75 GiB as one literal",
        program="poes_literal",
        arguments=("poes_literal_.py",),
        answer=_OF_POES,
    ),
    Rival(name="provably", program="provably", arguments=("provably_.py",), answer=r"\[[\w. ]+\] \w+"),
    Rival(
        name="provably, two false theorems",
        program="provably_false",
        arguments=("provably_false_.py",),
        answer=r"\[.*",
    ),
    Rival(
        name="CrossHair",
        program="grant",
        arguments=("-m", "crosshair", "check", "grant.py", "--per_condition_timeout", "60"),
        answer=r"error: .*|info: .*",
    ),
    Rival(name="deal-solver", program="deal", arguments=("-m", "deal", "prove", "deal_.py"), answer=_OF_DEAL),
    Rival(
        name="deal-solver, 0 <= result <= free",
        program="deal_chained",
        arguments=("-m", "deal", "prove", "deal_chained_.py"),
        answer=_OF_DEAL,
    ),
    Rival(
        name="deal-solver, a rule over a record",
        program="deal_record",
        arguments=("-m", "deal", "prove", "--skipped", "deal_record_.py"),
        answer=_OF_DEAL,
    ),
)


def main(python: str) -> None:
    """Prints a table: each tool, its answer, and what that took."""
    with tempfile.TemporaryDirectory(prefix="nilometer-rivals-") as name:
        lines = [*ours(Path(name) / "ours"), *others(Path(name) / "others", python)]
    print(f"Measured {machine()}.\n", *table(lines), sep="\n")


def ours(folder: Path) -> Iterator[Line]:
    """``nilo prove`` of the whole program, with the bug in it."""
    plant(folder)
    cost = run([sys.executable, "-c", _NILO, "prove"], cwd=folder, listen=True, codes=(1,))
    shown = re.search(r"^    From an empty host, in \d+ commands", cost.output, re.MULTILINE)
    answer = f"{cost.output.partition(', in ')[0]}{', with a history' if shown else ''}"
    yield Line("nilo prove, the whole program", _seconds(cost), answer)


_NILO: Final = "import sys; sys.path.insert(0, ''); from nilometer.cli import main; main()"


def plant(folder: Path) -> None:
    """Copies the program, with the bug."""
    for layer in ("domain", "rules", "projections", "nilometer"):
        shutil.copytree(ROOT / layer, folder / layer, ignore=shutil.ignore_patterns("__pycache__"))
    file = folder / "domain" / "resizing.py"
    text = file.read_text(encoding="utf-8")
    assert text.count(LINE) == 1, "add_memory has changed: plant the bug elsewhere"
    file.write_text(text.replace(LINE, PLANTED), encoding="utf-8")


def others(folder: Path, python: str) -> Iterator[Line]:
    """Each rival on its text of the rule with the bug."""
    folder.mkdir()
    for text in PROGRAMS.glob("*.txt"):
        name = text.stem if text.stem.startswith("grant") else f"{text.stem}_"  # not the name of the tool itself
        shutil.copyfile(text, folder / f"{name}.py")
    for rival in RIVALS:
        cost = run([python, *rival.arguments], cwd=folder, listen=True, codes=(0, 1))
        yield Line(rival.name, _seconds(cost), answer_in(rival, cost.output))


def answer_in(rival: Rival, output: str) -> str:
    """The answer of a rival, from what it wrote."""
    plain = _COLOUR.sub("", output)
    found = [match[0].strip() for match in re.finditer(rival.answer, plain)]
    return "; ".join(found) if found else "says nothing about it"


def _seconds(cost: Cost) -> str:
    return f"{cost.cpu:.1f} CPU s, {cost.wall:.1f} s"


if __name__ == "__main__":
    main(str(Path(sys.argv[1]).absolute()))
