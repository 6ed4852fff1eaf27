"""Who is silent is asked, and who does not answer is given up."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.interfaces import IDelayedCall, IReactorTime

__all__ = ["KeepAlive"]


class KeepAlive:
    """Asks a peer that is silent whether it is there.

    Hearing it costs nothing but :attr:`heard`: the timer looks at that when it rings. So a peer may be silent for up to
    twice as long.

    :param silence: seconds between two looks; ``None`` never looks.
    :param answer: seconds that an answer may take.
    :param ask: asks.
    :param gone: called if no answer comes.
    :ivar heard: whether the peer was heard; set by whoever hears it.
    """

    __slots__ = ("_answer", "_ask", "_asked", "_call", "_clock", "_gone", "_silence", "heard")

    def __init__(
        self,
        clock: IReactorTime,
        silence: float | None,
        answer: float,
        ask: Callable[[], object],
        gone: Callable[[], object],
    ) -> None:
        self._clock = clock
        self._silence = silence
        self._answer = answer
        self._ask = ask
        self._gone = gone
        self._asked = False
        self._call: IDelayedCall | None = None
        self.heard = False

    def start(self) -> None:
        """Begin to look."""
        if self._silence is not None:
            self._call = self._clock.callLater(self._silence, self._look)

    def stop(self) -> None:
        """Look no more. Harmless when nothing looks."""
        if self._call is not None:
            self._call.cancel()
            self._call = None

    def _look(self) -> None:
        self._call = None
        heard, self.heard = self.heard, False
        if not heard and self._asked:
            self._gone()
            return
        self._asked = not heard
        if self._asked:
            self._ask()
            self._call = self._clock.callLater(self._answer, self._look)
        else:
            self.start()
