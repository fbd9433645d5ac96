"""Whether what the sieve needs is installed."""

from __future__ import annotations

from importlib import import_module

from nilometer.errors import LedgerError, install_hint


def require_sieve() -> None:
    """Raises ``LedgerError`` if numpy or pyarrow is not installed, or cannot be loaded."""
    try:
        for module in ("numpy", "pyarrow.parquet"):
            import_module(module)
    except ImportError as error:
        missing = f"for the sieve something is not installed: {error}"
        raise LedgerError(missing, hint=install_hint("sieve")) from error
