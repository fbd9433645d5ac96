"""``nilo policy test``: what policies say of the examples beside them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.nilometer.cli.calling import Desk
from tests.nilometer.cli.test_schemas import problems
from tests.paths import ROOT

POLICIES = '''
def keeps_8_gib(vm: Vm) -> bool:
    """Never less than 8 GiB, unless it is off."""
    return vm.power is Power.OFF or vm.assigned >= 8 * GiB

def tenth_stays_free(host: Host) -> bool:
    """10 % of the host stays free."""
    return host.free * 10 >= host.total
'''


def call(desk: Desk, *examples: dict[str, Any] | str, format: str = "plain") -> Any:
    """The answer about some examples."""
    desk.write("p.py", POLICIES)
    lines = [line if isinstance(line, str) else json.dumps(line) for line in examples]
    desk.write("p.examples.jsonl", "\n".join(lines))
    return desk.call("policy", "test", str(desk.folder / "p.py"), "--format", format)


RIGHT: tuple[dict[str, Any], ...] = (
    {"policy": "keeps_8_gib", "holds": True, "vm": {"power": "running", "assigned": "8GiB"}},
    {"policy": "keeps_8_gib", "holds": False, "vm": {"power": "saved", "assigned": 4096}},
    {"policy": "keeps_8_gib", "holds": True, "vm": {"power": "off"}},
    {"policy": "keeps_8_gib", "holds": None, "vm": {"power": "running"}},
    {"policy": "tenth_stays_free", "holds": True, "host": {"total": "10GiB", "free": "1GiB"}},
    {"policy": "tenth_stays_free", "holds": False, "host": {"total": "10GiB", "reserve": "1GiB", "held": "9GiB"}},
)


def test_examples_that_are_right_end_with_0(desk: Desk) -> None:
    shown = call(desk, *RIGHT)
    assert (shown.code, shown.out) == (0, "6 of 6 examples are as the policies say.\n")
    document = call(desk, *RIGHT, format="json").json
    assert problems("policy-test", document) == []
    assert [example["found"] for example in document["examples"]] == [True, False, True, None, True, False]


def test_each_wrong_example_is_shown_with_its_place_and_sentence(desk: Desk) -> None:
    said: list[str] = []
    for example in RIGHT:
        for holds in {True, False, None} - {example["holds"]}:
            shown = call(desk, "", example | {"holds": holds, "because": "of this"})
            assert shown.code == 1
            assert f"{desk.folder}/p.examples.jsonl:2: {example['policy']} " in shown.out
            assert "(of this)" in shown.out
            said.append(shown.out)
    assert "10 % of the host stays free." in said[-1]
    assert said[-1].splitlines()[-1] == "No example of keeps_8_gib."


@pytest.mark.parametrize(
    ("example", "error"),
    [
        ("", "there is no example"),
        ("[]", "is not a JSON object"),
        ("{", "p.examples.jsonl:1"),
        ({"policy": "keeps_8", "holds": True}, "there is no policy 'keeps_8'"),
        ({"policy": "keeps_8_gib"}, "'holds' is not true, false or null"),
        ({"policy": "keeps_8_gib", "holds": "yes"}, "'holds' is not true, false or null"),
        ({"policy": "keeps_8_gib", "holds": True, "vms": {}}, "'vms' is not a key of an example"),
        ({"policy": "keeps_8_gib", "holds": True, "vm": []}, "'vm' is not an object"),
        ({"policy": "keeps_8_gib", "holds": True, "vm": {"asigned": 1}}, "there is no figure 'vm.asigned'"),
        ({"policy": "keeps_8_gib", "holds": True, "vm": {"assigned": "8 GiB"}}, "vm.assigned: "),
        ({"policy": "keeps_8_gib", "holds": True, "vm": {"assigned": -1}}, "vm.assigned: -1"),
        ({"policy": "keeps_8_gib", "holds": True, "vm": {"assigned": True}}, "vm.assigned: True"),
        ({"policy": "keeps_8_gib", "holds": True, "vm": {"power": "on"}}, "vm.power: 'on' is not one of off, running"),
        ({"policy": "keeps_8_gib", "holds": True, "vm": {"session": "1GiB"}}, "vm.session: '1GiB'"),
    ],
)
def test_what_is_no_example_is_an_error_with_its_place(desk: Desk, example: dict[str, Any] | str, error: str) -> None:
    result = call(desk, example)
    assert (result.code, result.out) == (2, "")
    assert error in result.err
    assert "hint: " in result.err


def test_the_examples_of_the_documentation_are_right(desk: Desk) -> None:
    shown = desk.call("policy", "test", str(ROOT / "docs" / "examples" / "policies.py"))
    assert (shown.code, shown.out) == (0, "5 of 5 examples are as the policies say.\n")
    assert desk.call("policy", "test", str(ROOT / "docs" / "examples" / "policies.py"), "none.jsonl").code == 2


def test_a_file_of_policies_without_examples_says_where_they_are_looked_for(desk: Desk) -> None:
    answer = desk.call("policy", "test", desk.write("alone.py", POLICIES))
    assert answer.code == 2
    assert f"{desk.folder}/alone.examples.jsonl: there is no such file" in answer.err
    assert "hint: write one a line: " in answer.err


def test_the_line_that_cannot_be_read_stands_on_a_line_of_its_own(desk: Desk) -> None:
    answer = desk.call("policy", "test", desk.write("bad.py", "def f(vm) -> bool:\n    'x'\n    return True\n"))
    assert answer.code == 2
    assert answer.err.splitlines()[1:3] == ["  def f(vm) -> bool:", "        ^"]
