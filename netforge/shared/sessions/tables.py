"""The table of the sessions."""

from __future__ import annotations

from sqlalchemy import Column, Double, LargeBinary, MetaData, String, Table

__all__ = ["values"]

values = Table(
    "sessions_values",
    MetaData(),
    Column("key", String(255), primary_key=True),
    Column("value", LargeBinary, nullable=False),
    #: Unix time.
    Column("expires", Double, nullable=False, index=True),
)
