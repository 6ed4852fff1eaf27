"""The contract between netforge and a plugin: everything that an author of a service uses.

Declarations only. What this package exports in ``__all__`` is public, typed, and deprecated for two releases before it
goes; :data:`CONTRACT` is its version.
"""

from netforge.plugin.address import Address, Inherited, Internet, Unix, parse_address
from netforge.plugin.connection import Connection, TLSState
from netforge.plugin.context import Context, IReactor
from netforge.plugin.errors import CommandFailed
from netforge.plugin.interfaces import IBus, ISubscription
from netforge.plugin.layers import ILayer, Listener, Place
from netforge.plugin.listen import Listen
from netforge.plugin.parts import Datagram, Offer, Part, Parts, Stream, Task
from netforge.plugin.service import CONTRACT, Command, Contribution, ServicePlugin, service
from netforge.plugin.settings import Field, Settings
from netforge.plugin.wrapping import LayerFactory, LayerProtocol
from netforge.protocols.interfaces import IDrainable, IStreamTransport

__all__ = [
    "CONTRACT",
    "Address",
    "Command",
    "CommandFailed",
    "Connection",
    "Context",
    "Contribution",
    "Datagram",
    "Field",
    "IBus",
    "IDrainable",
    "ILayer",
    "IReactor",
    "IStreamTransport",
    "ISubscription",
    "Inherited",
    "Internet",
    "LayerFactory",
    "LayerProtocol",
    "Listen",
    "Listener",
    "Offer",
    "Part",
    "Parts",
    "Place",
    "ServicePlugin",
    "Settings",
    "Stream",
    "TLSState",
    "Task",
    "Unix",
    "parse_address",
    "service",
]
