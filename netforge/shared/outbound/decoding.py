"""Content codings (RFC 9110, section 8.4.1)."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from typing import Any, Protocol

__all__ = ["Decoder", "TooLarge", "accepted", "decoder_of"]

#: The most bytes that come out at once.
PIECE = 64 * 1024
#: How many times as large as what was sent a body may be, and how much it may be in any case. Text becomes some ten
#: times as large, and a page of zeros a thousand times.
EXPANSION = 200
ALWAYS = 1024 * 1024
#: How many codings may be applied one after another.
DEPTH = 2
#: Bytes that go into a decoder at once that has no bound on what comes out: so few cannot become very much.
SIP = 256
#: The largest window of zstd, as a power of 2, that a client must have (RFC 9659).
ZSTD_WINDOW = 8 * 1024 * 1024


class TooLarge(ValueError):  # noqa: N818  says what happened
    """A body that expands to more than any honest one would."""


class Decoder(Protocol):
    """Undoes one coding, or several."""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """What some more of the body means, piece by piece, which are made as they are taken.

        :raises ValueError: if that is not of the coding.
        """
        ...

    def finish(self) -> None:
        """Look whether it is complete.

        :raises ValueError: if it is not.
        """
        ...


def accepted() -> str:
    """What can be decoded here, for Accept-Encoding."""
    return ", ".join(["gzip", "deflate", *(name for name, (module, _) in _OPTIONAL.items() if find_spec(module))])


def decoder_of(field: str) -> Decoder | None:
    """What undoes the codings of a Content-Encoding field; ``None`` if there are none, or unknown ones.

    :raises ValueError: if there are absurdly many.
    """
    names = [name.strip().lower() for name in field.split(",")]
    names = [name for name in names if name not in ("", "identity")]
    if len(names) > DEPTH:
        raise ValueError(f"the body is encoded {len(names)} times")
    if not names or not all(_is_known(name) for name in names):
        return None
    decoders = [_make(name) for name in reversed(names)]
    return _Bounded(decoders)


def _is_known(name: str) -> bool:
    return name in _ZLIB or (name in _OPTIONAL and find_spec(_OPTIONAL[name][0]) is not None)


def _make(name: str) -> Decoder:
    return _Zlib(name) if name in _ZLIB else _OPTIONAL[name][1]()


class _Bounded:
    """Several in turn, with a bound on what comes out of each."""

    def __init__(self, decoders: list[Decoder]) -> None:
        self._decoders = decoders
        self._taken = 0
        self._given = [0] * len(decoders)

    def feed(self, data: bytes) -> Iterator[bytes]:
        self._taken += len(data)
        return self._through(0, data)

    def _through(self, number: int, data: bytes) -> Iterator[bytes]:
        if number == len(self._decoders):
            yield data
            return
        for piece in self._decoders[number].feed(data):
            self._given[number] += len(piece)
            if self._given[number] > max(ALWAYS, EXPANSION * self._taken):
                raise TooLarge(f"the body expands to more than {EXPANSION} times of what was sent")
            yield from self._through(number + 1, piece)

    def finish(self) -> None:
        for decoder in self._decoders:
            decoder.finish()


class _Zlib:
    """gzip, with any number of members, and deflate, with its header or, as some send it, without."""

    def __init__(self, name: str) -> None:
        self._gzip = name != "deflate"
        self._zlib: Any = None
        self._over = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        while not self._over:
            if self._zlib is None:
                if not data:
                    return
                self._zlib = zlib.decompressobj(self._window(data[0]))
            try:
                piece = self._zlib.decompress(data, PIECE)
            except zlib.error as error:
                raise ValueError(str(error)) from None
            if piece:
                yield piece
            if self._zlib.eof:
                data, self._zlib = self._zlib.unused_data, None
                self._over = not self._gzip
            else:
                data = self._zlib.unconsumed_tail
                if not data and len(piece) < PIECE:
                    return

    def _window(self, first: int) -> int:
        if self._gzip:
            return 16 + zlib.MAX_WBITS
        return zlib.MAX_WBITS if first & 0x0F == 8 else -zlib.MAX_WBITS

    def finish(self) -> None:
        if self._zlib is not None:
            raise ValueError("the compressed body ends too early")


class _Brotli:
    def __init__(self) -> None:
        import brotli  # type: ignore[import-untyped]  # noqa: PLC0415  an extra, without types

        self._brotli = brotli.Decompressor()
        self._error: type[Exception] = brotli.error
        self._begun = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        self._begun = True
        while True:
            try:
                piece = self._brotli.process(data, output_buffer_limit=PIECE)
            except self._error as error:
                raise ValueError(str(error)) from None
            if not piece:
                return
            yield piece
            data = b""

    def finish(self) -> None:
        if self._begun and not self._brotli.is_finished():
            raise ValueError("the compressed body ends too early")


class _Zstd:
    def __init__(self) -> None:
        import zstandard  # noqa: PLC0415  an extra

        self._make = lambda: zstandard.ZstdDecompressor(max_window_size=ZSTD_WINDOW).decompressobj()
        self._zstd: Any = None
        self._error: type[Exception] = zstandard.ZstdError

    def feed(self, data: bytes) -> Iterator[bytes]:
        for start in range(0, len(data), SIP):
            sip = data[start : start + SIP]
            while sip:
                self._zstd = self._zstd or self._make()
                try:
                    piece = self._zstd.decompress(sip)
                except self._error as error:
                    raise ValueError(str(error)) from None
                sip = b""
                if self._zstd.eof:
                    sip, self._zstd = self._zstd.unused_data, None
                if piece:
                    yield piece

    def finish(self) -> None:
        if self._zstd is not None:
            raise ValueError("the compressed body ends too early")


_ZLIB = ("gzip", "x-gzip", "deflate")
#: By their names, the module that each needs and what uses it.
_OPTIONAL: dict[str, tuple[str, Callable[[], Decoder]]] = {
    "br": ("brotli", _Brotli),
    "zstd": ("zstandard", _Zstd),
}
