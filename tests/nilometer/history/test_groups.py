"""The hosts that the text of an event names are those that its JSON names."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import cast

from hypothesis import example, given
from hypothesis import strategies as st

from nilometer.history.groups import hosts_named, is_spelled_otherwise

NAMING = ("host", "destination", "to", "id")
NAMES = st.sampled_from([*NAMING, "vm", "through", "hosts", '"host":"hv01"'])
TEXTS = st.text(st.sampled_from('ab/\\":{,\nü'), max_size=6) | st.sampled_from(['"host":"hv02"', '{"to":"', "hv03"])
OBJECTS = st.recursive(
    TEXTS | st.none() | st.integers(0, 9),
    lambda inner: st.dictionaries(NAMES, inner, max_size=4) | st.lists(inner, max_size=3),
    max_leaves=10,
)


def named_in(value: object) -> Iterator[str]:
    if isinstance(value, list):
        for inner in cast("list[object]", value):
            yield from named_in(inner)
    if isinstance(value, dict):
        for name, inner in cast("dict[str, object]", value).items():
            if name in NAMING and isinstance(inner, str):
                yield inner
            yield from named_in(inner)


@example({"host": "hv01", "to": "vm/web01", "x": [{"id": "hv02/1"}, {"destination": "hv03"}]})
@example({"host": "a/b\\c"})
@given(data=st.dictionaries(NAMES, OBJECTS, max_size=4))
def test_hosts_are_named_in_the_text_as_in_the_json(data: dict[str, object]) -> None:
    text = json.dumps(data, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    wholes = [name.partition("/")[0] for name in named_in(data)]
    is_escaped = any(json.dumps(name, ensure_ascii=False) != f'"{name}"' for name in wholes)
    expected = {b"host/" + name.encode() for name in named_in(data) if "/" not in name}
    assert hosts_named(text.encode()) == (None if is_escaped else expected)


@given(data=st.dictionaries(NAMES, OBJECTS, min_size=1, max_size=4))
def test_of_json_that_is_spelled_otherwise_nothing_is_said(data: dict[str, object]) -> None:
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    assert not is_spelled_otherwise(text.encode())
    for colon in (": ", ":\t", " :", "  : ", "\r:"):
        assert hosts_named(json.dumps(data, separators=(",", colon)).encode()) is None
    escaped = re.sub(r'([{,]")(\w)', lambda found: f"{found[1]}\\u{ord(found[2]):04x}", text)
    assert json.loads(escaped) == data
    assert escaped == text or hosts_named(escaped.encode()) is None
