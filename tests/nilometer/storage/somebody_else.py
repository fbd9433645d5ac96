"""A program of another user: opens a ledger, reads it, asks it something, and tells what came of it as JSON.

Run as root it becomes the user ``nobody`` first; everybody else is not root already, and held back by permissions.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from typing import Any, cast

from tests.paths import ROOT


def run(url: str, *how: str) -> dict[str, Any]:
    """What came of it: ``position`` and ``outcome``, or ``error``, ``message`` and ``hint``.

    ``how`` is any of ``read_only``, ``create`` and ``write``.
    """
    command = [sys.executable, "-m", "tests.nilometer.storage.somebody_else", url, *how]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    return cast("dict[str, Any]", json.loads(ended.stdout))


def become_nobody() -> None:
    """Lays down what root may do."""
    if os.geteuid() == 0:
        import pwd

        nobody = pwd.getpwnam("nobody")
        os.setgroups([])
        os.setgid(nobody.pw_gid)
        os.setuid(nobody.pw_uid)


def main(url: str, how: Sequence[str]) -> None:
    """Does it."""
    # Imported by root, for nobody may not be let in to where Python's files are.
    import nilometer.storage.sqlite.recorder as _imported  # noqa: F401  # pyright: ignore[reportUnusedImport]
    from nilometer.errors import LedgerError
    from nilometer.ledger.ledger import Ledger
    from tests.nilometer.ledger.asking import ask

    become_nobody()
    told: dict[str, object] = {}
    try:
        with Ledger.open(url, read_only="read_only" in how, create="create" in how) as ledger:
            told["position"] = len(list(ledger.events()))
            if "write" in how:
                told["outcome"] = ask(ledger, "set-reserve", host="hv01", reserve="1GiB").outcome
    except LedgerError as error:
        told |= {"error": type(error).__name__, "message": str(error), "hint": error.hint}
    print(json.dumps(told))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
