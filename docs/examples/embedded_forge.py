"""A whole forge in a Twisted program, beside services of the program's own."""

import signal
from typing import Any

from twisted.application.service import MultiService
from twisted.internet.defer import Deferred
from twisted.internet.task import react

from netforge.host import forge_from_file


async def run(reactor: Any) -> None:
    """Run ``forge.toml`` of the working directory until the reactor stops."""
    forge = forge_from_file("forge.toml", reactor)
    services = MultiService()
    forge.setServiceParent(services)

    services.privilegedStartService()
    services.startService()
    reactor.addSystemEventTrigger("before", "shutdown", services.stopService)

    print(await forge.when_ready())
    for one in forge.serving:
        print(one.name, one.address, one.try_it, flush=True)

    # A forge takes no signals by itself.
    signal.signal(signal.SIGHUP, lambda *_: reactor.callFromThread(forge.reload))
    await Deferred()


if __name__ == "__main__":
    react(lambda reactor: Deferred.fromCoroutine(run(reactor)))
