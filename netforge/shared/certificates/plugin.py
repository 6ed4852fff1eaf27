"""The store of certificates as a shared component."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import field_validator, model_validator

from netforge.plugin import Context, Field, ICertificates, IHealth, IMetrics, Listen, Parts, Settings, service
from netforge.shared.certificates.trust import TRUST

__all__ = ["LETS_ENCRYPT", "ACMESettings", "CertificatesSettings", "PEMSettings", "certificates"]

LETS_ENCRYPT = "https://acme-v02.api.letsencrypt.org/directory"

#: What the local authority's own are called in the store.
RESERVED = ("authority", "local")


class PEMSettings(Settings):
    """A certificate in PEM files."""

    certificate: Path = Field(description="the certificate, and after it those that lead from it towards a root")
    key: Path | None = Field(
        None, description="its private key, not encrypted; if left out, it is in the same file as the certificate"
    )


class ACMESettings(Settings):
    """Certificates of an ACME server (RFC 8555), such as Let's Encrypt, which are renewed by themselves."""

    certificates: dict[str, list[str]] = Field(
        default_factory=dict, description="for each certificate, by the name that a listener calls it by, its DNS names"
    )
    directory: str = Field(LETS_ENCRYPT, description="the URL of the server's directory")
    staging: bool = Field(
        False, description="order from Let's Encrypt's server for tests, whose certificates nobody believes"
    )
    terms_accepted: bool = Field(False, description="whether you accept the terms of service of that server")
    contact: str = Field("", description="a mail address that the server may write to")
    challenge: Literal["tls-alpn-01", "http-01"] = Field(
        "tls-alpn-01",
        description="how to prove that the names are yours: by a listener with TLS on port 443, or by HTTP on port 80",
    )
    http: list[Listen] = Field([], description="where http-01 is answered, such as tcp:80")
    authorities: Path | None = Field(None, description="PEM certificates that the server itself is believed by")

    @model_validator(mode="after")
    def _fit_together(self) -> ACMESettings:
        if self.certificates and not self.terms_accepted:
            raise ValueError("terms_accepted = true is needed: the server issues nothing to who does not accept them")
        if self.staging and self.directory != LETS_ENCRYPT:
            raise ValueError("staging is Let's Encrypt's: name the other server's own in directory")
        if (self.challenge == "http-01") != bool(self.http):
            raise ValueError('http and challenge = "http-01" go together')
        if nameless := [name for name, names in self.certificates.items() if not names]:
            raise ValueError(f"certificates.{nameless[0]}: expected at least one DNS name")
        return self


class CertificatesSettings(Settings):
    """Certificates: what TLS shows, and whom it believes."""

    files: dict[str, PEMSettings] = Field(
        default_factory=dict, description="certificates in PEM files, by the name that a listener calls them by"
    )
    acme: ACMESettings = Field(default_factory=ACMESettings, description="certificates of an ACME server")
    default: str = Field(
        "",
        description="the name of the certificate for clients that ask for no name, or for one that none is for; "
        "if left out, the first that is listed, or else one of the local authority",
    )
    names: list[str] = Field(
        default_factory=list,
        description="what the local authority vouches for besides this computer's own name and addresses: "
        "DNS names, which may have * for their first label, and IP addresses",
    )
    authorities: dict[str, Path] = Field(
        default_factory=dict,
        description="roots in PEM files, by the name that a listener calls them by: those that sign the "
        "certificates of clients",
        watch=True,
    )

    @field_validator("files")
    @classmethod
    def _are_free(cls, files: dict[str, PEMSettings]) -> dict[str, PEMSettings]:
        if taken := files.keys() & RESERVED:
            raise ValueError(f"{', '.join(sorted(taken))}: the local authority is called so: choose another name")
        return files

    @field_validator("names")
    @classmethod
    def _are_ascii(cls, names: list[str]) -> list[str]:
        if wrong := [name for name in names if not name.isascii() or not name]:
            raise ValueError(f"expected names in ASCII (xn--...), found {wrong[0]!r}")
        return [name.lower() for name in names]

    @model_validator(mode="after")
    def _default_is_there(self) -> CertificatesSettings:
        ordered = self.acme.certificates.keys()
        if taken := sorted(ordered & {*self.files, *RESERVED}):
            raise ValueError(f"acme.certificates.{taken[0]}: another certificate is called so: choose another name")
        if self.default and self.default not in {*self.files, *ordered}:
            raise ValueError(f"default: no certificate is called {self.default!r}")
        return self


@service(
    "certificates",
    CertificatesSettings,
    needs=[IMetrics, IHealth],
    offers=[ICertificates],
    contributes=[TRUST],
)
async def certificates(settings: CertificatesSettings, context: Context) -> Parts:
    """The store, with the local authority behind it."""
    # Not at the top: cryptography takes a tenth of a second, which no command that only reads settings should wait for.
    from netforge.shared.certificates.wiring import wire  # noqa: PLC0415

    return await wire(settings, context)
