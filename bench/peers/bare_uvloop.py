"""asyncio with the loop of uvloop."""

import uvloop

from bench.peers.on_asyncio import main

if __name__ == "__main__":
    main(uvloop.new_event_loop)
