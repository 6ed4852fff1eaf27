"""Sites on real sockets, with curl."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from typing import Any

import pytest

SITES = {
    "main": {
        "https": "redirect",
        "hsts": 60,
        "at": {"/": {"respond": "hello"}, "/private": {"respond": "", "auth": "staff"}, "/old": {"redirect": "/"}},
    }
}
FORMAT = "%{http_version} %{http_code} %{redirect_url} %header{strict-transport-security}"


@pytest.mark.real
def test_curl_asks_for_pages(netforge_server: Callable[..., Any]) -> None:
    listen = [{"address": "tcp:127.0.0.1:0"}, {"address": "tcp:127.0.0.1:0", "tls": True}]
    server = netforge_server("web", sites=SITES, listen=listen)
    plain, secure = (int(address.rpartition(":")[2]) for address in server.addresses if address.startswith("tcp:"))

    def ask(url: str, *options: str) -> str:
        command = ["curl", "-sSk", "-w", FORMAT, *options, url]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=30).stdout

    http, https = f"http://127.0.0.1:{plain}", f"https://127.0.0.1:{secure}"
    assert ask(f"{http}/a?b") == "1.1 308 https://127.0.0.1/a?b "
    assert ask(f"{https}/a") == "hello2 200  max-age=60"
    assert ask(f"{https}/a", "--http1.1") == "hello1.1 200  max-age=60"
    assert ask(f"{https}/old", "-L") == "hello2 200  max-age=60"
    assert ask(f"{https}/private") == "401 Unauthorized\n2 401  max-age=60"
    assert "<title>401 Unauthorized</title>" in ask(f"{https}/private", "-H", "Accept: text/html")
    assert server.log.count("GET /a 200: 5 bytes") == 2
