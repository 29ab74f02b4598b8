"""Several senders share the connections that a mail-out may have."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.create_table(
        "share",
        sa.Column("mail_out_id", sa.Integer(), nullable=False),
        sa.Column("sender", sa.Text(), nullable=False),
        sa.Column("connections", sa.Integer(), nullable=False),
        sa.Column("seen_at", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(
            ["mail_out_id"], ["mail_out.id"], name=op.f("fk_share_mail_out_id")
        ),
        sa.PrimaryKeyConstraint("mail_out_id", "sender", name=op.f("pk_share")),
    )
