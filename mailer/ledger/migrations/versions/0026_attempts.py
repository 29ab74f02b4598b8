"""The event of an outcome is the record of its attempt. Earlier attempts stay beside their events:
their seals cover them.
"""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"


def upgrade() -> None:
    for name, kind in (
        ("attempt", sa.Integer()),
        ("stage", sa.Text()),
        ("code", sa.Integer()),
        ("enhanced", sa.Text()),
        ("peer", sa.Text()),
        ("tls", sa.Text()),
        ("seconds", sa.Float()),
        ("handover_at", sa.DateTime(timezone=True)),
    ):
        op.add_column("event", sa.Column(name, kind))
