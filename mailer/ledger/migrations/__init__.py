"""Changes of the send log's tables, one file each in `versions/`; each runs in one transaction with
its record.
"""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa

HEAD = "0027"
"""The newest version. Kept here so that a log that is up to date opens without importing Alembic.
"""

BEGINNING = "0006"
"""The oldest version whose logs are opened: that of the last commit before the first release."""


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
        found = str(connection.scalar(sa.text("SELECT version_num FROM alembic_version")))
        older = found < BEGINNING
        raise Refused(
            f"This send log was written by {'an older' if older else 'a newer'} version of the"
            " mailer. It was left as it is.",
            hint=(
                "It is from before the first release. Keep it for the record, with the version"
                " that wrote it, and begin in a new folder: mailer init FOLDER."
                if older
                else "Install that version, or a newer one, and type the same command again."
            ),
            code="S304",
        ) from fault
