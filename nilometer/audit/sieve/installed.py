"""Whether what the sieve needs is installed."""

from __future__ import annotations

from importlib import import_module
from typing import Final

from nilometer.errors import LedgerError, install_hint

LEAST_PYARROW: Final = 25
"""The first that compares views of texts."""


def require_sieve() -> None:
    """Raises ``LedgerError`` if numpy or pyarrow is not installed, cannot be loaded or is too old."""
    try:
        for module in ("numpy", "pyarrow.parquet"):
            import_module(module)
    except ImportError as error:
        missing = f"for the sieve something is not installed: {error}"
        raise LedgerError(missing, hint=install_hint("sieve")) from error
    version: str = import_module("pyarrow").__version__
    if int(version.split(".")[0]) < LEAST_PYARROW:
        old = f"the sieve needs pyarrow {LEAST_PYARROW} or later; {version} is installed"
        raise LedgerError(old, hint=install_hint("sieve"))
