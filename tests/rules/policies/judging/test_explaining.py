"""Why a policy does not hold of somebody, in its figures and with its bound."""

from __future__ import annotations

import pytest

from domain.quantities import GiB, MiB
from rules.policies.judging.explaining import explain_breach
from rules.policies.policy import Policy
from rules.policies.reading import read_policies

HOST = {"host.held": 61 * GiB, "host.reserve": 2 * GiB, "host.total": 64 * GiB}

READ = "(host.held is 61 GiB, host.reserve is 2 GiB, host.total is 64 GiB)"


def policy(holds: str, parameters: str, scope: str = "") -> Policy:
    (found,) = read_policies(
        f'{scope}\ndef asked({parameters}) -> bool:\n    """It is so."""\n    return {holds}\n', "p.py"
    )
    return found


@pytest.mark.parametrize(
    ("holds", "figures", "says"),
    [
        ("host.free >= 5 * GiB", HOST, "host.free is 1 GiB, less than 5 GiB"),
        ("host.free > 1 * GiB", HOST, "host.free is 1 GiB, no more than 1 GiB"),
        ("host.held <= 60 * GiB", HOST, "host.held is 61 GiB, more than 60 GiB"),
        ("host.held < 61 * GiB", HOST, "host.held is 61 GiB, no less than 61 GiB"),
        ("not host.held >= 61 * GiB", HOST, "host.held is 61 GiB, no less than 61 GiB"),
        (
            "host.free * 10 >= host.total",
            HOST,
            "host.total is 64 GiB, more than host.free * 10, 10 GiB " + READ,
        ),
        (
            "host.free >= 5 * GiB and host.reserve >= 1 * GiB and host.held <= 60 * GiB",
            HOST,
            "host.free is 1 GiB, less than 5 GiB, and host.held is 61 GiB, more than 60 GiB",
        ),
        (
            "host.free >= 5 * GiB if host.reserve > 0 else host.held <= 9 * GiB",
            HOST,
            "host.free is 1 GiB, less than 5 GiB",
        ),
    ],
)
def test_what_is_too_much_or_too_little_is_named_with_its_bound(holds: str, figures: dict[str, int], says: str) -> None:
    assert explain_breach(policy(holds, "host: Host"), figures) == says


def test_a_figure_of_a_vm_that_may_be_off_is_named() -> None:
    asked = policy("vm.assigned >= 512 * MiB or vm.power is Power.OFF", "vm: Vm")
    figures: dict[str, int | bool | str] = {"vm.assigned": 256 * MiB, "vm.power": "running"}
    assert explain_breach(asked, figures) == "vm.assigned is 256 MiB, less than 512 MiB"


def test_two_vms_and_a_group_are_named_by_what_they_hold_together() -> None:
    pair = policy("one.held + other.held <= 20 * GiB", "one: Vm, other: Vm", '@scope(one="web01", other="db01")')
    one: dict[str, int | bool | str] = {"one.assigned": 12 * GiB, "one.power": "running"}
    figures = {**one, "other.assigned": 10 * GiB, "other.power": "paused"}
    assert explain_breach(pair, figures) == "one.held + other.held is 22 GiB, more than 20 GiB"
    group = policy("group.held <= 20 * GiB", "group: Group", '@scope(vms="web*", group="shop")')
    assert explain_breach(group, {"group.held": 24 * GiB}) == "group.held is 24 GiB, more than 20 GiB"


def test_what_is_no_comparison_of_sizes_is_told_by_its_figures() -> None:
    asked = policy("vm.power is not Power.PAUSED", "vm: Vm")
    assert explain_breach(asked, {"vm.power": "paused"}) == "vm.power is paused"
