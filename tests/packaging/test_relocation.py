"""The build hook on small trees: what it rewrites, what it leaves, what it refuses."""

import ast
from pathlib import Path

import pytest

from hatch_build import CannotRelocate, relocate

LAYERS = ("domain", "rules", "projections")


def tree(root: Path, **files: str) -> Path:
    """A product of four packages, and in it `files`: `rules__reader` is rules/reader.py."""
    for package in ("nilometer", *LAYERS):
        (root / package).mkdir(parents=True)
        (root / package / "__init__.py").write_text("")
    (root / "domain" / "host.py").write_text("class Host: ...\n")
    for name, text in files.items():
        (root / f"{name.replace('__', '/')}.py").write_text(text, encoding="utf-8")
    return root


def relocated(root: Path, file: str) -> str:
    relocate(root, root / "out", "nilometer", LAYERS)
    return (root / "out" / file).read_text(encoding="utf-8")


def refusal(root: Path) -> str:
    with pytest.raises(CannotRelocate) as refused:
        relocate(root, root / "out", "nilometer", LAYERS)
    return str(refused.value)


@pytest.mark.parametrize(
    ("written", "shipped"),
    [
        ("from domain import host", "from nilometer.domain import host"),
        ("from domain.host import Host", "from nilometer.domain.host import Host"),
        ("from  domain.host import (\n    Host,\n)", "from  nilometer.domain.host import (\n    Host,\n)"),
        ("from \\\n    domain import host", "from \\\n    nilometer.domain import host"),
        ("import domain as d", "import nilometer.domain as d"),
        (
            "import os, domain.host as h, rules as r",
            "import os, nilometer.domain.host as h, nilometer.rules as r",
        ),
        ("x = 'é'; from domain import host", "x = 'é'; from nilometer.domain import host"),
        ("def f():\n    from domain import host", "def f():\n    from nilometer.domain import host"),
        (
            "if 1: import domain as a; import rules as b",
            "if 1: import nilometer.domain as a; import nilometer.rules as b",
        ),
    ],
)
def test_absolute_imports_of_a_layer_are_rewritten_in_their_line(tmp_path: Path, written: str, shipped: str) -> None:
    assert relocated(tree(tmp_path, rules__reader=written), "nilometer/rules/reader.py") == shipped


@pytest.mark.parametrize(
    "text",
    [
        "from . import host",
        "from .host import Host",
        "from domains import x",
        "import rules_engine",
        "from nilometer.cli import main",
        '"""domain.host"""',
        "key = 'rules'",
        "file = 'rules.md'",
        "sentence = 'The domain.host module moves.'",
        "# from domain import host",
        "from_ = 'from domain import host'",
    ],
)
def test_everything_else_is_left_byte_for_byte(tmp_path: Path, text: str) -> None:
    assert relocated(tree(tmp_path, domain__reader=text), "nilometer/domain/reader.py") == text


def test_the_shell_package_is_rewritten_too_and_keeps_its_place(tmp_path: Path) -> None:
    root = tree(tmp_path, nilometer__cli="from rules import prove\n")
    assert relocated(root, "nilometer/cli.py") == "from nilometer.rules import prove\n"


def test_data_files_are_copied_and_caches_are_not(tmp_path: Path) -> None:
    root = tree(tmp_path)
    (root / "nilometer" / "samples").mkdir()
    (root / "nilometer" / "samples" / "a.jsonl").write_bytes(b'{"from domain import": 1}\r\n\xff')
    (root / "domain" / "__pycache__").mkdir()
    (root / "domain" / "__pycache__" / "host.cpython-311.pyc").write_bytes(b"x")
    relocate(root, root / "out", "nilometer", LAYERS)
    assert (root / "out/nilometer/samples/a.jsonl").read_bytes() == b'{"from domain import": 1}\r\n\xff'
    assert not list((root / "out").rglob("*.pyc"))


def test_a_function_stands_on_the_same_lines_in_the_wheel(tmp_path: Path) -> None:
    text = "from domain import (\n    host,\n)\nimport domain.host as h\n\n\ndef rule():\n    return h, host\n"
    (function,) = [
        node
        for node in ast.parse(relocated(tree(tmp_path, rules__r=text), "nilometer/rules/r.py")).body
        if isinstance(node, ast.FunctionDef)
    ]
    assert (function.lineno, function.end_lineno) == (7, 8)


@pytest.mark.parametrize(
    ("text", "where", "why"),
    [
        ("import domain", 1, "`import domain` binds a name that the wheel does not have"),
        ("import os\nimport os, domain.host", 2, "`import domain.host` binds a name"),
        ("x = 1\nm = 'domain.host'", 2, "a module name in a string, 'domain.host'"),
        ("m = 'domain.host:Host'", 1, "a module name in a string"),
        ("def f(x: 'domain.host.Host'): ...", 1, "a module name in a string"),
        ("n = 1\nm = f'domain.{n}'", 2, "a module name in a string, 'domain.'"),
        (
            "import importlib\nimportlib.import_module('rules')",
            2,
            "import_module('rules') imports by a string",
        ),
        ("from importlib.resources import files\nfiles('domain')", 2, "files('domain') imports by a string"),
        ("__import__('projections')", 1, "__import__('projections') imports by a string"),
        ("import sys\nsys.modules['domain']", 2, "modules['domain'] names a module in a string"),
        ("from .. import cli", 1, "this relative import leaves its top-level package"),
        ("x = 1\ndef f(:", 2, "not valid Python"),
    ],
)
def test_what_cannot_be_relocated_is_refused_with_file_and_line(
    tmp_path: Path, text: str, where: int, why: str
) -> None:
    assert f"rules/reader.py:{where}: {why}" in refusal(tree(tmp_path, rules__reader=text))


def test_every_refusal_of_the_tree_is_told_at_once(tmp_path: Path) -> None:
    message = refusal(tree(tmp_path, domain__a="import domain\nimport rules\n", nilometer__b="import projections\n"))
    assert [line.rpartition(": ")[0].partition(": ")[0] for line in message.splitlines()] == [
        "nilometer/b.py:1",
        "domain/a.py:1",
        "domain/a.py:2",
    ]


def test_a_module_that_stands_where_a_layer_goes_is_refused(tmp_path: Path) -> None:
    assert "nilometer/rules: in the wheel this is the place of rules/" in refusal(tree(tmp_path, nilometer__rules=""))


def test_a_missing_layer_is_refused(tmp_path: Path) -> None:
    root = tree(tmp_path)
    (root / "projections" / "__init__.py").unlink()
    assert refusal(root) == "projections/__init__.py: missing"
