"""A claim is one event, without a delivery; what else has none is found beside many of them."""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"

OF_THE_WHOLE = sa.text("delivery_id IS NULL")


def upgrade() -> None:
    op.create_index(
        "ix_event_of_the_whole",
        "event",
        ["mail_out_id", "kind"],
        sqlite_where=OF_THE_WHOLE,
        postgresql_where=OF_THE_WHOLE,
    )
