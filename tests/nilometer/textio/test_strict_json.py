"""JSON that readers read differently, or cannot write again, is refused; all other is read as everybody reads it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.errors import InputError
from nilometer.textio.strict_json import parse_strict_json

DEEP = "[" * 100 + "]" * 100
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (b"", "is not JSON: expecting value at column 1"),
        (b"{", "is not JSON: expecting property name enclosed in double quotes at column 2"),
        (b'{"a": 1', "is not JSON: expecting ',' delimiter at column 8"),
        (b'{"a": "b', "is not JSON: unterminated string at column 7"),
        (b"{} {}", "is not JSON: extra data at column 4"),
        (b"\xef\xbb\xbf{}", "begins with a byte order mark"),
        (b"{'a': 1}", "is not JSON: expecting property name"),
        (b'{"a": NaN}', "NaN is not a number in JSON"),
        (b"[-Infinity]", "-Infinity is not a number in JSON"),
        (b"[1e999]", "1e999 is more than a number can be"),
        (b'{"a": 1, "b": 2, "a": 1}', "has the key 'a' twice"),
        (b'[{"x": {"a": 1, "\\u0061": 2}}]', "has the key 'a' twice"),
        (b'{"a": 1, "a": 1, "b": "\\u0022\\u0022"}', "has the key 'a' twice"),
        (b'{"a": 1e999, "a": 1}', "1e999 is more than a number can be"),
        (b'{"%s": 1, "%s": 1}' % (b"k" * 99, b"k" * 99), f"has the key '{'k' * 60}' twice"),
        (b"[%s]" % (b"9" * 101), "has a number of 101 characters"),
        (b"[%s]" % (b"9" * 100_000), "has a number of 100000 characters"),
        (b"[0.%s]" % (b"9" * 99), "has a number of 101 characters"),
        (b"[%s]" % DEEP.encode(), "is nested more than 100 deep"),
        (b'{"a":' * 101 + b"1" + b"}" * 101, "is nested more than 100 deep"),
        (b"[" * 1_000_000, "is nested more than 100 deep"),
        (b'["\\ud800"]', "has half of a surrogate pair, \\ud800"),
        (b'{"\\udc00": 1}', "has half of a surrogate pair, \\udc00"),
        (b'"\xff"', "byte 0xff at column 2 is not UTF-8"),
        (b'["\n"]', "is not JSON: invalid control character at column 3"),
    ],
)
def test_what_is_refused_is_told_with_its_place_and_a_hint(line: bytes, says: str) -> None:
    with pytest.raises(InputError) as error:
        parse_strict_json(line, "file:7")
    assert error.value.message.startswith(f"file:7: {says}")
    assert error.value.hint


@pytest.mark.parametrize(
    "line",
    [
        DEEP.encode(),
        b"[%s]" % b",".join([b"[]"] * 1000),
        b'["%s", "\\"[[["]' % (b"[" * 1000),
        b"[%s, -%s]" % (b"9" * 100, b"9" * 99),
        b'["%s"]' % (b"1" * 5000),
        b'{"a": {"a": {"a": 1}}}',
        b'["\\ud83c\\udfde"]',
        b" [ 1.5e-300 ,\r true ]\t",
        b'"NaN"',
        b'["Infinity", "\\u0022", "\\""]',
    ],
)
def test_what_only_looks_like_that_is_read(line: bytes) -> None:
    assert parse_strict_json(line, "file:7") == json.loads(line)


@settings(max_examples=200, deadline=None)
@given(VALUES, st.booleans())
def test_any_value_is_read_as_it_was_written(value: object, ascii: bool) -> None:
    assert parse_strict_json(json.dumps(value, ensure_ascii=ascii).encode(), "file:7") == value


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(TEXTS, TEXTS | st.integers()), max_size=6), st.booleans())
def test_a_key_that_stands_twice_is_refused_wherever_it_stands(pairs: list[tuple[str, object]], ascii: bool) -> None:
    told = ", ".join(f"{json.dumps(key, ensure_ascii=ascii)}: {json.dumps(value)}" for key, value in pairs)
    line = f'[{{"a": {{{told}}}}}]'.encode()
    if len(dict(pairs)) == len(pairs):
        assert parse_strict_json(line, "file:7") == [{"a": dict(pairs)}]
    else:
        with pytest.raises(InputError, match="twice"):
            parse_strict_json(line, "file:7")


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=60) | st.text('[]{}",:\\u0dD8eE+-.19naN ', max_size=60).map(str.encode))
def test_any_line_is_read_or_refused(line: bytes) -> None:
    try:
        value = parse_strict_json(line, "file:7")
    except InputError as error:
        said = error.message
        assert said.startswith("file:7: ")
    else:
        assert json.loads(json.dumps(value)) == value
