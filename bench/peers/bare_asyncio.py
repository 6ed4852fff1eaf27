"""asyncio with the loop of the standard library."""

import asyncio

from bench.peers.on_asyncio import main

if __name__ == "__main__":
    main(asyncio.SelectorEventLoop)
