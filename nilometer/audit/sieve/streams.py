"""The streams of a history by numbers, in the order in which they are first seen."""

from __future__ import annotations


class Streams:
    """The names of streams, and their numbers."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self._numbers: dict[str, int] = {}

    def number(self, name: str) -> int:
        """The number of a stream, which is new if nobody has asked for it."""
        found = self._numbers.get(name)
        if found is None:
            found = self._numbers[name] = len(self.names)
            self.names.append(name)
        return found
