"""What holds for every well-behaved protocol: five functions, each of which tries one thing.

They take just what was done, so a call of one of them replays what :func:`~netforge.testing.check_protocol` has found.
All take ``seed`` and ``global_reactor`` as :class:`~netforge.testing.Network` does.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from netforge.testing.checking.errors import CheckFailed
from netforge.testing.checking.stage import TAKEN, End, Make, Stage

__all__ = ["check_chunking", "check_deadline", "check_failures", "check_leftovers", "check_memory", "pieces"]

#: Bytes of a conversation that are sent one by one.
ONE_BY_ONE = 2048
#: Bytes that are sent at once to fill a protocol's memory.
BLOCK = 64 * 1024
#: Bytes of a value that a message shows.
SHOWN = 200


def pieces(data: bytes, cuts: Sequence[int]) -> list[bytes]:
    """Cut data at some places."""
    inner = sorted({cut for cut in cuts if 0 < cut < len(data)})
    return [data[start:end] for start, end in pairwise([0, *inner, len(data)])] if data else []


def check_chunking(
    make: Make, data: bytes, cuts: Sequence[int], *, seed: int = 0, global_reactor: bool = False
) -> None:
    """Whether the pieces in which data arrives make no difference to the answer, or to how the connection ends.

    :param make: takes a reactor, and makes the factory that is checked.
    :param data: what a client says.
    :param cuts: where it is cut.
    :raises CheckFailed: if they do.
    """

    def outcome(chunks: Sequence[bytes]) -> tuple[bytes, str]:
        with Stage(make, seed=seed, global_reactor=global_reactor) as stage:
            stage.say(chunks)
            stage.wait()
            traces.append(stage.trace)
            return stage.answer, stage.fate

    traces: list[str] = []
    (whole, fate), (cut, cut_fate) = outcome([data]), outcome(pieces(data, cuts))
    if (whole, fate) != (cut, cut_fate):
        sizes = ", ".join(str(len(piece)) for piece in pieces(data, cuts)[:20])
        raise CheckFailed(
            "chunking: how data is cut into pieces makes a difference",
            f"{_shown(whole)}, then {fate}, as when {_shown(data)} arrives as a whole",
            f"{_shown(cut)}, then {cut_fate}, when it arrives in pieces of {sizes} bytes",
            traces[-1],
        )


def check_failures(
    make: Make, chunks: Sequence[bytes], end: End, *, wait: float = 60.0, seed: int = 0, global_reactor: bool = False
) -> None:
    """Whether nothing is logged as a failure, whatever a client says and however it ends.

    :param chunks: what it says.
    :param end: what it does then: ``stay``, ``end`` its side, or ``reset`` the connection.
    :param wait: seconds that may pass afterwards, for deadlines to expire.
    :raises CheckFailed: if something is.
    """
    with Stage(make, seed=seed, global_reactor=global_reactor) as stage:
        stage.say(chunks)
        stage.end(end)
        stage.wait(wait)
        stage.stop()
        # What nobody handles is logged when it is collected.
        stage.collect()
        for failure in stage.failures:
            raise CheckFailed(
                f"failures: a client sent {_shown(b''.join(chunks))} and then {_DOES[end]}, and something failed",
                "nothing is logged as a failure",
                f"{type(failure.value).__name__}: {failure.value}\n{failure.getTraceback()}".rstrip(),
                stage.trace,
            )


def check_memory(
    make: Make,
    data: bytes,
    flood: bytes,
    *,
    reads: bool = True,
    limit: int = 256 * 1024,
    seed: int = 0,
    global_reactor: bool = False,
) -> None:
    """Whether a connection takes no more than so much memory while a client sends without end.

    Measured is what can be reached from the factory and the protocol, and what the transport has not sent yet. Buffers
    in C extensions that do not tell their size are not seen.

    :param data: what the client says first.
    :param flood: what it says then, again and again: twice as much as the limit, and at least 256 KiB.
    :param reads: whether it reads what it is answered.
    :param limit: bytes that the connection may take beyond those of *data*.
    :raises CheckFailed: if it takes more.
    """
    with Stage(make, seed=seed, global_reactor=global_reactor, reads=reads, drops=True) as stage:
        before = stage.sizes()
        sent = len(data)
        stage.say([data])
        for block in _blocks(flood, max(2 * limit, 4 * BLOCK)):
            stage.say([block])
            stage.wait(0.01)
            sent += len(block)
            after = stage.sizes()
            grown = sum(after.values()) - sum(before.values())
            if grown > limit + len(data):
                growth = {name: size - before.get(name, 0) for name, size in after.items()}
                most = sorted(growth, key=growth.__getitem__, reverse=True)[:3]
                raise CheckFailed(
                    f"memory: a client that sends {_shown(flood)} without end{'' if reads else ', and never reads,'} "
                    "fills it",
                    f"a connection takes at most {limit:,} bytes more than the {len(data):,} of the example",
                    f"{grown:,} bytes after {sent:,} were sent, most of them in "
                    + ", ".join(f"{name} ({growth[name]:,})" for name in most),
                    stage.trace,
                )
            if not stage.is_open:
                return


def check_deadline(
    make: Make,
    data: bytes,
    *,
    times: int = 1,
    reads: bool = True,
    deadline: float = 66.0,
    seed: int = 0,
    global_reactor: bool = False,
) -> None:
    """Whether a connection on which nothing happens any more is closed by the server.

    :param data: what the client says before it falls silent.
    :param times: how often it says so.
    :param reads: whether it reads what it is answered.
    :param deadline: seconds within which the server must have closed it.
    :raises CheckFailed: if it has not.
    """
    with Stage(make, seed=seed, global_reactor=global_reactor, reads=reads) as stage:
        stage.say([data * times])
        stage.wait(deadline)
        if stage.is_open:
            raise CheckFailed(
                f"deadline: a client that sent {_shown(data)}, "
                f"{'then nothing' if reads else 'and never reads'}, is kept for ever",
                f"the server closes the connection within {deadline:g} s",
                "it is open",
                stage.trace,
            )


def check_leftovers(
    make: Make, chunks: Sequence[bytes], end: End, *, seed: int = 0, global_reactor: bool = False
) -> None:
    """Whether nothing is left when the port is stopped and the connection gone.

    :param chunks: what a client says before.
    :param end: what it does then: ``stay``, so that the server must cut the connection, ``end`` its side, or ``reset``
        the connection.
    :raises CheckFailed: if there are delayed calls, open sockets, open files or threads.
    """
    with Stage(make, seed=seed, global_reactor=global_reactor) as stage:
        stage.say(chunks)
        stage.end(end)
        stage.wait(0.01)
        stage.stop()
        trace = stage.trace
        if left := stage.leftovers():
            raise CheckFailed(
                f"leftovers: a client sent {_shown(b''.join(chunks))} and then {_DOES[end]}, and something is left",
                "nothing, a second after the port was stopped and the connection lost",
                "; ".join(left),
                trace,
            )


_DOES: dict[End, str] = {"stay": "stayed", "end": "ended its side", "reset": "reset the connection"}


def _blocks(flood: bytes, total: int) -> Iterator[bytes]:
    block = flood * -(-BLOCK // len(flood))
    for _ in range(-(-total // len(block))):
        yield block


def _shown(data: bytes) -> str:
    if len(data) <= SHOWN:
        return repr(data)
    more = "or more" if len(data) == TAKEN else "in all"
    return f"{data[:SHOWN]!r} ... ({len(data):,} bytes {more})"
