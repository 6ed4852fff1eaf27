"""A simulated network: machines with reactors, links that can fail, one virtual clock."""

from netforge.testing.network.guard import NotSimulated
from netforge.testing.network.links import Link
from netforge.testing.network.machine import Machine
from netforge.testing.network.network import Network
from netforge.testing.network.reactor import SimulatedReactor
from netforge.testing.network.trace import Entry, Trace

__all__ = ["Entry", "Link", "Machine", "Network", "NotSimulated", "SimulatedReactor", "Trace"]
