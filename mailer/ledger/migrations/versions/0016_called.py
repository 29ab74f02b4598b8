"""A mail-out can have a name of its own."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    called = sa.Column("called", sa.Text(), server_default="", nullable=False)
    op.add_column("mail_out", called)
