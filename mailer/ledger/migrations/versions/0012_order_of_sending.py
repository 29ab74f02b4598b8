"""Indexes that a letter on its way changes lie in the order of sending, or are left alone by it."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"

GETS_A_LETTER = sa.text("digest IS NOT NULL")


def upgrade() -> None:
    op.drop_index("ix_delivery_table", table_name="delivery")
    op.create_index(
        "ix_delivery_table",
        "delivery",
        ["mail_out_id", "position", "delegation", "state", "reason", "number", "role",
         "political_group", "language", "changed_at", "words"],
    )  # fmt: skip
    op.drop_index("uq_delivery_one_letter", table_name="delivery")
    op.create_index(
        "uq_delivery_one_letter",
        "delivery",
        ["mail_out_id", "address_key"],
        unique=True,
        sqlite_where=GETS_A_LETTER,
        postgresql_where=GETS_A_LETTER,
    )
