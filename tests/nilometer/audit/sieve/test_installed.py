"""The sieve says what it needs, before it begins."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pyarrow
import pytest

from nilometer.audit.sieve.installed import LEAST_PYARROW, require_sieve
from nilometer.errors import LedgerError

ROOT = Path(__file__).parents[4]


def test_an_older_pyarrow_is_too_old(monkeypatch: pytest.MonkeyPatch) -> None:
    require_sieve()
    monkeypatch.setattr(pyarrow, "__version__", f"{LEAST_PYARROW - 1}.0.1")
    with pytest.raises(LedgerError) as raised:
        require_sieve()
    assert raised.value.message == "the sieve needs pyarrow 25 or later; 24.0.1 is installed"
    assert raised.value.hint is not None
    assert raised.value.hint.startswith("pip install 'nilometer[sieve]'")


def test_the_extra_asks_for_the_same_version() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert f"pyarrow>={LEAST_PYARROW}" in extras["sieve"]
