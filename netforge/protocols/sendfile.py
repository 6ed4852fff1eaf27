"""Files that a transport sends by itself."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import ITransport

__all__ = ["can_send_files", "send_file"]


def send_file(transport: ITransport, descriptor: int, start: int, size: int) -> Deferred[int] | None:
    """Have a transport send a part of a file so that its bytes do not pass through this process.

    What of it the system does not have in memory is waited for in the thread of the reactor. Nothing may be written
    meanwhile.

    :param descriptor: the file, which stays open.
    :param start: where the part begins.
    :param size: of the part, in bytes.
    :return: fires with how many bytes were sent, fewer if the file ends or the connection is lost, and may be
        cancelled; ``None`` if the transport cannot do it, or not now.
    """
    return _method(transport)(transport, descriptor, start, size) if can_send_files(transport) else None


def can_send_files(transport: ITransport) -> bool:
    """Whether :func:`send_file` may be of use with a transport."""
    return _method(transport) is not None


def _method(transport: ITransport) -> Any:
    # Of its class, for what wraps a transport says that it has all of the transport's attributes, and TLS must not.
    return getattr(type(transport), "send_file", None)
