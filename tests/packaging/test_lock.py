"""requirements.lock pins what pyproject.toml asks for, by hash, and names no host."""

import re
import tomllib

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.packaging.smoke import PROJECT
from tests.paths import ROOT

LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")
PIN = re.compile(
    r"^([a-z0-9-]+)==(\S+)(?: ; [^\\]+)? \\\n((?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)", re.MULTILINE
)


def asked_for() -> list[Requirement]:
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["dependency-groups"]
    extras = PROJECT["optional-dependencies"].values()
    lists = [PROJECT["dependencies"], *extras, *groups.values()]
    return [Requirement(line) for lines in lists for line in lines]


def test_every_line_is_a_pin_with_hashes_or_a_comment() -> None:
    rest = PIN.sub("", LOCK)
    assert [line for line in rest.splitlines() if not line.startswith("    #")] == []


def test_it_names_no_host_and_no_folder() -> None:
    assert not re.search(r"://|--index|--find-links|@ ", LOCK)


def test_everything_asked_for_is_pinned_to_a_version_that_was_asked_for() -> None:
    pins = {match[1]: match[2] for match in PIN.finditer(LOCK)}
    wrong = {
        str(asked): pins.get(canonicalize_name(asked.name))
        for asked in asked_for()
        if not asked.specifier.contains(pins.get(canonicalize_name(asked.name), "0"))
    }
    assert not wrong, f"run `make lock`: {wrong}"
