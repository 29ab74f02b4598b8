"""Everything that is held on one person, as they may ask to see it (GDPR, Article 15): what the
sheets and lists say, what was written to them and what became of it, what came back, and which
files name them. It is read, and the journal has one line more.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from email import message_from_bytes, policy
from typing import Any

from mailer.actions.send_log.footprint import Footprint, footprint
from mailer.base.settings.workspace import Workspace
from mailer.ledger import accounts, mailouts
from mailer.ledger.ledger import Connection, Ledger
from mailer.ledger.reading import answers, deliveries
from mailer.ledger.reading.deliveries import Delivery
from mailer.ledger.record import erasure
from mailer.ledger.record.places import Way
from mailer.report.story import joined, story

BLOBS = ("incoming.raw", "mail_out.sources", "member_position.name")
"""Mentions that are told as answers and positions, or stand in the sheets, too."""


def held_on(workspace: Workspace, ledger: Ledger, who: str, *, by: str) -> dict[str, Any]:
    """Return everything that is held on a person, in the form of JSON; the journal has who looked,
    and not at whom. Raises `UsageError` where several people match, or nobody.
    """
    with ledger.reading() as connection:
        held = _held(workspace, connection, footprint(workspace, connection, who))
    with ledger.writing() as connection:
        accounts.note(connection, "held_shown", at=ledger.now(), who=by)
    return held


def _held(workspace: Workspace, connection: Connection, found: Footprint) -> dict[str, Any]:
    messages, said = answers.messages(connection), workspace.settings.sender.privacy
    return {
        "names": sorted(found.naming.names),
        "addresses": sorted(found.naming.addresses),
        "privacy": said.model_dump() if said else None,
        "sheets": [
            {
                "file": row.file,
                "sheet": row.sheet or "",
                "row": row.row,
                "says": _says(found, row.file, row.sheet or "", row.row),
            }
            for row in found.rows
        ],
        "lists": [
            entry
            for one in found.files
            if one.place.way is Way.LINES and one.file.endswith(".json")
            for entry in json.loads((workspace.root / one.file).read_text(encoding="utf-8"))
            if found.naming.in_text(f"{entry['name']} {entry['address']}")
        ],
        "hold_list": [asdict(one) for one in found.holds],
        "letters": [_letter(connection, one) for one in found.deliveries],
        "positions": erasure.noted(connection, found.mentions),
        "answers": [
            asdict(one)
            for one in messages
            if set(one.letters) & {each.shown for each in found.deliveries}
            or one.id in found.mentions.get("incoming.raw", ())
        ],
        "mentions": [
            {"where": place, "number": number, "text": erasure.text_of(connection, place, number)}
            for place, numbers in found.mentions.items()
            if place not in BLOBS
            for number in numbers
        ],
        "files": [
            {"file": one.file, "what": one.place.what} for one in found.files if not one.unread
        ],
        "not_read": [one.file for one in found.unread],
    }


def _says(found: Footprint, file: str, tab: str, row: int) -> dict[str, str]:
    """Return the cells of a row of a sheet, by their headings."""
    columns = found.book.columns[file, tab or None]
    (table,) = (one for one in found.book.tables if (one.file, one.sheet or "") == (file, tab))
    cells = dict(table.rows)[row]
    return {
        heading or str(column + 1): text
        for column, (heading, text) in enumerate(zip(columns.headings, cells, strict=False))
        if text
    }


def _letter(connection: Connection, one: Delivery) -> dict[str, Any]:
    """Return a letter, and what became of it."""
    mail_out = mailouts.get(connection, one.mail_out_id)
    told = deliveries.timeline(connection, one.id)
    head = deliveries.in_copy_to(connection, one)
    data = deliveries.data_of(connection, one)
    return {
        "mail_out": mail_out.name,
        "appeal": mail_out.title or mail_out.appeal,
        **asdict(one),
        "story": [
            {"at": step.at, "said": joined(step.said), "server": step.server}
            for step in story(mail_out, one, told, head)
        ],
        "letter": _readable(data) if data else "",
    }


def _readable(data: bytes) -> str:
    """Return the headers and the plain text of a letter."""
    message = message_from_bytes(data, policy=policy.default)
    text = message.get_body(("plain",))
    headers = "\n".join(f"{name}: {message[name]}" for name in ("From", "To", "Subject"))
    return f"{headers}\n\n{text.get_content() if text else ''}"


HEADINGS = {
    "sheets": "In the sheets",
    "lists": "In the last lists",
    "hold_list": "On the hold list",
    "letters": "Letters, and what became of them",
    "positions": "Where they stand",
    "answers": "What came back",
    "mentions": "Other entries that name them",
    "files": "Files that name them",
    "not_read": "Files that could not be looked through",
}


def lines_of(held: dict[str, Any]) -> Iterator[str]:
    """Yield what is held as text, a fact a line."""
    yield ", ".join((*held["names"], *held["addresses"]))
    for part, heading in HEADINGS.items():
        yield ""
        yield f"{heading}: {'nothing' if not held[part] else len(held[part])}"
        for one in held[part]:
            yield from _facts(one, "  ")
            yield ""


def _facts(value: Any, before: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{before}{value}"
        return
    for name, said in value.items():
        if isinstance(said, dict):
            yield f"{before}{name}:"
            yield from _facts(said, f"{before}  ")
        elif isinstance(said, list):
            yield f"{before}{name}:"
            for one in said:
                words = one.values() if isinstance(one, dict) else [one]
                yield f"{before}  {' · '.join(str(word) for word in words if word)}"
        elif said not in (None, "", ()):
            text = str(said).replace("\n", f"\n{before}  ")
            yield f"{before}{name}: {text}"
