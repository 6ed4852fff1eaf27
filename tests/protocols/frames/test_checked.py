"""What should hold for every server, whatever framing, codec and way to receive it has."""

from __future__ import annotations

from typing import Any

import pytest

from netforge.protocols.frames import (
    JSON,
    XML,
    FrameProtocol,
    FrameServerFactory,
    Lines,
    MessagePack,
    Netstrings,
    Prefixed16,
    Prefixed32,
    Raw,
    Varints,
)
from netforge.testing import check_protocol


def by_function(protocol: FrameProtocol[Any], message: Any) -> None:
    protocol.send(message)


async def by_coroutine(protocol: FrameProtocol[Any], message: Any) -> None:
    await protocol.drained()
    protocol.send(message)


async def by_loop(protocol: FrameProtocol[Any]) -> None:
    async for message in protocol:
        await protocol.drained()
        protocol.send(message)


@pytest.mark.parametrize(
    "way",
    [{"handler": by_function}, {"handler": by_coroutine}, {"on_connected": by_loop}],
    ids=["function", "coroutine", "loop"],
)
@pytest.mark.parametrize(
    ("framing", "codec", "example"),
    [
        (Lines(), JSON(), b'{"a":1}\n[2]\n'),
        (Lines(), XML(), b"<a>x</a>\n"),
        (Netstrings(), Raw(), b"5:hello,3:abc,"),
        (Prefixed16(), Raw(), b"\0\5hello\0\0"),
        (Prefixed32(), MessagePack(), b"\0\0\0\4\x93\1\2\3"),
        (Varints(), Raw(), b"\5hello\0"),
    ],
    ids=["lines", "xml", "netstrings", "16", "32", "varints"],
)
def test_a_server_of_frames(framing: Any, codec: Any, example: bytes, way: dict[str, Any]) -> None:
    check_protocol(lambda reactor: FrameServerFactory(framing, codec, clock=reactor, **way), [example], runs=10)
