"""The library websockets, with the loop of uvloop."""

import uvloop

from bench.peers.websockets import main

if __name__ == "__main__":
    main(uvloop.new_event_loop)
