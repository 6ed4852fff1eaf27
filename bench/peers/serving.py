"""What all servers in Python share: their command line, how they say their port, and how they end."""

from __future__ import annotations

import argparse
import os
import sys
import threading
from dataclasses import dataclass
from pathlib import Path

__all__ = ["BACKLOG", "DOWNLOAD", "HOST", "Arguments", "announce", "parse_arguments"]

HOST = "127.0.0.1"
BACKLOG = 1024
"""Alike for all; by itself Twisted takes 50 and asyncio 100."""
DOWNLOAD = bytes(1024 * 1024)
"""What each request for a download is answered with."""


@dataclass(frozen=True)
class Arguments:
    """What the runner wants.

    :ivar case: which server to be.
    :ivar certificate: for TLS, a PEM file of a private key and its certificate.
    :ivar operation: for timers, ``reset`` or ``cancel``.
    :ivar warmup: for timers, how many seconds to run before measuring.
    :ivar seconds: for timers, how long to measure.
    """

    case: str
    certificate: Path
    operation: str
    warmup: float
    seconds: float


def parse_arguments() -> Arguments:
    """Read the command line; one that is not understood ends the process with a message."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--case", required=True)
    parser.add_argument("--certificate", type=Path, default=Path())
    parser.add_argument("--operation", choices=["reset", "cancel"], default="reset")
    parser.add_argument("--warmup", type=float, default=0.5)
    parser.add_argument("--seconds", type=float, default=2.0)
    return Arguments(**vars(parser.parse_args()))


def announce(port: int) -> None:
    """Print the port that is listened on, and from now on end when the input does."""
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    threading.Thread(target=_end_with_input, daemon=True).start()


def _end_with_input() -> None:
    while os.read(sys.stdin.fileno(), 4096):
        pass
    os._exit(0)
