"""Talk to echo with nothing but Python's own socket module: over TCP, UDP and a UNIX socket."""

import socket
import sys


def over_tcp(host: str, port: int) -> bytes:
    """Send a line and read what comes back until the server closes."""
    with socket.create_connection((host, port), timeout=5) as connection:
        connection.sendall(b"hello\n")
        connection.shutdown(socket.SHUT_WR)
        return connection.makefile("rb").read()


def over_udp(host: str, port: int) -> bytes:
    """Send a datagram and wait for one."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(5)
        client.sendto(b"hello\n", (host, port))
        return client.recv(65535)


def over_unix(path: str) -> bytes:
    """The same as over TCP."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(path)
        connection.sendall(b"hello\n")
        connection.shutdown(socket.SHUT_WR)
        return connection.makefile("rb").read()


if __name__ == "__main__":
    port = int(sys.argv[1])
    print(over_tcp("127.0.0.1", port), over_udp("127.0.0.1", port), *map(over_unix, sys.argv[2:]))
