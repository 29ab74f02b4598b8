"""A team: one-time links, second factors, organisations; how many must approve is frozen."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), server_default="", nullable=False)


def _number(name: str, kind: type[sa.Integer] = sa.Integer) -> sa.Column[int]:
    return sa.Column(name, kind(), server_default="0", nullable=False)


def upgrade() -> None:
    for name in ("organisation", "invited_by", "second", "recovery"):
        op.add_column("account", _text(name))
    op.add_column("account", _number("second_step", sa.BigInteger))
    for name in ("approvals", "organisations"):
        op.add_column("mail_out", _number(name))
    op.create_table(
        "invitation",
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_invitation_account_id")
        ),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_invitation")),
    )
