"""What may be given to the methods that read a ledger: anything else is an ``InputError`` that names it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from domain.errors import InputError
from nilometer.ledger.ledger import Ledger
from tests.nilometer.ledger.asking import with_web01

NO_POSITIONS: list[Any] = [True, -1, 1.5, float("nan"), "5", 2**63, 10**5000, []]
NO_TEXTS: list[Any] = [5, None, True, b"vm/web01", [], "\ud800", "a\0b"]
Read = Callable[[Ledger, Any], object]
OF_POSITIONS: dict[str, Read] = {
    "events": lambda ledger, value: list(ledger.events(value)),
    "upto": lambda ledger, value: list(ledger.events(0, value)),
    "rows": lambda ledger, value: list(ledger.rows(value)),
    "stream": lambda ledger, value: list(ledger.stream("vm/web01", value)),
    "fleet": lambda ledger, value: ledger.views.fleet(value),
}
OF_TEXTS: dict[str, Read] = {
    "stream": lambda ledger, value: list(ledger.stream(value)),
    "known": lambda ledger, value: ledger.known([value]),
    "fleet_at": lambda ledger, value: ledger.views.fleet_at(value),
}


@pytest.mark.parametrize("read", OF_POSITIONS)
def test_what_is_no_position_is_an_input_error(ledger: Ledger, read: str) -> None:
    with_web01(ledger)
    OF_POSITIONS[read](ledger, 1)
    for value in NO_POSITIONS:
        with pytest.raises(InputError):
            OF_POSITIONS[read](ledger, value)


@pytest.mark.parametrize("read", OF_TEXTS)
def test_what_is_no_text_is_an_input_error(ledger: Ledger, read: str) -> None:
    with_web01(ledger)
    OF_TEXTS[read](ledger, "2999")
    for value in NO_TEXTS:
        with pytest.raises(InputError):
            OF_TEXTS[read](ledger, value)


@pytest.mark.parametrize("keys", ["key", 5, {"key": 1}])
def test_keys_are_a_list(ledger: Ledger, keys: Any) -> None:
    with pytest.raises(InputError, match="not a list of texts"):
        ledger.known(keys)


@pytest.mark.parametrize("url", [None, 5, b"sqlite:///x.db", [], True])
def test_what_is_no_url_is_an_input_error(url: Any) -> None:
    with pytest.raises(InputError, match="is not the URL of a ledger"):
        Ledger.open(url)


@pytest.mark.parametrize("seconds", [-1, float("nan"), float("inf"), "5", None, True, 1_000_001, 10**400])
def test_a_time_to_wait_is_a_number_of_seconds(url: str, seconds: Any) -> None:
    with pytest.raises(InputError, match="lock_timeout"):
        Ledger.open(url, create=True, lock_timeout=seconds)
