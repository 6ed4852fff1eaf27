"""permessage-deflate (RFC 7692): compressed messages."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

from netforge.protocols.websocket.errors import CloseCode, Violation
from netforge.protocols.websocket.extensions.parameters import Parameters

__all__ = ["NAME", "Agreement", "Deflater", "Inflater", "agree", "confirm", "offer"]

NAME = "permessage-deflate"

#: What is taken off the end of each compressed message, and put back there (RFC 7692, section 7.2.1).
TAIL = b"\x00\x00\xff\xff"
#: The logarithm of the window that we ask for and use: 4 KiB. Together with the memory level it makes a compressor take
#: 32 KiB and not 256, and messages are seldom so long that a larger window finds more.
BITS = 12
MEMORY = 5
#: The smallest window that zlib compresses with.
LEAST_BITS = 9
#: Compressing what is shorter makes it longer.
SHORT = 16
#: How often a compressor may end within a message (RFC 7692, section 7.2.3.4). Each end costs a new decompressor.
MOST_ENDS = 16

_WINDOWS = range(8, 16)
_SWITCHES = ("server_no_context_takeover", "client_no_context_takeover")
_SIZES = ("server_max_window_bits", "client_max_window_bits")


@dataclass(frozen=True, slots=True)
class Agreement:
    """What client and server have agreed on (RFC 7692, section 7.1).

    :param server_bits: the logarithm of the window of the server's compressor.
    :param client_bits: of the client's.
    :param server_forgets: whether the server compresses each message by itself.
    :param client_forgets: whether the client does.
    """

    server_bits: int
    client_bits: int
    server_forgets: bool
    client_forgets: bool

    def ends(self, *, client: bool) -> tuple[Inflater, Deflater]:
        """What inflates and deflates on one side.

        :param client: whether on the client's.
        """
        server_side, client_side = (self.server_bits, self.server_forgets), (self.client_bits, self.client_forgets)
        theirs, ours = (server_side, client_side) if client else (client_side, server_side)
        return Inflater(*theirs), Deflater(*ours)


def agree(offered: Parameters) -> tuple[Agreement, str] | None:
    """What a server makes of an offer, and how it says so; ``None`` if it cannot take it (RFC 7692, section 7.1)."""
    if not _sound(offered, valueless=("client_max_window_bits",)):
        return None
    server_bits = int(offered.get("server_max_window_bits") or 15)
    if server_bits < LEAST_BITS:
        return None
    agreement = Agreement(
        min(server_bits, BITS),
        min(int(offered["client_max_window_bits"] or 15), BITS) if "client_max_window_bits" in offered else 15,
        server_forgets="server_no_context_takeover" in offered,
        client_forgets="client_no_context_takeover" in offered,
    )
    said = [NAME, *(name for name in _SWITCHES if name in offered)]
    said.append(f"server_max_window_bits={agreement.server_bits}")
    if "client_max_window_bits" in offered:
        said.append(f"client_max_window_bits={agreement.client_bits}")
    return agreement, "; ".join(said)


def offer() -> str:
    """What a client offers."""
    return f"{NAME}; client_max_window_bits={BITS}; server_max_window_bits={BITS}"


def confirm(answered: Parameters) -> Agreement | None:
    """What a client makes of the answer to :func:`offer`; ``None`` if it is none."""
    if not _sound(answered, valueless=()):
        return None
    client_bits = int(answered.get("client_max_window_bits") or BITS)
    if client_bits < LEAST_BITS:
        return None
    return Agreement(
        # Whatever the server's window is, it can be inflated.
        int(answered.get("server_max_window_bits") or 15),
        min(client_bits, BITS),
        server_forgets="server_no_context_takeover" in answered,
        client_forgets="client_no_context_takeover" in answered,
    )


def _sound(parameters: Parameters, valueless: tuple[str, ...]) -> bool:
    """Whether all of the parameters are known and have the values that they may have."""
    for name, value in parameters.items():
        if name in _SWITCHES:
            right = value is None
        elif name in _SIZES:
            right = name in valueless if value is None else value in map(str, _WINDOWS)
        else:
            right = False
        if not right:
            return False
    return True


class Inflater:
    """Inflates what one side sends, never to more than there is room for.

    :param bits: the logarithm of the window.
    :param forgets: whether each message stands by itself.
    """

    __slots__ = ("_bits", "_core", "_ends", "_forgets")

    def __init__(self, bits: int, forgets: bool) -> None:
        self._bits = bits
        self._forgets = forgets
        self._core = zlib.decompressobj(-bits)
        self._ends = 0

    def inflate(self, data: bytes, most: int) -> bytes:
        """A piece of a message.

        :param most: bytes that there is room for. Of more, one more is returned.
        :raises Violation: if that is not what a compressor makes.
        """
        inflated = self._inflate(data, most + 1)
        while self._core.eof and len(inflated) <= most:
            data = self._core.unused_data
            self._ends += 1
            if self._ends > MOST_ENDS:
                raise Violation("a compressed message ends too often", CloseCode.INVALID_DATA)
            self._core = zlib.decompressobj(-self._bits)
            inflated += self._inflate(data, most + 1 - len(inflated))
        return inflated

    def end(self, most: int) -> bytes:
        """What is left at the end of a message.

        :raises Violation: as :meth:`inflate`.
        """
        inflated = self.inflate(TAIL, most)
        self._ends = 0
        if self._forgets:
            self._core = zlib.decompressobj(-self._bits)
        return inflated

    def _inflate(self, data: bytes, most: int) -> bytes:
        try:
            return self._core.decompress(data, most)
        except zlib.error:
            raise Violation("a compressed message cannot be inflated", CloseCode.INVALID_DATA) from None


class Deflater:
    """Deflates what our side sends.

    :param bits: the logarithm of the window.
    :param forgets: whether each message stands by itself.
    """

    __slots__ = ("_bits", "_core", "_forgets")

    def __init__(self, bits: int, forgets: bool) -> None:
        self._bits = bits
        self._forgets = forgets
        self._core = self._compressor()

    def deflate(self, data: bytes) -> bytes:
        """A whole message."""
        if self._forgets:
            self._core = self._compressor()
        deflated = self._core.compress(data) + self._core.flush(zlib.Z_SYNC_FLUSH)
        return deflated[: -len(TAIL)]

    def _compressor(self) -> zlib._Compress:
        return zlib.compressobj(wbits=-self._bits, memLevel=MEMORY)
