"""The commands that an installed `nilo` must answer: data, to be extended with each new command.

They run in this order, in an empty folder, against one ledger made there (NILO_LEDGER is set).
"""

import tomllib
from typing import NamedTuple

from tests.paths import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


class Smoke(NamedTuple):
    """One command line: `nilo ARGS < STDIN` exits with `code` and shows every text of `shows` on stdout."""

    args: tuple[str, ...]
    shows: tuple[str, ...] = ()
    code: int = 0
    stdin: str = ""


SCRIPT = """\
{"command": "register-host", "host": "hv01", "version": "2022", "total": "64GiB", "reserve": "0"}
{"command": "define-vm", "vm": "web01", "host": "hv01", "generation": 2, "guest": "windows", "config_version": "10.0", \
"memory": {"static": {"size": "4GiB"}}}
"""

SMOKE = (
    Smoke(("--help",), shows=("Usage: nilo",)),
    Smoke(("--version",), shows=(PROJECT["version"],)),
    Smoke(("prove", "--all"), shows=("proved: keeps/move-vm/host_never_overcommitted\n", " obligations and ")),
    Smoke(("prove", "book_agrees", "--command", "grow", "--cores", "2"), shows=("proved: 2 obligations",)),
    Smoke(
        ("prove", "--explain", "keeps/grow/book_agrees"),
        shows=("nilometer/rules/specification/invariants.py:", "nilometer/domain/evolve.py:"),
    ),
    Smoke(("run", "-"), shows=("line 2: done: define-vm web01",), stdin=SCRIPT),
    Smoke(("do", "start", "web01"), shows=("done: start web01",)),
    Smoke(("do", "add-memory", "web01", "100GiB"), shows=("The memory change was only partially completed",), code=1),
    Smoke(("record", "web07", "--new", "--asked", "8GiB", "--before", "4GiB", "--after", "8GiB"), shows=("completed",)),
    Smoke(("view", "--format", "human"), shows=("web01", "web07")),
    Smoke(("log", "--asked"), shows=("smoke via nilo requested for web01: add-memory 100 GiB",)),
    Smoke(("show", "5"), shows=("Reason: The memory change was only partially completed",)),
    Smoke(("diff", "0", "3"), shows=("hosts.hv01: new",)),
    Smoke(("info",), shows=("events: ",)),
    Smoke(("export",), shows=('"type":"nilometer.vm.memory-added.v2"',)),
    Smoke(("replay",), shows=("timeline: equal",)),
    Smoke(("import-qemu", "-"), code=2, stdin="{}"),
    Smoke(("import", "-"), code=2, stdin="{}"),
)
