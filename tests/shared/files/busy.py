"""A process that writes files until it is killed. It acknowledges each commit by a line: the name and its number.

Run with a folder, and with how many files to write; 0 for no end.
"""

from __future__ import annotations

import hashlib
import os
import random
import sys
from itertools import count
from typing import Any

from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.epollreactor import EPollReactor
from twisted.python.failure import Failure

from netforge.plugin import IFileTree
from netforge.shared.files.places import Files

WRITERS = 4


def content(number: int, size: int) -> bytes:
    """A content that tells its number, and whether it is whole."""
    body = b"%d %s" % (number, os.urandom(size))
    return hashlib.sha256(body).digest() + body


def number_of(content: bytes) -> int:
    """The number of a content that is whole."""
    digest, body = content[:32], content[32:]
    assert hashlib.sha256(body).digest() == digest, "it is torn"
    return int(body.partition(b" ")[0])


async def write(tree: IFileTree, writer: int, last: int) -> None:
    for number in count() if not last else range(last):
        exclusive = number % 5 == 4
        name = f"only-{writer}-{number}" if exclusive else f"sub/file-{writer}"
        writing = await tree.write(name, exclusive=exclusive)
        for begin in range(0, len(whole := content(number, random.randrange(200_000))), 65_536):
            await writing.write(whole[begin : begin + 65_536])
        await writing.commit()
        os.write(1, f"{name} {number}\n".encode())


def main(folder: str, last: int) -> None:
    reactor: Any = EPollReactor()
    files = Files(reactor, random.Random(), {}, WRITERS)

    async def run() -> None:
        files.start()
        tree = files.tree(folder)
        await tree.make_folder("sub")
        writers = 1 if last else WRITERS
        results = await DeferredList(
            [Deferred.fromCoroutine(write(tree, writer, last)) for writer in range(writers)], fireOnOneErrback=True
        )
        assert all(success for success, _ in results)
        await files.stop()

    def ended(result: object) -> None:
        if isinstance(result, Failure):
            result.printTraceback()
        reactor.stop()

    reactor.callWhenRunning(lambda: Deferred.fromCoroutine(run()).addBoth(ended))
    reactor.run(installSignalHandlers=False)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
