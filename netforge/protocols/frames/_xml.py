"""XML 1.0, without what makes it dangerous."""

from __future__ import annotations

from xml.etree.ElementTree import Element, ParseError, tostring

from netforge.protocols.errors import LocalProtocolError, RemoteProtocolError
from netforge.protocols.frames._library import load

__all__ = ["XML"]


class XML:
    """XML documents as elements of ``xml.etree``.

    Document types are refused, and with them entities and external references. Written as UTF-8 without a line feed:
    it fits :class:`Lines`.

    :raises ImportError: defusedxml is not installed.
    """

    def __init__(self) -> None:
        self._parse = load("defusedxml.ElementTree", "XML").fromstring

    def encode(self, message: Element) -> bytes:
        """Write an element and all that it holds. It must not hold itself.

        :raises LocalProtocolError: XML cannot express it, such as a control character or a space in a name, or it is
            nested beyond Python's recursion limit.
        """
        try:
            payload: bytes = tostring(message, encoding="utf-8")
        except (TypeError, ValueError, RecursionError) as error:
            raise LocalProtocolError(f"cannot be expressed in XML: {error}") from error
        # In text alone: in attributes they are references already.
        payload = payload.replace(b"\r", b"&#13;").replace(b"\n", b"&#10;")
        try:
            self.decode(payload)  # ElementTree writes down any name and any character
        except RemoteProtocolError as error:
            raise LocalProtocolError(f"cannot be expressed in XML: {error}") from error
        return payload

    def decode(self, payload: bytes) -> Element:
        """Read a document.

        :raises RemoteProtocolError: the document is not well-formed, has a document type, or an unknown encoding.
        """
        try:
            element: Element = self._parse(payload, forbid_dtd=True)
        except (ParseError, LookupError, ValueError) as error:
            raise RemoteProtocolError(f"not XML that we accept: {error}") from error
        return element
