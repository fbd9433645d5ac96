"""Policies in TOML: one expression each, read as the function that it stands for; errors have their place."""

from __future__ import annotations

import pytest

from domain.errors import InputError
from rules.policies.reading import read_policies
from rules.symbolic.source import UnreadableRule

TEXT = '''# Policies of a shop.
[tenth_stays_free]
says = "10 % of each host stay free."
holds = "host.free * 10 >= host.total"

[db_keeps_8_gib]
vms = ["db*", 'sql*']
outside = "Sat 22:00-04:00"
zone = "Europe/Berlin"
says = """
  A db VM never has less than 8 GiB,
  unless it is off."""
holds = """
  vm.power is Power.OFF  # whatever it had
    or vm.assigned >= 8 * GiB"""

[together]
one = "web01"
other = "web02"
says = "Never over 64 GiB together."
holds = 'one.held + other.held <= 64 * GiB'
'''

PYTHON = '''
def tenth_stays_free(host: Host) -> bool:
    """10 % of each host stay free."""
    return host.free * 10 >= host.total

@scope(vms=("db*", "sql*"), outside="Sat 22:00-04:00", zone="Europe/Berlin")
def db_keeps_8_gib(vm: Vm) -> bool:
    """A db VM never has less than 8 GiB,
    unless it is off."""
    return vm.power is Power.OFF or vm.assigned >= 8 * GiB

@scope(one="web01", other="web02")
def together(one: Vm, other: Vm) -> bool:
    """Never over 64 GiB together."""
    return one.held + other.held <= 64 * GiB
'''


@pytest.mark.parametrize("text", [TEXT, TEXT.replace("\n", "\r\n")])
def test_toml_and_python_are_read_alike(text: str) -> None:
    one, other = read_policies(text, "p.toml"), read_policies(PYTHON, "p.py")
    assert [(p.name, p.sentence, p.scope, p.over, p.term) for p in one] == [
        (p.name, p.sentence, p.scope, p.over, p.term) for p in other
    ]
    assert [policy.place for policy in one] == ["p.toml:2", "p.toml:6", "p.toml:17"]


def test_the_text_of_each_is_its_table_and_is_read_again_without_the_name_of_a_file() -> None:
    for policy in read_policies(TEXT, "p.toml"):
        (again,) = read_policies(policy.text, "what was kept")
        assert (again.name, again.scope, again.term, again.text) == (
            policy.name,
            policy.scope,
            policy.term,
            policy.text,
        )


def table(holds: str, more: str = "") -> str:
    return f'[x]\nsays = "s"\n{more}\nholds = {holds}\n'


FREE = '"host.free > 1"'


@pytest.mark.parametrize(
    ("text", "place", "why"),
    [
        (table('"host.free * host.total > 0"'), "4:10", "a product of two things that vary"),
        (table('"""\n  host.free >=\n   open(3)"""'), "6:4", "a call of 'open'"),
        (table("'''host.free >= 1\n or host.fre > 1'''"), "5:5", "Host has no field or rule 'fre'"),
        (table('"host.free >="'), "4:22", "this is not an expression of Python"),
        (table('"a) or (b"'), "4:11", "this is not an expression of Python"),
        (table('"äö.x or host.fre > 1"'), "4:10", "äö.x is not a member of an enum"),
        (table('"host.total > 0 and äö"'), "4:29", "the name 'äö'"),
        (table("3"), "4:1", "has no text 'holds'"),
        (table('"host.\\u0066ree > 1"'), "4:1", "not written as it is"),
        (table('"(lambda: True)()"'), "1:1", "a policy that is about nothing"),
        (table('"host.free > 1 and (lambda: 3)()"'), "4:28", "a call of lambda"),
        (table('"(y := host.free) > 1"'), "4:11", "an expression that rules do not have"),
        (table('"host.__class__ > 1"'), "4:10", "a name with __ before it"),
        (table('"True"'), "1:1", "is about nothing"),
        (table(f'"{"(" * 250}host.free>1{")" * 250}"'), "4:209", "too many nested parentheses"),
        (table('"' + "not " * 900 + 'vm.vsc"'), "1:1", "nested too deeply"),
        ('[x]\nholds="host.free>1"\n', "1:1", "has no text 'says'"),
        ('[x]\nsays = " "\nholds="host.free>1"\n', "2:1", "has no text 'says'"),
        ('["x y"]\nsays = "s"\nholds="host.free>1"\n', "1:1", "'x y' is not a name of a policy"),
        (table(FREE, 'vms = "db*"'), "3:1", "a scope that this policy does not have"),
        (table(FREE, 'colour = "red"'), "3:1", "a scope that this policy does not have"),
        (table('"vm.vsc"', "vms = []"), "3:1", "a scope that names nothing"),
        (table('"vm.vsc"', 'vms = ["a", 3]'), "3:1", "a pattern that is not a text"),
        (table('"vm.vsc"', 'vms = " a"'), "3:1", "a scope that names nothing"),
        (table('"vm.vsc"', 'outside = "Sat 22:00-04:00"'), "3:1", "a window without its time zone"),
        (table('"vm.vsc"', 'zone = "UTC"'), "3:1", "a zone without a window"),
        (table('"vm.vsc"', 'inside = "1"\noutside = "2"\nzone = "UTC"'), "3:1", "a window without its time zone"),
        (table('"vm.vsc"', 'outside = "Sat 22-04"\nzone = "UTC"'), "3:1", "'Sat 22-04' is not a time of the week"),
        (table('"vm.vsc"', 'outside = "Son 22:00-04:00"\nzone = "UTC"'), "3:1", "is not a time of the week"),
        (table('"vm.vsc"', 'outside = "22:00-04:00"\nzone = "Mars/Base"'), "3:1", "there is no time zone 'Mars/Base'"),
        (table('"vm.vsc"', 'outside = "00:00-24:00"\nzone = "UTC"'), "3:1", "leaves no time"),
        (table('"one.vsc"', 'one = "a"'), "1:1", "a policy over two VMs and more, or less"),
        (table('"one.vsc or other.vsc"', 'one = "a"'), "1:1", "over two VMs that it does not name"),
        (table('"one.vsc or other.vsc"', 'one = "a"\nother = "b*"'), "4:1", "other is not one name"),
        (table('"one.vsc or other.vsc"', 'one = "a"\nother = "a"'), "4:1", "a policy over a VM and itself"),
        (table('"one.vsc or other.vsc or vm.vsc"', 'one = "a"\nother = "b"'), "1:1", "two VMs and more, or less"),
        (table('"group.held > vm.held"'), "1:1", "a policy over a group and more, or less"),
        (table('"group.held > 1"', 'hosts = "a"'), "3:1", "a scope that this policy does not have"),
        (table('"group.held > 1"', 'group = ["a"]'), "3:1", "group is not one name"),
        (table('"before.held > 1"'), "1:1", "before a command, and not after it"),
        (table(FREE) + table(FREE), "5", "this is not TOML: Cannot declare ('x',) twice"),
        (
            table('"group.held > 1"', 'vms="a"\ngroup="g"') + '[y]\nsays="s"\ngroup="g"\nholds = "group.held > 2"',
            "6:1",
            "a second group 'g', of other VMs",
        ),
        ("x = 1", "1", "'x' stands in no table of a policy"),
        ("[x", "1", "this is not TOML"),
        ("[[x]]\nsays = 's'", "1", "a table in a table, or a list of tables"),
        ("[x.y]\nsays = 's'", "1", "a table in a table"),
        ("[x]\nsays.a = 's'", "2", "'says' stands in no table of a policy"),
        ('[x]\nsays = "', "2", "this is not TOML: Unterminated string"),
    ],
)  # fmt: skip
def test_what_is_outside_the_subset_is_an_error_with_its_place_in_the_file(text: str, place: str, why: str) -> None:
    with pytest.raises((InputError, UnreadableRule)) as raised:
        read_policies(text, "p.toml")
    assert raised.value.message.startswith(f"p.toml:{place}:"), raised.value.message
    assert why in raised.value.message
    assert raised.value.hint
    if isinstance(raised.value, UnreadableRule):
        row = int(place.partition(":")[0])
        line, caret = raised.value.message.splitlines()[1:3]
        assert line.strip("… ") in text.splitlines()[row - 1]
        assert len(line) == 2 + len(text.splitlines()[row - 1]) or len(caret) <= len(line) < 170


@pytest.mark.parametrize("text", ["", "# nothing\n", "\n"])
def test_a_file_without_a_table_is_an_error(text: str) -> None:
    with pytest.raises(InputError, match="there is no policy"):
        read_policies(text, "p.toml")
