"""Changes of the send log's tables, one file each in `versions/`; each runs in one transaction with
its record.
"""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa

HEAD = "0008"
"""The newest version. Kept here so that a log that is up to date opens without importing Alembic.
"""


def create(connection: sa.Connection) -> None:
    """Make the tables of HEAD where there are none, without walking through all that
    led to them.
    """
    from mailer.ledger.schema import metadata

    metadata.create_all(connection)
    version = sa.Table(
        "alembic_version", sa.MetaData(), sa.Column("version_num", sa.String(32), primary_key=True)
    )
    version.create(connection)
    connection.execute(sa.insert(version).values(version_num=HEAD))


def upgrade(connection: sa.Connection) -> None:
    """Bring the tables from whatever version they have to HEAD, inside the caller's transaction."""
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    from mailer.base.errors import Refused

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except CommandError as fault:
        raise Refused(
            "This send log was written by a newer version of the mailer. It was left as it is.",
            hint="Install that version, or a newer one, and type the same command again.",
            code="S304",
        ) from fault
