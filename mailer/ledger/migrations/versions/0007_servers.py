"""What was found out about mail servers is remembered."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.create_table(
        "server",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("pipelining_lost", sa.Integer(), server_default="0", nullable=False),
        sa.Column("per_connection", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_server")),
    )
