"""A chat: rooms with topics and a history, over lines for people and JSON for programs."""

from netforge.services.chat.service import ChatSettings, chat

__all__ = ["ChatSettings", "chat"]
