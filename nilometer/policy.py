"""The names of a file of policies, for an editor: ``from nilometer.policy import GiB, Host, Power, Vm, scope``.

A file of policies is read, never run. The names are there without the import too.
"""

from collections.abc import Callable
from typing import TypeVar

from rules.policies.vocabulary import Command as Command
from rules.policies.vocabulary import GiB as GiB
from rules.policies.vocabulary import Group as Group
from rules.policies.vocabulary import Guest as Guest
from rules.policies.vocabulary import Host as Host
from rules.policies.vocabulary import HostVersion as HostVersion
from rules.policies.vocabulary import MiB as MiB
from rules.policies.vocabulary import Mode as Mode
from rules.policies.vocabulary import Power as Power
from rules.policies.vocabulary import TiB as TiB
from rules.policies.vocabulary import Vm as Vm

P = TypeVar("P", bound=Callable[..., bool])


def scope(
    *,
    vms: str | tuple[str, ...] = "*",
    hosts: str | tuple[str, ...] = "*",
    one: str = "",
    other: str = "",
    group: str = "",
    inside: str | tuple[str, ...] = (),
    outside: str | tuple[str, ...] = (),
    zone: str = "",
) -> Callable[[P], P]:
    """To which VMs and hosts a policy applies, and when.

    ``vms`` and ``hosts`` are patterns of names or ids, as ``db*``. ``one`` and ``other`` name the two VMs of a policy
    over a pair, ``group`` the group of a policy over the sum of its VMs. ``inside`` and ``outside`` are times of the
    week, as ``Sat 22:00-04:00``, on the clocks of ``zone``, as ``Europe/Berlin``.
    """
    del vms, hosts, one, other, group, inside, outside, zone
    return lambda policy: policy
