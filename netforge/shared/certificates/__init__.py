"""The store of certificates behind :class:`netforge.plugin.ICertificates`."""

from netforge.shared.certificates.plugin import CertificatesSettings, certificates

__all__ = ["CertificatesSettings", "certificates"]
