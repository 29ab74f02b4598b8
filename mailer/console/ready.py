"""What the first pages of a console would wait for, done in the background when it starts: sheets
are read, people are counted. Nothing is shown of it; a page that needs a part waits for that part.
"""

from __future__ import annotations

import contextlib

from mailer.actions.campaign.positions import count_ahead
from mailer.actions.writing import appeals
from mailer.base.errors import MailerError
from mailer.console.request import PAGES, Console
from mailer.ledger import mailouts
from mailer.ledger.reading.scope import Of, OfAppeal


def get_ready(console: Console) -> None:
    """Read and count. What is wrong is said to whoever opens the page."""
    for name in PAGES.list_templates():
        PAGES.get_template(name)
    with contextlib.suppress(MailerError):
        _, book, _ = console.cache.people()
        console.cache.health(book)
        next(book.containing("-"), None)  # makes ready to search
    with contextlib.suppress(MailerError):
        workspace = console.cache.workspace()
        for name, _ in appeals.every(workspace):
            with contextlib.suppress(MailerError):
                appeal, members = console.cache.members(name)
                kept = console.boards[name]
                count_ahead(workspace, console.ledger, appeal, members, kept)
    with contextlib.suppress(MailerError):
        with console.ledger.reading() as connection:
            there = mailouts.all_of_them(connection)
        every: list[Of] = [one.id for one in reversed(there)]
        for of in [*every, *map(OfAppeal, sorted({one.appeal for one in there}))]:
            with console.ledger.reading() as connection:
                console.counts(of).now(connection)
