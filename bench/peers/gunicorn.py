"""gunicorn with one worker, which has threads."""

from __future__ import annotations

from typing import Any

from gunicorn.app.base import BaseApplication

from bench.peers.serving import BACKLOG, HOST, announce, parse_arguments


class _Server(BaseApplication):
    def load_config(self) -> None:
        settings = {
            "bind": f"{HOST}:0",
            "workers": 1,
            "worker_class": "gthread",
            "threads": 16,
            "backlog": BACKLOG,
            "loglevel": "warning",
            "when_ready": _announce,
        }
        for name, value in settings.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        from bench.peers.hello_flask import application  # noqa: PLC0415  only in the worker

        return application


def _announce(arbiter: Any) -> None:
    announce(arbiter.LISTENERS[0].sock.getsockname()[1])


if __name__ == "__main__":
    parse_arguments()
    _Server().run()
