"""Which unknown delivery a letter repeats, byte for byte, because a person has released it for sending again."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("delivery", sa.Column("resend_of", sa.Integer(), nullable=True))
