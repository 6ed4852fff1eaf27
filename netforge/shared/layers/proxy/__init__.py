"""The PROXY protocol: who the client behind a trusted proxy is."""

from netforge.shared.layers.proxy.layer import ProxyKeys, proxy

__all__ = ["ProxyKeys", "proxy"]
