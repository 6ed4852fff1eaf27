"""``Machine``: a computer on the simulated network."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netforge.testing.network.kernel import Kernel
from netforge.testing.network.reactor import SimulatedReactor
from netforge.testing.network.sockets import Name

if TYPE_CHECKING:
    from netforge.testing.network.network import Network

__all__ = ["Machine"]


class Machine:
    """A machine, on which one reactor runs: from when the network runs until that reactor is stopped.

    :ivar name: what it is called, and what the others find it by.
    :ivar address: its IPv4 address.
    :ivar address6: its IPv6 address.
    :ivar reactor: what its programs run on.
    """

    def __init__(self, network: Network, name: str, number: int) -> None:
        high, low = divmod(number, 256)
        self.network = network
        self.name = name
        self.address = f"10.0.{high}.{low}"
        self.address6 = f"fd00::{number:x}"
        self.kernel = Kernel(self)
        self.reactor = SimulatedReactor(self)

    def __repr__(self) -> str:
        return f"<Machine {self.name} at {self.address}>"

    def has(self, host: str) -> bool:
        """Whether *host* is an address of this machine."""
        return host in (self.address, self.address6, "::1") or host.startswith("127.")

    def spell(self, name: Name | None) -> str:
        """Spell an address of this machine's for the trace: by the machine's name."""
        match name:
            case None:
                return self.name
            case bytes():
                return f"{self.name}:{name.decode(errors='replace')}"
            case (str(host), port, *_):
                return f"{self.name if host in (self.address, self.address6) else host}:{port}"
        raise TypeError(f"{name!r} is not an address")

    def exit(self) -> None:
        """What a kernel does when a program has ended: everything that it left open is closed."""
        for left in list(self.kernel.sockets):
            left.close()
