"""Limits by hour, day and domain: every attempt is counted for a day, and a delivery knows its domain."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.create_table(
        "spent",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_spent")),
    )
    op.create_index("ix_spent_account_at", "spent", ["account", "at"])
    op.add_column("delivery", sa.Column("domain", sa.Text(), server_default="", nullable=False))
