"""The quote of RFC 865.

The RFC recommends ASCII and leaves the syntax open. Ours is UTF-8, of which ASCII is a part, in lines that end in
CR LF.
"""

from __future__ import annotations

from netforge.protocols.errors import LocalProtocolError, RemoteProtocolError

__all__ = ["QUOTE_CAP", "format_quote", "parse_quote"]

QUOTE_CAP = 511
"""The most bytes of a quote, its last CR LF among them: RFC 865 wants "less than 512 characters"."""


def format_quote(quote: str) -> bytes:
    """Write a quote as the service sends it.

    A quote that is too long is refused rather than cut: half a sentence is not what its author said.

    :param quote: one line or several, however they end.
    :returns: at most 511 bytes.
    :raises LocalProtocolError: the quote is too long, or has a surrogate, which UTF-8 cannot express.
    """
    try:
        data = "".join(f"{line}\r\n" for line in quote.splitlines() or [""]).encode()
    except UnicodeEncodeError as error:
        raise LocalProtocolError(f"not a text: {quote!r}") from error
    if len(data) > QUOTE_CAP:
        raise LocalProtocolError(f"a quote has at most {QUOTE_CAP} bytes, not {len(data)}: {quote!r}")
    return data


def parse_quote(data: bytes) -> str:
    """Read a quote, of any length.

    :returns: the lines, with a line feed between them and none at the end.
    :raises RemoteProtocolError: the bytes are not UTF-8.
    """
    try:
        return "\n".join(data.decode().splitlines())
    except UnicodeDecodeError as error:
        raise RemoteProtocolError(f"not UTF-8: {data!r}") from error
