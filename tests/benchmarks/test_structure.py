"""The figures of the code's shape are of the code: shown on a checkout made up for it."""

from __future__ import annotations

import subprocess
from pathlib import Path

from benchmarks.structure import class_names_used_twice, logical_statements, modules_by_folder, walk, word_count
from tests.paths import ROOT

MODULES = {
    "domain/host.py": '"""Told."""\n\nclass Host:\n    """A host."""\n\n    total: int = 0\n',
    "rules/host.py": "told = 1\n\n\nclass Host:\n    pass\n\n\nclass _Hidden:\n    pass\n",
    "nilometer/cli/app.py": "class _Hidden:\n    pass\n",
}


def checkout(folder: Path) -> Path:
    for name, text in MODULES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    subprocess.run(["git", "init", "-q", folder], check=True)
    subprocess.run(["git", "-C", folder, "add", "."], check=True)
    return folder


def test_modules_names_words_and_statements_are_counted(tmp_path: Path) -> None:
    root = checkout(tmp_path)
    assert modules_by_folder(root) == {"domain": 1, "rules": 1, "nilometer/cli": 1}
    assert class_names_used_twice(root) == ["Host"]
    assert word_count(root, "told") == 1
    assert logical_statements(root) == 9


def test_a_call_of_nilo_is_followed_through_the_files(tmp_path: Path) -> None:
    files, crossings = walk(ROOT, tmp_path, "--help")
    assert 1 < files < 20
    assert crossings >= files - 1
