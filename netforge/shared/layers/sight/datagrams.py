"""What a listener for datagrams gets, in numbers."""

from __future__ import annotations

from typing import Any

from twisted.internet.interfaces import IUDPTransport
from twisted.internet.protocol import AbstractDatagramProtocol, DatagramProtocol

from netforge.plugin import IMetrics
from netforge.shared.layers.sight.traffic import LABELS, bytes_received

__all__ = ["Watched"]


class Watched(DatagramProtocol):
    """Counts what arrives before it passes it on. What the receiver sends is not seen.

    :param receiver: gets the datagrams.
    """

    noisy = False
    transport: IUDPTransport

    def __init__(self, receiver: AbstractDatagramProtocol, metrics: IMetrics, service: str, listener: str) -> None:
        self._receiver = receiver
        self._received = bytes_received(metrics).labels(service, listener)
        self._datagrams = metrics.counter(
            "netforge_datagrams_received_total", "Datagrams that peers have sent", LABELS
        ).labels(service, listener)

    def startProtocol(self) -> None:
        """Connect the receiver."""
        self._receiver.makeConnection(self.transport)

    def stopProtocol(self) -> None:
        """Stop the receiver."""
        self._receiver.doStop()

    def datagramReceived(self, datagram: bytes, addr: Any) -> None:
        """Count, and pass on."""
        self._datagrams.inc()
        self._received.inc(len(datagram))
        self._receiver.datagramReceived(datagram, addr)
