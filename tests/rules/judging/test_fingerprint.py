"""The hash of the rules: the same in every process, another for another rule."""

from __future__ import annotations

import os
import subprocess
import sys

from rules.judging.fingerprint import hash_term, rules_digest
from rules.symbolic.terms import at_most, constant, less, variable

ALL = """
import importlib, pkgutil, domain, rules
for package in (domain, rules):
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        importlib.import_module(module.name)
"""
PRINT = "from rules.judging.fingerprint import rules_digest; print(rules_digest())"


def test_it_is_the_same_whatever_is_loaded_and_however_sets_are_ordered() -> None:
    digests = {
        subprocess.check_output(
            [sys.executable, "-c", program], env={**os.environ, "PYTHONHASHSEED": seed}, text=True
        ).strip()
        for program, seed in ((PRINT, "0"), (ALL + PRINT, "7"))
    }
    assert digests == {rules_digest()}


def test_another_term_gives_another_hash() -> None:
    one, other = variable("host.total", int), variable("host.held", int)
    terms = [less(one, other), less(other, one), at_most(one, other), less(one, constant(1)), less(one, constant(2))]
    assert len({hash_term(term, {}) for term in terms}) == len(terms)
    assert hash_term(constant(1), {}) != hash_term(constant(True), {})
