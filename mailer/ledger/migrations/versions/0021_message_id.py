"""A letter is found by its Message-ID: by those who are named in it, and when it is forgotten."""

from alembic import op

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    op.create_index("ix_delivery_message_id", "delivery", ["message_id"])
