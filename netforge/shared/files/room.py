"""``Room``: how many bytes a tree holds, and how many more may come."""

from __future__ import annotations

import errno
from threading import Lock

from netforge.plugin import QuotaExceeded

__all__ = ["Room"]


class Room:
    """Counts the bytes of a tree's files. Any thread may use it.

    What is being written is reserved beside what it will replace, since both are there until the commit.

    :ivar used: the bytes of the files that can be seen.
    """

    def __init__(self) -> None:
        self.used = 0
        self._reserved = 0
        self._lock = Lock()

    def reserve(self, size: int, quota: int | None) -> None:
        """Reserve room for a file that is being written; with a negative *size*, give some back.

        :raises QuotaExceeded: if the tree would hold more than *quota* bytes.
        """
        with self._lock:
            wanted = self.used + self._reserved + size
            if quota is not None and size > 0 and quota < wanted:
                raise QuotaExceeded(errno.EDQUOT, f"the files may have {quota} bytes, and would have {wanted}")
            self._reserved += size

    def change(self, size: int, *, reserved: int = 0) -> None:
        """Note that the files have *size* bytes more, and *reserved* bytes are no longer reserved."""
        with self._lock:
            self.used += size
            self._reserved -= reserved
