"""Every vector of the memory model, and the edges beside them, on the real decider."""

from __future__ import annotations

import pytest

from tests.domain.world import World
from tests.oracle.driving import faults_of_vector
from tests.oracle.edges import EDGES
from tests.oracle.vectors import VECTORS, Vector


@pytest.mark.parametrize("vector", [*VECTORS, *EDGES], ids=lambda vector: vector.name)
def test_the_vectors_hold(vector: Vector) -> None:
    assert faults_of_vector(World(), vector) == []
