"""The locks pin what pyproject.toml asks for, by hash, and name no host: to run, to test and to install the product."""

import re
import tomllib
from collections.abc import Iterator
from typing import Any, Final

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.packaging.smoke import PROJECT
from tests.paths import ROOT

RUNTIME: Final = "requirements.lock"
TESTS: Final = "requirements-test.lock"
BUILD: Final = "requirements-build.lock"
SPARK: Final = "requirements-spark.lock"
RIVALS: Final = "benchmarks/rivals/requirements.lock"
GROUPS: Final[dict[str, list[Any]]] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))[
    "dependency-groups"
]

PIN = re.compile(
    r"^([a-z0-9-]+)==(\S+)(?: ; [^\\]+)? \\\n((?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)", re.MULTILINE
)


def text_of(lock: str) -> str:
    return (ROOT / lock).read_text(encoding="utf-8")


def pins_of(lock: str) -> dict[str, str]:
    return {match[1]: match[2] for match in PIN.finditer(text_of(lock))}


def group(name: str) -> Iterator[str]:
    for line in GROUPS[name]:
        if isinstance(line, str):
            yield line
        else:
            yield from group(line["include-group"])


def asked_for(lock: str) -> list[str]:
    runtime: list[str] = PROJECT["dependencies"]
    if lock == RUNTIME:
        return runtime
    if lock == BUILD:
        return list(group("build"))
    if lock == RIVALS:
        return list(group("rivals"))
    optional: dict[str, list[str]] = PROJECT["optional-dependencies"]
    if lock == SPARK:
        return [*runtime, *optional["spark"], *group("scale")]
    extras = [line for extra, lines in optional.items() if extra != "spark" for line in lines]
    return [*runtime, *extras, *group("dev")]


@pytest.mark.parametrize("lock", [RUNTIME, TESTS, BUILD, SPARK, RIVALS])
def test_every_line_is_a_pin_with_hashes_or_a_comment(lock: str) -> None:
    rest = PIN.sub("", text_of(lock))
    assert [line for line in rest.splitlines() if not line.startswith("    #")] == []


@pytest.mark.parametrize("lock", [RUNTIME, TESTS, BUILD, SPARK, RIVALS])
def test_it_names_no_host_and_no_folder(lock: str) -> None:
    assert not re.search(r"://|--index|--find-links|@ ", text_of(lock))


@pytest.mark.parametrize("lock", [RUNTIME, TESTS, BUILD, SPARK, RIVALS])
def test_everything_asked_for_is_pinned_to_a_version_that_was_asked_for(lock: str) -> None:
    pins = pins_of(lock)
    wrong = {
        line: pins.get(canonicalize_name(Requirement(line).name))
        for line in asked_for(lock)
        if not Requirement(line).specifier.contains(pins.get(canonicalize_name(Requirement(line).name), "0"))
    }
    assert not wrong, f"run `make lock`: {wrong}"


def test_what_runs_and_what_builds_the_product_is_tested_in_the_same_versions() -> None:
    assert pins_of(RUNTIME).items() <= pins_of(TESTS).items()
    assert pins_of(BUILD).items() <= pins_of(TESTS).items()


def test_what_runs_the_product_is_what_its_dependencies_need_and_no_tool() -> None:
    tools = {canonicalize_name(Requirement(line).name) for line in group("dev")}
    extras = {"cvc5", "psycopg", "psycopg-binary", "psycopg-pool"}
    assert not pins_of(RUNTIME).keys() & (tools | extras)
