"""What the console needs: words to search for, who may sign in, and what they did."""

import sqlalchemy as sa
from alembic import op

from mailer.ledger.schema import UtcDateTime
from mailer.base.spelling import tokens

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "account",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("password", sa.Text(), nullable=False),
        sa.Column("changed_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account")),
        sa.UniqueConstraint("name", name=op.f("uq_account_name")),
    )
    op.create_table(
        "journal",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_journal")),
    )
    op.add_column("delivery", sa.Column("words", sa.Text(), server_default="", nullable=False))
    connection = op.get_bind()
    delivery = sa.table("delivery", sa.column("id"), sa.column("name"), sa.column("address"), sa.column("words"))
    people = [
        {"key": id_, "found": " ".join(tokens(f"{name} {address}"))[:300]}
        for id_, name, address in connection.execute(sa.select(delivery.c.id, delivery.c.name, delivery.c.address))
    ]
    if people:
        connection.execute(
            sa.update(delivery).where(delivery.c.id == sa.bindparam("key")).values(words=sa.bindparam("found")), people
        )
    op.create_index(
        "ix_delivery_table",
        "delivery",
        [
            *("mail_out_id", "delegation", "state", "reason", "number"),
            *("role", "political_group", "language", "changed_at", "words"),
        ],
        unique=False,
    )
