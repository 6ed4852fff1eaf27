"""Typed messages over streams: a framing divides the stream, a codec says what the pieces mean.

===================== =========================================== ==================================================
framing               a frame                                     source
===================== =========================================== ==================================================
Lines                 ends in LF or CR LF
Netstrings            ``5:hello,``                                D. J. Bernstein, "Netstrings", 1997
Prefixed16 and 32     size in 2 or 4 bytes, big-endian
Varints               size as a base-128 varint                   Protocol Buffers, "Encoding"
===================== =========================================== ==================================================

===================== ============================================================================================
codec                 source
===================== ============================================================================================
Raw, Text
JSON                  RFC 8259, kept to the strictness of RFC 7493
MessagePack           the MessagePack specification
XML                   XML 1.0, without document types
Protobuf              Protocol Buffers, "Encoding"
===================== ============================================================================================

A server that answers every JSON line with the same, with any reactor of Twisted's::

    def echo(protocol, message):
        protocol.send(message)

    reactor.listenTCP(7000, FrameServerFactory(Lines(), JSON(), echo, clock=reactor))

A client::

    protocol = await endpoint.connect(FrameClientFactory(Lines(), JSON(), clock=reactor))
    protocol.send({"hello": "world"})
    answer = await protocol.receive()
    protocol.close()

MessagePack, XML and Protobuf need libraries: ``pip install 'netforge[frames]'``.
"""

from __future__ import annotations

from netforge.protocols.frames._decoder import Decoder
from netforge.protocols.frames._json import JSON
from netforge.protocols.frames._lines import Lines
from netforge.protocols.frames._messagepack import MessagePack
from netforge.protocols.frames._netstrings import Netstrings
from netforge.protocols.frames._plain import Raw, Text
from netforge.protocols.frames._prefixed import Prefixed16, Prefixed32
from netforge.protocols.frames._protobuf import Protobuf
from netforge.protocols.frames._varints import Varints
from netforge.protocols.frames._xml import XML
from netforge.protocols.frames.client import FrameClientFactory
from netforge.protocols.frames.errors import IdleError, SlowReaderError
from netforge.protocols.frames.interfaces import Codec, Connected, Framing, Handler, Lost, Refused
from netforge.protocols.frames.protocol import FrameProtocol
from netforge.protocols.frames.server import FrameServerFactory

__all__ = [
    "JSON",
    "XML",
    "Codec",
    "Connected",
    "Decoder",
    "FrameClientFactory",
    "FrameProtocol",
    "FrameServerFactory",
    "Framing",
    "Handler",
    "IdleError",
    "Lines",
    "Lost",
    "MessagePack",
    "Netstrings",
    "Prefixed16",
    "Prefixed32",
    "Protobuf",
    "Raw",
    "Refused",
    "SlowReaderError",
    "Text",
    "Varints",
]
