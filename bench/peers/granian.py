"""granian with one worker, over its own gateway, RSGI."""

from __future__ import annotations

from granian.constants import Interfaces
from granian.server import Server

from bench.peers.serving import BACKLOG, HOST, announce_later, parse_arguments, reserve_port

_APPLICATIONS = {"http-hello": "bench.peers.hello:rsgi"}


def _main() -> None:
    arguments = parse_arguments()
    with reserve_port() as reserved:
        port = reserved.getsockname()[1]
        announce_later(port)
        Server(
            _APPLICATIONS[arguments.case],
            HOST,
            port,
            interface=Interfaces.RSGI,
            workers=1,
            websockets=False,
            backlog=BACKLOG,
            log_enabled=False,
        ).serve()


# It starts its worker by importing this again.
if __name__ == "__main__":
    _main()
