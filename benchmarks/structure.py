"""The shape of the code as figures: ``python benchmarks/structure.py [ROOT …]``, a column for each checkout.

How many modules stand in each folder, how many files one call of ``nilo`` enters and how often it crosses from one to
another, which public class names are used twice, how often the word *told* stands, and how many logical statements
there are. A checkout's own ``.venv`` runs its own ``nilo``; nothing here imports the project.
"""

from __future__ import annotations

import ast
import json
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

PACKAGES: Final = ("domain", "rules", "projections", "nilometer")
DAY: Final = Path("docs/examples/HV01-20261123.jsonl")
SCRIPT: Final = Path("docs/examples/month-end.jsonl")

PROFILED: Final = """
import json, sys
root, out = sys.argv[1:3]
sys.argv = ["nilo", *sys.argv[3:]]
from nilometer.cli import main
files, crossings = set(), 0
def profile(frame, event, argument):
    global crossings
    if event == "call" and frame.f_code.co_flags & 1:  # a function, no body of a module or class
        callee = frame.f_code.co_filename
        if callee.startswith(root):
            caller = frame.f_back
            while caller is not None and not caller.f_code.co_filename.startswith(root):
                caller = caller.f_back
            files.add(callee)
            if caller is not None and caller.f_code.co_filename != callee:
                crossings += 1
try:
    sys.setprofile(profile)
    main()
except SystemExit:
    pass
finally:
    sys.setprofile(None)
    with open(out, "w", encoding="utf-8") as written:
        json.dump([len(files), crossings], written)
"""
"""Runs ``nilo`` and counts the project's files whose functions ran, and the calls from one of them into another."""


def modules_by_folder(root: Path) -> dict[str, int]:
    """How many modules stand in each folder of the four packages."""
    return dict(Counter(str(path.parent.relative_to(root)) for path in _modules(root)))


def class_names_used_twice(root: Path) -> list[str]:
    """Public names that more than one class at the top of a module has."""
    names = Counter(
        node.name
        for path in _modules(root)
        for node in _tree(path).body
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
    )
    return sorted(name for name, count in names.items() if count > 1)


def word_count(root: Path, word: str) -> int:
    """How often a word stands in the four packages, as ``git grep -ow`` counts it."""
    patterns = [f"{package}/*.py" for package in PACKAGES]
    found = subprocess.run(
        ["git", "-C", root, "grep", "-ow", word, "--", *patterns], capture_output=True, text=True, check=False
    )
    return len(found.stdout.splitlines())


def logical_statements(root: Path) -> int:
    """Statements of the four packages, without docstrings and other texts that stand alone."""
    return sum(
        isinstance(node, ast.stmt)
        and not (
            isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        )
        for path in _modules(root)
        for node in ast.walk(_tree(path))
    )


def walk(root: Path, place: Path, *arguments: str) -> tuple[int, int]:
    """Files entered and crossings of one call of ``nilo``; ``place`` is a folder to write in."""
    counts = place / "counts.json"
    ran = subprocess.run(
        [root / ".venv" / "bin" / "python", "-c", PROFILED, f"{root}/", counts, *arguments],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    files, crossings = json.loads(counts.read_text(encoding="utf-8"))
    counts.unlink()
    if "Traceback" in ran.stderr:
        raise RuntimeError(ran.stderr)
    return int(files), int(crossings)


def walks(root: Path) -> dict[str, tuple[int, int]]:
    """Files entered and crossings of one call, by what is called; of an import what one more line costs."""
    with tempfile.TemporaryDirectory(prefix="nilometer-structure-") as folder:
        place = Path(folder)
        ledger = ["--ledger", f"sqlite:///{place}/ledger.db"]
        walk(root, place, "run", str(root / SCRIPT), *ledger)
        walk(root, place, "export", "-o", str(place / "history.jsonl"), *ledger)
        lines = (root / DAY).read_bytes().splitlines(keepends=True)
        first, *further = (number for number, line in enumerate(lines) if b'"kind": "poll"' in line)
        (place / "one.jsonl").write_bytes(b"".join(lines[: first + 1]))
        (place / "all.jsonl").write_bytes(b"".join(lines))
        one, all = (
            walk(
                root,
                place,
                "import-hyperv",
                "--final",
                f"{place}/{name}.jsonl",
                "--ledger",
                f"sqlite:///{place}/{name}.db",
            )
            for name in ("one", "all")
        )
        return {
            "do": walk(root, place, "do", "add-memory", "web01", "2MiB", *ledger),
            "view": walk(root, place, "view", *ledger),
            "audit": walk(root, place, "audit", str(place / "history.jsonl")),
            "import-hyperv": all,
            "import-hyperv, of which for each further poll": (all[0] - one[0], (all[1] - one[1]) // len(further)),
        }


def report(roots: Sequence[Path]) -> Iterator[str]:
    """The table, a column for each checkout."""
    yield _row("", *(_commit(root) for root in roots))
    yield _row("---", *("---:" for _ in roots))
    folders = [modules_by_folder(root) for root in roots]
    yield _row("modules in the fullest folder", *(f"{max(each.values())} ({_fullest(each)})" for each in folders))
    yield _row("folders", *(str(len(each)) for each in folders))
    yield _row("modules", *(str(sum(each.values())) for each in folders))
    walked = [walks(root) for root in roots]
    for call in walked[0]:
        yield _row(f"{call}: files entered, crossings", *(f"{each[call][0]}, {each[call][1]:,}" for each in walked))
    yield _row("public class names used twice", *(str(len(class_names_used_twice(root))) for root in roots))
    yield _row("`told`", *(str(word_count(root, "told")) for root in roots))
    yield _row("logical statements", *(f"{logical_statements(root):,}" for root in roots))


def _fullest(folders: Mapping[str, int]) -> str:
    return max(folders, key=lambda folder: folders[folder])


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _commit(root: Path) -> str:
    return subprocess.run(
        ["git", "-C", root, "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True
    ).stdout.strip()


def _modules(root: Path) -> Iterator[Path]:
    for package in PACKAGES:
        yield from sorted((root / package).rglob("*.py"))


def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_bytes(), path)


def main() -> None:
    """Prints the table."""
    here = Path(__file__).resolve().parents[1]
    print(*report([Path(name).resolve() for name in sys.argv[1:]] or [here]), sep="\n")


if __name__ == "__main__":
    main()
