"""What clients do wrong, with the status that tells them."""

from __future__ import annotations

from http import HTTPStatus

from netforge.protocols.errors import RemoteProtocolError

__all__ = ["BadRequest"]


class BadRequest(RemoteProtocolError):  # noqa: N818  the status's name
    """A request that cannot be served, and after which nothing on the connection can be trusted.

    :param message: what was wrong.
    :param status: what is answered.
    """

    def __init__(self, message: str, status: HTTPStatus = HTTPStatus.BAD_REQUEST) -> None:
        body = f"{status.value} {status.phrase}: {message}\n".encode()
        head = (
            f"HTTP/1.1 {status.value} {status.phrase}\r\n"
            f"content-type: text/plain; charset=utf-8\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
        )
        super().__init__(message, head.encode() + body)
        self.status = status
