"""A mail-out ends at a moment, no longer with a day."""

from datetime import datetime

import sqlalchemy as sa
from alembic import op

from mailer.base import clock

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    op.add_column("mail_out", sa.Column("until", sa.DateTime(timezone=True), nullable=True))
    id_, last, until = (
        sa.column(name, kind)
        for name, kind in (
            ("id", sa.Integer()),
            ("last_day", sa.Date()),
            ("until", sa.DateTime(timezone=True)),
        )
    )
    table, bind = sa.table("mail_out", id_, last, until), op.get_bind()
    for row in bind.execute(sa.select(id_, last).where(last.is_not(None))).all():
        end: datetime = clock.end_of(row.last_day).astimezone(clock.now().tzinfo)
        bind.execute(sa.update(table).where(id_ == row.id).values(until=end))
    op.drop_column("mail_out", "last_day")
