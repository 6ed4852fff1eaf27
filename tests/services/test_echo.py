"""The small services: settings, parts, the lab."""

from __future__ import annotations

import random
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast, get_args

import pytest
from twisted.internet.address import IPv4Address
from twisted.internet.interfaces import IProtocolFactory
from twisted.internet.protocol import DatagramProtocol
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport

from netforge.host.discovery import Catalogue
from netforge.host.serving import serving
from netforge.host.settings import Blueprint, SettingsError, draw, read_text
from netforge.host.settings.blueprint import Plan
from netforge.plugin import Context, Datagram, Internet, Listen, Stream, Unix
from netforge.services.echo import EchoSettings, echo
from netforge.services.echo.service import KINDS, LAB, QUOTES

PROTOCOLS = get_args(EchoSettings.model_fields["protocol"].annotation)


class Surroundings:
    """What the services use of a context."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.random = random.Random(1)


class Narrow(StringTransport):
    """A connection whose buffer is full after each write."""

    def write(self, data: bytes) -> None:
        super().write(data)
        if self.producer is not None:
            self.producer.pauseProducing()


def plans_of(blueprint: Blueprint) -> list[Plan]:
    """Its echo services, without the components that layers need."""
    return [plan for plan in blueprint.plans if plan.plugin is echo]


def parts(clock: Clock | None = None, **settings: Any) -> list[Any]:
    built: Any = echo(EchoSettings(**settings), cast(Context, Surroundings(clock or Clock())))
    return list(built)


def answer(part: Any, clock: Clock | None = None) -> bytes:
    """What a part answers at once, or in the next turn of the clock."""
    data = b"hello\r\n"
    if isinstance(part, Datagram):
        sent: list[bytes] = []
        transport: Any = StringTransport(hostAddress=IPv4Address("UDP", "127.0.0.1", 7))
        transport.write = lambda datagram, addr: sent.append(datagram)
        part.receiver.makeConnection(transport)
        cast(DatagramProtocol, part.receiver).datagramReceived(data, ("192.0.2.1", 50_000))
        return b"".join(sent)
    protocol, stream = part.factory.buildProtocol(None), Narrow()
    protocol.makeConnection(stream)
    protocol.dataReceived(data)
    if clock is not None:
        clock.advance(0)
    written: bytes = stream.value()
    protocol.connectionLost(None)
    return written


def test_by_default_it_echoes_on_loopback() -> None:
    settings = EchoSettings()
    assert settings.protocol == "echo"
    assert [str(listen) for listen in settings.listen] == ["tcp:127.0.0.1:7007", "udp:127.0.0.1:7007"]


def test_every_protocol_has_its_kind() -> None:
    assert set(PROTOCOLS) == set(KINDS) == {"echo", "discard", "daytime", "time", "chargen", "qotd"}


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_every_protocol_is_served_on_streams_and_datagrams(protocol: str) -> None:
    listen = [Listen("tcp:7"), Listen("udp:7"), Listen("unix:/run/a"), Listen("udp:fd:3")]
    built = parts(protocol=protocol, listen=listen)
    assert [type(part) for part in built] == [Stream, Datagram, Stream, Datagram]
    assert [part.listen for part in built] == listen
    assert {part.protocol for part in built} == {protocol}
    assert IProtocolFactory.providedBy(built[0].factory)
    assert isinstance(built[1].receiver, DatagramProtocol)


@pytest.mark.parametrize(
    ("protocol", "right"),
    [
        ("echo", lambda data: data == b"hello\r\n"),
        ("discard", lambda data: data == b""),
        ("daytime", lambda data: b"1970" in data),
        ("time", lambda data: data == (2_208_988_800).to_bytes(4)),
        ("chargen", lambda data: data[:4] == b' !"#'),
        ("qotd", lambda data: b"(RFC " in data),
    ],
)
def test_every_protocol_answers_as_its_own(protocol: str, right: Callable[[bytes], bool]) -> None:
    clock = Clock()
    for part in parts(clock, protocol=protocol):
        assert right(answer(part, clock)), part


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_how_to_try_it_is_a_command_that_connects(protocol: str) -> None:
    stream, datagram = parts(protocol=protocol)
    tries = [
        serving("name", protocol, stream, Internet("tcp", "127.0.0.1", 7007)).try_it,
        serving("name", protocol, stream, Unix(Path("/run/a b"))).try_it,
        serving("name", protocol, datagram, Internet("udp", "0.0.0.0", 7007)).try_it,
    ]
    for command, netcat in zip(
        tries, ["nc -w1 127.0.0.1 7007", "nc -w1 -U '/run/a b'", "nc -u -w1 127.0.0.1 7007"], strict=True
    ):
        assert netcat in command
        assert "{" not in command
        assert shlex.split(command)


def test_the_cap_of_chargen_is_that_of_the_settings() -> None:
    _, datagram = parts(protocol="chargen", datagram_cap=0)
    assert answer(datagram) == b""
    assert all(len(answer(parts(protocol="chargen", datagram_cap=9)[1])) <= 9 for _ in range(50))


@pytest.mark.parametrize(
    "settings", [{"idle": 0}, {"datagram_cap": -1}, {"datagram_cap": 65_508}, {"listen": []}, {"protocol": "ecko"}]
)
def test_settings_have_bounds(settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(settings))):
        EchoSettings(**settings)


def test_quotes_come_from_a_file_without_its_blank_lines(tmp_path: Path) -> None:
    (tmp_path / "quotes").write_text("\n  \nEine für alle.\n\n", encoding="utf-8")
    for part in parts(protocol="qotd", quotes=tmp_path / "quotes"):
        assert answer(part) == "Eine für alle.\r\n".encode()


def test_without_a_file_quotes_are_those_of_rfcs() -> None:
    stream, _ = parts(protocol="qotd")
    seen = {answer(stream) for _ in range(200)}
    assert seen == {f"{quote}\r\n".encode() for quote in QUOTES}


def test_quotes_are_read_for_qotd_alone(tmp_path: Path) -> None:
    assert parts(protocol="echo", quotes=tmp_path / "missing")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "No such file or directory: '{path}'"),
        (b"", "{path}: there are no quotes"),
        (b"\n \n", "{path}: there are no quotes"),
        (b"gr\xfc\xdfe\n", "{path}: 'utf-8' codec can't decode byte 0xfc in position 2"),
        (b"short\n" + b"x" * 510 + b"\n", "{path}: a quote has at most 511 bytes, not 512: 'xxx"),
    ],
)
def test_quotes_that_cannot_be_used_are_an_error_that_names_the_file(
    tmp_path: Path, content: bytes | None, message: str
) -> None:
    path = tmp_path / "quotes"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises((ValueError, OSError)) as caught:
        parts(protocol="qotd", quotes=path)
    assert message.format(path=path) in str(caught.value)


def test_a_change_of_the_quotes_is_a_change_of_the_service(tmp_path: Path) -> None:
    (tmp_path / "quotes").write_text("One.\n")
    document = "[services.qotd]\nservice = 'echo'\nprotocol = 'qotd'\nquotes = 'quotes'"
    [before] = plans_of(draw(read_text(document, tmp_path)))
    assert before.same_as(plans_of(draw(read_text(document, tmp_path)))[0])
    (tmp_path / "quotes").write_text("Another one.\n")
    assert not before.same_as(plans_of(draw(read_text(document, tmp_path)))[0])


def test_the_lab_is_valid_and_shows_every_protocol(tmp_path: Path) -> None:
    plans = plans_of(draw(read_text(LAB, tmp_path, "lab"), Catalogue()))
    settings = [cast(EchoSettings, plan.settings) for plan in plans]
    assert {one.protocol for one in settings} == set(PROTOCOLS)
    assert {plan.name for plan in plans} == set(PROTOCOLS)
    assert echo.lab == LAB


def test_the_lab_is_on_loopback_and_high_ports_by_streams_and_datagrams(tmp_path: Path) -> None:
    for plan in plans_of(draw(read_text(LAB, tmp_path), Catalogue())):
        addresses = [one.listen.address for one in plan.listeners]
        assert {address.datagram for address in addresses} == {False, True}
        for address in addresses:
            match address:
                case Internet(_, host, port):
                    assert host == "127.0.0.1"
                    assert port >= 1024
                case Unix(path):
                    assert path.is_relative_to(tmp_path)
                case _:
                    pytest.fail(f"{address} in the lab")


def test_a_wrong_protocol_is_said_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        draw(read_text("[services.echo]\nprotocol = 'discrad'", tmp_path, "forge.toml"))
    assert str(caught.value) == (
        "forge.toml:2: services.echo.protocol: expected 'echo', 'discard', 'daytime', 'time', 'chargen' or 'qotd'; "
        "found 'discrad'; did you mean 'discard'?\n1 problem in the settings; nothing was started"
    )
