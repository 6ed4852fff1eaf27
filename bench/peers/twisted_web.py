"""twisted.web on Twisted's own reactor for Linux."""

from __future__ import annotations

from typing import Any

from twisted.internet import epollreactor
from twisted.web.resource import Resource
from twisted.web.server import Site
from twisted.web.static import Data

from bench.peers.hello import HELLO
from bench.peers.on_twisted import main
from bench.peers.serving import Arguments


class _Site(Site):
    noisy = False

    def log(self, request: Any) -> None:
        """Without a file it would go to Twisted's log."""


def _make_site(reactor: Any, arguments: Arguments) -> Site:
    root = Resource()
    root.putChild(b"hello", Data(HELLO, "text/plain"))
    root.putChild(b"users", Data(b"nobody", "text/plain"))
    return _Site(root, reactor=reactor)


if __name__ == "__main__":
    main(epollreactor.install, {"http-hello": _make_site, "tls-http-hello": _make_site})
