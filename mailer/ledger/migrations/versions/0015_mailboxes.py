"""Mailboxes: when each was read, and what kept it from being read."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    op.add_column("mailbox_read", sa.Column("read_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column(
        "mailbox_read", sa.Column("fault", sa.Text(), server_default="", nullable=False)
    )
