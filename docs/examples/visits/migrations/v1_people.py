"""Who came."""

import sqlalchemy as sa
from alembic import op

revision = "1"
down_revision = None


def upgrade() -> None:
    """Make the table."""
    op.create_table("visits_people", sa.Column("host", sa.String(100)))
