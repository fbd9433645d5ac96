"""Ledgers that adopt policies."""

from tests.nilometer.proved_once import proved_once

__all__ = ["proved_once"]
