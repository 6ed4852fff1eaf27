"""Forms (RFC 7578, and the URL standard, section 5): fields in memory, files on disk."""

from __future__ import annotations

from collections.abc import Callable
from tempfile import SpooledTemporaryFile
from typing import Any
from urllib.parse import parse_qsl

from multipart import MultipartError, MultipartSegment, ParserLimitReached, PushMultipartParser, parse_options_header
from pydantic_core import core_schema

from netforge.protocols.http import Exchange, HTTPError
from netforge.web.threads import in_thread

__all__ = ["Form", "Upload", "read_form"]

#: The most bytes of a field that is no file, the most parts, and the most files among them.
MOST_FIELD = 1024 * 1024
MOST_PARTS = 1000
MOST_FILES = 100
#: The longest boundary is 70 characters (RFC 2046, section 5.1.1); some clients know nothing of it.
LONGEST_BOUNDARY = 200
#: Files up to so many bytes stay in memory.
IN_MEMORY = 64 * 1024


class Upload:
    """A file that came with a form. It is gone once the handler has answered: what is to last must be copied.

    :ivar name: as the client calls it, without any folders. Not to be trusted.
    :ivar media_type: what the client says that it is, such as ``image/png``.
    :ivar size: bytes.
    :ivar file: its content, at its beginning. Reading a large one waits for the disk, which is for a thread.
    """

    def __init__(self, name: str, media_type: str) -> None:
        self.name = name.replace("\\", "/").rpartition("/")[2]
        self.media_type = media_type
        self.size = 0
        self.file = SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115  closed with the upload

    def close(self) -> None:
        """Let go of the file."""
        self.file.close()

    def add(self, data: bytes) -> bool:
        """Take a piece if it fits into memory; whether it did."""
        if self.size + len(data) > IN_MEMORY:
            return False
        self._write(data)
        return True

    def _write(self, data: bytes) -> None:
        self.file.write(data)
        self.size += len(data)

    async def write(self, clock: object, data: bytes) -> None:
        """Take a piece, in a thread if there are any."""
        await in_thread(clock, self._write, data)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> core_schema.CoreSchema:
        return core_schema.is_instance_schema(cls)

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: Any, handler: Any) -> dict[str, Any]:
        return {"type": "string", "format": "binary"}


class Form:
    """What was filled in.

    :ivar fields: names and values, in their order.
    :ivar files: names and files; a field for files that was left empty is not among them.
    """

    def __init__(self) -> None:
        self.fields: list[tuple[str, str]] = []
        self.files: list[tuple[str, Upload]] = []

    def get(self, name: str, default: str = "") -> str:
        """The first value of a name."""
        return next((value for key, value in self.fields if key == name), default)

    def all(self, name: str) -> list[str]:
        """Every value of a name."""
        return [value for key, value in self.fields if key == name]

    def file(self, name: str) -> Upload | None:
        """The first file of a name."""
        return next((upload for key, upload in self.files if key == name), None)

    def values(self, many: Callable[[str], bool]) -> dict[str, Any]:
        """Values and files by their names.

        :param many: whether all of a name are wanted, or only the last.
        """
        values: dict[str, Any] = {}
        for name, value in [*self.fields, *self.files]:
            if many(name):
                values.setdefault(name, []).append(value)
            else:
                values[name] = value
        return values

    def close(self) -> None:
        """Let go of the files."""
        for _, upload in self.files:
            upload.close()


async def read_form(exchange: Exchange, most: int) -> Form:
    """The form in the body of a request.

    :param most: the most bytes of it.
    :raises HTTPError: with status 400, 413 or 415, if it is too large, cannot be read or is no form.
    :raises ConnectionError: if the client goes away before its end. No file is left.
    """
    kind, options = parse_options_header((exchange.request.header(b"content-type") or b"").decode("latin-1"))
    if kind == "application/x-www-form-urlencoded":
        form = Form()
        try:
            text = (await exchange.body(most)).decode("ascii")
            form.fields = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=MOST_PARTS)
        except ValueError as error:
            raise HTTPError(400, f"the form cannot be read: {error}") from None
        return form
    if kind != "multipart/form-data" or not 0 < len(options.get("boundary", "")) <= LONGEST_BOUNDARY:
        raise HTTPError(415, "the body must be a form", [(b"accept", b"multipart/form-data")])
    return await _Parts(exchange, options["boundary"], most).read()


class _Parts:
    """The parts of a form, as they come."""

    def __init__(self, exchange: Exchange, boundary: str, most: int) -> None:
        self._exchange = exchange
        self._boundary = boundary
        self._left = most
        self._form = Form()
        self._field = bytearray()
        self._name = ""
        self._upload: Upload | None = None

    async def read(self) -> Form:
        try:
            # Not its strict mode, which takes the line's end after the last boundary for data if it comes by itself.
            with PushMultipartParser(self._boundary, max_segment_count=MOST_PARTS) as parser:
                while not parser.closed:
                    for event in parser.parse(await self._next()):
                        if isinstance(event, MultipartSegment):
                            self._begin(event)
                        elif event is not None:
                            await self._add(event)
                        else:
                            self._end()
        except ParserLimitReached as error:
            self._form.close()
            raise HTTPError(413, f"the form is too large: {error}") from None
        except (MultipartError, UnicodeDecodeError) as error:
            self._form.close()
            raise HTTPError(400, f"the form cannot be read: {error}") from None
        except BaseException:
            self._form.close()
            raise
        return self._form

    async def _next(self) -> bytes:
        piece = await self._exchange.read()
        self._left -= len(piece)
        if self._left < 0:
            raise HTTPError(413, "the form is too large")
        return piece

    def _begin(self, part: MultipartSegment) -> None:
        self._name = part.name
        if not part.name:
            raise HTTPError(400, "a part of the form has no name")
        if part.filename is None:
            return
        if len(self._form.files) == MOST_FILES:
            raise HTTPError(413, f"the form has more than {MOST_FILES} files")
        self._upload = Upload(part.filename, part.content_type or "application/octet-stream")
        self._form.files.append((part.name, self._upload))

    async def _add(self, data: bytes) -> None:
        if self._upload is None:
            self._field += data
            if len(self._field) > MOST_FIELD:
                raise HTTPError(413, f"the field {self._name} is too large")
        elif not self._upload.add(data):
            await self._upload.write(self._exchange.clock, data)

    def _end(self) -> None:
        upload, self._upload = self._upload, None
        if upload is None:
            self._form.fields.append((self._name, self._field.decode()))
            self._field.clear()
        elif upload.size or upload.name:
            upload.file.seek(0)
        else:
            self._form.files.pop()
            upload.close()
