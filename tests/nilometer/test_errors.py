"""Hints name what there is."""

from __future__ import annotations

import re

import pytest

from nilometer.errors import install_hint
from tests.packaging.smoke import PROJECT
from tests.paths import ROOT

MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")


@pytest.mark.parametrize("extra", sorted({*PROJECT["optional-dependencies"]} - {"pytest"}))
def test_the_verb_that_a_hint_names_installs_the_extra(extra: str) -> None:
    (verb,) = re.findall(r"in a checkout of Nilometer: make (\w+)", install_hint(extra))
    scale = [line for line in MAKEFILE.splitlines() if line.endswith("--output-file $(SPARK)")]
    recipes = {"extras": MAKEFILE.partition("\nextras:")[2].partition("\n\n")[0], "scale": "".join(scale)}
    assert f"--extra {extra}" in recipes[verb]
