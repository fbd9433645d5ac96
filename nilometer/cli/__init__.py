"""The command line, ``nilo``: one module for each command, loaded when it is called.

May import everything below it; nothing imports it. Begin with ``app``, then ``session`` and ``output``.
"""

from __future__ import annotations

import gc
from typing import NoReturn


def main() -> NoReturn:
    """Runs ``nilo`` with the arguments of this process."""
    from nilometer.textio.streaming import GARBAGE_THRESHOLDS

    gc.set_threshold(*GARBAGE_THRESHOLDS)  # modules that are loaded stay: looking for garbage in them takes a tenth

    from nilometer.cli.app import nilo

    nilo.main(prog_name="nilo")
    raise AssertionError("nilo.main leaves the process")
