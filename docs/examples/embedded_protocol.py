"""The protocols of netforge in a Twisted program: no settings file, no host."""

import sys
from random import SystemRandom
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.task import react

from netforge.protocols.echo import EchoFactory, QuoteFactory, Quotes, TimeDatagrams


async def serve(reactor: Any, *ports: str) -> None:
    """Echo and quotes over TCP, the time over UDP."""
    echo, quote, time = map(int, ports or ("7007", "7017", "7037"))
    quotes = Quotes(["Be liberal in what you accept."], SystemRandom())
    for port, factory in ((echo, EchoFactory(reactor, idle=300)), (quote, QuoteFactory(quotes))):
        listening = await serverFromString(reactor, f"tcp:{port}:interface=127.0.0.1").listen(factory)
        print(listening.getHost(), flush=True)
    print(reactor.listenUDP(time, TimeDatagrams(reactor), "127.0.0.1").getHost(), flush=True)
    await Deferred()


if __name__ == "__main__":
    react(lambda reactor, *ports: Deferred.fromCoroutine(serve(reactor, *ports)), sys.argv[1:])
