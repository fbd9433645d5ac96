"""The command line, ``nilo``: one module for each command, loaded when it is called.

May import everything below it; only ``nilometer.spark`` imports it. Begin with ``app``, then ``session`` and
``output``.
"""

from __future__ import annotations

import gc
import os
import sys
from typing import Any, NoReturn, cast


def main() -> NoReturn:
    """Runs ``nilo`` with the arguments of this process."""
    from nilometer.textio.streaming import GARBAGE_THRESHOLDS

    _open_closed_streams()
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # numpy's: nothing uses them, and they wait busily for work
    gc.set_threshold(*GARBAGE_THRESHOLDS)  # modules that are loaded stay: looking for garbage in them takes a tenth

    from nilometer.cli.app import nilo

    try:
        nilo.main(prog_name="nilo")
    finally:
        gc.freeze()  # what is left ends with the process: Python need not look through all of it for garbage first


def _open_closed_streams() -> None:
    """Puts something in the place of standard streams that were closed by who started this process.

    Nothing comes from stdin, and nothing that is written to stdout arrives: that is an error, as on a full disk.
    Otherwise a file that is opened later would get their numbers, and be written to.
    """
    streams = cast("Any", sys)  # Python has None in the place of a stream that is closed
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        if getattr(streams, name) is None:
            opened = os.open(os.devnull, os.O_WRONLY if name == "stderr" else os.O_RDONLY)
            if opened != number:
                os.dup2(opened, number)
                os.close(opened)
            setattr(streams, name, os.fdopen(number, mode, encoding="utf-8", closefd=False))
