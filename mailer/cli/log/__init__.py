"""`mailer log`: the send log, one person a line, one letter as a story, and the log itself."""

from __future__ import annotations

import click

from mailer.cli.context import CommandGroup
from mailer.cli.log import letter, outcomes, privacy, record, remarks


@click.group(cls=CommandGroup)
def log() -> None:
    """The send log: what became of every single person."""


for command in (
    outcomes.people,
    outcomes.find,
    letter.show,
    record.verify,
    privacy.person,
    privacy.forget,
    privacy.retention,
    outcomes.delegations,
    record.adopt,
    outcomes.export,
    outcomes.compare,
    remarks.name,
    remarks.note,
    remarks.follow_up,
):
    log.add_command(command)
