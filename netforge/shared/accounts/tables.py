"""The tables of accounts, as far as statements need to know them. The migrations make them."""

from __future__ import annotations

from sqlalchemy import Boolean, Float, Integer, LargeBinary, String, column, table

__all__ = ["applications", "certificates", "groups", "keys", "secrets", "users"]

#: *password* is a hash, empty for nobody's; *verifier* is for SCRAM, empty without.
users = table(
    "accounts_users",
    column("name", String),
    column("password", String),
    column("verifier", String),
    column("locked", Boolean),
    column("created", Float),
)

groups = table("accounts_groups", column("user_name", String), column("group_name", String))

#: *scopes* are separated by spaces; empty for all.
applications = table(
    "accounts_applications",
    column("user_name", String),
    column("label", String),
    column("digest", String),
    column("scopes", String),
    column("created", Float),
    column("used", Float),
)

keys = table(
    "accounts_keys",
    column("user_name", String),
    column("fingerprint", String),
    column("key", LargeBinary),
    column("comment", String),
)

certificates = table("accounts_certificates", column("subject", String), column("user_name", String))

#: One row, whose *id* is 1: what the salts of unknown names are made from.
secrets = table("accounts_secrets", column("id", Integer), column("value", LargeBinary))
