"""The house: folders that say what they are, names that are used once, records built by keyword, tests that mirror."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final, TypeGuard, cast

import pytest

from tests.paths import ROOT

PACKAGES: Final = ("domain", "rules", "projections", "nilometer")
MODULES: Final = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
FEW: Final = 3
"""A record of no more fields than these may be built by position."""
NOT_NOUNS: Final = frozenset(("told", "each", "fine", "said", "of"))
"""Words that say nothing of what they name."""


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_bytes(), path)


def place(path: Path, node: ast.AST | None = None) -> str:
    line = f":{node.lineno}" if isinstance(node, ast.stmt | ast.expr | ast.arg) else ""
    return f"{path.relative_to(ROOT).as_posix()}{line}"


@pytest.mark.parametrize("package", [path for path in MODULES if path.name == "__init__.py"], ids=place)
def test_a_folder_says_what_it_is_what_it_may_import_and_where_to_begin(package: Path) -> None:
    text = ast.get_docstring(tree(package)) or ""
    assert len(text.splitlines()) >= 3, place(package)
    if package.parent.parent != ROOT:
        assert "May import" in text, place(package)
        assert "Begin with" in text, place(package)


def test_no_two_classes_of_the_product_have_the_same_public_name() -> None:
    places: defaultdict[str, list[str]] = defaultdict(list)
    for path in MODULES:
        for node in tree(path).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places[node.name].append(place(path, node))
    assert {name: found for name, found in places.items() if len(found) > 1} == {}


def test_no_import_renames_what_it_imports_to_avoid_a_collision() -> None:
    renamed = [
        f"{place(path, node)}: {alias.name} as {alias.asname}"
        for path in MODULES
        for node in ast.walk(tree(path))
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] in PACKAGES
        for alias in node.names
        if alias.asname not in (None, alias.name)
    ]
    assert renamed == []


def test_records_of_more_than_three_fields_are_built_by_keyword() -> None:
    fields = {name: count for name, count in counted_fields().items() if count > FEW}
    by_position = [
        f"{place(path, node)}: {node.func.id}"
        for path in MODULES
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in fields
        if len([argument for argument in node.args if not isinstance(argument, ast.Starred)]) > 1
        if not is_hot(path, node)
    ]
    assert by_position == []


def counted_fields() -> dict[str, int]:
    """The number of fields of every dataclass, with those that it inherits."""
    own: dict[str, tuple[int, list[str]]] = {}
    for path in MODULES:
        for node in tree(path).body:
            if isinstance(node, ast.ClassDef) and any("dataclass" in ast.unparse(each) for each in node.decorator_list):
                fields = [
                    item
                    for item in node.body
                    if isinstance(item, ast.AnnAssign) and "ClassVar" not in ast.unparse(item.annotation)
                ]
                own[node.name] = len(fields), [ast.unparse(base) for base in node.bases]

    def count(name: str) -> int:
        fields, bases = own.get(name, (0, []))
        return fields + sum(count(base) for base in bases)

    return {name: count(name) for name in own}


def is_hot(path: Path, node: ast.Call) -> bool:
    """Whether a comment at the call, or above it, says that keywords cost too much there."""
    lines = path.read_text(encoding="utf-8").splitlines()[max(0, node.lineno - 15) : node.end_lineno]
    return any("by position" in line for line in lines)


def test_no_name_is_a_word_that_says_nothing() -> None:
    found = [f"{place(path, node)}: {name}" for path in MODULES for node, name in names_given(tree(path))]
    assert [name for name in found if name.rpartition(" ")[2] in NOT_NOUNS] == []


def names_given(module: ast.Module) -> Iterator[tuple[ast.AST, str]]:
    """Every name that a module gives to a function, a class, a parameter or a variable; not its records' fields."""
    for node in ast.walk(module):
        match node:
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name) | ast.arg(arg=name):
                yield node, name.lstrip("_")
            case ast.Assign(targets=[ast.Name(id=name)]) | ast.For(target=ast.Name(id=name)):
                yield node, name.lstrip("_")
            case ast.comprehension(target=ast.Name(id=name)):
                yield node.target, name.lstrip("_")
            case _:
                pass


def test_streams_are_named_and_cut_in_one_place() -> None:
    cut = [
        f"{place(path)}:{number}: {line.strip()}"
        for path in MODULES
        if path != ROOT / "domain" / "identifiers.py"
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if any(sign in line for sign in ('removeprefix("vm/")', 'startswith("vm/")', 'f"vm/{', 'f"host/{'))
    ]
    assert cut == []


@pytest.mark.parametrize("package", PACKAGES)
def test_tests_stand_where_what_they_test_stands(package: str) -> None:
    tests = {path.parent.relative_to(ROOT / "tests") for path in (ROOT / "tests" / package).rglob("test_*.py")}
    folders = {path.parent.relative_to(ROOT) for path in MODULES}
    assert tests <= folders


# Ids


DECIDERS: Final[list[Path]] = [
    *sorted((ROOT / "domain" / "deciding").rglob("*.py")),
    *sorted((ROOT / "domain" / "recording").rglob("*.py")),
    *(ROOT / "domain" / f"{name}.py" for name in ("aggregates", "changes")),
    *(ROOT / "domain" / "observed" / f"{name}.py" for name in ("devices", "host")),
    *(ROOT / "projections" / f"{name}.py" for name in ("advancing", "fleet", "requests", "series", "tracked", "view")),
]
"""What lies between a command and its events, and what folds the events into views and shows them."""
IDS: Final = frozenset(("id", "vm", "to", "name"))
COMPARED: Final = frozenset(("destination.id == host.id", "source.id == destination.id", "vm.host == host"))
"""Where ids are compared: is a move's destination the VM's own host, and which VMs are on a host."""


def words_of_the_domain() -> frozenset[str]:
    """Names of commands, events, enum members and fields, and of the origin of what was not decided."""
    words = {"observed"}
    for path in (ROOT / "domain").rglob("*.py"):
        for node in ast.walk(tree(path)):
            match node:
                case ast.AnnAssign(target=ast.Name(id=name)) | ast.arg(arg=name):
                    words.add(name)
                case ast.ClassDef(bases=[ast.Name(id="StrEnum")]):
                    words |= set(texts_in(node))
                case ast.Call(func=ast.Name(id="event"), args=[ast.Constant(value=str(kind))]):
                    words.add(kind)
                case _:
                    pass
    commands = next(
        node.value
        for node in tree(ROOT / "domain" / "commands.py").body
        if isinstance(node, ast.AnnAssign) and ast.unparse(node.target) == "COMMANDS"
    )
    return frozenset(words) | set(texts_in(commands or ast.Constant("")))


def texts_in(node: ast.AST) -> Iterator[str]:
    return (part.value for part in ast.walk(node) if isinstance(part, ast.Constant) and isinstance(part.value, str))


def is_text(node: ast.AST) -> TypeGuard[ast.Constant]:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def deciding_code(module: ast.Module) -> Iterator[tuple[ast.AST, ast.AST]]:
    """Every node of a module with its parent; without docstrings, messages and annotations."""

    def inside(parent: ast.AST) -> Iterator[tuple[ast.AST, ast.AST]]:
        for name, value in ast.iter_fields(parent):
            parts = cast("list[object]", value) if isinstance(value, list) else [cast("object", value)]
            for node in parts:
                if not isinstance(node, ast.AST) or name in ("annotation", "returns"):
                    continue
                if is_said(node, parent):
                    continue
                yield node, parent
                yield from inside(node)

    return inside(module)


def is_said(node: ast.AST, parent: ast.AST) -> bool:
    """Whether a node is a docstring, a part of a message, or the name of a type."""
    match node:
        case ast.Call(func=ast.Name(id=name)):
            return name in ("TypeVar", "cast") or name.endswith("Error")
        case ast.JoinedStr():
            return not isinstance(parent, ast.Compare)
        case ast.Expr(value=value):
            return is_text(value)
        case _:
            return isinstance(node, ast.Raise)


def literals_in(module: ast.Module, known: frozenset[str]) -> list[ast.Constant]:
    """The texts in a module that are no word of the domain: an id would be one."""
    return [node for node, _ in deciding_code(module) if is_text(node) and node.value and node.value not in known]


def ids_used_in(module: ast.Module) -> list[ast.Attribute]:
    """The ids that are not only passed on: compared, cut, or asked for anything."""
    compared = {
        id(part)
        for node, _ in deciding_code(module)
        if isinstance(node, ast.Compare) and ast.unparse(node) in COMPARED
        for part in ast.walk(node)
    }
    return [
        node
        for node, parent in deciding_code(module)
        if isinstance(node, ast.Attribute) and node.attr in IDS and id(node) not in compared
        if ast.unparse(node) not in ("self.vm", "reads.vm")  # what was loaded
        if isinstance(parent, ast.Compare | ast.BinOp | ast.UnaryOp | ast.If | ast.IfExp)
        or (isinstance(parent, ast.Attribute) and parent.attr in ("startswith", "endswith", "lower", "partition"))
        or (isinstance(parent, ast.Subscript) and parent.value is node)
    ]


@pytest.mark.parametrize("path", DECIDERS, ids=place)
def test_no_decider_knows_an_id(path: Path) -> None:
    assert [f"{place(path, node)}: {node.value!r}" for node in literals_in(tree(path), words_of_the_domain())] == []
    assert [f"{place(path, node)}: {ast.unparse(node)}" for node in ids_used_in(tree(path))] == []


@pytest.mark.parametrize(
    "code",
    [
        'ok = command.vm == "db-prod"',
        'ids = {"db-prod"}',
        'done = vm.id.startswith("x")',
        'match vm:\n case "db": pass',
    ],
)
def test_an_id_in_a_decider_is_found(code: str) -> None:
    assert literals_in(ast.parse(code), words_of_the_domain()) + ids_used_in(ast.parse(code))


@pytest.mark.parametrize(
    "code", ["first = vm.id < host.id", "x = 1 if vm.id else 2", "x = command.vm[0]", "x = vm.id.lower()"]
)
def test_an_id_that_is_more_than_passed_on_is_found(code: str) -> None:
    assert ids_used_in(ast.parse(code))
