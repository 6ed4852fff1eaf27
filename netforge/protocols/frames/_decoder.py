"""What all decoders share: an error waits until the payloads before it are delivered."""

from __future__ import annotations

from abc import ABC, abstractmethod

from netforge.protocols.errors import RemoteProtocolError

__all__ = ["Decoder", "SizedDecoder"]


class Decoder(ABC):
    """Takes a stream in chunks of any size and gives its payloads.

    Between calls it holds at most one unfinished frame. After an error it holds nothing, and every call raises it.
    """

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._error: RemoteProtocolError | None = None

    @property
    def error(self) -> RemoteProtocolError | None:
        """What the next call raises; ``None`` while the stream is in order."""
        return self._error

    def receive_data(self, data: bytes) -> list[bytes]:
        """Take what the peer sent.

        :param data: any number of bytes.
        :returns: the payloads that are complete now. If an error follows them, the next call raises it.
        :raises RemoteProtocolError: a frame is too long or malformed, and nothing complete comes before it.
        """
        if self._error is not None:
            raise self._error
        payloads: list[bytes] = []
        try:
            self._take(data, payloads)
        except RemoteProtocolError as error:
            self._fail(error)
            if not payloads:
                raise
        return payloads

    def receive_eof(self) -> None:
        """Take note that the peer will send nothing more.

        :raises RemoteProtocolError: the stream ended inside a frame, or an earlier error waited.
        """
        if self._error is None and self._buffer:
            self._fail(RemoteProtocolError(f"the stream ended {len(self._buffer)} bytes into a frame"))
        if self._error is not None:
            raise self._error

    def _fail(self, error: RemoteProtocolError) -> None:
        self._error = error
        self._buffer = bytearray()

    @abstractmethod
    def _take(self, data: bytes, payloads: list[bytes]) -> None:
        """Append what is complete, buffer the rest."""


class SizedDecoder(Decoder):
    """For frames that announce the size of their payload.

    The buffer is looked at again only when the frame in it is complete, or its header still open: so the time is linear
    in the bytes, however they are cut.

    :param max_size: the most bytes of a payload.
    """

    _trailer = b""

    def __init__(self, max_size: int) -> None:
        super().__init__()
        self._max_size = max_size
        self._wanted = 0

    def _take(self, data: bytes, payloads: list[bytes]) -> None:
        if self._buffer:
            if len(self._buffer) + len(data) < self._wanted:
                self._buffer += data
                return
            data = bytes(self._buffer) + data
            self._buffer.clear()
        self._wanted = position = 0
        while position < len(data):
            header = self._read_header(data, position)
            if header is None:
                break
            start, size = header
            end = start + size
            stop = end + len(self._trailer)
            if stop > len(data):
                self._wanted = stop - position
                break
            if stop > end and data[end:stop] != self._trailer:
                raise RemoteProtocolError(f"expected {self._trailer!r} after the payload, found {data[end:stop]!r}")
            payloads.append(data[start:end])
            position = stop
        self._buffer += data[position:]

    def _too_long(self) -> RemoteProtocolError:
        return RemoteProtocolError(f"the peer announces a frame of more than {self._max_size} bytes")

    @abstractmethod
    def _read_header(self, data: bytes, position: int) -> tuple[int, int] | None:
        """Read the header at a position.

        :returns: where the payload starts, and its size; ``None`` while the header is incomplete.
        :raises RemoteProtocolError: the header is malformed, or the size above the cap.
        """
