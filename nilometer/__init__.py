"""Nilometer: an event-sourced ledger of Hyper-V memory changes.

    from nilometer import AddMemory, Ledger, Request, parse_size

    with Ledger.open("sqlite:///nilometer.db", create=True) as ledger:
        result = ledger.execute(Request(AddMemory("web01", parse_size("2GiB")), actor="ops", via="resize.py"))
        print(result.outcome, result.granted)

The public names stand in ``nilometer.api``, and are loaded when the first of them is used. Every other module may
change without notice.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nilometer.api import *
else:

    def __getattr__(name: str) -> object:
        """Loads the public names when one is used: ``nilo --help`` must not wait for a database driver."""
        if name == "__all__":
            return __dir__()
        if name.startswith("_") or name not in __dir__():
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module("nilometer.api"), name)

    def __dir__() -> list[str]:
        return sorted(name for name in vars(import_module("nilometer.api")) if name[0].isalpha())
