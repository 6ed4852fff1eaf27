"""What Tornado is told of a request."""

from __future__ import annotations

import pytest

pytest.importorskip("tornado")

from netforge.protocols.http import Headers, Request
from netforge.services.web.tornado.serving import head_of


@pytest.mark.parametrize(
    ("target", "uri"),
    [
        ("/a%20b?c=d", "/a%20b?c=d"),
        ("http://example.org/a?", "/a"),
        ("http://example.org", "/"),
        ("*", "*"),
    ],
)
def test_the_start_line_has_the_target_without_a_host(target: str, uri: str) -> None:
    line, _ = head_of(Request("GET", target, "example.org", [], "1.1"))
    assert line == ("GET", uri, "HTTP/1.1")


def test_the_fields_are_told_as_they_came() -> None:
    fields: Headers = [(b"host", b"example.org"), (b"x-one", b"1"), (b"x-one", b"\xe4")]
    _, headers = head_of(Request("GET", "/", "example.org", fields, "2"))
    assert list(headers.get_all()) == [("Host", "example.org"), ("X-One", "1"), ("X-One", "ä")]


@pytest.mark.parametrize(("upgrade", "told"), [("websocket", True), ("", False)])
def test_an_offer_that_is_not_valid_is_not_told(upgrade: str, told: bool) -> None:
    _, headers = head_of(Request("GET", "/", "h", [(b"upgrade", b"websocket")], "1.0", upgrade=upgrade))
    assert ("Upgrade" in headers) is told
