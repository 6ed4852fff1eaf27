"""A program that needs a server: netforge, in a process of its own, on a port that is free."""

import socket
from typing import Any

import pytest


@pytest.mark.real
def test_a_client(netforge_server: Any) -> None:
    server = netforge_server("echo", idle=5)
    with socket.create_connection((server.host, server.port)) as client:
        client.sendall(b"hello")
        assert client.recv(5, socket.MSG_WAITALL) == b"hello"
