"""Where certificates come from."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import TYPE_CHECKING

from zope.interface import Attribute, Interface

if TYPE_CHECKING:
    from netforge.shared.certificates.credential import Credential

__all__ = ["ISource"]


class ISource(Interface):
    """Gives the store some certificates by name, and renews them by itself."""

    names: Sequence[str] = Attribute("the names in the store of what it gives, sooner or later")

    def start(put: Callable[[Credential], None], challenges: MutableMapping[str, bytes]) -> Awaitable[None]:
        """Begin. What is there already is in the store when this is done.

        :param put: called in the reactor's thread, puts a credential into the store, in place of the one of its name.
        :param challenges: by DNS name, the certificate and key in one PEM text that proves to who asks by
            ``acme-tls/1`` that the name is ours (RFC 8737). May be changed from any thread.
        :raises Exception: if there is nothing that it could ever give.
        """

    def stop() -> Awaitable[None]:
        """End. Done when nothing of it is under way any more."""
