"""Start and end of an application (the ASGI specification, "Lifespan Protocol")."""

from __future__ import annotations

from asyncio import FIRST_COMPLETED, AbstractEventLoop, Future, Queue, Task, wait
from typing import Any

from twisted.logger import Logger
from twisted.python.failure import Failure

from netforge.services.web.asgi.messages import ASGIApp, Message, unexpected

__all__ = ["Lifespan"]

log = Logger()


class Lifespan:
    """The life of one application, from its start to its end.

    :param application: the application.
    :param loop: where it runs.
    :param required: whether it is an error if it has no lifespan.
    :ivar state: what it puts there, to find it in the scope of every request.
    """

    def __init__(self, application: ASGIApp, loop: AbstractEventLoop, *, required: bool) -> None:
        self.state: dict[str, Any] = {}
        self._application = application
        self._loop = loop
        self._required = required
        self._asked = ""
        # Whether it has started, and was not asked to stop.
        self._lives = False
        self._questions: Queue[Message] = Queue()
        self._answer: Future[None] = loop.create_future()
        self._task: Task[None] | None = None

    async def start(self) -> None:
        """Have it start.

        :raises RuntimeError: it could not, for the reason that it gives, or has no lifespan.
        """
        self._task = self._loop.create_task(self._live())
        self._task.add_done_callback(self._ended)
        try:
            if await self._ask("startup", self._task):
                self._lives = True
            else:
                self._lacking(self._task.exception())
        except BaseException:
            # What it still has to say nobody hears.
            self._answer.cancel()
            self._task.cancel()
            raise

    async def stop(self) -> None:
        """Have it end, if it lives.

        :raises RuntimeError: it could not in order, for the reason that it gives.
        """
        task, self._task = self._task, None
        if task is None or task.done():
            return
        try:
            if not await self._ask("shutdown", task) and (error := task.exception()):
                raise RuntimeError("the shutdown of the ASGI application failed") from error
        finally:
            task.cancel()

    async def _ask(self, what: str, task: Task[None]) -> bool:
        """Have it do something; whether it said that it did."""
        self._asked, self._lives = what, False
        self._answer = self._loop.create_future()
        self._questions.put_nowait({"type": f"lifespan.{what}"})
        await wait([self._answer, task], return_when=FIRST_COMPLETED)
        if self._answer.done():
            self._answer.result()
            return True
        return False

    async def _live(self) -> None:
        scope = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": self.state}
        try:
            await self._application(scope, self._questions.get, self._send)
        except SystemExit as error:
            raise RuntimeError("the ASGI application called sys.exit()") from error

    async def _send(self, message: Message) -> None:
        kind, asked = message["type"], self._asked
        if self._answer.done():
            raise unexpected(kind, ())
        if kind == f"lifespan.{asked}.complete":
            self._answer.set_result(None)
        elif kind == f"lifespan.{asked}.failed":
            reason = message.get("message") or "it does not say why"
            self._answer.set_exception(RuntimeError(f"the {asked} of the ASGI application failed: {reason}"))
        else:
            raise unexpected(kind, (f"lifespan.{asked}.complete",))

    def _lacking(self, error: BaseException | None) -> None:
        if self._required:
            raise RuntimeError("the ASGI application has no lifespan") from error
        log.info("the ASGI application has no lifespan: {reason}", reason=repr(error) if error else "it ended at once")

    def _ended(self, task: Task[None]) -> None:
        """It ended. Where nobody waits for its answer, that is logged."""
        if not task.cancelled() and (error := task.exception()) and self._lives:
            log.failure("the lifespan of the ASGI application failed", Failure(error))
