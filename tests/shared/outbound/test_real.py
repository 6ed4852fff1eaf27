"""Real sockets: TLS, a proxy, and ``netforge http`` in a process of its own."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from random import Random
from subprocess import PIPE, Popen
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import HostnameEndpoint, connectProtocol
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThreadPool
from twisted.protocols.policies import WrappingFactory
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.python.failure import Failure

from netforge.plugin import OutboundFailed
from netforge.protocols.http import Exchange, HTTPFactory
from netforge.shared.outbound.client import Outbound, Rules
from netforge.shared.outbound.proxies import Proxies, Proxy
from netforge.shared.outbound.trust import believing
from tests.shared.outbound.conftest import hello
from tests.shared.outbound.parts import Parts
from tests.shared.outbound.secure import Root

pytestmark = pytest.mark.real

COMMAND = Path(sys.executable).parent / "netforge"


#: What listens in the scenario that runs.
listening: list[Any] = []


@pytest.fixture(autouse=True)
def _each_for_itself() -> None:
    listening.clear()


async def close(reactor: Any) -> None:
    """Stop listening, and let the ends of connections be noticed."""
    for port in listening:
        await port.stopListening()
        connections = port.factory.protocols
        for connection in list(connections):
            connection.transport.abortConnection()
        while connections:
            await deferLater(reactor, 0)


def serve(reactor: Any, application: Any, root: Root | None = None, *names: str) -> Any:
    """A server on a free port of the loopback interface."""
    factory: Any = HTTPFactory(application, reactor)
    if root is not None:
        options = root.issue(*names)
        factory = TLSMemoryBIOFactory(options, False, factory, reactor)
    return listen(reactor, factory)


def listen(reactor: Any, factory: Any) -> Any:
    """Listen on a free port."""
    port = reactor.listenTCP(0, WrappingFactory(factory), interface="127.0.0.1")
    listening.append(port)
    return port


@pytest.fixture
def root(tmp_path: Path) -> Root:
    made = Root()
    (tmp_path / "root.pem").write_bytes(made.pem)
    return made


async def fetched(client: Outbound, url: str) -> tuple[int, bytes]:
    reply = await client.request("GET", url)
    return reply.status, await reply.body(1 << 20)


def test_tls_with_an_authority_of_ones_own(drive_each: Any, root: Root, tmp_path: Path) -> None:
    async def scenario(reactor: Any) -> None:
        right = serve(reactor, hello, root, "127.0.0.1", "localhost").getHost().port
        wrong = serve(reactor, hello, root, "elsewhere.example").getHost().port
        plain = serve(reactor, hello).getHost().port
        client = Outbound(reactor, believing(tmp_path / "root.pem"), Random(1), Rules(retries=0))
        for host in ("127.0.0.1", "localhost"):
            assert await fetched(client, f"https://{host}:{right}/") == (200, b"hello")
        (tmp_path / "other.pem").write_bytes(Root().pem)
        stranger = Outbound(reactor, believing(tmp_path / "other.pem"), Random(1), Rules(retries=0))
        for who, port, words in (
            (client, wrong, "certificate is not for 127.0.0.1"),
            (stranger, right, "signed by nobody who is believed here"),
            (client, plain, "does not speak TLS there"),
        ):
            with pytest.raises(OutboundFailed, match=words) as raised:
                await fetched(who, f"https://127.0.0.1:{port}/")
            assert raised.value.stage == "tls"
        await client.close()
        await stranger.close()
        await close(reactor)

    drive_each(scenario)


class Relay(Protocol):
    """One side of a tunnel."""

    other: Any = None

    def dataReceived(self, data: bytes) -> None:
        self.other.transport.write(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if self.other is not None:
            self.other.transport.loseConnection()


class Tunnels(Relay):
    """A proxy that makes tunnels for who knows the password."""

    factory: Any

    def dataReceived(self, data: bytes) -> None:
        if self.other is not None:
            super().dataReceived(data)
            return
        assert self.transport is not None
        self.factory.asked.append(data)
        if b"Proxy-Authorization: Basic YTpi\r\n" not in data:
            self.transport.write(b"HTTP/1.1 407 Who are you?\r\n\r\n")
            return
        host, _, port = data.split()[1].decode().partition(":")
        endpoint = HostnameEndpoint(self.factory.reactor, "127.0.0.1" if host == "server.test" else host, int(port))
        connecting: Deferred[Relay] = connectProtocol(endpoint, Relay())
        connecting.addCallback(self._connected)

    def _connected(self, other: Relay) -> None:
        assert self.transport is not None
        self.other, other.other = other, self
        self.transport.write(b"HTTP/1.1 200 Go on\r\n\r\n")


def test_tls_through_a_tunnel(drive: Any, root: Root, tmp_path: Path) -> None:
    """Who looks up the name is the proxy; whom TLS believes is not its business."""

    async def scenario(reactor: Any) -> None:
        server = serve(reactor, hello, root, "server.test").getHost().port
        proxy: Any = Factory.forProtocol(Tunnels)
        proxy.reactor, proxy.asked = reactor, []
        port = listen(reactor, proxy).getHost().port
        tls = believing(tmp_path / "root.pem")
        url = f"https://server.test:{server}/"
        known = Proxies(None, Proxy("127.0.0.1", port, "Basic YTpi"))
        client = Outbound(reactor, tls, Random(1), Rules(proxies=known))
        for _ in range(2):
            assert await fetched(client, url) == (200, b"hello")
        assert len(proxy.asked) == 1
        assert proxy.asked[0].startswith(f"CONNECT server.test:{server} HTTP/1.1\r\n".encode())
        unknown = Outbound(reactor, tls, Random(1), Rules(proxies=Proxies(None, Proxy("127.0.0.1", port)), retries=0))
        with pytest.raises(OutboundFailed, match=r"the proxy says 407 Who are you\?"):
            await fetched(unknown, url)
        await client.close()
        await unknown.close()
        await close(reactor)

    drive(scenario)


class Commands:
    """Runs ``netforge http`` in a folder, beside a server that this process is."""

    def __init__(self, reactor: Any, folder: Path) -> None:
        self.reactor = reactor
        self.folder = folder

    def start(self, *arguments: str, stdin: bytes = b"") -> Popen[bytes]:
        environment = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
        process = Popen(
            [COMMAND, "http", *arguments], cwd=self.folder, stdin=PIPE, stdout=PIPE, stderr=PIPE, env=environment
        )
        assert process.stdin is not None
        process.stdin.write(stdin)
        process.stdin.close()
        process.stdin = None
        return process

    async def __call__(self, *arguments: str, stdin: bytes = b"") -> tuple[int, bytes, str]:
        """Exit status, output and what stands in the error stream."""
        process = self.start(*arguments, stdin=stdin)
        out, err = await deferToThreadPool(self.reactor, self.reactor.getThreadPool(), process.communicate)
        return process.returncode, out, err.decode()


def test_the_command(drive: Any, root: Root, tmp_path: Path) -> None:
    async def echo(exchange: Exchange) -> None:
        exchange.respond(200, [], await exchange.body(1 << 20))

    async def scenario(reactor: Any) -> None:
        run = Commands(reactor, tmp_path)
        url = f"https://127.0.0.1:{serve(reactor, echo, root, '127.0.0.1').getHost().port}/"
        status, out, err = await run("PUT", url, "-d", "@-", "--authority", "root.pem", "--timing", stdin=b"piped")
        assert (status, out) == (0, b"piped")
        assert re.fullmatch(r"DNS .*, connect .*, TLS .*, send .*, first byte .*, body .*, total .*\n", err)
        status, _, err = await run("POST", url, "--json", '{"a": 1}')
        assert status == 3 and "stage: TLS" in err and "--authority FILE" in err
        await close(reactor)

    drive(scenario, timeout=60)
    # No settings, no state: it leaves nothing behind.
    assert [path.name for path in tmp_path.iterdir()] == ["root.pem"]


async def killed_in_the_middle(run: Commands, url: str) -> int:
    """Begin a download and kill it when some of it is there; how many bytes are left."""
    part = run.folder / "file.bin.part"
    process = run.start("GET", url, "--download")
    while not (part.exists() and part.stat().st_size):
        await deferLater(run.reactor, 0.01)
    process.kill()
    await deferToThreadPool(run.reactor, run.reactor.getThreadPool(), process.communicate)
    return part.stat().st_size


def test_a_download_that_was_killed_goes_on(drive: Any, tmp_path: Path) -> None:
    async def scenario(reactor: Any) -> None:
        run, parts = Commands(reactor, tmp_path), Parts()
        url = f"http://127.0.0.1:{serve(reactor, parts).getHost().port}/file.bin"
        have = await killed_in_the_middle(run, url)
        assert not (tmp_path / "file.bin").exists()
        parts.whole = True
        status, out, err = await run("GET", url, "--download")
        assert (status, out) == (0, b""), err
        assert parts.ranges == ["", f"bytes={have}-"]
        assert (tmp_path / "file.bin").read_bytes() == parts.content
        await close(reactor)

    drive(scenario, timeout=60)
    assert [path.name for path in tmp_path.iterdir()] == ["file.bin"]
