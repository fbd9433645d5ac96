"""Reading policies: what is in the subset means what CPython makes of it; anything else is an error with its place."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.errors import InputError, NilometerError
from domain.guests import Guest
from domain.quantities import MiB
from domain.settings import ConfigVersion, HostVersion, MemorySetting, Mode
from domain.state import Host, Power, Vm
from nilometer.policy import scope
from rules.policies import vocabulary
from rules.policies.compiling import compile_condition, compile_measure, distance
from rules.policies.reading import read_policies
from rules.solving.solver import Solver
from rules.symbolic import terms
from rules.symbolic.source import UnreadableRule
from rules.symbolic.values import constants, leaves

SIZES = st.integers(0, 20).map(lambda count: count * MiB) | st.integers(0, 2**40)

HOSTS = st.builds(Host, total=SIZES, reserve=SIZES, version=st.sampled_from(HostVersion), held=SIZES)
VMS = st.builds(
    Vm,
    generation=st.sampled_from((1, 2)),
    guest=st.sampled_from(Guest),
    config_version=st.just(ConfigVersion(10, 0)),
    memory=st.builds(
        MemorySetting,
        mode=st.sampled_from(Mode),
        startup=SIZES,
        minimum=SIZES,
        maximum=SIZES,
        buffer=st.just(20),
        weight=st.just(50),
    ),
    power=st.sampled_from(Power),
    session=st.integers(0, 3),
    assigned=SIZES,
    ballooned=SIZES,
    in_use=SIZES,
    in_use_reported=st.booleans(),
    paged_out=SIZES,
    high_watermark=SIZES,
    vsc=st.booleans(),
    hot_pluggable=SIZES,
)

NUMBERS = st.recursive(
    st.sampled_from(
        ("vm.assigned", "vm.held", "vm.available", "vm.visible", "vm.memory.startup", "host.free", "host.total",
         "host.held", "4 * GiB", "3", "0", "-1")
    ),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from("+-"), inner).map(lambda parts: f"({' '.join(parts)})"),
        st.tuples(inner, st.integers(1, 7)).map(lambda parts: f"({parts[0]} * {parts[1]})"),
        st.tuples(inner, st.sampled_from(("//", "%")), st.integers(1, 9)).map(lambda p: f"({p[0]} {p[1]} {p[2]})"),
        st.tuples(st.sampled_from(("min", "max")), inner, inner).map(lambda p: f"{p[0]}({p[1]}, {p[2]})"),
        st.tuples(inner, inner).map(lambda p: f"({p[0]} if vm.power is Power.RUNNING else {p[1]})"),
    ),
    max_leaves=5,
)  # fmt: skip
TRUTHS = st.recursive(
    st.one_of(
        st.tuples(NUMBERS, st.sampled_from(("<", "<=", ">", ">=", "==", "!=")), NUMBERS).map(" ".join),
        st.sampled_from(("vm.power is Power.OFF", "vm.power is not Power.SAVED", "vm.guest is Guest.LINUX", "vm.vsc",
                         "vm.memory.mode is Mode.STATIC", "host.version is HostVersion.V2022", "True")),
    ),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(("and", "or")), inner).map(lambda parts: f"({' '.join(parts)})"),
        inner.map(lambda part: f"not ({part})"),
    ),
    max_leaves=6,
)  # fmt: skip


def file_of(expression: str) -> str:
    return f'def policy(vm: Vm, host: Host) -> bool:\n    """What is tested."""\n    return {expression}\n'


def run(text: str, name: str = "policy") -> Any:
    """A function of a file, as CPython makes it of the text: the independent reading."""
    space: dict[str, Any] = {name: getattr(vocabulary, name) for name in vocabulary.__all__}
    space["scope"] = scope
    exec(text, space)
    return space[name]


@settings(max_examples=150, deadline=None)
@given(TRUTHS, VMS, HOSTS)
def test_what_is_read_is_what_cpython_makes_of_the_text(expression: str, vm: Vm, host: Host) -> None:
    text = file_of(expression)
    (policy,) = read_policies(text, "policies.py")
    expected = run(text)(vm, host)
    values = {**dict(leaves(constants(vm), "site.vm")), **dict(leaves(constants(host), "site.host"))}
    known = {name: terms.value_of(term) for name, term in values.items()}
    assert compile_condition(policy.term)(vm, host) is expected
    assert terms.evaluate(policy.term, known) is expected  # type: ignore[arg-type]  # all of them are constants
    assert (compile_measure(policy.term)(vm, host) == 0) is expected


@settings(max_examples=40, deadline=None)
@given(TRUTHS)
def test_the_solver_agrees_that_a_distance_is_0_where_the_policy_holds_and_never_less(expression: str) -> None:
    (policy,) = read_policies(file_of(expression), "policies.py")
    far = distance(policy.term)
    solver = Solver(20_000_000)
    is_zero = terms.equal(far, terms.ZERO)
    assert solver.ask(terms.negation(terms.equal(is_zero, policy.term))).holds in (False, None)
    assert solver.ask(terms.less(far, terms.ZERO)).holds in (False, None)


@settings(max_examples=40, deadline=None)
@given(TRUTHS, VMS, HOSTS)
def test_the_solver_agrees_with_cpython(expression: str, vm: Vm, host: Host) -> None:
    text = file_of(expression)
    (policy,) = read_policies(text, "policies.py")
    values = [*leaves(constants(vm), "site.vm"), *leaves(constants(host), "site.host")]
    variables = terms.variables(policy.term)
    state = [terms.equal(variables[name], value) for name, value in values if name in variables]
    holds = Solver(20_000_000).ask(*state, policy.term).holds
    assert holds is run(text)(vm, host)


BRANCHES = "".join(
    f"if vm.held > {number}:\n        n{number} = 1\n    else:\n        n{number} = 2\n    " for number in range(30)
)
"""Thirty of them in a row are a thousand million ways to the end."""
BEGIN = 'def f(vm: Vm) -> bool:\n    """x"""\n    return '


@pytest.mark.parametrize(
    ("text", "place", "why"),
    [
        (BEGIN + "open('x')", "3:12", "a call of 'open'"),
        (BEGIN + "vm.assigned > 8.5 * GiB", "3:26", "the value 8.5"),
        (BEGIN + "vm.assigned > 'x'", "3:26", "the value 'x'"),
        (BEGIN + "vm.name is Power.OFF", "3:12", "Vm has no field or rule 'name'"),
        (BEGIN + "vm.__class__ is Power.OFF", "3:12", "a name with __ before it"),
        (BEGIN + f"vm.assigned > {2**64}", "3:26", "a number that is larger than any size"),
        (BEGIN + f"vm.assigned > 0x{'f' * 5000}", "3:26", "a number that is larger than any size"),
        (BEGIN + "vm.assigned > TiB * TiB", "1:1", "a number that is larger than any size"),
        (BEGIN + "vm.assigned > " + " * ".join(["TiB"] * 90), "3:26", "a product that is larger than any size"),
        (BEGIN.replace("return ", "GiB = 3\n    return vm.held > GiB"), "3:5", "'GiB' is given a second value"),
        ("def f(GiB: Vm) -> bool:\n    'x'\n    return True\n", "1:7", "'GiB' is given a second value"),
        ("def f(vm: Vm) -> bool:\n    ' '\n    return True\n", "1:1", "does not say what it means"),
        (BEGIN.replace("return ", BRANCHES + "return vm.held > n0"), "", "too many ways lead through the branches"),
        (BEGIN + "stands_for_policies(vm, vm)", "3:12", "a call of 'stands_for_policies', which is not a rule"),
        (BEGIN + "vm.assigned > LIMIT", "3:26", "the name 'LIMIT'"),
        (BEGIN + "vm.assigned * vm.assigned > 0", "3:12", "a product of two things that vary"),
        (BEGIN + "[vm for vm in ()]", "3:12", "an expression that rules do not have"),
        (BEGIN + "vm.assigned", "3:12", "an answer that is no bool"),
        (BEGIN + "not " * 900 + "vm.vsc", "1:1", "nested too deeply"),
        (BEGIN + "(lambda: True)()", "3:12", "a call of lambda: True"),
        ("def f(vm: Vm) -> bool:\n    return True\n", "1:1", "does not say what it means"),
        ("def f(vm: Vm):\n    'x'\n    return True\n", "1:1", "does not answer True or False"),
        ("def f(vm) -> bool:\n    'x'\n    return True\n", "1:7", "a parameter that is neither a VM nor a host"),
        ("def f(a: Vm, b: Vm) -> bool:\n    'x'\n    return True\n", "1:7", "a second parameter of this kind"),
        ("def f() -> bool:\n    'x'\n    return True\n", "1:1", "is about nothing"),
        ("def f(vm: Vm = 1) -> bool:\n    'x'\n    return True\n", "1:1", "a parameter with a default"),
        ("@cache\n" + BEGIN + "True", "1:2", "a decorator that is not a scope"),
        ("@scope(vms='a')\n@scope(vms='b')\n" + BEGIN + "True", "2:2", "a decorator that is not a scope"),
        ("@scope(vms=f'{x}')\n" + BEGIN + "True", "1:12", "a pattern that is not a text"),
        ("@scope(names='x')\n" + BEGIN + "True", "1:8", "a scope that this policy does not have"),
        ("@scope(vms='x')\ndef f(host: Host) -> bool:\n    'x'\n    return True", "1:8", "a scope that this policy"),
        ("import os\n" + BEGIN + "True", "1:1", "an import that is not of nilometer.policy"),
        ("from nilometer.policy import os\n" + BEGIN + "True", "1:1", "'os' is not a name of policies"),
        ("LEAST = 3\n" + BEGIN + "True", "1:1", "a statement that a file of policies does not have (Assign)"),
        (BEGIN + "True\n" + BEGIN + "True", "4:1", "a second policy 'f'"),
        ("async " + BEGIN + "True", "1:1", "a statement that a file of policies does not have"),
        ("class A:\n    pass", "1:1", "a statement that a file of policies does not have (ClassDef)"),
    ],
)
def test_what_is_outside_the_subset_is_an_error_with_its_place(text: str, place: str, why: str) -> None:
    with pytest.raises(UnreadableRule) as raised:
        read_policies(text, "policies.py")
    assert raised.value.message.startswith(f"policies.py:{place}")
    assert why in raised.value.message
    assert raised.value.hint
    assert max(map(len, raised.value.message.splitlines())) < 200


def test_a_field_that_is_nearly_there_is_named() -> None:
    with pytest.raises(UnreadableRule) as raised:
        read_policies(BEGIN + "vm.availabel > 3", "policies.py")
    assert raised.value.hint == "did you mean 'available'?"


@pytest.mark.parametrize(
    ("character", "name"),
    [
        ("\u202e", "U+202E (right-to-left override)"),
        ("\u2066", "U+2066 (left-to-right isolate)"),
        ("\u2028", "U+2028 (line separator)"),
        ("\x07", "U+0007 (a control character)"),
        ("\x0c", "U+000C (a control character)"),
    ],
)
@pytest.mark.parametrize("suffix", ["py", "toml"])
def test_a_character_that_makes_a_text_look_otherwise_is_an_error_with_its_place(
    character: str, name: str, suffix: str
) -> None:
    text = {"py": f'def f(vm: Vm) -> bool:\n    """x{character}y"""\n    return vm.held > 3\n',
            "toml": f'[f]\nsays="x{character}y"\nholds="vm.held > 3"\n'}[suffix]  # fmt: skip
    with pytest.raises(InputError) as raised:
        read_policies(text, f"policies.{suffix}")
    place = {"py": "policies.py:2:9", "toml": "policies.toml:2:8"}[suffix]
    assert raised.value.message.startswith(f"{place}: the character {name} is not seen")


def test_letters_of_any_script_are_fine_in_a_sentence() -> None:
    (policy,) = read_policies('def f(vm: Vm) -> bool:\n    """Größe 中 ذاكرة."""\n    return vm.held > 3\n', "p.py")
    assert policy.sentence == "Größe 中 ذاكرة."


@pytest.mark.parametrize("text", ["", "# nothing", "def f(", "\0", "'only words'", "(" * 5000, "x" * (2**20 + 1)])
def test_what_is_no_file_of_policies_is_an_error(text: str) -> None:
    with pytest.raises(NilometerError) as raised:
        read_policies(text, "policies.py")
    assert isinstance(raised.value, InputError)
    assert raised.value.message.startswith("policies.py:")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("def f(vm: Vm -> bool:\n", "policies.py:1:14: this is not Python: "),
        (BEGIN + "vm.held > 1" + "0" * 5000, "policies.py:3: a number of thousands of digits"),
        (BEGIN + "vm.held" + " + 1" * 50_000 + " > 1", "policies.py: an expression is nested too deeply"),
    ],
)
def test_what_python_cannot_parse_is_said_in_words_of_policies(text: str, why: str) -> None:
    with pytest.raises(InputError) as raised:
        read_policies(text, "policies.py")
    assert raised.value.message.startswith(why)
    assert "sys." not in raised.value.message


def test_an_empty_file_is_answered_in_its_own_language() -> None:
    for source, begin in (("p.toml", "write a table"), ("p.py", "write a function")):
        with pytest.raises(InputError) as raised:
            read_policies("# nothing yet", source)
        assert raised.value.hint is not None
        assert raised.value.hint.startswith(begin)


def test_nothing_of_a_file_is_run() -> None:
    text = 'def f(vm: Vm = print("run")) -> bool:\n    """x"""\n    return True\n'
    with pytest.raises(UnreadableRule):
        read_policies(text, "policies.py")


def test_scopes_are_patterns_of_names() -> None:
    text = f'@scope(vms=("db*", "sql0[12]"), hosts="hv1?")\n{BEGIN}True'
    (policy,) = read_policies(text, "policies.py")
    assert [policy.scope.has_vm(name) for name in ("db02", "sql01", "sql03", "web01", "DB02")] == [
        True, True, False, False, False,
    ]  # fmt: skip
    assert [policy.scope.has_host(name) for name in ("hv11", "hv1", "hv2")] == [True, False, False]
    assert policy.scope.has_vm("d9e0eb0a", "db7")  # an id, and the name that people know
    assert policy.text == f"{text}\n"


def a_policy(pattern: str) -> str:
    body = 'def small(vm: Vm) -> bool:\n    """Small."""\n    return vm.held <= GiB\n'
    return f'@scope(hosts="hv*", vms={pattern!r})\n{body}'


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        ("db[0-", "the [ in 'db[0-' is not closed"),
        ("db[", "the [ in 'db[' is not closed"),
        ("db[]", "the [ in 'db[]' is not closed"),
        ("db[!]", "the [ in 'db[!]' is not closed"),
        ("db[0-9]x[", "the [ in 'db[0-9]x[' is not closed"),
        ("db[9-0]", "no character is in the range 9-0 of 'db[9-0]'"),
    ],
)
def test_a_pattern_that_matches_other_names_than_it_seems_to_is_an_error(pattern: str, why: str) -> None:
    with pytest.raises(UnreadableRule) as caught:
        read_policies(a_policy(pattern), "p.py")
    assert caught.value.message.startswith(f"p.py:1:21: {why}\n")
    assert caught.value.hint == '"db[0-9]" for a digit, "[[]" for the character ['
    (kept,) = read_policies(a_policy(pattern), "p.py", is_adopted=True)  # a ledger may have adopted it
    assert kept.scope.vms == (pattern,)


@pytest.mark.parametrize(
    ("pattern", "name"),
    [("db[0-9]", "db7"), ("db[[]", "db["), ("db[]x]", "db]"), ("db[!0-9]", "dbx"), ("db]", "db]"), ("db[-a]", "db-")],
)
def test_brackets_that_mean_something_are_fine(pattern: str, name: str) -> None:
    (policy,) = read_policies(a_policy(pattern), "p.py")
    assert policy.scope.has_vm(name)
