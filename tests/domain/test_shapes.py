"""What may be written for an id, a size, a configuration version and a memory setting, and what is said otherwise."""

from __future__ import annotations

import unicodedata
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from domain.quantities import LARGEST, MiB
from domain.settings import ConfigVersion, MemorySetting, Mode
from domain.shapes import (
    ID_LENGTH,
    UNITS,
    ConfigVersionText,
    Id,
    MemoryShape,
    TypedSize,
    parse_config_version,
    parse_memory,
    parse_size,
    write_memory,
)

IDS: TypeAdapter[str] = TypeAdapter(Id)
SIZES: TypeAdapter[int] = TypeAdapter(TypedSize)
VERSIONS: TypeAdapter[ConfigVersion] = TypeAdapter(ConfigVersionText)
MEMORY: TypeAdapter[MemorySetting] = TypeAdapter(MemoryShape)


def said(adapter: TypeAdapter[Any], value: object) -> str:
    """What is said of a value that cannot be read."""
    with pytest.raises(ValidationError) as caught:
        adapter.validate_python(value)
    [error] = caught.value.errors()
    return error["msg"].removeprefix("Value error, ")


# Sizes


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0", 0),
        ("4096", 4096),
        ("1KiB", 2**10),
        ("512MiB", 2**29),
        ("4GiB", 2**32),
        ("2TiB", 2**41),
        ("4PiB", LARGEST),
        ("1KB", 2**10),
        ("512MB", 2**29),
        ("4GB", 2**32),
        ("2TB", 2**41),
        ("4PB", LARGEST),
        ("007MiB", 7 * MiB),
        (f"{'0' * 5000}7MiB", 7 * MiB),
        (str(LARGEST), LARGEST),
    ],
)
def test_sizes_are_typed_as_in_powershell_and_are_powers_of_two(text: str, size: int) -> None:
    assert SIZES.validate_python(text) == parse_size(text) == size


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("", "'' is not a size; write a whole number and a unit, such as 4GiB or 512MiB"),
        ("GiB", "'GiB' is not a size; write a whole number and a unit, such as 4GiB or 512MiB"),
        ("4 GiB", "'4 GiB' is not a size; write a whole number and a unit, such as 4GiB or 512MiB"),
        (" 4GiB", "' 4GiB' is not a size; write a whole number and a unit, such as 4GiB or 512MiB"),
        ("4GiB\n", "'4GiB\\n' is not a size; write a whole number and a unit, such as 4GiB or 512MiB"),
        ("1.5GiB", "'1.5GiB' is not a size; write a whole number and a unit, such as 4GiB or 512MiB"),
        ("-4GiB", "'-4GiB' is not a size; write a whole number and a unit, such as 4GiB or 512MiB"),
        ("+4GiB", "'+4GiB' is not a size; write a whole number and a unit, such as 4GiB or 512MiB"),
        ("1_000", "'1_000' is not a size; write a whole number and a unit, such as 4GiB or 512MiB"),
        ("0x10", "'0x10' is not a size; write a whole number and a unit, such as 4GiB or 512MiB"),
        ("٤GiB", "'٤GiB' is not a size; write a whole number and a unit, such as 4GiB or 512MiB"),
        ("4gib", "'4gib' has the unknown unit 'gib'; did you mean 4GiB?"),
        ("4gb", "'4gb' has the unknown unit 'gb'; did you mean 4GB?"),
        ("4G", "'4G' has the unknown unit 'G'; did you mean 4GiB?"),
        ("4Gi", "'4Gi' has the unknown unit 'Gi'; did you mean 4GiB?"),
        ("4m", "'4m' has the unknown unit 'm'; did you mean 4MiB?"),
        ("4B", "'4B' has the unknown unit 'B'; use KiB, MiB, GiB, TiB or PiB"),
        ("1EiB", "'1EiB' has the unknown unit 'EiB'; use KiB, MiB, GiB, TiB or PiB"),
        ("5PiB", f"{5 * 2**50} is over the largest size, {LARGEST} bytes (4PiB)"),
        (str(LARGEST + 1), f"{LARGEST + 1} is over the largest size, {LARGEST} bytes (4PiB)"),
        ("9" * 40, f"'{'9' * 40}' is over the largest size, {LARGEST} bytes (4PiB)"),
        ("9" * 5000, f"'{'9' * 5000}' is over the largest size, {LARGEST} bytes (4PiB)"),
        (LARGEST + 1, f"{LARGEST + 1} is over the largest size, {LARGEST} bytes (4PiB)"),
        (-1, "-1 is negative; a size is 0 or more bytes"),
        (4096.0, '4096.0 is not a size; write whole bytes, or a text such as "4GiB"'),
        (float("nan"), 'nan is not a size; write whole bytes, or a text such as "4GiB"'),
        (True, 'True is not a size; write whole bytes, or a text such as "4GiB"'),
        (None, 'None is not a size; write whole bytes, or a text such as "4GiB"'),
        ([4], '[4] is not a size; write whole bytes, or a text such as "4GiB"'),
    ],
)
def test_what_is_no_size_is_refused_with_what_to_write(value: object, says: str) -> None:
    assert said(SIZES, value) == says


@given(st.integers(0, LARGEST), st.sampled_from([*UNITS, ""]))
def test_a_size_with_a_unit_is_so_many_of_them(number: int, unit: str) -> None:
    size = number * UNITS.get(unit, 1)
    assert parse_size(f"{number}{unit}") == size
    if size <= LARGEST:
        assert SIZES.validate_python(f"{number}{unit}") == size
    else:
        assert "is over the largest size" in said(SIZES, f"{number}{unit}")


@given(st.text(max_size=12) | st.integers() | st.floats() | st.none() | st.booleans())
def test_whatever_is_written_is_a_size_in_range_or_refused(value: object) -> None:
    try:
        size = SIZES.validate_python(value)
    except ValidationError:
        return
    assert type(size) is int
    assert 0 <= size <= LARGEST


# Ids


@pytest.mark.parametrize("id", ["a", "web01", "WEB 01", "vm.0-1_x", "Größe", "仮想", "🐍", "a" * ID_LENGTH])
def test_ids_may_be_any_name(id: str) -> None:
    assert IDS.validate_python(id) == id


@pytest.mark.parametrize(
    ("id", "says"),
    [
        ("", "String should have at least 1 character"),
        ("a" * 129, "String should have at most 128 characters"),
        (7, "Input should be a valid string"),
        ("a/b", "has a '/', which separates the parts of a stream's name; leave it out"),
        (" a", "begins or ends with a space; leave it out"),
        ("a\u00a0", "begins or ends with a space; leave it out"),
        ("a\tb", "has the control or format character U+0009 at place 2; type it again without it"),
        ("a\n", "has the control or format character U+000A at place 2; type it again without it"),
        ("a\u200bb", "has the control or format character U+200B at place 2; type it again without it"),
        ("\u202ea", "has the control or format character U+202E at place 1; type it again without it"),
        ("a\u2028b", "has the control or format character U+2028 at place 2; type it again without it"),
        ("Gro\u0308ße", "is not in Unicode normal form C; type it again, or normalise it to NFC"),
    ],
)
def test_what_is_no_id_is_refused_with_the_reason(id: object, says: str) -> None:
    assert said(IDS, id) == says


@given(st.text(max_size=140))
def test_an_id_is_what_the_contract_says(text: str) -> None:
    sound = (
        1 <= len(text) <= 128
        and unicodedata.normalize("NFC", text) == text
        and "/" not in text
        and text == text.strip()
        and not any(unicodedata.category(each) in ("Cc", "Cf", "Cs", "Zl", "Zp") for each in text)
    )
    try:
        assert IDS.validate_python(text) == text
    except ValidationError:
        assert not sound
    else:
        assert sound


# Configuration versions


@given(st.integers(0, 9999), st.integers(0, 9999))
def test_a_configuration_version_is_read_as_it_is_written(major: int, minor: int) -> None:
    version = ConfigVersion(major, minor)
    assert VERSIONS.validate_python(str(version)) == parse_config_version(str(version)) == version
    assert VERSIONS.dump_python(version) == str(version)
    assert VERSIONS.validate_python(version) is version


@pytest.mark.parametrize(
    "value", ["10", "10.", ".0", "10.0.1", "v10.0", "10.0 ", "１0.0", "-1.0", "12345.0", 10.0, 10, None]
)
def test_what_is_no_configuration_version_is_refused_with_what_to_write(value: object) -> None:
    assert said(VERSIONS, value) == f'{value!r} is not a configuration version; write it as a text, such as "10.0"'


# Memory settings

EXAMPLE = (
    'write {"static": {"size": "4GiB"}} or {"dynamic": {"minimum": "512MiB", "startup": "2GiB", '
    '"maximum": "8GiB", "buffer": 20, "weight": 50}}'
)
DYNAMIC: dict[str, object] = {"minimum": "512MiB", "startup": "2GiB", "maximum": "8GiB", "buffer": 20, "weight": 50}


def without(key: str) -> dict[str, object]:
    return {name: value for name, value in DYNAMIC.items() if name != key}


def test_of_a_static_setting_only_the_size_is_written() -> None:
    setting = MEMORY.validate_python({"static": {"size": "4GiB"}})
    assert setting == MemorySetting.static(4096 * MiB) == MemorySetting(Mode.STATIC, 4096 * MiB, 0, 0, 0, 0)


def test_of_a_dynamic_setting_everything_is_written() -> None:
    setting = MEMORY.validate_python({"dynamic": DYNAMIC})
    assert setting == MemorySetting(Mode.DYNAMIC, 2048 * MiB, 512 * MiB, 8192 * MiB, 20, 50)


def test_whether_a_setting_is_valid_is_left_to_the_rules() -> None:
    odd = {"dynamic": {"minimum": 3, "startup": 2, "maximum": 1, "buffer": -4, "weight": 10**6}}
    assert MEMORY.validate_python(odd) == MemorySetting(Mode.DYNAMIC, 2, 3, 1, -4, 10**6)
    assert MEMORY.validate_python({"static": {"size": 0}}) == MemorySetting.static(0)


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (None, f"is not a memory setting; {EXAMPLE}"),
        ("4GiB", f"is not a memory setting; {EXAMPLE}"),
        ({}, f"is not a memory setting; {EXAMPLE}"),
        ({"static": {"size": 1}, "dynamic": DYNAMIC}, f"is not a memory setting; {EXAMPLE}"),
        ({"Static": {"size": 1}}, f"is not a memory setting; {EXAMPLE}"),
        ({1: {"size": 1}}, f"is not a memory setting; {EXAMPLE}"),
        ({"static": "4GiB"}, f"is not a memory setting; {EXAMPLE}"),
        ({"static": {}}, f"static lacks 'size'; {EXAMPLE}"),
        ({"static": {"size": 1, "startup": 1}}, f"static has the unknown key 'startup'; {EXAMPLE}"),
        ({"dynamic": without("weight")}, f"dynamic lacks 'weight'; {EXAMPLE}"),
        ({"dynamic": {**DYNAMIC, "size": 1}}, f"dynamic has the unknown key 'size'; {EXAMPLE}"),
        ({"static": {"size": -1}}, "size: -1 is negative; a size is 0 or more bytes"),
        ({"static": {"size": "4gib"}}, "size: '4gib' has the unknown unit 'gib'; did you mean 4GiB?"),
        ({"dynamic": {**DYNAMIC, "maximum": -1}}, "maximum: -1 is negative; a size is 0 or more bytes"),
        ({"dynamic": {**DYNAMIC, "buffer": "20"}}, "buffer: '20' is not a whole number"),
        ({"dynamic": {**DYNAMIC, "weight": 0.5}}, "weight: 0.5 is not a whole number"),
        ({"dynamic": {**DYNAMIC, "weight": True}}, "weight: True is not a whole number"),
        ({"dynamic": {**DYNAMIC, "weight": 2**53}}, f"weight: {2**53} is not a number from -{LARGEST} to {LARGEST}"),
        (
            {"dynamic": {**DYNAMIC, "buffer": -(2**53)}},
            f"buffer: {-(2**53)} is not a number from -{LARGEST} to {LARGEST}",
        ),
    ],
)
def test_what_is_no_memory_setting_is_refused_with_what_to_write(value: object, says: str) -> None:
    assert said(MEMORY, value) == says


sizes = st.integers(0, LARGEST)
numbers = st.integers(-LARGEST, LARGEST)
static = st.builds(MemorySetting.static, sizes)
dynamic = st.builds(MemorySetting, st.just(Mode.DYNAMIC), sizes, sizes, sizes, numbers, numbers)


@settings(max_examples=50)
@given(static | dynamic)
def test_a_setting_is_read_as_it_is_written(setting: MemorySetting) -> None:
    written = write_memory(setting)
    assert parse_memory(written) == MEMORY.validate_python(written) == setting
    assert MEMORY.dump_python(setting) == written
    [part] = written.values()
    assert list(part) == sorted(part)
