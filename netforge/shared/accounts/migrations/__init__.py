"""The migrations of accounts, a module each, as Alembic has them."""
