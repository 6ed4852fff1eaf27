"""uvicorn, at its fastest."""

from __future__ import annotations

import socket

import uvicorn

from bench.peers.serving import BACKLOG, HOST, announce, parse_arguments

_APPLICATIONS = {
    "http-hello": "bench.peers.hello:asgi",
    "http-asgi": "bench.peers.hello:asgi",
    "http-starlette": "bench.peers.hello_starlette:application",
}


def _main() -> None:
    arguments = parse_arguments()
    config = uvicorn.Config(
        _APPLICATIONS[arguments.case],
        loop="uvloop",
        http="httptools",
        ws="none",
        access_log=False,
        log_level="warning",
        timeout_keep_alive=60,
        backlog=BACKLOG,
    )
    with socket.create_server((HOST, 0), backlog=BACKLOG) as listening:
        announce(listening.getsockname()[1])
        uvicorn.Server(config).run(sockets=[listening])


if __name__ == "__main__":
    _main()
