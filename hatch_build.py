"""Build hook: the layers at the root go into the wheel as `nilometer.domain`, `nilometer.rules`, ...

Installed under their own names they would overwrite other people's packages (`rules` on PyPI is
django-rules) and shadow a user's own `domain/`. So each file is copied to build/wheel/nilometer/ with its
absolute imports of a layer rewritten within their lines. Line numbers stay: the source of a function reads
the same from an installed wheel. What was written is parsed again and compared; what cannot be relocated
stops the build with file:line.
"""

import ast
import re
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

IMPORTING_CALLS = {
    "__import__",
    "files",
    "find_spec",
    "get_data",
    "import_module",
    "resolve_name",
    "run_module",
}
FROM = re.compile(rb"from(?:[ \t\f]|\\\r?\n)+")


class CannotRelocate(Exception):
    """The tree holds what would mean something else in the wheel; a line each, `file:line: what to do`."""


@dataclass(frozen=True, slots=True)
class Layers:
    """The package that takes the layers, their names, and their modules one level down (`domain.host`)."""

    package: str
    names: tuple[str, ...]
    modules: frozenset[str]

    def owns(self, module: str) -> bool:
        return module.partition(".")[0] in self.names

    def is_spelled_in(self, text: str) -> bool:
        """Whether a string is a dotted name of a module that moves (`domain.host:Host`, `domain.`)."""
        dotted = re.fullmatch(r"(\w+)\.(?:(\w+)(?:[.:]\w+)*)?", text)
        return (
            dotted is not None
            and self.owns(dotted[1])
            and (dotted[2] is None or f"{dotted[1]}.{dotted[2]}" in self.modules)
        )


def relocate(root: Path, out: Path, package: str, names: Sequence[str]) -> None:
    """Write `package` and the layers under it to the empty folder `out`. Raises CannotRelocate."""
    missing = [name for name in (package, *names) if not (root / name / "__init__.py").is_file()]
    if missing:
        raise CannotRelocate("\n".join(f"{name}/__init__.py: missing" for name in missing))
    children = {f"{name}.{path.stem}" for name in names for path in (root / name).iterdir() if _is_module(path)}
    layers = Layers(package, tuple(names), frozenset(children))
    problems = [
        f"{package}/{name}: in the wheel this is the place of {name}/; give it another name"
        for name in names
        if (root / package / name).exists() or (root / package / f"{name}.py").exists()
    ]
    for top in (package, *names):
        target = out / package if top == package else out / package / top
        for path in _files(root / top):
            written = target / path.relative_to(root / top)
            written.parent.mkdir(parents=True, exist_ok=True)
            if _is_module(path):
                try:
                    depth = len(path.relative_to(root).parts) - 1
                    written.write_bytes(rewrite(path.read_bytes(), path.relative_to(root).as_posix(), depth, layers))
                except CannotRelocate as error:
                    problems.append(str(error))
            else:
                shutil.copyfile(path, written)
    if problems:
        raise CannotRelocate("\n".join(problems))


def rewrite(source: bytes, name: str, depth: int, layers: Layers) -> bytes:
    """The same module, importing the layers from their new place; it is `depth` packages deep."""
    tree = _parse(source, name)
    problems = [f"{name}:{line}: {what}" for line, what in sorted(_problems(tree, depth, layers))]
    if problems:
        raise CannotRelocate("\n".join(problems))
    starts = [0, *accumulate(map(len, source.splitlines(keepends=True)))]
    cuts: list[int] = []
    for node in ast.walk(tree):
        match node:
            case ast.ImportFrom(module=str(module), level=0) if layers.owns(module):
                keyword = FROM.match(source, starts[node.lineno - 1] + node.col_offset)
                if keyword is None:
                    raise CannotRelocate(f"{name}:{node.lineno}: cannot read this import; write it on one line")
                cuts.append(keyword.end())
                node.module = f"{layers.package}.{module}"
            case ast.Import():
                for alias in node.names:
                    if layers.owns(alias.name):
                        cuts.append(starts[alias.lineno - 1] + alias.col_offset)
                        alias.name = f"{layers.package}.{alias.name}"
            case _:
                pass
    written = source
    for cut in sorted(cuts, reverse=True):
        written = written[:cut] + layers.package.encode() + b"." + written[cut:]
    again = _parse(written, name)
    if ast.dump(again) != ast.dump(tree) or _lines(again) != _lines(tree):
        raise CannotRelocate(f"{name}:1: rewriting its imports changed more than the imports; write them one a line")
    return written


def _problems(tree: ast.Module, depth: int, layers: Layers) -> Iterator[tuple[int, str]]:
    """Everything that would still name a layer's old place, or mean another module, after the move."""
    prose = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        match node:
            case ast.ImportFrom(level=level) if level > depth:
                yield node.lineno, "this relative import leaves its top-level package; import absolutely"
            case ast.Import():
                for alias in node.names:
                    if layers.owns(alias.name) and alias.asname is None:
                        way = f"`import {alias.name} as ...` or `from {alias.name} import ...`"
                        yield (
                            alias.lineno,
                            f"`import {alias.name}` binds a name that the wheel does not have; write {way}",
                        )
            case ast.Constant(value=str(text)) if id(node) not in prose and layers.is_spelled_in(text):
                yield (
                    node.lineno,
                    f"a module name in a string, {text!r}; use the module or a __name__",
                )
            case ast.Call(args=[ast.Constant(value=str(text)), *_]) if (
                _called(node) in IMPORTING_CALLS and text in layers.names
            ):
                yield node.lineno, f"{_called(node)}({text!r}) imports by a string; use an import statement"
            case ast.Subscript(value=ast.Attribute(attr="modules"), slice=ast.Constant(value=str(text))) if (
                text in layers.names
            ):
                yield node.lineno, f"modules[{text!r}] names a module in a string; use an import statement"
            case _:
                pass


def _called(call: ast.Call) -> str:
    match call.func:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case _:
            return ""


def _parse(source: bytes, name: str) -> ast.Module:
    try:
        return ast.parse(source, name)
    except (SyntaxError, ValueError) as error:
        raise CannotRelocate(f"{name}:{getattr(error, 'lineno', None) or 1}: not valid Python: {error}") from error


def _lines(tree: ast.Module) -> list[int]:
    return [line for node in ast.walk(tree) if (line := getattr(node, "lineno", None)) is not None]


def _is_module(path: Path) -> bool:
    return path.is_dir() or path.suffix in {".py", ".pyi"}


def _files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder)
        if path.is_file() and path.suffix != ".pyc" and not any(part.startswith(".") for part in inside.parts):
            yield path


class LayersHook(BuildHookInterface[Any]):
    """Runs before hatchling collects the files of a wheel; an editable install takes the tree as it is."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "editable":
            return
        out = Path(self.root, "build", "wheel")
        shutil.rmtree(out, ignore_errors=True)
        try:
            relocate(Path(self.root), out, self.config["package"], self.config["layers"])
        except CannotRelocate as error:
            self.app.abort(f"cannot build the wheel:\n{error}")
