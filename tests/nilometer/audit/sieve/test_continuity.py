"""States follow each other in the order of positions, whatever files they were read from."""

from __future__ import annotations

import numpy
import pytest

from nilometer.audit.sieve.continuity import Chain, States


def states(positions: list[int], before: list[int], after: list[int], figures: list[list[int]]) -> States:
    """States of one stream, in the order in which they were read."""
    columns = {
        "key": [4] * len(positions),
        "place": list(range(len(positions))),
        "position": positions,
        "before": before,
        "after": after,
    }
    return States({name: numpy.array(column) for name, column in columns.items()}, numpy.array(figures))


def test_states_of_several_files_are_in_the_order_of_positions() -> None:
    chain = Chain(None, states([5, 3, 9], [0, 0, 0], [0, 0, 0], [[1]]))
    assert chain["place"].tolist() == [1, 0, 2]
    assert chain.is_first.tolist() == [True, False, False]
    assert chain.is_last.tolist() == [False, False, True]


@pytest.mark.parametrize("repeated", [1, 20])
def test_figures_are_unchanged_where_they_are_those_that_were_left(repeated: int) -> None:
    rows = [[1, 1], [1, 2], [1, 2], [2, 1]]
    before, after = [0, 2, 2, 1] * repeated, [1, 2, 3, 0] * repeated
    chain = Chain(None, states(list(range(len(before))), before, after, rows))
    assert chain.is_unchanged().tolist()[1:] == ([True, True, False, True] * repeated)[:-1]


def test_a_state_that_was_kept_comes_before_new_ones() -> None:
    kept = states([-1], [0], [0], [[5]])
    chain = Chain(kept, states([8, 2], [0, 1], [1, 0], [[3], [5]]))
    assert chain["position"].tolist() == [-1, 2, 8]
    assert chain.is_unchanged().tolist()[1:] == [True, True]
