"""Making the request of a command."""

from __future__ import annotations

import json
import sys
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from netforge.plugin import Context, IOutbound, OutboundFailed
from netforge.shared.outbound.client import Outbound
from netforge.shared.outbound.command.downloading import Download
from netforge.shared.outbound.command.options import HTTPOptions
from netforge.shared.outbound.command.showing import Screen
from netforge.shared.outbound.proxies import Proxies, parse_proxy
from netforge.shared.outbound.trust import believing

__all__ = ["run"]

#: Exit statuses: the server says that it is an error, the command line is wrong, there is no response.
ERROR, USAGE, NETWORK = 1, 2, 3

#: Bytes of a file that are sent at once.
PIECE = 64 * 1024


async def run(context: Context, options: HTTPOptions) -> None:
    """Make the request, and show the response or save it.

    :raises SystemExit: with the exit status, if that is not 0.
    """
    screen = Screen(sys.stdout, sys.stderr, timing=options.timing)
    shared: Any = context[IOutbound]
    try:
        client = _client(shared, context, options)
        ask = _asking(client, options)
        status = await (_download(ask, options, screen) if options.download else _show(ask, screen))
    except OutboundFailed as error:
        screen.failed(error)
        raise SystemExit(NETWORK) from None
    except (ValueError, OSError) as error:
        screen.complain(str(error))
        raise SystemExit(USAGE) from None
    if options.fail and status >= 400:
        raise SystemExit(ERROR)


Asking = Callable[..., Awaitable[Any]]


def _client(shared: Outbound, context: Context, options: HTTPOptions) -> Outbound:
    """The shared client, or one of its kind that believes somebody else or goes through another proxy."""
    rules = shared.rules
    timeouts = rules.timeouts if options.timeout is None else replace(rules.timeouts, total=options.timeout)
    rules = replace(rules, retries=options.retries, timeouts=timeouts)
    if not options.follow:
        rules = replace(rules, redirects=0)
    if options.proxy:
        proxy = parse_proxy(options.proxy)
        rules = replace(rules, proxies=Proxies(proxy, proxy))
    tls = shared.tls if options.authority is None else believing(options.authority)
    return Outbound(context.reactor, tls, context.random, rules)


def _asking(client: Outbound, options: HTTPOptions) -> Asking:
    """What makes the request of some options, with more fields where they are needed."""
    url = options.url if "://" in options.url else f"http://{options.url}"
    fields = [(name, value.strip()) for name, _, value in (one.partition(":") for one in options.header)]
    user, colon, password = options.user.partition(":")
    body: dict[str, Any] = {}
    if options.form:
        body["form"] = dict(pair.split("=", 1) for pair in options.form)
    elif options.json_:
        body["json"] = json.loads(_content(options.json_))
    elif options.data.startswith("@"):
        body["body"], body["length"] = _reading(options.data[1:])
    elif options.data:
        body["body"] = options.data.encode()

    async def ask(*more: tuple[str, str], decode: bool = True) -> Any:
        return await client.request(
            options.method,
            url,
            headers=[*fields, *more],
            auth=(user, password) if colon else None,
            decode=decode,
            **body,
        )

    return ask


def _content(text: str) -> str:
    if text == "@-":
        return sys.stdin.read()
    return Path(text[1:]).read_text(encoding="utf-8") if text.startswith("@") else text


def _reading(name: str) -> tuple[Callable[[], Awaitable[bytes]], int | None]:
    """What reads a file piece by piece, and its length if it has one."""
    path = Path(name).expanduser()
    file = sys.stdin.buffer if name == "-" else path.open("rb")

    async def read() -> bytes:
        piece = file.read(PIECE)
        if not piece:
            file.close()
        return piece

    return read, path.stat().st_size if name != "-" and path.is_file() else None


async def _show(ask: Asking, screen: Screen) -> int:
    reply = await ask()
    await screen.show(reply)
    return int(reply.status)


async def _download(ask: Asking, options: HTTPOptions, screen: Screen) -> int:
    download = Download(options.url, options.output, screen.progress)
    left = options.retries
    while True:
        try:
            reply = await download.run(ask)
        except OutboundFailed as error:
            if not left or error.stage != "body" or not download.resumable:
                raise
            left -= 1
            screen.note(f"{error}; going on from where it was")
        else:
            screen.saved(reply, download.path)
            return int(reply.status)
