"""The header of the PROXY protocol, versions 1 and 2: who the client of a proxy is, told before anything else.

The protocol is HAProxy's (``doc/proxy-protocol.txt`` in its sources); the sections below are those of that text. Feed a
:class:`HeaderReader` the first bytes of a connection; write a header with :func:`encode_v1` or :func:`encode_v2`.

What is read: TCP over IPv4 and IPv6. For UNKNOWN and LOCAL, and for UDP and UNIX sockets, which a receiver may leave
out (section 2.2), the header has no addresses, and those of the connection itself count.
"""

from netforge.protocols.proxyheader._binary import HEADER_CAP, encode_v2
from netforge.protocols.proxyheader._reader import HeaderReader
from netforge.protocols.proxyheader._text import LINE_CAP, encode_v1
from netforge.protocols.proxyheader.events import TLV, Endpoint, Header, Payload, TLVType

__all__ = [
    "HEADER_CAP",
    "LINE_CAP",
    "TLV",
    "Endpoint",
    "Header",
    "HeaderReader",
    "Payload",
    "TLVType",
    "encode_v1",
    "encode_v2",
]
