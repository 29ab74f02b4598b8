"""A mail-out may write one letter to the head of each delegation, with its members in copy."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    op.add_column(
        "mail_out",
        sa.Column("to_heads", sa.Boolean(), server_default=sa.false(), nullable=False),
    )
