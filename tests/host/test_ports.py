"""Ports: a switch stays on the socket, and what serves is exchanged behind it without a call between."""

from __future__ import annotations

import asyncio
import gc
import os
import socket
import stat
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.protocol import DatagramProtocol
from twisted.internet.task import Clock
from twisted.logger import LogEvent

from netforge.host.ports import DatagramSwitch
from netforge.host.sockets import bind, remove_unix_socket
from netforge.host.waiting import settled, within
from netforge.plugin import Inherited, Internet, Unix
from tests.host.real import has_ipv6

if TYPE_CHECKING:
    from tests.conftest import Drive
    from tests.host.conftest import Stage

UDP = '[services.a]\nservice = "actor"\nlisten = ["udp:1001"]\n'


def test_a_datagram_reaches_the_receiver_by_its_own_method() -> None:
    switch, receiver = DatagramSwitch(), DatagramProtocol()
    switch.serve(receiver, None, "")  # type: ignore[arg-type]  # datagrams have no connections
    assert switch.datagramReceived == receiver.datagramReceived


def test_a_receiver_is_exchanged_on_the_same_port(stage: Stage) -> None:
    forge = stage.start(UDP)
    port = stage.reactor.port(1001, datagram=True)
    assert port.send(b"x") == [b"a1:x"]
    stage.happened()
    stage.result(stage.reload(forge, UDP + 'variant = "new"'))
    assert stage.reactor.ports == [port]
    assert port.send(b"x") == [b"a2:x"]
    assert stage.happened() == ["a2 build", "a2 start", "a2 receive"]
    stage.reactor.wait(30)  # the time for late answers
    assert stage.happened() == ["a1 deaf", "a1 stop"]
    stopping = forge.stopService()
    stage.reactor.turn()
    stage.result(stopping)
    assert stage.happened() == ["a2 deaf", "a2 stop"]


@pytest.mark.parametrize("changed", ["udp:127.0.0.1:0", "tcp:0.0.0.0:0"])
def test_port_0_elsewhere_is_another_port(stage: Stage, changed: str) -> None:
    text = '[services.a]\nservice = "actor"\nlisten = ["{}"]\n'
    forge = stage.start(text.format("tcp:127.0.0.1:0"))
    stage.result(stage.reload(forge, text.format(changed)))
    [serving] = forge.serving
    assert serving.address == changed.removesuffix("0") + "40001"


def test_a_reactor_without_sockets_cannot_take_over_a_descriptor(stage: Stage) -> None:
    forge = stage.forge('[services.a]\nservice = "actor"\nlisten = ["fd:3"]\n')
    forge.startService()
    stage.reactor.turn()
    assert str(stage.failure(forge.when_ready())) == "fd:3 (a): this reactor cannot take over a descriptor"


@pytest.mark.parametrize(
    ("address", "family", "kind"),
    [
        (Internet("tcp", "127.0.0.1", 0), socket.AF_INET, socket.SOCK_STREAM),
        (Internet("udp", "127.0.0.1", 0), socket.AF_INET, socket.SOCK_DGRAM),
        (Internet("tcp6", "::1", 0), socket.AF_INET6, socket.SOCK_STREAM),
    ],
)
@pytest.mark.real
def test_a_bound_socket_does_not_listen_yet(address: Internet, family: int, kind: int) -> None:
    if family == socket.AF_INET6 and not has_ipv6():
        pytest.skip("no ::1 here")
    with bind(address) as made:
        assert (made.family, made.type, made.getblocking()) == (family, kind, False)
        assert not made.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
        assert made.getsockname()[0] == address.host


@pytest.mark.real
def test_ipv6_takes_ipv6_only() -> None:
    if not has_ipv6():
        pytest.skip("no ::1 here")
    with bind(Internet("tcp6", "::", 0)) as six, bind(Internet("tcp", "0.0.0.0", six.getsockname()[1])) as four:
        assert six.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY)
        six.listen()
        four.listen()


@pytest.mark.real
def test_the_file_of_a_dead_unix_socket_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "made" / "a.sock"
    bind(Unix(path)).close()
    assert stat.S_ISSOCK(path.stat().st_mode)
    bind(Unix(path)).close()


@pytest.mark.real
def test_the_file_of_a_live_unix_socket_is_not_even_when_its_backlog_is_full(tmp_path: Path) -> None:
    path = tmp_path / "a.sock"
    with socket.socket(socket.AF_UNIX) as live, socket.socket(socket.AF_UNIX) as waiting:
        live.bind(str(path))
        live.listen(0)
        waiting.connect(str(path))
        with pytest.raises(OSError, match="Address already in use"):
            bind(Unix(path))
        assert path.exists()


@pytest.mark.real
def test_a_file_that_is_no_socket_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.sock"
    path.write_text("precious")
    with pytest.raises(OSError, match="Address already in use"):
        bind(Unix(path))
    assert path.read_text() == "precious"


@pytest.mark.real
def test_only_the_own_socket_file_is_removed(tmp_path: Path) -> None:
    path = tmp_path / "a.sock"
    remove_unix_socket(path, 1)
    with bind(Unix(path)):
        inode = path.stat().st_ino
        remove_unix_socket(path, inode + 1)
        assert path.exists()
        remove_unix_socket(path, inode)
        assert not path.exists()


@pytest.mark.real
@pytest.mark.parametrize(
    ("made", "datagram", "reason"),
    [
        (
            (socket.AF_INET, socket.SOCK_DGRAM),
            False,
            "expected a socket of type SOCK_STREAM, found SOCK_DGRAM of AF_INET",
        ),
        (
            (socket.AF_INET, socket.SOCK_STREAM),
            True,
            "expected a socket of type SOCK_DGRAM, found SOCK_STREAM of AF_INET",
        ),
        (
            (socket.AF_UNIX, socket.SOCK_DGRAM),
            True,
            "expected a socket of type SOCK_DGRAM, found SOCK_DGRAM of AF_UNIX",
        ),
    ],
)
def test_a_descriptor_of_the_wrong_kind(made: tuple[int, int], datagram: bool, reason: str) -> None:
    with socket.socket(*made) as inherited:
        descriptors = len(os.listdir("/proc/self/fd"))  # noqa: PTH208  the count alone
        with pytest.raises(OSError, match=reason):
            bind(Inherited(inherited.fileno(), datagram))
        assert len(os.listdir("/proc/self/fd")) == descriptors  # noqa: PTH208


@pytest.mark.real
def test_a_descriptor_that_is_no_socket(tmp_path: Path) -> None:
    with (tmp_path / "file").open("w") as file:
        descriptors = len(os.listdir("/proc/self/fd"))  # noqa: PTH208  the count alone
        with pytest.raises(OSError, match="Socket operation on non-socket"):
            bind(Inherited(file.fileno()))
        assert len(os.listdir("/proc/self/fd")) == descriptors  # noqa: PTH208
    with pytest.raises(OSError, match="Bad file descriptor"):
        bind(Inherited(9999))


@pytest.mark.parametrize(("value", "expected"), [(None, None), ("x", "x")])
def test_a_plain_value_is_settled(value: object, expected: object) -> None:
    results: list[Any] = []
    within(1, Clock(), value).addBoth(results.append)
    assert results == [expected]


@pytest.mark.real
def test_a_cancelled_future_raises_what_undoing_code_expects(drive_asyncio: Drive) -> None:
    async def scenario(reactor: Any) -> None:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiting = within(10, reactor, future)
        waiting.cancel()
        with pytest.raises(CancelledError):
            await waiting
        assert future.cancelled()

    drive_asyncio(scenario)


@pytest.mark.real
def test_what_became_of_a_future_is_settled(drive_asyncio: Drive) -> None:
    async def scenario(reactor: Any) -> object:
        future: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        reactor.callLater(0, future.set_result, "done")
        return await Deferred.fromCoroutine(settled(future))

    assert drive_asyncio(scenario) == "done"


def test_what_ignores_its_cancellation_is_left_behind_at_the_deadline() -> None:
    clock, results = Clock(), list[Any]()

    async def stubborn() -> None:
        while True:
            with suppress(CancelledError):
                await Deferred[None]()

    within(5, clock, stubborn()).addErrback(results.append)
    clock.advance(5)
    assert [str(failure.value) for failure in results] == ["it took more than 5 s"]
    within(5, clock, stubborn()).addErrback(results.append).cancel()
    assert results[1].check(CancelledError)
    assert clock.getDelayedCalls() == []


def test_what_comes_after_the_deadline_is_dropped_in_silence(events: list[LogEvent]) -> None:
    clock, last = Clock(), Deferred[None]()

    async def late() -> None:
        with suppress(CancelledError):
            await Deferred[None]()
        await last

    within(5, clock, late()).addErrback(lambda failure: None)
    clock.advance(5)
    last.callback(None)
    gc.collect()
    assert events == []
