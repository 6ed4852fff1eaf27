"""Why a WebSocket ended, and why one never began."""

from __future__ import annotations

from enum import IntEnum

from netforge.protocols.errors import RemoteProtocolError
from netforge.protocols.http import Headers

__all__ = ["CloseCode", "Closed", "Refused", "Violation"]


class CloseCode(IntEnum):
    """Why a WebSocket ends (RFC 6455, section 7.4.1). Applications have 4000 to 4999 for their own."""

    NORMAL = 1000
    GOING_AWAY = 1001
    PROTOCOL_ERROR = 1002
    UNSUPPORTED_DATA = 1003
    NO_CODE = 1005
    ABNORMAL = 1006
    INVALID_DATA = 1007
    POLICY_VIOLATION = 1008
    TOO_LARGE = 1009
    MISSING_EXTENSION = 1010
    INTERNAL_ERROR = 1011
    RESTART = 1012
    TRY_LATER = 1013
    BAD_GATEWAY = 1014


class Closed(ConnectionError):  # noqa: N818  what it says, not what went wrong
    """The WebSocket has ended.

    :param code: what who ended it said; 1005 if that was no code, 1006 if the connection was lost without a word.
    :param reason: the same in words; may be empty.
    """

    def __init__(self, code: int, reason: str = "") -> None:
        super().__init__(f"{code}{': ' * bool(reason)}{reason}")
        self.code = code
        self.reason = reason


class Violation(RemoteProtocolError):  # noqa: N818  the RFC's word would be failure
    """The peer broke a rule of WebSocket. Nothing that it sends after this can be understood.

    :param code: what it is told.
    """

    def __init__(self, message: str, code: CloseCode = CloseCode.PROTOCOL_ERROR) -> None:
        super().__init__(message)
        self.code = code


class Refused(RemoteProtocolError):  # noqa: N818  what the server did
    """The server did not answer as a server of WebSocket does.

    :param status: what it answered; 0 if that cannot be told.
    :param headers: the fields of its answer, if it did not agree.
    """

    def __init__(self, message: str, status: int = 0, headers: Headers | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.headers = headers or []
