"""Every Python that the program may run on reads the rules as the same terms: those of this machine are asked."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[3]
OLDEST: Final = 11
READS_RULES: Final = """
import json, sys
from hashlib import sha256

sys.path.insert(0, sys.argv[1])
from domain.deciding import decider, redecide
from domain.rule import RULES
from rules.symbolic.definition import parameter_types
from rules.symbolic.reader import RuleReader
from rules.symbolic.terms import subterms
from rules.symbolic.values import leaves, symbolic

found = {}
for rule in RULES:
    answer = RuleReader().call(rule, [symbolic(name, kind) for name, kind in parameter_types(rule).items()])
    digests = {}
    for path, root in leaves(answer):
        for term in subterms(root):
            parts = [digests[part] for part in term.parts]
            told = repr((term.op.name, term.sort.__name__, repr(term.leaf), parts))
            digests[term] = sha256(told.encode()).hexdigest()
        found[f"{rule.__module__}.{rule.__qualname__} {path}"] = digests[root]
print(json.dumps(found))
"""


def pythons() -> list[str]:
    """The other Pythons of this machine that the program may run on: on the PATH, and installed beside this one."""
    found: dict[str, str] = {}
    for minor in range(OLDEST, OLDEST + 20):
        beside = sorted(Path(sys.base_prefix).parent.glob(f"3.{minor}.*/bin/python3"))
        for python in (shutil.which(f"python3.{minor}"), *map(str, beside)):
            asked = [python, "-c", "import sys; print(*sys.version_info[:3])"] if python else ["false"]
            version = subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip()
            if version and version != " ".join(map(str, sys.version_info[:3])):
                found.setdefault(version, str(python))
    return list(found.values())


def terms_read_by(python: str) -> dict[str, str]:
    """What a Python reads the rules as: a digest of each figure of each answer."""
    read = subprocess.run([python, "-c", READS_RULES, str(ROOT)], capture_output=True, text=True, check=False, cwd=ROOT)
    assert read.returncode == 0, read.stderr[-2000:]
    found: dict[str, str] = json.loads(read.stdout)
    return found


def test_all_pythons_read_the_rules_as_the_same_terms() -> None:
    others = pythons()
    if not others:
        pytest.skip("there is no other Python on this machine that the program may run on")
    expected = terms_read_by(sys.executable)
    assert len(expected) > 500
    for python in others:
        assert terms_read_by(python) == expected, python
