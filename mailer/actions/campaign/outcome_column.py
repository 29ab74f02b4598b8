"""The staff's own sheets back, with what became of each row's person in a column; nothing else of
them changes, and nothing of the workspace does.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from mailer.actions.campaign.brought import Say, in_english
from mailer.base.errors import UsageError
from mailer.base.settings.workspace import Workspace
from mailer.base.states import WORDS, Reason, State
from mailer.contacts.added_column import with_column
from mailer.contacts.book import ContactBook
from mailer.contacts.contact import Contact
from mailer.inbox.kinds import WORDS as INBOX_WORDS
from mailer.inbox.kinds import InboxKind
from mailer.ledger.ledger import Ledger
from mailer.ledger.reading import deliveries
from mailer.ledger.reading.deliveries import Delivery
from mailer.ledger.reading.scope import standing
from mailer.report.totals import in_words

HEADING = "Outcome"


def sheets_with_outcome(
    workspace: Workspace,
    ledger: Ledger,
    book: ContactBook,
    appeal: str,
    file: str = "",
    say: Say = in_english,
) -> dict[str, bytes]:
    """Return each sheet, or one, with the outcome of its people in the appeal, by its name.

    Raises `UsageError` where nothing was planned, or there is no such sheet; `Refused` where a
    sheet cannot take the column and stay as it is.
    """
    if file and file not in book.files:
        raise UsageError(f"There is no contact sheet {file}.", hint=", ".join(book.files))
    with ledger.reading() as connection:
        whole = standing(connection, appeal)
        if whole is None:
            raise UsageError("Nothing has been planned yet.", hint=f"mailer plan {appeal}")
        people = deliveries.people(connection, whole.id)
    by_key: dict[str, Delivery] = {}
    for one in people:
        for key in (one.address_key, one.person):
            if key:
                by_key.setdefault(key, one)
    found = {}
    for name in [file] if file else book.files:
        if name in book.broken:
            continue
        cells = {
            (one.sheet, one.row): outcome(_delivery(by_key, one), say)
            for one in book.contacts
            if one.file == name
        }
        content = (workspace.root / name).read_bytes()
        found[Path(name).name] = with_column(name, content, book, say(HEADING), cells)
    return found


def _delivery(by_key: Mapping[str, Delivery], one: Contact) -> Delivery | None:
    return by_key.get(one.person_key) or by_key.get(one.address_key)


def outcome(one: Delivery | None, say: Say = in_english) -> str:
    """Say in a few words what became of somebody's letter."""
    if one is None:
        return say("not in any mail-out")
    said = say(WORDS[one.state])
    if one.reason and (one.state is not State.ACCEPTED or one.reason == Reason.SHARED):
        said += f": {say(in_words(one.reason))}"
    back = one.came_back if one.state is State.ACCEPTED else ()
    later = [say(INBOX_WORDS[InboxKind(kind)]) for kind in back]
    return "; ".join([said, *sorted(later)])
