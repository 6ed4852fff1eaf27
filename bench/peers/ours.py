"""netforge on its own reactor: the protocols that the Twisted peers run too, and its own servers."""

from bench.peers.on_twisted import main
from bench.peers.web import FACTORIES
from netforge.reactor import install

if __name__ == "__main__":
    main(install, FACTORIES)
