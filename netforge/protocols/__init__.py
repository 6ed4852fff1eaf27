"""Protocols for anyone's Twisted program: a folder each, and nothing of the rest of netforge.

Every folder holds a sans-IO core (bytes to events and back), the events, a Twisted server and client around the core,
and the interfaces of what the protocol asks of its backend.
"""
