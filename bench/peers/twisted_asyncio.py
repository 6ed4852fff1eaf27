"""Twisted on its asyncio reactor, with the loop of the standard library."""

import asyncio

from twisted.internet import asyncioreactor

from bench.peers.on_twisted import main

if __name__ == "__main__":
    main(lambda: asyncioreactor.install(asyncio.SelectorEventLoop()))
