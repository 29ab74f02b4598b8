"""What people have had from us, and what came back: what a follow-up letter, and the number of
letters that one person may have, are decided by. Reading only.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from mailer.base.errors import Refused, UsageError
from mailer.base.spelling import nearest
from mailer.base.states import MAY_HAVE_REACHED, OPEN, State
from mailer.ledger import stored_letters
from mailer.ledger.ledger import shown
from mailer.ledger.mailouts import MailOut, all_of_them
from mailer.ledger.reading.persons import person_now
from mailer.ledger.reading.sent import named_too
from mailer.ledger.schema import delivery, incoming, incoming_letter, mail_out
from mailer.letters.message import read_back
from mailer.plan.follow_up import CameBack, FirstLetter, FirstLetters, answered, names

d, i, m = delivery.c, incoming.c, mail_out.c

NOT_YET = (*OPEN, State.DRAFTED)
"""They are about to get it, however long ago it was planned."""
AT_ONCE = 500
"""Letters that are read at a time."""


def first_letters(connection: sa.Connection, follows: str, appeal: str) -> FirstLetters:
    """Return the letters of the mail-out, or the appeal, `follows`, for an appeal that follows it.
    Raises `UsageError` where there is none.
    """
    everything = all_of_them(connection)
    there = names(((one.name, one.appeal) for one in everything), appeal)
    name = next((one for one in there if one.casefold() == follows.casefold()), "")
    if not name:
        if follows in (appeal, *(one.name for one in everything if one.appeal == appeal)):
            raise UsageError(
                f"{appeal} cannot follow itself. Nothing was planned.",
                hint="a follow-up is an appeal of its own, with its own letters",
            )
        close = nearest(follows, there)
        raise UsageError(
            f"There is no mail-out {follows}, and no other appeal of that name. Nothing was"
            " planned.",
            hint=f'did you mean "{close}"?' if close else "mailer status lists those there are",
        )
    followed = {one.id for one in everything if name in (one.name, one.appeal)}
    rows = connection.execute(
        sa.select(
            *(d.mail_out_id, person_now().label("person"), d.address, d.address_key, d.state),
            *(d.message_id, d.digest),
        )
        .where(
            d.mail_out_id.in_(followed), d.state != State.SKIPPED.value, d.address != ""
        )  # erased
        .order_by(d.mail_out_id, d.number)
    ).all()
    letters = []  # but for those who are erased
    for at in range(0, len(rows), AT_ONCE):
        letters += _with_headings(connection, rows[at : at + AT_ONCE])
    too = named_too(connection)
    letters += [
        replace(one, person=person)
        for one in letters
        if one.thread
        for person in too.get((one.thread[-1], one.address_key), ())
    ]
    whole = thread(everything, followed)
    appeals = frozenset(one.appeal for one in everything if one.id in whole)
    return FirstLetters(name, letters, _came(connection, whole), appeals)


def thread(everything: Sequence[MailOut], followed: Iterable[int]) -> set[int]:
    """Return the mail-outs of which these are a part: what they follow, what follows them, and so
    on.
    """
    found = set(followed)
    while True:
        known = {word for one in everything if one.id in found for word in (one.name, one.appeal)}
        before = {one.follows for one in everything if one.id in found} - {""}
        more = {
            one.id for one in everything if one.follows in known or {one.name, one.appeal} & before
        }
        if more <= found:
            return found
        found |= more


def had_since(connection: sa.Connection, since: datetime) -> dict[str, list[tuple[str, date]]]:
    """Return the letters that people have had since then, may have had, or are about to get: which
    mail-out, and what day, by address and by person.
    """
    when = sa.func.coalesce(d.handover_at, d.changed_at)
    rows = connection.execute(
        sa.select(
            *(d.mail_out_id, d.address_key, person_now().label("person"), d.message_id),
            when.label("when"),
        ).where(
            d.state.in_([state.value for state in MAY_HAVE_REACHED]),
            d.resend_of.is_(None),  # the same letter once more
            sa.or_(when >= since, d.state.in_([state.value for state in NOT_YET])),
        )
    )
    too = named_too(connection)
    found: dict[str, list[tuple[str, date]]] = defaultdict(list)
    for row in rows:
        named = too.get((row.message_id, row.address_key), ())
        for key in {row.address_key, row.person, *named} - {""}:
            found[key].append((shown(row.mail_out_id), row.when.date()))
    return found


def _with_headings(
    connection: sa.Connection, rows: Sequence[sa.Row[*tuple[Any, ...]]]
) -> list[FirstLetter]:
    """Read subject and thread out of the letters that were accepted, as they went out."""
    read = {row.digest for row in rows if row.state == State.ACCEPTED.value and row.digest}
    letters = stored_letters.read(connection, stored_letters.there(connection, read))
    found = []
    for row in rows:
        thread: tuple[str, ...] = ()
        subject = ""
        if row.digest in letters:
            head = dict(read_back.heading(letters[row.digest].own))
            if head["message-id"] != row.message_id or row.address not in read_back.addressed(head):
                raise Refused(
                    "A letter in the send log is not the one that was planned.", code="S305"
                )
            thread = (*head.get("references", "").split(), head["message-id"])
            subject = answered(read_back.shown(head["subject"]))
        found.append(
            FirstLetter(
                shown(row.mail_out_id), row.person, row.address_key, State(row.state), thread,
                subject,
            )
        )  # fmt: skip
    return found


def _came(connection: sa.Connection, thread: set[int]) -> dict[str, list[CameBack]]:
    rows = connection.execute(
        sa.select(
            *(d.mail_out_id, d.address_key, person_now().label("person"), i.kind, i.sure, i.until)
        )
        .join(incoming_letter, incoming_letter.c.delivery_id == d.id)
        .join(incoming, i.id == incoming_letter.c.incoming_id)
        .order_by(i.id)
    )
    found: dict[str, list[CameBack]] = defaultdict(list)
    for row in rows:
        name = shown(row.mail_out_id)
        one = CameBack(row.kind, row.sure, row.until, name, row.mail_out_id in thread)
        for key in {row.address_key, row.person} - {""}:
            found[key].append(one)
    return found
