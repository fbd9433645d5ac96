"""Texts are written as JSON has them, wherever in a column one stands that JSON escapes."""

from __future__ import annotations

import json

import pyarrow
import pytest

from nilometer.audit.sieve.arrow_texts import texts_in_quotes

PLAIN = ["0123456789abcdef"] * 10_000
"""More than is looked at together."""


@pytest.mark.parametrize("escaped", ['"', "\\", "\n", "\x1f", 'é"'])
@pytest.mark.parametrize("place", [0, 4096, 5000, len(PLAIN) - 1])
def test_what_json_escapes_is_escaped_wherever_it_stands(escaped: str, place: int) -> None:
    texts = [*PLAIN[:place], f"a{escaped}", *PLAIN[place + 1 :]]
    written = texts_in_quotes(pyarrow.array(texts, pyarrow.string()))
    assert written[place].as_py() == json.dumps(f"a{escaped}", ensure_ascii=False)[1:-1]
    assert written.to_pylist()[:place] == PLAIN[:place]


def test_texts_without_any_are_not_written_again() -> None:
    texts = pyarrow.array(["", "é", *PLAIN], pyarrow.string())
    assert texts_in_quotes(texts) is texts
