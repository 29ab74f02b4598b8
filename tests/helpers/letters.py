"""Helpers for tests of letters: a workspace with an appeal, a person, and what they
make together.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

from mailer.base.delegations import Delegations
from mailer.base.errors import MailerError, Problem
from mailer.base.settings.tables import Sender
from mailer.contacts.contact import Contact
from mailer.letters.appeal import Appeal
from mailer.letters.appeal_files import load_appeal
from mailer.letters.checks import check_letters, ready
from mailer.letters.render import Rendered, Renderer
from mailer.letters.wording.salutations import Forms

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))  # contacts/invent.py stands beside the sheets, not in the package

from tests.people.invent import people  # noqa: E402

DELEGATIONS = Delegations.load()
FORMS = Forms.load()
SENDER = Sender.model_validate(
    {
        "from": "Jana Novák <jana@rights.example>",
        "reply_to": "appeals@rights.example",
        "organisation": "Example Coalition",
        "postal_address": "1 Example Street, Strasbourg",
    }
)


def person(**fields: Any) -> Contact:
    """Make a contact: Anna Berg, representative of Norway, unless said otherwise."""
    given: dict[str, Any] = {
        "file": "contacts/nordic.csv",
        "sheet": None,
        "row": 7,
        "delegation": "NO",
        "role": "representative",
        "given": "Anna",
        "surname": "Berg",
        "gender": "f",
        "address": "anna.berg@no.parliament.example",
        "cells": {
            "name": "7:3",
            "title": "7:5",
            "surname": "7:4",
            "greeting": "7:9",
            "Committee": "7:12",
        },
    } | fields
    given.setdefault("name", f"{given['given']} {given['surname']}".strip())
    return Contact(**given)


def invented() -> list[Contact]:
    """Return the 612 people of the demo's sheets."""
    return [
        Contact(
            file="contacts/invented.csv",
            sheet=None,
            row=row,
            delegation=one.delegation,
            role={"chair of delegation": "chair"}.get(one.role, one.role),
            name=f"{one.given} {one.surname}",
            given=one.given,
            surname=one.surname,
            title=one.title,
            gender=one.gender,
            address=one.address,
            language=one.language,
            chamber=one.chamber,
            group=one.group,
            greeting=one.greeting,
            extra={"Committee": one.committee, "Vote 2024": one.vote_2024},
        )
        for row, one in enumerate(people(), 2)
    ]


def folder(root: Path, name: str = "appeal", **files: str | bytes) -> Path:
    """Write an appeal: `en="Subject: …"`, `toml="title = …"`, `facts=…`, `**{"for/NO.en": …,
    "_shared/layout.html": …}`.
    """
    place = root / "templates" / name
    for stem, text in files.items():
        if stem.startswith("_shared/"):
            path = place.parent / stem
        else:
            path = place / {"toml": "appeal.toml", "facts": "facts.toml"}.get(stem, f"{stem}.md")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode() if isinstance(text, str) else text)
    return root


def letter(body: str, subject: str = "Hello") -> str:
    return f"Subject: {subject}\n\n{{{{ greeting }}}}\n\n{body}\n"


def written(
    root: Path, body: str, contact: Contact | None = None, subject: str = "Hello", **more: Any
) -> Rendered:
    """Render an English letter with this body for one person."""
    appeal = load_appeal(folder(root, en=letter(body, subject), **more), "appeal")
    contact = contact or person()
    return renderer(appeal, contact.extra).render(contact, "en")


def renderer(appeal: Appeal, columns: Any = ()) -> Renderer:
    return ready(appeal, SENDER, DELEGATIONS, FORMS, columns)


def checked(root: Path, columns: Any = (), **files: str) -> list[Problem]:
    """Return the problems of an appeal, whether its files or its letters have them."""
    try:
        appeal = load_appeal(folder(root, **files), "appeal")
    except MailerError as fault:
        return list(fault.problems)
    return check_letters(appeal, SENDER, DELEGATIONS, FORMS, columns)


def tidy(text: str) -> str:
    """Return a text as it can arrive: blanks at the ends of lines would mean that they go on."""
    return "\n".join(
        line if line == "-- " else re.sub(r"^((?:> )*>?) *$", r"\1", line).rstrip(" ")
        for line in text.split("\n")
    )
