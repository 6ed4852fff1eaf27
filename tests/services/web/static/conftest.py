"""A folder that is served on the simulated network."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import pytest
from twisted.internet.endpoints import HostnameEndpoint

from netforge.protocols.http import Exchange, HTTPFactory
from netforge.services.web.static import StaticFiles, StaticSettings
from netforge.services.web.static.shelf import FRESH
from netforge.testing import Network
from netforge.testing.fixtures.peer import Peer

__all__ = ["CHANGED", "Response", "Served", "put"]

#: When the files of tests were changed: 1 January 2020.
CHANGED = 1577836800


def put(path: Path, content: bytes, changed: float = CHANGED) -> Path:
    """Write a file, and say when it was changed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    os.utime(path, (changed, changed))
    return path


@dataclass
class Response:
    """What came back."""

    status: int
    fields: dict[str, str]
    body: bytes

    @classmethod
    def of(cls, received: bytes) -> Response:
        head, _, body = received.partition(b"\r\n\r\n")
        line, *lines = head.decode("latin-1").split("\r\n")
        fields: dict[str, str] = {}
        for name, value in (one.split(": ", 1) for one in lines):
            fields[name] = f"{fields[name]}, {value}" if name in fields else value
        return cls(int(line.split()[1]), fields, body)


class Served:
    """A folder on a server, and a client.

    :ivar threads: how often something was done in a thread.
    """

    def __init__(self, network: Network, root: Path, mount: str = "", **settings: Any) -> None:
        self.network = network
        self.root = root
        self.threads = 0
        self.client = network.machine("client")
        reactor = network.machine("server").reactor
        self.application = StaticFiles(StaticSettings(root=root, **settings), reactor, Random(1))
        shelf: Any = self.application._shelf
        run = shelf.run

        def counted(*arguments: Any) -> Any:
            self.threads += 1
            return run(*arguments)

        shelf.run = self.application._sender._run = counted

        def mounted(exchange: Exchange) -> Any:
            exchange.mount = mount
            return self.application(exchange)

        reactor.listenTCP(80, HTTPFactory(mounted, reactor))

    def connect(self) -> Peer:
        return Peer(self.client, HostnameEndpoint(self.client.reactor, "server", 80))

    def ask(self, target: str, method: str = "GET", **fields: str) -> Response:
        """Ask for something; underscores in names of fields are hyphens."""
        peer = self.connect()
        peer.send(request(target, method, connection="close", **fields))
        return Response.of(peer.receive_all())


def request(target: str, method: str = "GET", **fields: str) -> bytes:
    """A request."""
    lines = [f"{method} {target} HTTP/1.1", "Host: server"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in fields.items()]
    return "".join(f"{line}\r\n" for line in [*lines, ""]).encode()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """An empty folder."""
    folder = tmp_path / "root"
    folder.mkdir()
    return folder


@pytest.fixture
def serve(network: Network, root: Path) -> Iterator[Callable[..., Served]]:
    """Serves the folder."""
    yield lambda **options: Served(network, root, **options)
    # What is kept open for a moment is let go.
    network.run(FRESH * 2)


@pytest.fixture(autouse=True)
def nothing_is_left_open(tmp_path: Path) -> Iterator[None]:
    """Fails a test that leaves anything in its folder open."""
    yield
    assert open_below(tmp_path) == []


def open_below(folder: Path) -> list[Path]:
    """The files and folders below a folder that are open."""
    # One of the descriptors is that of the listing, and gone by now.
    links = [Path(os.path.realpath(link)) for link in Path("/proc/self/fd").iterdir()]
    return [link for link in links if link.is_relative_to(folder)]
