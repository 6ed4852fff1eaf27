"""Users, what they log in with, and secrets."""

import sqlalchemy as sa
from alembic import op

revision = "1"
down_revision = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "accounts_users",
        sa.Column("name", sa.String(255), primary_key=True),
        sa.Column("password", sa.String(255), nullable=False),
        sa.Column("verifier", sa.String(255), nullable=False),
        sa.Column("locked", sa.Boolean, nullable=False),
        sa.Column("created", sa.Float(53), nullable=False),
    )
    op.create_table("accounts_groups", _user(), sa.Column("group_name", sa.String(255), primary_key=True))
    op.create_table(
        "accounts_applications",
        _user(),
        sa.Column("label", sa.String(255), primary_key=True),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("scopes", sa.String(1024), nullable=False),
        sa.Column("created", sa.Float(53), nullable=False),
        sa.Column("used", sa.Float(53)),
    )
    op.create_table(
        "accounts_keys",
        _user(),
        sa.Column("fingerprint", sa.String(64), primary_key=True),
        sa.Column("key", sa.LargeBinary, nullable=False),
        sa.Column("comment", sa.String(255), nullable=False),
    )
    op.create_table(
        "accounts_certificates",
        sa.Column("subject", sa.String(1024), primary_key=True),
        _user(part_of_key=False),
    )
    op.create_table(
        "accounts_secrets",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("value", sa.LargeBinary, nullable=False),
    )


def _user(*, part_of_key: bool = True) -> sa.Column[str]:
    reference = sa.ForeignKey("accounts_users.name", ondelete="CASCADE")
    return sa.Column("user_name", sa.String(255), reference, primary_key=part_of_key, nullable=False)
