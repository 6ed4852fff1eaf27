"""What the quote of the day asks of its backend."""

from __future__ import annotations

from zope.interface import Interface

__all__ = ["IQuotes"]


class IQuotes(Interface):
    """Where quotes come from."""

    def quote() -> str:
        """Choose the quote for one answer, without waiting for anything.

        :returns: one line or several, at most 511 bytes in all as :func:`format_quote` counts them.
        """
