"""How workers are given tests: all examples of one test together, and what is done is forgotten.

The scheduler of pytest-xdist gives them out one by one, and after each it counts through all that the worker ever had.
With ten thousand tests that took more than the tests of most folders.
"""

from __future__ import annotations

from xdist.scheduler import LoadGroupScheduling


class SchedulingByFunction(LoadGroupScheduling):
    """Gives out what belongs to a group, or is parametrized, to one worker; the longest lists first."""

    def _split_scope(self, nodeid: str) -> str:
        group = super()._split_scope(nodeid)
        return group if group != nodeid else nodeid.partition("[")[0]

    def mark_test_complete(self, node: object, item_index: int, duration: float = 0) -> None:
        super().mark_test_complete(node, item_index, duration)
        assigned = self.assigned_work[node]
        done = self._split_scope(self.registered_collections[node][item_index])
        if all(assigned[done].values()):
            del assigned[done]
