"""Twisted on netforge's reactor."""

from bench.peers.on_twisted import main
from netforge.reactor import install

if __name__ == "__main__":
    main(install)
