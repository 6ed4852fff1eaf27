"""``Opened``: a file that several may be sending."""

from __future__ import annotations

import os
from weakref import finalize

__all__ = ["Opened"]


class Opened:
    """A file that is open until everybody who holds it has released it.

    :param descriptor: the file, of which this takes care from here on; whoever makes this holds it.
    :ivar descriptor: the file, to be read at given places.
    """

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self._holders = 1
        # Whoever is cancelled while it is being opened for him cannot release it.
        self._close = finalize(self, os.close, descriptor)

    def hold(self) -> None:
        """Keep it open."""
        self._holders += 1

    def release(self) -> None:
        """Let it be closed."""
        self._holders -= 1
        if not self._holders:
            self._close()
