"""A delivery may lie as a draft: the closed set of states has one more."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"

STATES = (
    "state IN ('skipped', 'waiting', 'sending', 'deferred', 'accepted', 'refused', 'not_sent',"
    " 'unknown'{})"
)


def upgrade() -> None:
    connection = op.get_bind()
    if connection.dialect.name == "postgresql":
        for table in ("delivery", "attempt"):
            op.drop_constraint(op.f(f"ck_{table}_state_is_known"), table, type_="check")
            op.create_check_constraint(
                op.f(f"ck_{table}_state_is_known"), table, STATES.format(", 'drafted'")
            )
        return
    # the way that SQLite has for a CHECK that admits more: no row is read or written
    # (sqlite.org/lang_altertable.html, "Making Other Kinds Of Table Schema Changes")
    version = connection.scalar(sa.text("PRAGMA schema_version"))
    connection.execute(sa.text("PRAGMA writable_schema = ON"))
    connection.execute(
        sa.text(
            "UPDATE sqlite_schema SET sql = replace(sql, :old, :new)"
            " WHERE type = 'table' AND name IN ('delivery', 'attempt')"
        ),
        {"old": STATES.format(""), "new": STATES.format(", 'drafted'")},
    )
    connection.execute(sa.text(f"PRAGMA schema_version = {version + 1}"))
    connection.execute(sa.text("PRAGMA writable_schema = OFF"))
