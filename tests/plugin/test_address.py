"""Addresses as a settings file writes them."""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netforge.plugin import Address, Inherited, Internet, Unix, parse_address
from netforge.plugin.address import EXPECTED

PORTS = st.integers(0, 65535)
FOUR = st.ip_addresses(v=4).map(str)
SIX = st.one_of(st.ip_addresses(v=6).map(str), st.just("fe80::1%eth0"))
NAMES = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1)
ADDRESSES = st.one_of(
    st.builds(Internet, st.sampled_from(["tcp", "udp"]), FOUR, PORTS),
    st.builds(Internet, st.sampled_from(["tcp6", "udp6"]), SIX, PORTS),
    st.builds(Unix, NAMES.map(lambda name: Path("/run", name))),
    st.builds(Inherited, st.one_of(st.integers(0), st.from_regex(r"[a-z][a-z.:-]*", fullmatch=True)), st.booleans()),
)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("tcp:80", Internet("tcp", "0.0.0.0", 80)),
        ("tcp::80", Internet("tcp", "0.0.0.0", 80)),
        ("tcp:127.0.0.1:0", Internet("tcp", "127.0.0.1", 0)),
        ("tcp:localhost:65535", Internet("tcp", "127.0.0.1", 65535)),
        ("tcp6:80", Internet("tcp6", "::", 80)),
        ("tcp6:[::1]:80", Internet("tcp6", "::1", 80)),
        ("tcp6:::1:80", Internet("tcp6", "::1", 80)),
        ("tcp6:localhost:80", Internet("tcp6", "::1", 80)),
        ("tcp6:[2001:DB8:0::1]:80", Internet("tcp6", "2001:db8::1", 80)),
        ("udp:53", Internet("udp", "0.0.0.0", 53)),
        ("udp:127.0.0.1:53", Internet("udp", "127.0.0.1", 53)),
        ("udp6:[::1]:53", Internet("udp6", "::1", 53)),
        ("udp6:53", Internet("udp6", "::", 53)),
        ("unix:/run/chat.sock", Unix(Path("/run/chat.sock"))),
        ("unix:chat:1.sock", Unix(Path("chat:1.sock"))),
        ("fd:3", Inherited(3)),
        ("fd:web", Inherited("web")),
        ("udp:fd:3", Inherited(3, datagram=True)),
        ("udp:fd:dns", Inherited("dns", datagram=True)),
    ],
)
def test_every_form_is_read(text: str, address: Address) -> None:
    assert parse_address(text) == address


@pytest.mark.parametrize(
    ("text", "message"),
    [
        *[(text, EXPECTED) for text in ("", "7007", "tcp", "tcp:", "unix:", "fd:", "tpc:7007", "TCP:7007", " tcp:7")],
        ("udp:fd:", "expected the number or the name of a descriptor, such as fd:3 or fd:web"),
        ("tcp:example.org:80", "expected the IP address of an interface, found 'example.org'"),
        ("tcp:[]:80", "expected the IP address of an interface, found '[]'"),
        ("tcp:::1:80", "::1 is an IPv6 address: write tcp6:[::1]:..."),
        ("tcp:[::1]:80", "::1 is an IPv6 address: write tcp6:[::1]:..."),
        ("udp:[::1]:80", "::1 is an IPv6 address: write udp6:[::1]:..."),
        ("tcp6:127.0.0.1:80", "127.0.0.1 is an IPv4 address: write tcp:127.0.0.1:..."),
        ("udp6:127.0.0.1:80", "127.0.0.1 is an IPv4 address: write udp:127.0.0.1:..."),
        *[
            (f"tcp:{port}", f"expected a port from 0 to 65535, found '{port}'")
            for port in ("65536", "http", "-1", "8 0", "1e3", "٣", "²", "9" * 5000)
        ],
        ("tcp:127.0.0.1:", "expected a port from 0 to 65535, found ''"),
        ("unix:~nobody-here/x", "there is no home for ~nobody-here"),
    ],
)
def test_what_is_wrong_is_said(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        parse_address(text)


@given(ADDRESSES)
def test_an_address_is_read_as_it_is_written(address: Address) -> None:
    assert parse_address(str(address)) == address


@given(st.text() | st.from_regex(r"(tcp|tcp6|udp|udp6|fd|unix):[\[\]:0-9a-f.]*"))
def test_any_text_is_an_address_or_a_value_error_and_is_read_as_it_is_shown(text: str) -> None:
    try:
        address = parse_address(text)
    except ValueError:
        return
    assert parse_address(str(address)) == address


def test_a_home_is_filled_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    assert parse_address("unix:~/chat.sock") == Unix(Path("/home/me/chat.sock"))


@pytest.mark.parametrize(
    ("text", "datagram"), [("tcp:1", False), ("udp:1", True), ("udp6:1", True), ("unix:x", False), ("udp:fd:3", True)]
)
def test_an_address_knows_whether_it_takes_datagrams(text: str, datagram: bool) -> None:
    assert parse_address(text).datagram is datagram


@pytest.mark.parametrize(
    ("address", "name"),
    [(Internet("tcp", "127.0.0.1", 1), "port"), (Unix(Path("x")), "path"), (Inherited(3), "descriptor")],
)
def test_an_address_never_changes(address: Any, name: str) -> None:
    with pytest.raises(AttributeError):
        setattr(address, name, 5)


def test_the_hosts_that_are_filled_in_are_addresses() -> None:
    for kind in ("tcp", "tcp6", "udp", "udp6"):
        for text in (f"{kind}:1", f"{kind}:localhost:1"):
            address = parse_address(text)
            assert isinstance(address, Internet)
            assert ipaddress.ip_address(address.host).version == (6 if kind.endswith("6") else 4)
