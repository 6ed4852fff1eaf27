"""The layer over loopback, with programs that others wrote: curl, openssl, socat."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from netforge.testing import ServerProcess

    Start = Callable[..., ServerProcess]

pytestmark = pytest.mark.real

#: A line as HAProxy writes it, for a shell's printf.
HEADER = r"PROXY TCP4 203.0.113.7 198.51.100.1 50000 443\r\n"


def listener(address: str = "tcp:127.0.0.1:0", trusted: str = "127.0.0.0/8", **keys: Any) -> dict[str, Any]:
    return {"address": address, "proxy_from": [trusted], **keys}


def run(*command: str, said: bytes = b"") -> bytes:
    done = subprocess.run(command, input=said, capture_output=True, timeout=30, check=False)
    return done.stdout


def relayed(target: str, said: bytes = b"") -> bytes:
    """What a server sends to a client behind socat, which sends the header first."""
    return run("sh", "-c", f"(printf '{HEADER}'; cat) | socat -t5 - {target}", said=said)


def test_curl_is_served_with_its_header_and_not_without(netforge_server: Start) -> None:
    server = netforge_server("monitor", listen=[listener()])
    url = f"http://127.0.0.1:{server.port}/live"
    assert run("curl", "-s", "-o", "-", "-w", "%{http_code}", "--haproxy-protocol", url).endswith(b"200")
    assert run("curl", "-s", "-o", "-", "-w", "%{http_code}", url).endswith(b"000")


def test_curl_speaks_tls_after_its_header(netforge_server: Start) -> None:
    server = netforge_server("monitor", listen=[listener(tls=True)])
    url = f"https://localhost:{server.port}/live"
    assert run("curl", "-s", "-k", "-4", "-w", "%{http_code}", "--haproxy-protocol", url).endswith(b"200")


def test_openssl_shakes_hands_behind_a_proxy(netforge_server: Start, tmp_path: Path) -> None:
    server = netforge_server("echo", listen=[listener(tls=True)])
    path = tmp_path / "proxy.sock"
    relay = f"SYSTEM:(printf '{HEADER}'; cat) | socat - TCP\\:127.0.0.1\\:{server.port}"
    with subprocess.Popen(["socat", f"UNIX-LISTEN:{path}", relay]) as proxy:
        while not path.exists():
            time.sleep(0.01)
        client = ["openssl", "s_client", "-quiet", "-verify_quiet", "-unix", str(path)]
        with subprocess.Popen(client, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as openssl:
            assert openssl.stdin is not None
            assert openssl.stdout is not None
            openssl.stdin.write(b"hello\n")
            openssl.stdin.flush()
            assert openssl.stdout.readline() == b"hello\n"
            openssl.kill()
        proxy.wait(10)
    server.stop()
    assert "203.0.113.7" in server.log


def test_socat_is_a_proxy_over_tcp_and_over_unix_sockets(netforge_server: Start, tmp_path: Path) -> None:
    path = tmp_path / "echo.sock"
    server = netforge_server("echo", listen=[listener(), listener(f"unix:{path}", "unix")])
    assert relayed(f"TCP:127.0.0.1:{server.port}", b"hello") == b"hello"
    assert relayed(f"UNIX-CONNECT:{path}", b"hello") == b"hello"
    server.stop()
    assert server.log.count("203.0.113.7") == 2


def test_who_is_not_trusted_gets_nothing(netforge_server: Start) -> None:
    server = netforge_server("echo", listen=[listener(trusted="192.0.2.0/24")])
    assert relayed(f"TCP:127.0.0.1:{server.port}", b"hello") == b""
    server.stop()
    assert "it is in none of the networks of proxy_from" in server.log
