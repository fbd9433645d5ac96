"""A share with any wrong value in it, and a digest that is right, is refused with the place of the value."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Iterator
from copy import deepcopy
from typing import Any, Final, cast

import pytest
from jsonschema import Draft202012Validator

from domain.errors import InputError
from nilometer.audit.documents.schema import find_problem, published_schema
from nilometer.audit.documents.share import parse_share
from nilometer.textio.digests import with_digest
from rules.judging.fingerprint import rules_digest
from tests.nilometer.audit.documents.test_share import SHARES
from tests.nilometer.cli.calling import Desk
from tests.nilometer.cli.test_schemas import problems

START, END = "2026-11-23T09:00:10.000000Z", "2026-11-23T10:00:10.000000Z"
MISSING: Final = object()
WRONG: Final[tuple[object, ...]] = (
    MISSING,
    None,
    True,
    -1,
    0,
    10**17,
    10**90,
    10**400,
    1.5,
    float("nan"),
    "",
    "zzz",
    "\ud800",
    "0" * 30,
    list[object](),
    [None],
    [list[object]()],
    dict[str, object](),
    {"a": 1},
)
Place = tuple[str | int, ...]


def whole_share() -> dict[str, Any]:
    """The only share of a history, with something in each field."""
    document: dict[str, Any] = json.loads(SHARES[2].read_text(encoding="utf-8"))
    ledger, findings = document["history"]["ledger"], document["findings"]
    document["rules_sha256"], document["share"]["of"] = rules_digest(), 1
    document["history"]["events"] = document["events"]
    first, other = findings[0], findings[17]
    let = {"assigned": 5, "power": "running"}
    document["findings"] = [{**first, "follows": 3, "let": let}, {**other, "positions": other["positions"][:2]}]
    assert other["about"] is not None
    document["sealed"] = {"origin": "x", "size": 1, "position": 1, "sealed": START}
    document["absent"], document["source"], document["checked"] = ["host/x"], "sqlite:///x", document["checked"][:2]
    document["consequences"], document["consequence_count"] = [{"ledger": ledger, "position": 3, "count": 2}], 2
    document["watched"] = [{"host": "h", "since": START, "until": END, "gaps": [{"since": START, "until": END}]}]
    document["unreadable"], document["unreadable_count"] = [{"message": "m", "hint": "h"}], 1
    return document


def places(value: object, place: Place = ()) -> Iterator[Place]:
    """Where each value of a document stands."""
    items: Iterable[tuple[Any, object]] = ()
    if isinstance(value, dict):
        items = cast("dict[str, object]", value).items()
    elif isinstance(value, list):
        items = enumerate(cast("list[object]", value))
    for key, inner in items:
        yield (*place, key)
        yield from places(inner, (*place, key))


def with_value(document: dict[str, Any], place: Place, value: object) -> dict[str, Any]:
    """A copy of a document with another value in one place."""
    at: Any = (copy := deepcopy(document))
    for key in place[:-1]:
        at = at[key]
    if value is MISSING:
        del at[place[-1]]
    else:
        at[place[-1]] = value
    return copy


def problem_of(text: str) -> InputError | None:
    """What is wrong with a share, if anything is."""
    try:
        parse_share(text, "share.json")
    except InputError as error:
        return error
    return None


@pytest.mark.parametrize("name", whole_share())
def test_a_share_with_any_wrong_value_is_refused_with_its_place_or_joined(desk: Desk, name: str) -> None:
    document, refused = whole_share(), 0
    document.pop("digest")
    for place in [(name,), *((name, *inner) for inner in places(document.get(name)))]:
        for value in WRONG:
            changed = deepcopy(document) if name == "digest" else with_value(document, place, value)
            changed = with_digest(changed)
            if name == "digest":
                changed = with_value(changed, place, value)
            file = desk.write("share.json", text := json.dumps(changed))
            error = problem_of(text)
            if error is None:
                assert desk.call("audit", "--join", "--all", file).code in (0, 1, 2), (place, value)
                continue
            refused += 1
            assert error.message.startswith("share.json: ")
            assert error.hint
            assert "\n" not in error.message
    assert refused > 5


def test_the_share_of_this_test_is_joined(desk: Desk) -> None:
    document = with_digest(whole_share())
    assert problems("audit-share", document) == []
    joined = desk.call("audit", "--join", "--all", desk.write("share.json", json.dumps(document)))
    assert (joined.code, joined.err) == (2, "error: m\nhint: h\n")
    assert joined.out.startswith("violated: ")


def test_a_wrong_value_is_named_by_its_place() -> None:
    document = whole_share()
    document["findings"][1]["positions"].append("x")
    last = len(document["findings"][1]["positions"]) - 1
    with pytest.raises(InputError, match=rf"^s: findings\[1\]\.positions\[{last}\] is not a whole number$"):
        parse_share(json.dumps(with_digest(document)), "s")


def test_what_is_read_is_what_the_schema_says() -> None:
    """Whatever a validator of JSON Schema finds, and times that are none and numbers that are too large beside it."""
    schema, document = published_schema("audit-share"), with_digest(whole_share())
    validator: Any = Draft202012Validator(schema)
    for place in places(document):
        for value in WRONG:
            changed = with_value(document, place, value)
            if not validator.is_valid(changed):
                assert find_problem(changed, schema) is not None, (place, value)


def test_a_line_end_behind_a_digest_is_not_of_its_form() -> None:
    document = whole_share()
    document["rules_sha256"] += "\n"
    with pytest.raises(InputError, match=r"rules_sha256 is not of the form \^\[0-9a-f\]\{64\}\$"):
        parse_share(json.dumps(with_digest(document)), "s")


@pytest.mark.parametrize("asked", [{"format": "uuid"}, {"multipleOf": 2}, {"$ref": "#/$defs/a"}])
def test_nothing_that_a_schema_asks_is_passed_over(asked: dict[str, object]) -> None:
    with pytest.raises(KeyError):
        find_problem("any text", asked)


def test_no_more_shares_are_counted_than_there_can_be() -> None:
    document = whole_share()
    document["share"]["of"] = 10**12
    with pytest.raises(InputError, match=r"share\.of is over 100,000"):
        parse_share(json.dumps(with_digest(document)), "s")


def test_a_share_is_read_packed_in_utf_16_and_from_stdin(desk: Desk) -> None:
    text = json.dumps(with_digest(whole_share()))
    expected = desk.call("audit", "--join", desk.write("share.json", text), "--format", "json").json["findings"]
    for content in (gzip.compress(text.encode()), text.encode("utf-16"), b"\xef\xbb\xbf" + text.encode()):
        file = desk.write("share.other", content)
        assert desk.call("audit", "--join", file, "--format", "json").json["findings"] == expected
    joined = desk.call("audit", "--join", "-", "--format", "json", stdin=text)
    assert joined.json["findings"] == expected
    folder = desk.call("audit", "--join", str(desk.folder))
    assert (folder.code, folder.err.splitlines()[1]) == (2, f"hint: name the shares in it: {desk.folder}/*.json")
