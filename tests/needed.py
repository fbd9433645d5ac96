"""Programs that tests need beside Python: without one they are skipped and say so; where CI is set, they fail."""

from __future__ import annotations

import os
import shutil

import pytest


def need(program: str, what: str) -> str:
    """The path of a program, or the end of the test; ``what`` says what it is needed for."""
    found = shutil.which(program)
    if found is None:
        words = f"there is no {program} on this machine: {what}"
        if os.environ.get("CI"):
            pytest.fail(words)
        pytest.skip(words)
    return found
