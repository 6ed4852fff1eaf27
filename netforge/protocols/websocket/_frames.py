"""The first two bytes of a frame (RFC 6455, section 5.2), and what may be in a Close."""

from __future__ import annotations

from typing import Final

__all__ = ["BINARY", "CLOSE", "CODES", "COMPRESSED", "CONTINUATION", "FIN", "MOST_CONTROL", "PING", "PONG", "TEXT"]

CONTINUATION: Final = 0x0
TEXT: Final = 0x1
BINARY: Final = 0x2
CLOSE: Final = 0x8
PING: Final = 0x9
PONG: Final = 0xA

#: The last frame of a message; and, in the second byte, a frame that is masked.
FIN: Final = 0x80
#: A message that is compressed (RFC 7692, section 6).
COMPRESSED: Final = 0x40

#: The most bytes of a control frame (RFC 6455, section 5.5), and of what has its length in the second byte.
MOST_CONTROL: Final = 125

#: Codes that may be said (RFC 6455, section 7.4): what is registered, and what is left to libraries and applications.
CODES: Final = frozenset((1000, 1001, 1002, 1003, *range(1007, 1015), *range(3000, 5000)))
