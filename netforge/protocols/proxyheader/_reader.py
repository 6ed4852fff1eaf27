"""The header at the beginning of a connection."""

from __future__ import annotations

from netforge.protocols.errors import RemoteProtocolError
from netforge.protocols.proxyheader._binary import FIXED, SIGNATURE, decode_v2, size_of
from netforge.protocols.proxyheader._text import LINE_CAP, PREFIX, decode_v1
from netforge.protocols.proxyheader.events import Header, Payload

__all__ = ["HeaderReader"]

_SHOWN = 24


class HeaderReader:
    """Reads a header of either version, and passes on what comes after it. Never keeps more than a header may have."""

    def __init__(self) -> None:
        self._data = b""
        self._whole = False

    def receive_data(self, data: bytes) -> list[Header | Payload]:
        """Take the next bytes of the connection.

        :returns: the header once it is whole, and what came after it.
        :raises RemoteProtocolError: this is not a header, or none that is allowed. The connection must be dropped
            (section 2): what comes from it cannot be believed.
        """
        if self._whole:
            return [Payload(data)] if data else []
        data = self._data + data
        size = self._size(data)
        if size is None:
            self._data = data
            return []
        self._data, self._whole = b"", True
        header = decode_v1(data[: size - 2]) if data.startswith(PREFIX) else decode_v2(data[:size])
        return [header, *([Payload(data[size:])] if len(data) > size else [])]

    def _size(self, data: bytes) -> int | None:
        """How many bytes the header has; ``None`` if it is not whole yet."""
        if data.startswith(PREFIX):
            end = data.find(b"\r\n", 0, LINE_CAP)
            if end < 0 and len(data) >= LINE_CAP:
                raise RemoteProtocolError(f"expected CR LF within {LINE_CAP} bytes, found {data[:LINE_CAP]!r}")
            return None if end < 0 else end + 2
        if data.startswith(SIGNATURE):
            if len(data) < FIXED:
                return None
            size = size_of(data)
            return size if len(data) >= size else None
        if PREFIX.startswith(data) or SIGNATURE.startswith(data):
            return None
        raise RemoteProtocolError(f"expected a PROXY header, found {data[:_SHOWN]!r}")
