"""Reads a file of policies: functions in the subset of Python in which rules are written, or one expression each in
TOML. Nothing of it is run.

    @scope(vms="db*")
    def db_keeps_8_gib(vm: Vm) -> bool:
        \"\"\"A db VM never has less than 8 GiB, unless it is off.\"\"\"
        return vm.power is Power.OFF or vm.assigned >= 8 * GiB

Anything outside the subset is an error with its place, never skipped.
"""

from __future__ import annotations

import ast
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import FunctionType
from typing import Final, cast

from domain.errors import InputError
from rules.policies import vocabulary
from rules.policies.arguments import ARGUMENTS, KINDS
from rules.policies.compiling import compile_condition, compile_measure
from rules.policies.policy import ALL, Policy, PolicyScope, find_odd_brackets
from rules.policies.toml import EXAMPLE, HOLDS, SAYS, TomlLines, is_toml, read_tables, to_function
from rules.policies.window import PolicyWindow, read_window
from rules.symbolic.reader import RuleReader, read_definition
from rules.symbolic.source import RuleSource, UnreadableRule, point_at, refusing
from rules.symbolic.terms import Op, Term, subterms
from rules.symbolic.values import as_term

LONGEST: Final = 2**20
"""Characters of a file of policies at most."""
LARGEST_NUMBER: Final = 2**64
"""A number of a policy is smaller than that: sizes go up to 2**52 bytes, and are multiplied by little."""
MOST_STATEMENTS: Final = 2000
"""Statements of one policy at most, each counted on every way that leads to it."""
_UNSEEN: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]")
"""Control characters, ends of lines that are none of Python's, and what turns the direction of a text."""
_ALONE: Final = {"Host": "host", "Group": "group", "Command": "command"}
"""The role of a parameter that is the only one of its type."""
_ROLES: Final = "one: Vm, other: Vm; before: Vm, vm: Vm; group: Group; command: Command"
_TAKEN: Final = frozenset((*vocabulary.__all__, "scope", "min", "max", "bool", "replace"))
"""Names that stand for something in every file of policies."""
_MODULE: Final = "nilometer.policy"
"""What a file may import from, for an editor: the names are there without it."""
_EXAMPLE: Final = "def tenth_stays_free(host: Host) -> bool:, with a docstring and a return"
SCOPES: Final = ("vms", "hosts", "one", "other", "group", "inside", "outside", "zone")
"""The keywords of a scope."""
_SCOPES_ARE: Final = "vms of a policy over a VM or a group; hosts; one and other; group; inside or outside, and zone"
_PAIR: Final = 'one="web01", other="web02"'
_WINDOW: Final = 'outside="Sat 22:00-04:00", zone="Europe/Berlin"; Mon-Fri 08:00-18:00; 22:00-04:00'
_ONE_NAME: Final[Mapping[str, Callable[[str], bool]]] = {
    "one": lambda name: not set("*?[") & set(name),
    "other": lambda name: not set("*?[") & set(name),
    "group": lambda name: "/" not in name,
    "zone": lambda name: True,
}
"""The keywords that take one name, and what it must be."""


@dataclass(frozen=True, slots=True)
class PolicyText(RuleSource):
    """The definition of a policy in a text, which is no module."""

    lines: tuple[str, ...] = ()

    @property
    def location(self) -> str:
        """File and line."""
        return f"{self.file}:{self.tree.lineno}"

    def error(self, node: ast.AST, why: str, instead: str) -> UnreadableRule:
        """The error for a node of the text, with its line and a caret under it."""
        return _error(self.file, self.lines, node, why, instead)


def read_policies(text: str, source: str, *, is_adopted: bool = False) -> tuple[Policy, ...]:
    """The policies of a file, which is Python or TOML.

    Patterns that earlier versions took are read in what is adopted already. Raises ``InputError``, or
    ``UnreadableRule`` with place, reason and what to write.
    """
    if len(text) > LONGEST:
        raise InputError(f"{source}: over {LONGEST} characters are not a file of policies", hint="keep it shorter")
    _check_characters(text, source)
    written = list((_read_toml if is_toml(text, source) else _read_python)(text, source))
    policies: list[Policy] = []
    for definition in written:
        node = definition.text.tree
        with refusing(definition.text):
            policy = _read(definition)
            if not is_adopted:
                _check_patterns(definition, policy.scope)
            compile_condition(policy.term)
            compile_measure(policy.term)
        for other in policies:
            if other.name == policy.name:
                raise definition.text.error(node, f"a second policy {policy.name!r}", "another name for another policy")
            if policy.scope.group and other.scope.group == policy.scope.group and other.scope.vms != policy.scope.vms:
                what = f"a second group {policy.scope.group!r}, of other VMs"
                raise definition.text.error(node, what, "the same vms as the other one, or another group")
        policies.append(policy)
    if not policies:
        instead = f"a table: {EXAMPLE}" if is_toml(text, source) else f"a function: {_EXAMPLE}"
        raise InputError(f"{source}: there is no policy", hint=f"write {instead}")
    return tuple(policies)


def _check_characters(text: str, source: str) -> None:
    """Raises ``InputError`` for a character that is not seen, or makes a line look otherwise than it is read."""
    wrong = _UNSEEN.search(text)
    if wrong is None:
        return
    row, column = text.count("\n", 0, wrong.start()) + 1, wrong.start() - text.rfind("\n", 0, wrong.start())
    name = unicodedata.name(wrong[0], "a control character")
    raise InputError(
        f"{source}:{row}:{column}: the character U+{ord(wrong[0]):04X} ({name.lower()}) is not seen, or changes how "
        "the line looks",
        hint="delete it: a policy is read as it looks",
    )


@dataclass(frozen=True, slots=True)
class _Written:
    """A policy as a function, the nodes of its scope by keyword, and its text."""

    text: PolicyText
    scope: Mapping[str, tuple[ast.AST, object]]
    """By keyword: where it stands, and the texts that it says; or what it is instead."""
    lines: tuple[int, int]


def _read_python(text: str, source: str) -> Iterator[_Written]:
    lines = tuple(text.splitlines())
    try:
        tree = ast.parse(text, source)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise _not_python(error, source) from None
    for node in _definitions(tree, source, lines):
        written = _text_of(node, source, lines)
        begin = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
        yield _Written(written, _keywords_of(written), (begin, node.end_lineno or begin))


def _not_python(error: Exception, source: str) -> InputError:
    """The error for a text that Python cannot parse."""
    if isinstance(error, RecursionError | MemoryError):
        return InputError(f"{source}: an expression is nested too deeply", hint="write several smaller policies")
    row, column = getattr(error, "lineno", None) or 1, getattr(error, "offset", None)
    where = f"{source}:{row}:{column}" if column else f"{source}:{row}"
    what = error.msg if isinstance(error, SyntaxError) else str(error)
    if "integer string conversion" in what:
        return InputError(f"{where}: a number of thousands of digits", hint="a size is at most 2**52 bytes")
    return InputError(f"{where}: this is not Python: {what}", hint=f"write a function: {_EXAMPLE}")


def _read_toml(text: str, source: str) -> Iterator[_Written]:
    text = text.replace("\r\n", "\n")
    lines = tuple(text.split("\n"))
    for table in read_tables(text, source):
        try:
            node = to_function(table, TomlLines(source, lines))
        except (RecursionError, MemoryError):
            what = "a policy that is nested too deeply"
            raise _error(source, lines, table.node_at(None), what, "several smaller ones") from None
        written = _text_of(node, source, lines)
        scope = {key: (table.node_at(key), value) for key, value in table.values.items() if key not in (SAYS, HOLDS)}
        yield _Written(written, scope, (table.line, table.last))


def _text_of(node: ast.FunctionDef, source: str, lines: tuple[str, ...]) -> PolicyText:
    return PolicyText(
        function=cast("FunctionType", vocabulary.stands_for_policies),
        tree=node,
        file=source,
        names=vars(vocabulary),
        lines=lines,
    )


def _definitions(tree: ast.Module, source: str, lines: tuple[str, ...]) -> Iterator[ast.FunctionDef]:
    """The functions of a file. A docstring and an import of the names that are there already are passed over."""
    for number, node in enumerate(tree.body):
        match node:
            case ast.FunctionDef():
                yield node
            case ast.Expr(value=ast.Constant(value=str())) if number == 0:
                pass
            case ast.ImportFrom(module="__future__", names=[ast.alias(name="annotations")], level=0):
                pass
            case ast.ImportFrom(module=module, names=names, level=0) if module == _MODULE:
                for alias in names:
                    if alias.asname is not None or alias.name not in (*vocabulary.__all__, "scope"):
                        what = f"{alias.name!r} is not a name of policies"
                        raise _error(source, lines, node, what, "names as they are")
            case ast.Import() | ast.ImportFrom():
                hint = f"leave it out, or write for your editor: from {_MODULE} import Host, Vm"
                raise _error(source, lines, node, f"an import that is not of {_MODULE}", hint)
            case _:
                what = f"a statement that a file of policies does not have ({type(node).__name__})"
                raise _error(source, lines, node, what, f"functions only: {_EXAMPLE}")


def _read(definition: _Written) -> Policy:
    written, node = definition.text, definition.text.tree
    over = _read_roles(written)
    if not (isinstance(node.returns, ast.Name) and node.returns.id == "bool"):
        raise written.error(node, "a policy that does not answer True or False", "-> bool")
    scope = _read_scope(definition, over)
    _check_parts(written)
    sentence = " ".join((ast.get_docstring(node) or "").split())
    if not sentence:
        raise written.error(node, f"{node.name} does not say what it means", "a docstring for an operator")
    reader = RuleReader(most_statements=MOST_STATEMENTS)
    term = as_term(read_definition(reader, written, bool, [ARGUMENTS[role] for role in over]))
    if any(abs(value) >= LARGEST_NUMBER for value in _numbers_of(term)):
        raise written.error(node, "a number that is larger than any size", "sizes of at most 2**52 bytes")
    begin, end = definition.lines
    return Policy(
        name=node.name,
        sentence=sentence,
        scope=scope,
        over=frozenset(over),
        term=term,
        text="\n".join(written.lines[begin - 1 : end]) + "\n",
        place=f"{written.file}:{node.lineno}",
    )


def _check_parts(written: PolicyText) -> None:
    """Raises for a part of a policy that its reader takes for what it is not."""
    for part in ast.walk(written.tree):
        match part:
            case ast.Name() | ast.Attribute() | ast.arg() | ast.keyword() if _named(part).startswith("__"):
                raise written.error(part, "a name with __ before it", "another name")
            case ast.Name(id=name, ctx=ast.Store()) | ast.arg(arg=name) if name in _TAKEN:
                raise written.error(part, f"{name!r} is given a second value", "another name for another thing")
            case ast.Constant(value=int(value)) if value >= LARGEST_NUMBER:
                raise written.error(part, "a number that is larger than any size", "sizes of at most 2**52 bytes")
            case _:
                pass


def _numbers_of(term: Term) -> Iterator[int]:
    return (part.leaf for part in subterms(term) if part.op is Op.CONSTANT and type(part.leaf) is int)


def _read_roles(written: PolicyText) -> list[str]:
    """What the parameters of a policy stand for: by their types, and those of several VMs by their names."""
    arguments = written.tree.args.args
    kinds = [argument.annotation.id if isinstance(argument.annotation, ast.Name) else "" for argument in arguments]
    roles: list[str] = []
    for argument, kind in zip(arguments, kinds, strict=True):
        if kind not in KINDS.values():
            why = "a parameter that is neither a VM nor a host"
            raise written.error(argument, why, f"vm: Vm, host: Host; {_ROLES}")
        role = argument.arg if kind == "Vm" and kinds.count("Vm") > 1 else _ALONE.get(kind, "vm")
        if kind == "Vm" and argument.arg in ("one", "other", "before"):
            role = argument.arg
        if KINDS.get(role) != kind or role in roles:
            raise written.error(argument, "a second parameter of this kind, without a role", _ROLES)
        roles.append(role)
    if not roles:
        raise written.error(written.tree, "a policy that is about nothing", "a parameter: vm: Vm, or host: Host")
    found = set(roles)
    for own, what in (({"one", "other"}, "two VMs"), ({"group"}, "a group")):
        if found & own and found != own:
            raise written.error(written.tree, f"a policy over {what} and more, or less", _ROLES)
    if "before" in found and "vm" not in found:
        raise written.error(written.tree, "a policy over a VM before a command, and not after it", _ROLES)
    return roles


def _named(node: ast.AST) -> str:
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name) | ast.arg(arg=name) | ast.keyword(arg=str(name)):
            return name
        case _:
            return ""


def _keywords_of(written: PolicyText) -> dict[str, tuple[ast.AST, object]]:
    """What ``@scope(vms="db*", hosts="hv*")`` says, by keyword."""
    node = written.tree
    if not node.decorator_list:
        return {}
    first, *more = node.decorator_list
    instead = 'one @scope(vms="db*"), with texts'
    if more or not (isinstance(first, ast.Call) and isinstance(first.func, ast.Name) and first.func.id == "scope"):
        raise written.error(node.decorator_list[-1], "a decorator that is not a scope", instead)
    if first.args or not first.keywords or any(keyword.arg is None for keyword in first.keywords):
        raise written.error(first, "a scope that names nothing", instead)
    return {str(keyword.arg): (keyword, _literal(written, keyword)) for keyword in first.keywords}


def _literal(written: PolicyText, keyword: ast.keyword) -> object:
    if keyword.arg not in SCOPES:
        raise written.error(keyword, "a scope that this policy does not have", _SCOPES_ARE)
    node = keyword.value
    parts = node.elts if isinstance(node, ast.Tuple | ast.List) else [node]
    for part in parts:
        if not (isinstance(part, ast.Constant) and isinstance(part.value, str)):
            raise written.error(part, "a pattern that is not a text", '"db*", or ("db*", "sql*")')
    texts = [cast("ast.Constant", part).value for part in parts]
    return texts if isinstance(node, ast.Tuple | ast.List) else texts[0]


def _read_scope(definition: _Written, over: list[str]) -> PolicyScope:
    """To which VMs and hosts a policy applies, and when; without a scope, to all."""
    given: dict[str, tuple[str, ...]] = {}
    allowed = _allowed(set(over))
    for key, (node, value) in definition.scope.items():
        if key not in allowed:
            raise definition.text.error(node, "a scope that this policy does not have", _SCOPES_ARE)
        given[key] = _texts(definition, key, node, value)
    for key in ("one", "other") if "one" in over else ():
        if key not in given:
            raise definition.text.error(definition.text.tree, "a policy over two VMs that it does not name", _PAIR)
    if "one" in over and given["one"] == given["other"]:
        raise definition.text.error(definition.scope["other"][0], "a policy over a VM and itself", _PAIR)
    group = given.get("group", (definition.text.tree.name,))[0] if "group" in over else ""
    return PolicyScope(
        vms=given.get("vms", (ALL,)),
        hosts=given.get("hosts", (ALL,)),
        one=given.get("one", ("",))[0],
        other=given.get("other", ("",))[0],
        group=group,
        window=_read_window(definition, given),
    )


def _allowed(over: set[str]) -> set[str]:
    """The keywords of a scope that a policy may have."""
    when = {"inside", "outside", "zone"}
    if "one" in over:
        return {"one", "other", *when}
    if "group" in over:
        return {"vms", "group", *when}
    return {"hosts", *when} | (set() if over == {"host"} else {"vms"})


def _texts(definition: _Written, key: str, node: ast.AST, value: object) -> tuple[str, ...]:
    several = cast("list[object]", value) if isinstance(value, list) else [value]
    texts = [part for part in several if isinstance(part, str) and part.strip() == part and part]
    if not texts:
        raise definition.text.error(node, "a scope that names nothing", 'a text, as "db*"')
    if len(texts) < len(several):
        raise definition.text.error(node, "a pattern that is not a text", '"db*", or ("db*", "sql*")')
    if key in _ONE_NAME and (isinstance(value, list) or not _ONE_NAME[key](texts[0])):
        raise definition.text.error(node, f"{key} is not one name", f'{key}="{"db" if key == "group" else "web01"}"')
    return tuple(texts)


def _check_patterns(definition: _Written, scope: PolicyScope) -> None:
    """Raises for a pattern that matches other names than it seems to."""
    for key, patterns in (("vms", scope.vms), ("hosts", scope.hosts)):
        for wrong in filter(None, map(find_odd_brackets, patterns)):
            node, _ = definition.scope[key]
            raise definition.text.error(node, wrong, '"db[0-9]" for a digit, "[[]" for the character [')


def _read_window(definition: _Written, given: Mapping[str, tuple[str, ...]]) -> PolicyWindow | None:
    keys = [key for key in ("inside", "outside") if key in given]
    if not keys and "zone" not in given:
        return None
    where = definition.scope[keys[0] if keys else "zone"][0]
    if len(keys) != 1 or "zone" not in given:
        raise definition.text.error(where, "a window without its time zone, or a zone without a window", _WINDOW)
    try:
        return read_window(given[keys[0]], given["zone"][0], outside=keys == ["outside"])
    except ValueError as error:
        raise definition.text.error(where, str(error), _WINDOW) from None


def _error(source: str, lines: tuple[str, ...], node: ast.AST, why: str, instead: str) -> UnreadableRule:
    row, column = getattr(node, "lineno", 1), getattr(node, "col_offset", 0)
    line = lines[row - 1] if row <= len(lines) else ""
    indent = len(line.encode()[:column].decode(errors="replace"))
    return UnreadableRule(f"{source}:{row}:{column + 1}: {why}\n{point_at(line, indent)}", hint=instead)
