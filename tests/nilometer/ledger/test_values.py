"""What exactly is refused at the border, value by value, and what is said to give instead."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from domain.commands import AddMemory, ConfigureMemory, DefineVm, RegisterHost, Stop
from domain.errors import InputError
from domain.guests import Guest
from domain.identifiers import UtcTime
from domain.quantities import LARGEST
from domain.settings import ConfigVersion, HostVersion, MemorySetting, Mode
from nilometer.ledger.requests import Request
from nilometer.ledger.validating import check_request
from nilometer.ledger.values import LONGEST_TEXT, check_size, check_stream, check_text, check_time, check_words
from nilometer.times import WITH_ZONE
from tests.nilometer.ledger.test_validating import Bytes, Label, Number

ASKED = Request(Stop("web01"), "ann", "test")
TEN = UtcTime("2026-11-23T10:00:00.000000Z")
DYNAMIC = MemorySetting(Mode.DYNAMIC, 1, 1, 1, 20, 50)
NEW = DefineVm("web01", "hv01", 2, Guest.WINDOWS, ConfigVersion(10, 0), DYNAMIC)


def changed(record: Any, **values: Any) -> Any:
    """The record with other values, of whatever types."""
    return replace(record, **values)


def refusal(check: Any, *values: Any) -> tuple[str, str]:
    """What is said of a value, and what to give instead."""
    with pytest.raises(InputError) as raised:
        check(*values)
    assert raised.value.hint is not None
    return raised.value.message, raised.value.hint


def of_command(command: Any) -> tuple[str, str]:
    return refusal(check_request, changed(ASKED, command=command))


# Texts and times


def test_a_text_is_as_it_is_if_it_can_be_read() -> None:
    for text in ("a", "é", " x ", "x" * LONGEST_TEXT, "größer\u00a0…", "\U0001f600", "\u200b"):
        assert check_text(text) == text
    assert LONGEST_TEXT == 2000


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("", "is empty", "write something, or leave it out"),
        (" \n", "is empty", "write something, or leave it out"),
        ("x" * 2001, "has 2001 characters", "say it in 2000"),
        ("a\tb", "has the control character U+0009 at place 2", "leave it out"),
        ("é\u2028", "has the control character U+2028 at place 2", "leave it out"),
        ("\u2029", "is empty", "write something, or leave it out"),
        ("a\u2029", "has the control character U+2029 at place 2", "leave it out"),
        ("é\ud800", "has the control character U+D800 at place 2", "leave it out"),
    ],
)
def test_a_text_that_cannot_be_read_is_refused(text: str, message: str, hint: str) -> None:
    assert refusal(check_text, text) == (message, hint)


def test_a_time_is_a_text_with_its_zone() -> None:
    assert check_time("at", "2026-11-23T11:00:00+01:00") == TEN
    naive, aware = datetime.fromisoformat("2026-11-23T10:00:00"), datetime.fromisoformat("2026-11-23T10:00:00Z")
    assert refusal(check_time, "at", aware) == (
        "at: datetime.datetime(2026, 11, 23, 10, 0, tzinfo=datetime.timezone.utc) (datetime) is not a text",
        "write at='2026-11-23T10:00:00+00:00'",
    )
    assert refusal(check_time, "at", naive) == (
        "at: datetime.datetime(2026, 11, 23, 10, 0) (datetime) is not a text",
        "add its zone, then write it as a text: 2026-11-23T10:00:00Z",
    )
    assert refusal(check_time, "at", 5) == ("at: 5 (int) is not a time", WITH_ZONE)
    assert refusal(check_time, "at", Label(TEN))[0] == f"at: '{TEN}' (Label) is not a time"
    assert refusal(check_time, "at", "noon")[0].startswith("at: 'noon'")


@pytest.mark.parametrize(
    ("value", "message", "hint"),
    [
        ("", "key: '' is empty", "write something, or leave it out"),
        ("a\0b", r"key: 'a\x00b' has a character that cannot be stored", "leave it out"),
        ("\ud800", r"key: '\ud800' has a character that cannot be stored", "leave it out"),
        (5, "key: 5 (int) is not a text", "write a text"),
        (Label("x"), "key: 'x' (Label) is not a text", "write str(key)"),
    ],
)
def test_the_words_of_others_are_something_that_can_be_stored(value: object, message: str, hint: str) -> None:
    assert refusal(check_words, "key", value) == (message, hint)
    check_words("key", " \n\u2028")


@pytest.mark.parametrize("name", ["vm", "vm/", "/web01", "policy/web01", "web01", "VM/web01"])
def test_what_is_no_name_of_a_stream_is_refused(name: str) -> None:
    message = f"begins: {name!r} is not the name of a stream"
    assert refusal(check_stream, "begins", name) == (message, "such as 'vm/web01' or 'host/hv01'")
    assert refusal(check_stream, "begins", f"{name}\0")[0].endswith("has a character that cannot be stored")


@pytest.mark.parametrize("name", ["vm/web01", "host/hv01", "import/a/b"])
def test_names_of_streams_of_vms_hosts_and_imports_pass(name: str) -> None:
    check_stream("begins", name)


# Sizes and numbers


@pytest.mark.parametrize("size", [0, 1, LARGEST])
def test_a_size_is_any_whole_number_of_bytes_up_to_the_largest(size: int) -> None:
    check_size("amount", size)


WHOLE = "write whole bytes, such as 4294967296 or parse_size('4GiB')"
TWO_GIB = "write parse_size('2GiB'), which is 2147483648"
DIVIDE = "divide with // to stay with whole numbers"


@pytest.mark.parametrize(
    ("value", "message", "hint"),
    [
        (-1, "amount: -1 (int) is negative", "a size is 0 or more bytes"),
        (
            LARGEST + 1,
            f"amount: {LARGEST + 1} (int) is over the largest size",
            f"a size is at most {LARGEST} bytes (4PiB)",
        ),
        ("2GiB", "amount: '2GiB' is not a size in whole bytes", TWO_GIB),
        (
            Label("2GiB"),
            "amount: '2GiB' (Label) is not a size in whole bytes",
            TWO_GIB,
        ),
        ("much", "amount: 'much' is not a size in whole bytes", WHOLE),
        (2.5, "amount: 2.5 (float) is not a size in whole bytes", f"write 2; {DIVIDE}"),
        (0.0, "amount: 0.0 (float) is not a size in whole bytes", f"write 0; {DIVIDE}"),
        (
            float(LARGEST),
            f"amount: {float(LARGEST)} (float) is not a size in whole bytes",
            f"write {LARGEST}; {DIVIDE}",
        ),
        (float("nan"), "amount: nan (float) is not a size in whole bytes", WHOLE),
        (-0.5, "amount: -0.5 (float) is not a size in whole bytes", WHOLE),
        (True, "amount: True is not a size in whole bytes", WHOLE),
        (None, "amount: None is not a size in whole bytes", WHOLE),
        (Bytes(2), "amount: 2 (Bytes) is not a size in whole bytes", "convert it with int(…)"),
    ],
)
def test_what_is_no_size_is_refused_with_what_to_write(value: object, message: str, hint: str) -> None:
    assert refusal(check_size, "amount", value) == (message, hint)


def test_what_is_an_index_is_to_be_converted() -> None:
    assert refusal(check_size, "amount", Number())[1] == "convert it with int(…)"


@pytest.mark.parametrize("part", ["buffer", "weight"])
def test_buffer_and_weight_are_whole_numbers_of_any_sign(part: str) -> None:
    for number in (-LARGEST, 0, LARGEST):
        check_request(changed(ASKED, command=ConfigureMemory("web01", changed(DYNAMIC, **{part: number}))))
    for wrong, message, hint in (
        (True, "True is not a whole number", "write a whole number, such as 20"),
        (2.0, "2.0 (float) is not a whole number", "write a whole number, such as 20"),
        (LARGEST + 1, f"{LARGEST + 1} (int) is out of range", f"write a number from -{LARGEST} to {LARGEST}"),
        (-LARGEST - 1, f"{-LARGEST - 1} (int) is out of range", f"write a number from -{LARGEST} to {LARGEST}"),
    ):
        command = ConfigureMemory("web01", changed(DYNAMIC, **{part: wrong}))
        assert of_command(command) == (f"memory: {part}: {message}", hint)


@pytest.mark.parametrize("part", ["startup", "minimum", "maximum"])
def test_each_size_of_a_memory_setting_is_checked(part: str) -> None:
    command = ConfigureMemory("web01", changed(DYNAMIC, **{part: -1}))
    assert of_command(command) == (f"memory: {part}: -1 (int) is negative", "a size is 0 or more bytes")


@pytest.mark.parametrize("part", ["minimum", "maximum", "buffer", "weight"])
def test_a_static_setting_has_a_size_and_nothing_else(part: str) -> None:
    command = ConfigureMemory("web01", changed(MemorySetting.static(7), **{part: 5}))
    assert of_command(command) == (
        f"memory: {part}: 5 (int) in a static setting, which has a size and nothing else",
        "write MemorySetting.static(7)",
    )
    check_request(changed(ASKED, command=ConfigureMemory("web01", MemorySetting.static(7))))


# Values of commands


NO_VERSION, TEN_0 = "is not a ConfigVersion", "write ConfigVersion(10, 0)"
A_SETTING = "write MemorySetting.static(parse_size('4GiB'))"


@pytest.mark.parametrize(
    ("command", "message", "hint"),
    [
        ("stop", "command: 'stop' is not a command", "give a command such as AddMemory('web01', parse_size('2GiB'))"),
        (Stop("a" * 129), f"vm: '{'a' * 76}… has 129 characters", "an id has 1 to 128 characters"),
        (Stop(""), "vm: '' is empty", "an id has 1 to 128 characters"),
        (changed(NEW, name=""), "name: '' is empty", "an id has 1 to 128 characters"),
        (changed(NEW, generation=3), "generation: 3 (int) is not one of 1 or 2", "write 1 or 2"),
        (changed(NEW, generation=True), "generation: True is not one of 1 or 2", "write 1 or 2"),
        (changed(NEW, guest="linux"), "guest: 'linux' is not a Guest", "write Guest.LINUX"),
        *[
            (
                changed(NEW, guest=wrong),
                f"guest: {shown} is not a Guest",
                "write " + " or ".join(f"Guest.{one.name}" for one in Guest),
            )
            for wrong, shown in ((None, "None"), (2.5, "2.5 (float)"))
        ],
        (
            changed(NEW, guest="dos"),
            "guest: 'dos' is not a Guest",
            "write " + " or ".join(f"Guest.{one.name}" for one in Guest),
        ),
        (
            RegisterHost("hv01", 2022, 5, 0),  # type: ignore[arg-type]
            "version: 2022 (int) is not a HostVersion",
            f"write HostVersion.{HostVersion.V2022.name}",
        ),
        (
            changed(NEW, config_version="9.1"),
            "config_version: '9.1' is not a ConfigVersion",
            "write ConfigVersion(9, 1)",
        ),
        (
            changed(NEW, config_version="9.x"),
            "config_version: '9.x' is not a ConfigVersion",
            "write ConfigVersion(10, 0)",
        ),
        (
            changed(NEW, config_version="x.1"),
            "config_version: 'x.1' is not a ConfigVersion",
            "write ConfigVersion(10, 0)",
        ),
        (
            changed(NEW, config_version=9),
            "config_version: 9 (int) is not a ConfigVersion",
            "write ConfigVersion(10, 0)",
        ),
        *[
            (
                changed(NEW, config_version=ConfigVersion(*parts)),
                f"config_version: {name}: {shown} is not a whole number from 0 to 9999",
                "write ConfigVersion(10, 0)",
            )
            for parts, name, shown in (
                ((10000, 0), "major", "10000 (int)"),
                ((10, -1), "minor", "-1 (int)"),
                ((10, True), "minor", "True"),
            )
        ],
        (
            changed(NEW, memory=5),
            "memory: 5 (int) is not a MemorySetting",
            "write MemorySetting.static(parse_size('4GiB'))",
        ),
        (
            changed(NEW, memory=changed(DYNAMIC, mode="static")),
            "memory: mode: 'static' is not a Mode",
            "write Mode.STATIC",
        ),
    ],
)
def test_a_value_that_a_command_cannot_have_is_refused_with_what_to_write(
    command: Any, message: str, hint: str
) -> None:
    assert of_command(command) == (message, hint)


def test_what_commands_can_have_passes() -> None:
    for command in (
        NEW,
        changed(NEW, name=None),
        changed(NEW, name="Web 01"),
        changed(NEW, vm="a"),
        changed(NEW, vm="a" * 128),
        changed(NEW, generation=1),
        changed(NEW, config_version=ConfigVersion(0, 9999)),
        RegisterHost("hv01", HostVersion.V2019, LARGEST, 0),
        AddMemory("web01", 0),
    ):
        request = changed(ASKED, command=command, at=TEN, reason="r", correlation="c", key="k", at_ahead=True)
        assert check_request(request) is request


def test_an_id_that_cannot_be_one_says_what_is_wrong_with_it() -> None:
    message, hint = of_command(Stop("a/b"))
    assert message.startswith("vm: 'a/b' ")
    assert "; " not in message
    assert hint
