"""Asks for a new password."""

from __future__ import annotations

import signal
import sys
from getpass import getpass

from netforge.plugin import CommandFailed

__all__ = ["ask_password"]


def ask_password(name: str) -> str:
    """Ask twice at a terminal, without echo; elsewhere read a line from standard input.

    :raises CommandFailed: the two differ, or there is none.
    """
    if not sys.stdin.isatty():
        password = sys.stdin.readline().rstrip("\r\n")
    else:
        # The reactor's own would wait until this is done.
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            password = getpass(f"Password for {name}: ")
            if password and getpass("Again: ") != password:
                raise CommandFailed("the two passwords differ: nothing was changed")
        except (KeyboardInterrupt, EOFError):
            raise CommandFailed("nothing was changed") from None
        finally:
            signal.signal(signal.SIGINT, before)
    if not password:
        raise CommandFailed("the password is empty: nothing was changed")
    return password
