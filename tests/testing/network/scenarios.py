"""Random scenarios: everything that a network can do, at times and in an order made of a seed."""

from __future__ import annotations

import sys
from random import Random
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.protocol import DatagramProtocol
from twisted.internet.threads import deferToThreadPool

from netforge.protocols.echo import EchoFactory
from netforge.testing import Link, Machine, Network
from tests.testing.network.conftest import Peer, connected


class Scenario:
    """What happens on one network."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.network = Network(seed)
        self.machines = [self.network.machine(name) for name in "abcd"[: self.random.randint(2, 4)]]
        self.links = [self.link() for _ in range(self.random.randint(0, 3))]
        self.senders = [self.serve(machine) for machine in self.machines]

    def link(self) -> Link:
        choose = self.random.choice
        a, b = self.random.sample(self.machines, 2)
        return self.network.link(
            a,
            b,
            latency=choose([0.0001, 0.01, 0.3]),
            jitter=choose([0, 0, 0.05]),
            bandwidth=choose([None, None, 1e5]),
            loss=choose([0, 0, 0.2]),
            duplicate=choose([0, 0.3]),
            reorder=choose([0, 0.3]),
            mtu=choose([65535, 1500]),
        )

    def serve(self, machine: Machine) -> DatagramProtocol:
        reactor = machine.reactor
        reactor.listenTCP(7, EchoFactory(reactor, idle=20))
        sender = DatagramProtocol()
        sender.noisy = False
        reactor.listenUDP(9, sender)
        return sender

    async def talk(self, machine: Machine, host: Machine) -> None:
        try:
            peer = await connected(machine, host.name, self.random.choice([7, 7, 7, 8]))
        except Exception:
            return
        for _ in range(self.random.randint(0, 5)):
            machine.reactor.callLater(self.random.uniform(0, 5), self.step, peer)

    def step(self, peer: Peer) -> None:
        transport = peer.transport
        act: Any = self.random.choice(
            [
                lambda: transport.write(self.random.randbytes(self.random.choice([1, 10, 3000, 100_000]))),
                lambda: transport.write(b"hello"),
                transport.loseConnection,
                transport.abortConnection,
                transport.loseWriteConnection,
                transport.pauseProducing,
                transport.resumeProducing,
            ]
        )
        if transport.connected:
            act()

    def upset(self) -> None:
        link = self.random.choice(self.links)
        self.random.choice([link.cut, link.heal, link.reset])()

    def send(self, sender: DatagramProtocol) -> None:
        assert sender.transport is not None
        sender.transport.write(bytes(self.random.choice([8, 2000])), (self.random.choice(self.machines).address, 9))

    def think(self, machine: Machine) -> None:
        deferToThreadPool(machine.reactor, machine.reactor.getThreadPool(), sum, range(1000))

    def run(self) -> str:
        """Let it all happen, and return the trace."""
        for _ in range(self.random.randint(5, 20)):
            machine, host = self.random.choices(self.machines, k=2)
            later = machine.reactor.callLater
            when = self.random.uniform(0, 5)
            match self.random.randrange(6):
                case 0 if self.links:
                    later(when, self.upset)
                case 1:
                    later(when, self.send, self.senders[self.machines.index(machine)])
                case 2:
                    later(when, self.think, machine)
                case 3 if self.random.random() < 0.2:
                    later(when, machine.reactor.stop)
                case _:
                    later(when, lambda m=machine, h=host: Deferred.fromCoroutine(self.talk(m, h)))
        try:
            self.network.run(20)
        finally:
            self.network.close()
        failures = "".join(f"\n{failure.getErrorMessage()}" for failure in self.network.failures)
        return f"{self.network.trace}{failures}"


if __name__ == "__main__":
    print(Scenario(int(sys.argv[1])).run())
