"""How little is little, in guests of any size."""

from __future__ import annotations

import pytest

from domain.observed.shortage import find_little
from domain.quantities import GiB, MiB


@pytest.mark.parametrize(
    ("assigned", "little"),
    [
        (1 * GiB, 256 * MiB),
        (2 * GiB, 512 * MiB),
        (4 * GiB, 512 * MiB),
        (10 * GiB, 512 * MiB),
        (20 * GiB, 1 * GiB),
        (100 * GiB, 5 * GiB),
        (100, 25),
        (0, 0),
    ],
)
def test_little_is_a_twentieth_but_512_mib_at_least_and_a_quarter_of_a_small_vm_at_most(
    assigned: int, little: int
) -> None:
    assert find_little(assigned) == little
