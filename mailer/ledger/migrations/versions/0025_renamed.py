"""People whom a newer list calls otherwise than their deliveries do."""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0021"


def upgrade() -> None:
    op.create_table(
        "renamed",
        sa.Column("person", sa.Text(), primary_key=True),
        sa.Column("last_delivery", sa.Integer(), primary_key=True),
        sa.Column("now", sa.Text(), nullable=False),
    )
    op.create_index("ix_renamed_now", "renamed", ["now"])
