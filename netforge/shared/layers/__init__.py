"""Layers that stand between a listening socket and any service's protocol, a file each."""
