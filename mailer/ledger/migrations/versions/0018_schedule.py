"""A mail-out may begin by itself."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    op.add_column("mail_out", sa.Column("starts_at", sa.DateTime(timezone=True), nullable=True))
    words = sa.Column("schedule", sa.Text(), server_default="", nullable=False)
    op.add_column("mail_out", words)
