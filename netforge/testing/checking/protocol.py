"""``check_protocol``: tries the oracles on one conversation after the other, and reports the simplest failure."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from netforge.testing.checking.errors import CheckFailed
from netforge.testing.checking.oracles import (
    BLOCK,
    ONE_BY_ONE,
    check_chunking,
    check_deadline,
    check_failures,
    check_leftovers,
    check_memory,
    pieces,
)
from netforge.testing.checking.scripts import replaying
from netforge.testing.checking.stage import Make

if TYPE_CHECKING:
    from hypothesis.strategies import DataObject, SearchStrategy

__all__ = ["check_protocol"]

#: How much longer than its deadline a protocol may take, and the check may wait.
SLACK = 1.1
#: What a client may send without end: bytes of each class that parsers tell apart, and what opens something.
FLOODS = [b"A", b"9", b" ", b"\0", b"\xff", b"\r", b"\n", b"a\n", b"(", b"[", b"{", b'"', b"<a>"]


def check_protocol(
    make: Make,
    examples: Sequence[bytes] | SearchStrategy[bytes],
    *,
    chunking: bool = True,
    failures: bool = True,
    memory: int | None = 256 * 1024,
    deadline: float | None = 60.0,
    leftovers: bool = True,
    runs: int = 40,
    seed: int = 0,
    global_reactor: bool = False,
) -> None:
    """Check what should hold for every protocol of a server, whatever it speaks.

    * *chunking*: the pieces in which data arrives make no difference.
    * *failures*: nothing is logged as a failure: neither for the examples nor for what accidents make of them, and
      whether the client stays, ends its side or resets the connection.
    * *memory*: a client that sends without end, or never reads, cannot fill it.
    * *deadline*: a client that falls silent, at any point, or does not read, is closed.
    * *leftovers*: when the port is stopped and the connections are lost, there are no delayed calls, sockets, open
      files or threads left.

    Hypothesis chooses what to try, and simplifies what it finds.

    :param make: takes a reactor, which is the clock too, and makes the protocol's factory, such as
        ``lambda reactor: Factory.forProtocol(Echo)``. A factory that takes just the clock can be given itself.
    :param examples: what a client says on a connection; each is a conversation of its own. Or a strategy for them.
    :param chunking: ``False`` leaves it out.
    :param failures: ``False`` leaves it out.
    :param memory: bytes that a connection may take beyond those of the example; ``None`` leaves it out.
    :param deadline: seconds after which the protocol closes a silent connection, of which it may take a tenth more;
        ``None`` leaves it out.
    :param leftovers: ``False`` leaves it out.
    :param runs: how often each of these is tried, for each example; what sends much, a quarter as often.
    :param seed: what chance is made of. The same seed, the same tries.
    :param global_reactor: as for :class:`~netforge.testing.Network`.
    :raises CheckFailed: says what was expected, what happened, and the program that shows it again.
    :raises ValueError: if there are no examples.
    :raises ImportError: if Hypothesis is not installed.
    """
    tries = _Tries(make, runs, seed, {"seed": seed, "global_reactor": global_reactor})
    patience = (deadline or 60.0) * SLACK
    with _collecting_quickly():
        for example in _strategies(examples):
            if chunking:
                tries.chunking(example)
            if failures:
                tries.failures(example, patience)
            if memory is not None:
                tries.memory(example, memory)
            if deadline is not None:
                tries.deadline(example, patience)
            if leftovers:
                tries.leftovers(example)


class _Tries:
    """Each method has Hypothesis try one oracle."""

    def __init__(self, make: Make, runs: int, seed: int, options: dict[str, Any]) -> None:
        self._make = make
        self._runs = runs
        self._seed = seed
        self._options = options

    def chunking(self, example: SearchStrategy[bytes]) -> None:
        from netforge.testing.checking.mutations import cuts  # noqa: PLC0415  needs Hypothesis

        def attempt(data: DataObject) -> None:
            said = data.draw(example)
            self._call(check_chunking, said, range(1, min(len(said), ONE_BY_ONE)))
            self._call(check_chunking, said, data.draw(cuts(said)))

        self._attempt(attempt)

    def failures(self, example: SearchStrategy[bytes], patience: float) -> None:
        self._attempt(lambda data: self._call(check_failures, *_accident(data, example), wait=patience))

    def memory(self, example: SearchStrategy[bytes], limit: int) -> None:
        from hypothesis import strategies as st  # noqa: PLC0415  optional

        def never_reading(data: DataObject) -> None:
            if said := data.draw(example):
                self._call(check_memory, b"", said, reads=False, limit=limit + len(said))

        def without_end(data: DataObject) -> None:
            said, flood = data.draw(example), data.draw(st.sampled_from(FLOODS))
            said = said[: data.draw(st.integers(0, len(said)))]
            self._call(check_memory, said, flood, reads=data.draw(st.booleans()), limit=limit)

        self._attempt(never_reading, dear=True)
        self._attempt(without_end, dear=True)

    def deadline(self, example: SearchStrategy[bytes], deadline: float) -> None:
        from hypothesis import strategies as st  # noqa: PLC0415  optional

        def silent(data: DataObject) -> None:
            said = data.draw(example)
            self._call(check_deadline, said[: data.draw(st.integers(0, len(said)))], deadline=deadline)

        def never_reading(data: DataObject) -> None:
            if said := data.draw(example):
                # So often that the answers fill what there is between server and client.
                times = -(-8 * BLOCK // len(said))
                self._call(check_deadline, said, times=times, reads=False, deadline=deadline)

        self._attempt(silent)
        self._attempt(never_reading, dear=True)

    def leftovers(self, example: SearchStrategy[bytes]) -> None:
        self._attempt(lambda data: self._call(check_leftovers, *_accident(data, example)))

    def _attempt(self, attempt: Callable[[DataObject], None], *, dear: bool = False) -> None:
        import hypothesis  # noqa: PLC0415  optional

        settings = hypothesis.settings(
            max_examples=-(-self._runs // 4) if dear else self._runs,
            deadline=None,
            database=None,
            phases=[hypothesis.Phase.generate, hypothesis.Phase.shrink],
            report_multiple_bugs=False,
            suppress_health_check=list(hypothesis.HealthCheck),
            verbosity=hypothesis.Verbosity.quiet,
        )
        run = hypothesis.given(hypothesis.strategies.data())(attempt)
        try:
            hypothesis.seed(self._seed)(settings(run))()
        except hypothesis.errors.Flaky as flaky:
            raise CheckFailed(
                "repeating: the same conversation does not do the same twice",
                "each call of make(reactor) makes a factory that knows nothing of the one before",
                "something is shared between them, such as an attribute of a class, or drawn by chance",
            ) from flaky

    def _call(self, check: Callable[..., None], *arguments: Any, **options: Any) -> None:
        try:
            check(self._make, *arguments, **options, **self._options)
        except CheckFailed as failed:
            failed.script = replaying(check, self._make, arguments, **options, **self._options)
            raise


def _accident(data: DataObject, example: SearchStrategy[bytes]) -> tuple[list[bytes], str]:
    """Something that a client might send, in pieces, and what it does then."""
    from hypothesis import strategies as st  # noqa: PLC0415  optional

    from netforge.testing.checking.mutations import cuts, mutated  # noqa: PLC0415  needs Hypothesis

    said = data.draw(mutated(data.draw(example)))
    return pieces(said, data.draw(cuts(said))), data.draw(st.sampled_from(["stay", "end", "reset"]))


def _strategies(examples: Sequence[bytes] | SearchStrategy[bytes]) -> Sequence[SearchStrategy[bytes]]:
    try:
        from hypothesis import strategies as st  # noqa: PLC0415  optional
    except ImportError as error:
        raise ImportError("check_protocol needs Hypothesis: pip install 'netforge[testing]'") from error
    if isinstance(examples, st.SearchStrategy):
        return [examples]
    if isinstance(examples, bytes) or not examples:
        raise ValueError(f"examples is {examples!r}; expected a list of what clients say, such as [b'hello']")
    return [st.just(example) for example in examples]


@contextmanager
def _collecting_quickly() -> Iterator[None]:
    """Let the collections in between, of which there are many, look only at what is new."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
