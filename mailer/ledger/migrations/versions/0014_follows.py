"""Follow-up letters: which mail-out, or appeal, a mail-out follows."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    follows = sa.Column("follows", sa.Text(), server_default="", nullable=False)
    op.add_column("mail_out", follows)
