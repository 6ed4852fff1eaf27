"""What a chat refuses."""

from __future__ import annotations

__all__ = ["ChatError"]


class ChatError(Exception):
    """Something that a member asked for cannot be done. Its text is a sentence for that member."""
