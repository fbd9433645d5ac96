"""Which hosts and VMs of a history belong together: a VM with every host that it ever was on, or was to be moved to.

What is judged, or kept, apart is cut between such groups. They are found in the text of events, without decoding them.
"""

from __future__ import annotations

import re
from typing import Final

OBSERVED: Final = b"observed"
"""Stands for all observed hosts and VMs: they are one group."""

_HOST: Final = re.compile(rb'"host":"([^"\\]+)"')
_DESTINATION: Final = re.compile(rb'"destination":"([^"\\]+)"')
_TO: Final = re.compile(rb'"to":"([^"\\]+)"')


class StreamGroups:
    """Streams that belong together."""

    def __init__(self) -> None:
        self._parent: dict[bytes, bytes] = {}

    def root(self, stream: bytes) -> bytes:
        """The stream that stands for a group."""
        parent = self._parent
        while (above := parent.get(stream, stream)) != stream:
            parent[stream] = parent.get(above, above)
            stream = above
        return stream

    def join(self, one: bytes, other: bytes) -> None:
        """Makes one group of two."""
        one, other = self.root(one), self.root(other)
        if one != other:
            self._parent[one] = other

    def add_event(self, stream: bytes, kind: bytes, text: bytes) -> bool:
        """Joins a VM with the host that its event puts it on or reads; returns whether the host could be found.

        ``text`` is JSON that contains the event's data, as Nilometer writes it.
        """
        if kind == b"vm.defined":
            host = _HOST.search(text)
        elif kind == b"vm.moved":
            host = _DESTINATION.search(text)
        elif kind == b"vm.command-refused" and b'"command":"move-vm"' in text:
            host = _TO.search(text)
        else:
            if b'"origin":"observed"' in text:
                self.join(stream, OBSERVED)
            return True
        if host is not None:
            self.join(stream, b"host/" + host[1])
        return host is not None
