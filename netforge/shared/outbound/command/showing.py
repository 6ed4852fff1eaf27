"""What a person sees of a request."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, TextIO

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, TaskID, TimeRemainingColumn, TransferSpeedColumn
from rich.progress import Progress as Bar
from rich.syntax import Syntax
from rich.text import Text

from netforge.plugin import OutboundFailed, OutboundStage

__all__ = ["Screen"]

#: Bytes of a body that a terminal is shown at most.
MOST = 1024 * 1024

COLOURS = {1: "blue", 2: "green", 3: "cyan", 4: "yellow", 5: "red"}

NAMES: Mapping[OutboundStage, str] = {
    "queue": "queue",
    "name": "DNS",
    "connect": "connect",
    "proxy": "proxy",
    "tls": "TLS",
    "send": "send",
    "response": "first byte",
    "body": "body",
}

#: What to do about what failed in a stage, where its error does not say.
ADVICE: Mapping[OutboundStage, str] = {
    "name": "Is the name spelled right, and does this computer's DNS work?",
    "connect": "Is the server running, is the port right, and does a firewall let you through?",
    "proxy": "Is the proxy right, and does it let you through? --proxy names another; no_proxy leaves it out.",
    "tls": "--authority FILE believes an authority of your own; netforge trust prints that of a netforge server.",
    "response": "--timeout gives it less or more time in all.",
    "body": "With --download, another run goes on from where this one was.",
}


class Screen:
    """Writes to a terminal in colour, and to anything else just the body.

    :param timing: say how long it took, even if it is no terminal.
    """

    def __init__(self, out: TextIO, err: TextIO, *, timing: bool) -> None:
        self._out = Console(file=out, highlight=False, soft_wrap=True)
        self._err = Console(file=err, highlight=False, soft_wrap=True)
        self._timing = timing
        self.progress = _Progress(self._err)

    async def show(self, reply: Any) -> None:
        """Show a response."""
        if self._out.is_terminal:
            self._head(reply)
            await self._body(reply)
        else:
            while piece := await reply.read():
                sys.stdout.buffer.write(piece)
            sys.stdout.buffer.flush()
        self._times(reply)

    def saved(self, reply: Any, path: Path) -> None:
        """Say what became of a download."""
        if reply.status in (200, 206):
            self._err.print(Text(f"saved {path} ({path.stat().st_size} bytes)"))
        else:
            self._err.print(_status(reply))
        self._times(reply)

    def note(self, text: str) -> None:
        """Say something."""
        self._err.print(Text(_clean(text)))

    def complain(self, text: str) -> None:
        """Say what is wrong."""
        self._err.print(Text.assemble(("Error: ", "red"), _clean(text)))

    def failed(self, error: OutboundFailed) -> None:
        """Say which stage failed, and what may help."""
        self.complain(f"{error} (stage: {NAMES[error.stage]})")
        if error.stage in ADVICE:
            self._err.print(Text(ADVICE[error.stage]))

    def _head(self, reply: Any) -> None:
        self._out.print(_status(reply))
        for name, value in reply.headers:
            self._out.print(Text.assemble((name, "cyan"), f": {_clean(value)}"))
        self._out.print()

    async def _body(self, reply: Any) -> None:
        kind = reply.header("content-type").partition(";")[0].strip().lower()
        if not _is_text(kind):
            reply.close()
            self._out.print(Text(f"(the body is {kind or 'of no type'}: use --download, or a pipe)", style="dim"))
            return
        text = await reply.text(MOST)
        if kind.endswith("json"):
            with suppress(ValueError):
                text = json.dumps(json.loads(text), indent=2, ensure_ascii=False)
            self._out.print(Syntax(_clean(text), "json", theme="ansi_dark", background_color="default", word_wrap=True))
        else:
            self._out.print(Text(_clean(text)))

    def _times(self, reply: Any) -> None:
        console = self._out if self._out.is_terminal else self._err
        if not (self._timing or self._out.is_terminal):
            return
        shown = [f"{NAMES[stage]} {_duration(seconds)}" for stage, seconds in reply.timing.items() if stage != "queue"]
        total = _duration(sum(reply.timing.values()))
        console.print(Text(", ".join([*shown, f"total {total}"]), style="dim"))


class _Progress:
    def __init__(self, console: Console) -> None:
        columns = BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn()
        self._bar = Bar(*columns, console=console, disable=not console.is_terminal)
        self._task: TaskID | None = None

    def begin(self, done: int, total: int | None) -> None:
        self._bar.start()
        if self._task is None:
            self._task = self._bar.add_task("", total=total, completed=done)
        else:
            self._bar.update(self._task, total=total, completed=done)

    def advance(self, size: int) -> None:
        assert self._task is not None
        self._bar.advance(self._task, size)

    def end(self) -> None:
        self._bar.stop()


def _status(reply: Any) -> Text:
    colour = COLOURS.get(reply.status // 100, "red")
    return Text.assemble(f"{reply.version} ", (f"{reply.status} {_clean(reply.reason)}", f"bold {colour}"))


def _is_text(kind: str) -> bool:
    return kind.startswith("text/") or kind.endswith(("json", "xml", "javascript", "x-www-form-urlencoded", "yaml"))


def _clean(text: str) -> str:
    """A text without what would command the terminal."""
    return "".join(one if one.isprintable() or one in "\n\t" else "\ufffd" for one in text.replace("\r\n", "\n"))


def _duration(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms" if seconds < 1 else f"{seconds:.2f} s"
