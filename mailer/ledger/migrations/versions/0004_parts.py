"""What many letters carry is kept once: a letter says where in it which parts stand."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "part",
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_part")),
    )
    op.add_column("letter", sa.Column("shared", sa.Text(), server_default="", nullable=False))
