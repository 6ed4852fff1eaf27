"""A page on Klein, and a resource of ``twisted.web``."""

from typing import Any

from klein import Klein
from twisted.web.resource import Resource

app = Klein()


@app.route("/hello/<name>")
def hello(request: Any, name: str) -> str:
    """Say hello."""
    return f"hello, {name}\n"


class Counter(Resource):
    """Counts the requests."""

    isLeaf = True  # noqa: N815  Twisted's
    count = 0

    def render_GET(self, request: Any) -> bytes:  # noqa: N802  Twisted's
        """Count one more."""
        self.count += 1
        return b"%d\n" % self.count


counter = Counter()
