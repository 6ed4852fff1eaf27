"""Why a connection ended, in one word."""

from __future__ import annotations

from twisted.internet import error
from twisted.python.failure import Failure

__all__ = ["reason_of"]

#: The first that fits. ``cut`` is what this side ended at once: at a deadline, a limit, or the end of a drain.
WORDS: tuple[tuple[type[Exception], str], ...] = (
    (error.ConnectionDone, "closed"),
    (error.ConnectionAborted, "cut"),
    (error.ConnectionClosed, "reset"),
    (error.TCPTimedOutError, "timeout"),
    (TimeoutError, "timeout"),
)

#: By the package of the error, since neither need be installed.
TLS = ("OpenSSL", "ssl")


def reason_of(failure: Failure) -> str:
    """``closed``, ``cut``, ``reset``, ``timeout``, ``tls``; or ``failed`` if the protocol raised something else."""
    for kind, word in WORDS:
        if failure.check(kind):
            return word
    return "tls" if type(failure.value).__module__.partition(".")[0] in TLS else "failed"
