"""What ``twistd`` finds of netforge. One static file, since twistd caches what it finds here."""

from twisted.application.reactors import Reactor

from netforge.cli.dropin import LazyServiceMaker

netforge = LazyServiceMaker("netforge", "Run a settings file, one service by flags, or a lab of all services.")
forge_echo = LazyServiceMaker(
    "forge-echo", "Run the small services: echo, discard, daytime, time, chargen, qotd.", "echo"
)
forge = Reactor("forge", "netforge.reactor", "Twisted's protocols on uvloop's transports (netforge).")
