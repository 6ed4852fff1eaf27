"""Where the records of TLS end, by their headers alone."""

from __future__ import annotations

import sys

__all__ = ["Records"]

# Of bytes (RFC 8446, section 5.1): type, version, and the length in two bytes.
_HEADER = 5


class Records:
    """Follows one direction of a connection, from its beginning."""

    __slots__ = ("_aligned", "_begun", "_missing")

    def __init__(self) -> None:
        # Whether the last record is whole; if not, what there is of its header, or how many bytes are to come.
        self._aligned = True
        self._begun = b""
        self._missing = 0

    def is_single(self, data: bytes) -> bool:
        """Take the next bytes; whether they are just one record, and all before them are whole."""
        size = len(data)
        # Of no other type: what OpenSSL makes of the rest may be more than that.
        if self._aligned and size > _HEADER and data[0] == 23 and _HEADER + (data[3] << 8 | data[4]) == size:
            return True
        self._follow(data)
        return False

    def _follow(self, data: bytes) -> None:
        data = self._begun + data
        at = self._missing
        while len(data) >= at + _HEADER:
            # The hello of SSL 2 has a header of its own: then the end is never known.
            at = sys.maxsize if data[at] & 0x80 else at + _HEADER + int.from_bytes(data[at + 3 : at + 5])
        self._begun = data[at:]
        self._missing = max(at - len(data), 0)
        self._aligned = at == len(data)
