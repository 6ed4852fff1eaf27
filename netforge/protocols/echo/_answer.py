"""The client's side of all these services: one answer, of a known size or up to the end of the stream."""

from __future__ import annotations

from netforge.protocols.echo.events import Answer
from netforge.protocols.errors import RemoteProtocolError

__all__ = ["AnswerReader"]


class AnswerReader:
    """Collect one answer and tell when it is whole.

    :param cap: the most bytes that the answer may have.
    :param exact: the answer has *cap* bytes, no less, and is whole with the last of them; what follows is not looked
        at. Otherwise it is whole when the stream ends.
    """

    def __init__(self, cap: int, *, exact: bool = False) -> None:
        self._cap = cap
        self._exact = exact
        self._data = bytearray()
        self._whole = False

    def receive_data(self, data: bytes) -> list[Answer]:
        """Take what the peer sent.

        :param data: any number of bytes.
        :returns: the answer, if this made it whole; otherwise nothing.
        :raises RemoteProtocolError: the answer is longer than the cap.
        """
        if self._whole:
            return []
        self._data += data
        if len(self._data) < self._cap:
            return []
        if self._exact:
            del self._data[self._cap :]
            return self._complete()
        if len(self._data) > self._cap:
            raise RemoteProtocolError(f"the answer is longer than {self._cap} bytes")
        return []

    def receive_eof(self) -> list[Answer]:
        """Take note that the peer will send nothing more.

        :returns: the answer, if it was still open; otherwise nothing.
        :raises RemoteProtocolError: the stream ended before the answer was whole.
        """
        if self._whole:
            return []
        if self._exact:
            raise RemoteProtocolError(f"the stream ended after {len(self._data)} of {self._cap} bytes")
        return self._complete()

    def _complete(self) -> list[Answer]:
        self._whole = True
        return [Answer(bytes(self._data))]
