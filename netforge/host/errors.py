"""What can go wrong between valid settings and a running service."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["BindError", "ServiceFailed"]


class BindError(Exception):
    """Addresses cannot be had. Nothing was bound.

    The address and the service come first: of a daemon's failure, ``twistd`` shows about 100 bytes.

    :param failures: for each address, the address, the service that asked for it and the system's reason.
    """

    def __init__(self, failures: Iterable[tuple[str, str, OSError]]) -> None:
        super().__init__(
            "; ".join(f"{address} ({service}): {error.strerror or error}" for address, service, error in failures)
        )


class ServiceFailed(Exception):  # noqa: N818  says what happened
    """A service could not be started. Its cause is in ``__cause__``.

    :param service: its name in the settings.
    :param where: ``FILE:LINE`` of its table.
    :param doing: what it was doing: ``build``, ``start``.
    :param reason: what went wrong.
    """

    def __init__(self, service: str, where: str, doing: str, reason: str) -> None:
        place = f" ({where})" if where else ""
        super().__init__(f"service {service!r}{place} failed to {doing}: {reason}")
        self.service = service
