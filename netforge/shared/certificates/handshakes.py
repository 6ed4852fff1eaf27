"""Handshakes: their deadline, and what they agreed on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from weakref import WeakKeyDictionary

from OpenSSL import SSL
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from netforge.plugin import Connection, TLSState

__all__ = ["PATIENCE", "HalfClosing", "Handshake", "Handshakes"]

#: Seconds that a handshake may take.
PATIENCE = 30.0


class Handshakes:
    """Those that are under way. They all have as long, so that one timer does for all.

    :param clock: the time.
    :param log: where failures are told, as events of level debug: on the Internet there are always some.
    """

    def __init__(self, clock: IReactorTime, log: Logger) -> None:
        self._clock = clock
        self._log = log
        self._begun: WeakKeyDictionary[Handshake, float] = WeakKeyDictionary()
        self._call: IDelayedCall | None = None

    def begin(self, handshake: Handshake) -> None:
        """Expect the end of one."""
        self._begun[handshake] = self._clock.seconds()
        if self._call is None:
            self._call = self._clock.callLater(PATIENCE, self._look)

    def end(self, handshake: Handshake) -> None:
        """It has ended."""
        self._begun.pop(handshake, None)

    def failed(self, tls: Any, reason: str) -> None:
        """Tell that one has failed."""
        connection = Connection.of(tls.wrappedProtocol.transport)
        self._log.debug(
            "the TLS handshake with {peer} failed: {reason}",
            event="tls",
            connection=connection.id,
            listener=connection.listener,
            peer=connection.peer,
            reason=reason,
        )

    def stop(self) -> None:
        """Expect nothing more."""
        self._begun.clear()
        if self._call is not None:
            self._call.cancel()
            self._call = None

    def _look(self) -> None:
        self._call = None
        now = self._clock.seconds()
        for handshake, begun in list(self._begun.items()):
            if begun + PATIENCE > now:
                # The first that has time left: those that follow have more.
                self._call = self._clock.callLater(begun + PATIENCE - now, self._look)
                return
            self.end(handshake)
            handshake.give_up()


class Handshake(SSL.Connection):
    """A connection of OpenSSL that keeps its deadline, and leaves what it agreed on where everybody finds it.

    :param tls: the protocol that it works for.
    :param handshakes: those under way.
    :ivar alpn: the application protocols that the server speaks, the best first.
    :ivar recorded: what the client has sent so far, if that matters.
    """

    def __init__(
        self, context: SSL.Context, tls: Any, handshakes: Handshakes, alpn: Sequence[bytes], *, recording: bool
    ) -> None:
        super().__init__(context, None)
        self.set_app_data(tls)
        self.set_accept_state()
        self.alpn = alpn
        self.recorded: bytes | None = b"" if recording else None
        self._tls = tls
        self._handshakes = handshakes
        handshakes.begin(self)

    def bio_write(self, buf: bytes | bytearray | memoryview) -> int:
        """Receive from the network."""
        if self.recorded is not None:
            self.recorded += buf
        return super().bio_write(buf)

    def bio_shutdown(self) -> None:
        """Nothing more will come from the network."""
        self._end()
        super().bio_shutdown()

    def do_handshake(self) -> None:
        """Go on with the handshake. It is called until it neither raises nor wants more."""
        try:
            super().do_handshake()
        except SSL.WantReadError:
            raise
        except SSL.Error as error:
            self._end()
            self._handshakes.failed(self._tls, _reason(error))
            raise
        self._end()
        connection = Connection.of(self._tls.wrappedProtocol.transport)
        connection.tls = self._state()
        certificate = self.get_peer_certificate(as_cryptography=True)
        if certificate is not None:
            connection.identity = certificate.subject.rfc4514_string()

    def give_up(self) -> None:
        """End the connection, since its time is up."""
        self._handshakes.failed(self._tls, f"it took longer than {PATIENCE:g} s")
        self._tls.abortConnection()

    def _end(self) -> None:
        self._handshakes.end(self)
        self.recorded = None

    def _state(self) -> TLSState:
        alpn, name = self.get_alpn_proto_negotiated(), self.get_servername()
        return TLSState(
            self.get_protocol_version_name(),
            self.get_cipher_name() or "",
            alpn.decode("ascii", "replace") if alpn else None,
            name.decode("ascii", "replace") if name else None,
        )


class HalfClosing(Handshake):
    """One whose protocol wants to know when the peer has said all, and may still answer then.

    Twisted's TLS takes the peer's close_notify for the end of both sides, and drops what is about to be written.
    """

    _told = False

    def recv(self, bufsiz: int, flags: int | None = None) -> bytes:
        """Receive what the client said."""
        try:
            return super().recv(bufsiz, flags)
        except SSL.ZeroReturnError:
            if not self._told:
                self._told = True
                self._tls.wrappedProtocol.readConnectionLost()
            raise SSL.WantReadError from None


def _reason(error: SSL.Error) -> str:
    """What OpenSSL says."""
    return "; ".join(str(one[-1]) for one in error.args[0]) if error.args and error.args[0] else "it was cut off"
