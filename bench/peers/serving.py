"""What all servers in Python share: their command line, how they say their port, and how they end."""

from __future__ import annotations

import argparse
import os
import socket
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

__all__ = ["BACKLOG", "DOWNLOAD", "HOST", "Arguments", "announce", "announce_later", "parse_arguments", "reserve_port"]

HOST = "127.0.0.1"
BACKLOG = 1024
"""Alike for all; by itself Twisted takes 50 and asyncio 100."""
DOWNLOAD = bytes(1024 * 1024)
"""What each request for a download is answered with."""
_PATIENCE = 20.0


@dataclass(frozen=True)
class Arguments:
    """What the runner wants.

    :ivar case: which server to be.
    :ivar certificate: for TLS, a PEM file of a private key and its certificate.
    :ivar folder: for scratch files, and, for ``http-static``, those that are served.
    :ivar operation: for timers, ``reset`` or ``cancel``.
    :ivar warmup: for timers, how many seconds to run before measuring.
    :ivar seconds: for timers, how long to measure.
    """

    case: str
    certificate: Path
    folder: Path
    operation: str
    warmup: float
    seconds: float


def parse_arguments() -> Arguments:
    """Read the command line; one that is not understood ends the process with a message."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--case", required=True)
    parser.add_argument("--certificate", type=Path, default=Path())
    parser.add_argument("--folder", type=Path, default=Path())
    parser.add_argument("--operation", choices=["reset", "cancel"], default="reset")
    parser.add_argument("--warmup", type=float, default=0.5)
    parser.add_argument("--seconds", type=float, default=2.0)
    return Arguments(**vars(parser.parse_args()))


def announce(port: int, end: Callable[[], object] = lambda: os._exit(0)) -> None:
    """Print the port that is listened on, and end when the input does.

    :param end: how to.
    """
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    threading.Thread(target=_end_with_input, args=(end,), daemon=True).start()


def reserve_port() -> socket.socket:
    """For a program that cannot say which port it got: bind one, where this program may listen by ``SO_REUSEPORT``.

    It is reserved for as long as the socket is there.
    """
    reserved = socket.socket()
    reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    reserved.bind((HOST, 0))
    return reserved


def announce_later(port: int, end: Callable[[], object] = lambda: os._exit(0)) -> None:
    """:func:`announce` a port in another thread, once somebody listens there."""
    threading.Thread(target=_announce_later, args=(port, end)).start()


def _announce_later(port: int, end: Callable[[], object]) -> None:
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        try:
            socket.create_connection((HOST, port)).close()
        except ConnectionRefusedError:
            time.sleep(0.01)
        else:
            announce(port, end)
            return


def _end_with_input(end: Callable[[], object]) -> None:
    while os.read(sys.stdin.fileno(), 4096):
        pass
    end()
