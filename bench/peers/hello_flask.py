"""The same answer by Flask."""

from flask import Flask, Response

from bench.peers.hello import HELLO

__all__ = ["application"]

application = Flask(__name__)


@application.get("/hello")
def _hello() -> Response:
    return Response(HELLO, mimetype="text/plain")
