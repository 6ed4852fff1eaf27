"""An HTTP client in a Twisted program, without a host."""

import sys
from random import SystemRandom
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import react

from netforge.shared.outbound.client import Outbound, Rules
from netforge.shared.outbound.trust import believing_system


async def fetch(reactor: Any, url: str) -> None:
    """Print a page."""
    client = Outbound(reactor, believing_system(), SystemRandom(), Rules(connections=4))
    reply = await client.request("GET", url)
    print(reply.status, await reply.text(1_000_000))
    await client.close()


if __name__ == "__main__":
    react(lambda reactor, url: Deferred.fromCoroutine(fetch(reactor, url)), sys.argv[1:])
