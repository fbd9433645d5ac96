"""The Python API: everything promised can be imported from ``nilometer``, and nothing is loaded before it is used."""

from __future__ import annotations

import subprocess
import sys

import nilometer
from nilometer import api


def test_every_promised_name_can_be_imported() -> None:
    assert nilometer.__all__ == api.__all__ == sorted(nilometer.__all__)
    for name in nilometer.__all__:
        assert getattr(nilometer, name) is getattr(api, name)


def test_an_unknown_name_is_an_attribute_error() -> None:
    assert not hasattr(nilometer, "Ledgre")


def test_importing_the_package_loads_no_library() -> None:
    heavy = ("pydantic", "eventsourcing", "sqlite3", "psycopg", "z3", "rich", "click")
    code = f"import sys, nilometer; print([name for name in {heavy!r} if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
