"""A chat: rooms with topics and a history, over lines for people and JSON for programs.

Everything is one of four things:

* the hub, which knows nothing of wires: ``hub``, its ``rooms``, what may be said in ``words``, and ``uplink``, which
  ties it to the bus;
* what goes in and out of it: ``requests`` of a member, ``answers`` to that member alone, ``events`` for everyone whom
  they concern;
* the wires: what all share in ``speaker``; ``lines``, which reads ``commands``; and JSON, ``objects``;
* settings and wiring: ``service``.
"""

from netforge.services.chat.service import ChatSettings, chat

__all__ = ["ChatSettings", "chat"]
