"""Where the steps begin: the tables that the mailer wrote before its first release.

A new log is made whole by `migrations.create`; a log older than this is refused.
"""

revision = "0006"
down_revision = None


def upgrade() -> None:
    """Do nothing: no log comes from before."""
