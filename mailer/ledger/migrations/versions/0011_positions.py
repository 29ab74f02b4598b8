"""Where members stand: a table of its own."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), server_default="", nullable=False)


def upgrade() -> None:
    table = "member_position"
    op.create_table(
        table,
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("appeal", sa.Text(), nullable=False),
        sa.Column("person", sa.Text(), nullable=False),
        *map(_text, ("name", "delegation", "position", "source", "note", "next_step")),
        sa.Column("due", sa.Date(), nullable=True),
        _text("owner"),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("newest", sa.Boolean(), nullable=False),
        sa.Column("token", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_member_position")),
        sa.UniqueConstraint("token", name=op.f("uq_member_position_token")),
        sa.CheckConstraint(
            "position IN ('', 'supports', 'leans', 'undecided', 'against', 'absent')",
            name=op.f("ck_member_position_position_is_known"),
        ),
        sa.CheckConstraint(
            "source IN ('', 'reply', 'call', 'meeting', 'public_vote', 'colleague')",
            name=op.f("ck_member_position_source_is_known"),
        ),
    )
    op.create_index(
        "ix_member_position_board",
        table,
        ["appeal", "position", "person"],
        sqlite_where=sa.text("newest = 1"),
        postgresql_where=sa.text("newest"),
    )
    op.create_index("ix_member_position_person", table, ["person"])
    op.create_index(
        "uq_member_position_newest",
        table,
        ["appeal", "person"],
        unique=True,
        sqlite_where=sa.text("newest = 1"),
        postgresql_where=sa.text("newest"),
    )
    op.create_index(
        "ix_member_position_next",
        table,
        ["appeal", "due"],
        sqlite_where=sa.text("newest = 1 AND next_step <> ''"),
        postgresql_where=sa.text("newest AND next_step <> ''"),
    )
