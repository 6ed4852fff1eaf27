"""Settings of a proxy, and addresses of upstreams."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from netforge.plugin.settings import Reading
from netforge.services.web.proxy import ProxySettings, parse_upstream


@pytest.mark.parametrize(
    ("text", "host", "port", "tls", "authority"),
    [
        ("http://127.0.0.1:8000", "127.0.0.1", 8000, False, "127.0.0.1:8000"),
        ("http://app", "app", 80, False, "app"),
        ("https://app.example.org/", "app.example.org", 443, True, "app.example.org"),
        ("https://[::1]:8443", "::1", 8443, True, "[::1]:8443"),
    ],
)
def test_upstreams_of_the_internet(text: str, host: str, port: int, tls: bool, authority: str) -> None:
    address = parse_upstream(text)
    assert (address.host, address.port, address.tls, address.authority) == (host, port, tls, authority)
    assert str(address) == text


def test_upstreams_on_unix_sockets() -> None:
    address = parse_upstream("unix:/run/app.sock")
    assert (address.path, address.authority, address.tls) == (Path("/run/app.sock"), "localhost", False)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "app",
        "app:80",
        "ftp://app",
        "http://",
        "http://app/path",
        "http://u@app",
        "http://app:0",
        "http://app:99999",
        "unix:",
    ],
)
def test_what_is_no_upstream(text: str) -> None:
    with pytest.raises(ValueError, match="expected"):
        parse_upstream(text)


def test_a_string_or_a_list_is_the_upstreams() -> None:
    for value in ("http://a:1", ["http://a:1"], {"to": "http://a:1"}, {"to": ["http://a:1"]}):
        assert ProxySettings.model_validate(value).to == ["http://a:1"]


def test_the_path_of_a_socket_counts_from_the_file() -> None:
    reading = Reading(Path("/etc/netforge"))
    for text, path in (("unix:app.sock", "unix:/etc/netforge/app.sock"), ("unix:/run/a", "unix:/run/a")):
        assert ProxySettings.model_validate(text, context=reading).to == [path]


@pytest.mark.parametrize(
    "value", [[], ["app"], {"to": "http://a", "trusted": ["all"]}, {"to": "http://a", "via": "a b"}, {"to": 5}]
)
def test_what_is_refused(value: Any) -> None:
    with pytest.raises(ValidationError):
        ProxySettings.model_validate(value)
