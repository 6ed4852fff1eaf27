"""Checks for what other people write: protocols and services."""

from netforge.testing.checking.errors import CheckFailed
from netforge.testing.checking.oracles import (
    check_chunking,
    check_deadline,
    check_failures,
    check_leftovers,
    check_memory,
)
from netforge.testing.checking.protocol import check_protocol
from netforge.testing.checking.service import check_service

__all__ = [
    "CheckFailed",
    "check_chunking",
    "check_deadline",
    "check_failures",
    "check_leftovers",
    "check_memory",
    "check_protocol",
    "check_service",
]
