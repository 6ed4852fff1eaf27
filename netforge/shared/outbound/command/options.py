"""The options of ``netforge http``."""

from __future__ import annotations

from pathlib import Path

from pydantic import field_validator, model_validator

from netforge.plugin import Field, Settings
from netforge.shared.outbound.proxies import parse_proxy

__all__ = ["HTTPOptions"]


class HTTPOptions(Settings):
    """Make an HTTP request: netforge http GET https://example.org/."""

    method: str = Field(description="such as GET or POST")
    url: str = Field(description="where to; http:// may be left out")
    header: list[str] = Field([], short="H", description="a field to send, as NAME:VALUE; repeatable")
    data: str = Field("", short="d", description="what to send; @FILE sends a file, @- what comes from standard input")
    json_: str = Field("", description="JSON to send; @FILE and @- likewise")
    form: list[str] = Field([], description="a field of a form to send, as NAME=VALUE; repeatable")
    user: str = Field("", short="u", description="who asks, as NAME:PASSWORD")
    follow: bool = Field(True, description="do not follow redirects")
    fail: bool = Field(False, description="end with status 1 if the response is an error, 400 to 599")
    timeout: float | None = Field(None, gt=0, description="seconds for everything")
    retries: int = Field(
        0, ge=0, le=100, description="how often to repeat what may be repeated, or to resume a download"
    )
    authority: Path | None = Field(None, description="a PEM file of the authorities to believe, and no others")
    proxy: str = Field("", description="a proxy, as http://HOST:PORT, rather than those of settings and environment")
    download: bool = Field(False, description="save the body to a file, or go on with what an earlier run began")
    output: Path | None = Field(
        None, short="o", description="the file of --download; by default called as the URL ends"
    )
    timing: bool = Field(False, description="say how long each stage took, even where the output is no terminal")

    @field_validator("header")
    @classmethod
    def _are_fields(cls, fields: list[str]) -> list[str]:
        if wrong := [field for field in fields if ":" not in field]:
            raise ValueError(f"expected NAME:VALUE, found {wrong[0]!r}")
        return fields

    @field_validator("form")
    @classmethod
    def _are_pairs(cls, pairs: list[str]) -> list[str]:
        if wrong := [pair for pair in pairs if "=" not in pair]:
            raise ValueError(f"expected NAME=VALUE, found {wrong[0]!r}")
        return pairs

    @field_validator("proxy")
    @classmethod
    def _is_a_proxy(cls, url: str) -> str:
        if url:
            parse_proxy(url)
        return url

    @model_validator(mode="after")
    def _fit_together(self) -> HTTPOptions:
        if sum(map(bool, (self.data, self.json_, self.form))) > 1:
            raise ValueError("--data, --json and --form exclude each other")
        if self.output is not None and not self.download:
            raise ValueError("--output needs --download")
        if self.download and self.method.upper() != "GET":
            raise ValueError("--download needs GET")
        return self
