"""The command line, ``nilo``: one module for each command, loaded when it is called.

May import everything below it; nothing imports it. Begin with ``app``, then ``session`` and ``output``.
"""

from __future__ import annotations

from typing import NoReturn


def main() -> NoReturn:
    """Runs ``nilo`` with the arguments of this process."""
    from nilometer.cli.app import nilo

    nilo.main(prog_name="nilo")
    raise AssertionError("nilo.main leaves the process")
