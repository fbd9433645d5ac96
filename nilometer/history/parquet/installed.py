"""Whether what reads and writes Parquet is installed."""

from __future__ import annotations

from importlib import import_module

from nilometer.errors import LedgerError, install_hint


def require_pyarrow() -> None:
    """Raises ``LedgerError`` if pyarrow is not installed, or cannot be loaded."""
    try:
        import_module("pyarrow.parquet")
    except ImportError as error:
        missing = f"for Parquet something is not installed: {error}"
        raise LedgerError(missing, hint=install_hint("parquet")) from error
