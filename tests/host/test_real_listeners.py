"""Every kind of listener over real sockets, on Twisted's own reactors."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThreadPool

from netforge.host import BindError, Forge, SettingsError
from netforge.host.sockets import bind
from netforge.plugin import Unix
from tests.host.real import has_ipv6, serve, settings

if TYPE_CHECKING:
    from tests.conftest import Drive
    from tests.host.conftest import Stage

pytestmark = pytest.mark.real


def in_thread(reactor: Any, function: Callable[..., Any], *args: object) -> Deferred[Any]:
    return deferToThreadPool(reactor, reactor.getThreadPool(), function, *args)


def say(address: str, data: bytes) -> bytes:
    """Send some bytes and return what comes back."""
    with client(address) as made:
        made.send(data)
        return made.recv(1024)


@contextmanager
def client(address: str) -> Iterator[socket.socket]:
    """A socket connected to an address as ``serving`` gives it."""
    kind, _, rest = address.partition(":")
    host, _, port = rest.rpartition(":")
    family = {"unix": socket.AF_UNIX, "tcp6": socket.AF_INET6, "udp6": socket.AF_INET6}.get(kind, socket.AF_INET)
    with socket.socket(family, socket.SOCK_DGRAM if kind.startswith("udp") else socket.SOCK_STREAM) as made:
        made.settimeout(10)
        made.connect(rest if kind == "unix" else (host.strip("[]"), int(port)))
        yield made


@pytest.mark.parametrize(
    "listen", ["tcp:127.0.0.1:0", "tcp6:[::1]:0", "udp:127.0.0.1:0", "udp6:[::1]:0", "unix:a.sock"]
)
def test_each_kind_of_address_serves_on_each_reactor(
    stage: Stage, drive_each: Drive, tmp_path: Path, listen: str
) -> None:
    if "6:" in listen and not has_ipv6():
        pytest.skip("no ::1 here")

    async def talk(reactor: Any, forge: Forge) -> None:
        address = forge.serving[0].address
        assert address.partition(":")[0] == listen.partition(":")[0]
        assert not address.endswith(":0")
        assert await in_thread(reactor, say, address, b"hello") == b"a1:hello"

    serve(stage, drive_each, settings(listen), talk)
    assert not (tmp_path / "a.sock").exists()


def test_nobody_can_connect_before_everything_is_ready(stage: Stage, drive: Drive) -> None:
    stage.script["a1 start"] = starting = Deferred[None]()

    async def scenario(reactor: Any) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        forge = stage.forge(settings(f"tcp:127.0.0.1:{port}"), reactor)
        forge.startService()
        with pytest.raises(ConnectionRefusedError):
            say(f"tcp:127.0.0.1:{port}", b"hello")
        starting.callback(None)
        await forge.when_ready()
        assert await in_thread(reactor, say, f"tcp:127.0.0.1:{port}", b"hello") == b"a1:hello"
        await forge.stopService()
        with pytest.raises(ConnectionRefusedError):
            say(f"tcp:127.0.0.1:{port}", b"hello")

    drive(scenario)


def test_a_unix_socket_that_a_dead_process_left_is_replaced(stage: Stage, drive: Drive, tmp_path: Path) -> None:
    path = tmp_path / "a.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))

    async def talk(reactor: Any, forge: Forge) -> None:
        assert await in_thread(reactor, say, f"unix:{path}", b"hello") == b"a1:hello"

    serve(stage, drive, settings("unix:a.sock"), talk)


def test_a_unix_socket_that_another_process_serves_is_not(stage: Stage, tmp_path: Path, drive: Drive) -> None:
    path = tmp_path / "a.sock"

    async def scenario(reactor: Any) -> None:
        with socket.socket(socket.AF_UNIX) as alive:
            alive.bind(str(path))
            alive.listen()
            with pytest.raises(BindError) as caught:
                stage.forge(settings("unix:a.sock"), reactor).startService()
        assert str(caught.value) == f"unix:{path} (a): Address already in use"
        assert path.exists()

    drive(scenario)


def test_a_unix_socket_that_another_process_put_there_meanwhile_stays(
    stage: Stage, drive: Drive, tmp_path: Path
) -> None:
    path = tmp_path / "a.sock"
    other = socket.socket(socket.AF_UNIX)

    async def talk(reactor: Any, forge: Forge) -> None:
        path.unlink()
        other.bind(str(path))

    with other:
        serve(stage, drive, settings("unix:a.sock"), talk)
    assert path.exists()


def test_taken_ports_are_all_named_first_and_none_is_bound(stage: Stage, drive: Drive) -> None:
    async def scenario(reactor: Any) -> None:
        with socket.create_server(("127.0.0.1", 0)) as first, socket.create_server(("127.0.0.1", 0)) as second:
            ports = [one.getsockname()[1] for one in (first, second)]
            text = settings(f"tcp:127.0.0.1:{ports[0]}", "unix:a.sock")
            text += f'[services.b]\nservice = "actor"\nlisten = ["tcp:127.0.0.1:{ports[1]}"]\n'
            forge = stage.forge(text, reactor)
            for start in (forge.privilegedStartService, forge.startService):
                with pytest.raises(BindError) as caught:
                    start()
                assert str(caught.value) == (
                    f"tcp:127.0.0.1:{ports[0]} (a): Address already in use; "
                    f"tcp:127.0.0.1:{ports[1]} (b): Address already in use"
                )
            assert list(stage.reactor.ports) == []
            assert not any(stage.happened())
        await forge.stopService()

    drive(scenario)


def test_with_privileges_internet_ports_are_bound_and_unix_sockets_without(
    stage: Stage, drive: Drive, tmp_path: Path
) -> None:
    async def scenario(reactor: Any) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
        forge = stage.forge(settings(f"tcp:127.0.0.1:{port}", "unix:a.sock"), reactor)
        forge.privilegedStartService()
        assert not (tmp_path / "a.sock").exists()
        forge.startService()
        await forge.when_ready()
        assert (tmp_path / "a.sock").exists()
        assert await in_thread(reactor, say, f"tcp:127.0.0.1:{port}", b"hello") == b"a1:hello"
        await forge.stopService()

    drive(scenario)


def test_a_reload_that_meets_a_taken_port_leaves_all_as_it_was(stage: Stage, drive: Drive) -> None:
    before = settings("tcp:127.0.0.1:0", "udp:127.0.0.1:0")

    async def talk(reactor: Any, forge: Forge) -> None:
        addresses = [one.address for one in forge.serving]
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            stage.text = before + f'[services.b]\nservice = "actor"\nlisten = ["unix:b.sock", "tcp:127.0.0.1:{port}"]\n'
            with pytest.raises(BindError, match=f"^tcp:127.0.0.1:{port} \\(b\\): Address already in use$"):
                await forge.reload()
        assert [one.address for one in forge.serving] == addresses
        for address in addresses:
            assert await in_thread(reactor, say, address, b"hello") == b"a1:hello"
        stage.text = before + 'variant = "new"'
        await forge.reload()
        for address in addresses:
            assert await in_thread(reactor, say, address, b"hello") == b"a2:hello"

    serve(stage, drive, before, talk)
    # The file of the new service's socket went with the failed reload.
    assert not (stage.contexts["a1"].state.parent.parent / "b.sock").exists()


def test_a_socket_that_another_process_is_about_to_serve_is_not_taken_for_dead(tmp_path: Path) -> None:
    first = bind(Unix(tmp_path / "one.sock"))
    with first, pytest.raises(OSError, match="in use"):
        bind(Unix(tmp_path / "one.sock"))


def test_one_unix_socket_by_two_spellings_is_taken_twice(stage: Stage, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("folder")
    with pytest.raises(SettingsError, match=r"is taken in forge\.toml:3 already"):
        stage.forge(settings("unix:folder/x.sock", "unix:link/../folder/x.sock"))
    with pytest.raises(SettingsError, match=r"is taken in forge\.toml:3 already"):
        stage.forge(settings("unix:folder/x.sock", "unix:link/x.sock"))
