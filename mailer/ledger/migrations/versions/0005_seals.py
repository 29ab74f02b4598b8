"""The chain of seals, a salt for each person, and room for the commitments that stay when somebody is erased."""

import secrets

import sqlalchemy as sa
from alembic import op

from mailer.ledger.schema import UtcDateTime

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "seal",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("event_id", sa.Integer(), nullable=False),
        sa.Column("attempt_id", sa.Integer(), nullable=False),
        sa.Column("events", sa.Integer(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("before", sa.Text(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_seal")),
        sa.UniqueConstraint("before", name=op.f("uq_seal_before")),
    )
    op.add_column("delivery", sa.Column("salt", sa.Text(), server_default="", nullable=False))
    for table in ("delivery", "attempt", "event"):
        op.add_column(table, sa.Column("erased", sa.Text(), nullable=True))
    connection = op.get_bind()
    delivery = sa.table("delivery", sa.column("id"), sa.column("salt"))
    salts = [{"key": key, "fresh": secrets.token_hex(16)} for key in connection.scalars(sa.select(delivery.c.id))]
    if salts:
        connection.execute(
            sa.update(delivery).where(delivery.c.id == sa.bindparam("key")).values(salt=sa.bindparam("fresh")), salts
        )
