"""What went wrong, in words for people."""

from __future__ import annotations

from OpenSSL import SSL
from service_identity import CertificateError, VerificationError
from twisted.internet.defer import CancelledError
from twisted.internet.error import (
    ConnectError,
    ConnectionClosed,
    ConnectionDone,
    ConnectionLost,
    DNSLookupError,
    NoRouteError,
    TCPTimedOutError,
)
from twisted.internet.error import ConnectionRefusedError as Refused
from twisted.web.client import RequestGenerationFailed

from netforge.plugin import OutboundFailed
from netforge.shared.outbound.urls import Target
from netforge.shared.outbound.watch import SAYING, Watch

__all__ = ["told"]


#: What a connection that fails may raise. All else is a mistake of ours, which nothing hides.
FAILURES = (OSError, ConnectError, ConnectionClosed, SSL.Error, VerificationError, CertificateError)


def told(error: Exception, target: Target, watch: Watch) -> Exception:
    """The error to raise for what Twisted raised. What the sender of a body raised is left as it is."""
    if watch.late is not None:
        return watch.late
    cause = _innermost(error)
    if isinstance(cause, CancelledError | OutboundFailed) or isinstance(error, RequestGenerationFailed):
        return cause
    if cause is error and not isinstance(error, FAILURES):
        return error
    return OutboundFailed(f"{target.url}: {_words(cause, target, watch)}", watch.stage)


def _innermost(error: Exception) -> Exception:
    """What Twisted has wrapped."""
    while reasons := getattr(error, "reasons", None):
        error = reasons[0].value
    return error


def _words(error: Exception, target: Target, watch: Watch) -> str:
    match error:
        case DNSLookupError():
            words = str(error.args[0])
        case Refused():
            words = "nothing answers there (connection refused)"
        case TCPTimedOutError() | NoRouteError():
            words = f"it cannot be reached ({error})"
        case VerificationError() | CertificateError():
            words = f"the server's certificate is not for {target.host}"
        case SSL.Error():
            words = _of_openssl(error)
        case ConnectionLost() | ConnectionDone():
            words = f"the connection was lost while {SAYING[watch.stage]}"
        case _:
            words = f"{SAYING[watch.stage]} failed: {str(error) or type(error).__name__}"
    return words


def _of_openssl(error: SSL.Error) -> str:
    reasons = [reason for _, _, reason in error.args[0]] if error.args and isinstance(error.args[0], list) else []
    if "certificate verify failed" in reasons:
        return "the server's certificate is signed by nobody who is believed here, or is out of date"
    if "wrong version number" in reasons or "record layer failure" in reasons:
        return "the server does not speak TLS there: is it http:// rather than https://?"
    return f"agreeing on TLS failed: {'; '.join(reasons) or 'the server ended it'}"
