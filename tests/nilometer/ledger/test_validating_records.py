"""What exactly is refused of requests and observations, and what is said to give instead."""

from __future__ import annotations

from typing import Any

import pytest

from domain.commands import AddMemory
from domain.errors import InputError
from domain.identifiers import StreamName
from domain.observed.events import VmLost
from nilometer.ledger.requests import Fact, Observation, Request
from nilometer.ledger.validating import check_authors, check_fields, check_observations, check_request, check_requests
from nilometer.ledger.values import check_optional, check_size
from tests.nilometer.ledger.test_validating import unmade
from tests.nilometer.ledger.test_values import ASKED, TEN, changed, refusal

LOST = Fact(StreamName("vm/web01"), VmLost(), TEN)
SEEN = Observation("k1", (LOST,))


@pytest.mark.parametrize("name", ["actor", "via", "reason", "correlation", "key"])
def test_what_is_said_about_a_command_is_checked(name: str) -> None:
    asked = changed(ASKED, **{name: "a\0b"})
    assert refusal(check_request, asked) == (
        rf"{name}: 'a\x00b' has the control character U+0000 at place 2",
        "leave it out",
    )


def test_that_a_time_far_ahead_is_meant_is_yes_or_no() -> None:
    asked = changed(ASKED, at_ahead=1)
    assert refusal(check_request, asked) == ("at_ahead: 1 (int) is not True or False", "write at_ahead=True")
    assert refusal(check_request, changed(ASKED, at="noon"))[0].startswith("at: 'noon'")


def test_what_is_no_request_is_refused_by_its_name() -> None:
    assert refusal(check_request, 5) == ("5 (int) is not a Request", "write Request(…)")
    assert refusal(check_request, None) == ("None is not a Request", "write Request(…)")
    assert refusal(check_request, unmade(Request)) == (
        "Request lacks 'command'",
        "make it by Request(command=…)",
    )


def test_the_first_wrong_request_is_the_last_unless_all_are_asked_for() -> None:
    wrong = changed(ASKED, actor="")
    stopped = check_requests([ASKED, wrong, ASKED])
    assert stopped[0] is ASKED
    assert [type(one) for one in stopped] == [Request, InputError]
    assert [type(one) for one in check_requests([wrong, ASKED], keep_going=True)] == [InputError, Request]
    for given in ("ab", b"ab", 5, None):
        message, hint = refusal(check_requests, given)
        assert message.startswith("requests: ")
        assert message.endswith("is not a list of them")
        assert hint == "write [Request(…)]"


def test_authors_are_checked_one_by_one() -> None:
    right: dict[str, Any] = {"actor": "ann", "via": "test", "reason": None, "correlation": None}
    check_authors(**right)
    check_authors(**{**right, "reason": "r", "correlation": "c"})
    for name in right:
        with pytest.raises(InputError, match=f"{name}: ' ' is empty"):
            check_authors(**{**right, name: " "})


@pytest.mark.parametrize(
    ("observation", "message", "hint"),
    [
        (5, "5 (int) is not a Observation", "write Observation(…)"),
        (changed(SEEN, key=""), "key: '' is empty", "write something, or leave it out"),
        *[
            (changed(SEEN, **{name: "\0"}), rf"{name}: '\x00' has a character that cannot be stored", "leave it out")
            for name in ("correlation", "reason", "actor", "via")
        ],
        (changed(SEEN, facts=5), "facts: 5 (int) is not a tuple of facts", "write facts=(Fact(…),)"),
        (changed(SEEN, facts=(LOST, 5)), "facts: 5 (int) is not a Fact", "write Fact('vm/web01', event, happened)"),
        (changed(SEEN, begins=5), "begins: 5 (int) is not a frozenset of names of streams", "frozenset({…})"),
        (
            changed(SEEN, begins=frozenset[Any](("web01",))),
            "begins: 'web01' is not the name of a stream",
            "such as 'vm/web01' or 'host/hv01'",
        ),
        (
            changed(SEEN, facts=(changed(LOST, stream="web01"),)),
            "stream: 'web01' is not the name of a stream",
            "such as 'vm/web01' or 'host/hv01'",
        ),
        (
            changed(SEEN, facts=(changed(LOST, event=5),)),
            "event: 5 (int) is not an event",
            "give an event that was observed",
        ),
        *[
            (
                changed(SEEN, facts=(changed(LOST, **{name: "2026-11-23T11:00:00+01:00"}),)),
                f"{name}: '2026-11-23T11:00:00+01:00' is not in the form in which times are kept",
                f"write '{TEN}'",
            )
            for name in ("happened", "earliest")
        ],
    ],
)
def test_a_value_that_an_observation_cannot_have_is_refused(observation: Any, message: str, hint: str) -> None:
    assert refusal(lambda: check_observations([SEEN, observation], actor="ann", via="test")) == (message, hint)


def test_what_observations_can_have_passes() -> None:
    whole = Observation(
        "k", (changed(LOST, earliest=TEN), LOST), begins=frozenset((StreamName("vm/web01"),)), reason="\n", actor="x"
    )
    assert check_observations((one for one in (SEEN, whole)), actor="ann", via="test") == [SEEN, whole]
    assert refusal(lambda: check_observations([], actor=" ", via="test"))[0] == "actor: ' ' is empty"
    assert refusal(lambda: check_observations([], actor="ann", via=" "))[0] == "via: ' ' is empty"


def test_the_fields_of_any_record_are_checked_by_what_is_said_of_each() -> None:
    check_fields(AddMemory("web01", 5), AddMemory, {"amount": check_size})
    message = "amount: -1 (int) is negative"
    assert refusal(check_fields, AddMemory("web01", -1), AddMemory, {"amount": check_size})[0] == message
    assert refusal(check_fields, ASKED, AddMemory, {})[1] == "write AddMemory(…)"
    assert refusal(check_fields, unmade(AddMemory), AddMemory, {"amount": check_size}) == (
        "AddMemory lacks 'amount'",
        "make it by AddMemory(amount=…)",
    )


def test_a_value_that_may_be_none_is_checked_if_it_is_not() -> None:
    check_optional(check_size)("size", None)
    check_optional(check_size)("size", 5)
    assert refusal(check_optional(check_size), "size", -1)[0] == "size: -1 (int) is negative"


def test_a_long_value_is_shown_in_short() -> None:
    assert refusal(check_size, "size", "x" * 78)[0] == f"size: '{'x' * 78}' is not a size in whole bytes"
    assert refusal(check_size, "size", "x" * 79)[0] == f"size: '{'x' * 76}… is not a size in whole bytes"
