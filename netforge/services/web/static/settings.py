"""Settings of a folder that is served."""

from __future__ import annotations

from pathlib import Path

from pydantic import field_validator

from netforge.plugin import Field, Settings

__all__ = ["StaticSettings"]


class StaticSettings(Settings):
    """A folder of files."""

    root: Path = Field(description="the folder. Nothing outside of it is served, and nothing that is hidden")
    index: list[str] = Field(["index.html"], description="the files that may stand for a folder: the first that it has")
    listing: bool = Field(False, description="whether a folder without such a file is shown as a list")
    fallback: str | None = Field(
        None,
        min_length=1,
        description="a file of the folder that is shown in place of a page that is not there, such as index.html: for "
        "applications whose pages are made in the browser",
    )
    max_age: int | None = Field(
        None, ge=0, description="seconds for which browsers may use what they have without asking; if unset they guess"
    )
    immutable: list[str] = Field(
        [],
        description="the files that never change, as patterns such as assets/* for their paths within the folder: "
        "browsers keep them for a year",
    )
    types: dict[str, str] = Field(
        {},
        description="content types besides the usual ones, by the ends of names: {html = 'text/html; charset=latin-1'}",
    )
    precompressed: bool = Field(
        True, description="whether name.br, name.zst and name.gz are sent in place of name to browsers that take them"
    )
    compress: int = Field(
        1024 * 1024,
        ge=0,
        le=16 * 1024 * 1024,
        description="the largest file, in bytes, that is compressed when it is asked for, if its type is worth it; 0 "
        "for none. gzip, and with netforge[compression] also Brotli and Zstandard",
    )
    memory: int = Field(
        16 * 1024 * 1024, ge=65536, description="the most bytes of small and compressed files that are kept in memory"
    )

    @field_validator("index", "fallback")
    @classmethod
    def _are_within(cls, value: list[str] | str | None) -> list[str] | str | None:
        for path in [value] if isinstance(value, str) else value or ():
            if path.startswith("/") or not {"", ".", ".."}.isdisjoint(path.split("/")):
                raise ValueError(f"{path}: expected the path of a file within the folder, such as index.html")
        return value

    @field_validator("types")
    @classmethod
    def _are_types(cls, value: dict[str, str]) -> dict[str, str]:
        for kind in value.values():
            if "/" not in kind or not kind.isascii() or not kind.isprintable():
                raise ValueError(f"{kind}: expected a content type, such as text/plain")
        return value
