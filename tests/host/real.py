"""What the tests on real sockets share: settings with listeners, a forge that runs for a while, and IPv6 or not."""

from __future__ import annotations

import socket
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from netforge.host import Forge

if TYPE_CHECKING:
    from tests.conftest import Drive
    from tests.host.conftest import Stage

__all__ = ["Talk", "has_ipv6", "serve", "settings"]

Talk = Callable[[Any, Forge], Awaitable[None]]


def settings(*addresses: str) -> str:
    """One service, ``a``, on these addresses."""
    return f'[services.a]\nservice = "actor"\nlisten = [{", ".join(repr(one) for one in addresses)}]\n'


def serve(stage: Stage, drive: Drive, text: str, talk: Talk) -> None:
    """Start a forge, talk to it, and stop it."""

    async def scenario(reactor: Any) -> None:
        forge = stage.forge(text, reactor)
        forge.startService()
        await forge.when_ready()
        await talk(reactor, forge)
        await forge.stopService()

    drive(scenario)


def has_ipv6() -> bool:
    """Whether this machine has a loopback of IPv6."""
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True
