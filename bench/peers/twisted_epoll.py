"""Twisted on its own reactor for Linux, the default there."""

from twisted.internet import epollreactor

from bench.peers.on_twisted import main

if __name__ == "__main__":
    main(epollreactor.install)
