"""How the reading commands open the send log, and which mail-out, person or filter a word on the
command line means.

Reading never makes a send log: where there is none, one sentence says so.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from typing import Any

import click

from mailer.base.delegations import Delegations
from mailer.base.errors import UsageError
from mailer.base.spelling import nearest, tokens
from mailer.base.states import WORDS, State
from mailer.cli.context import Context
from mailer.inbox.kinds import WORDS as INBOX_WORDS
from mailer.inbox.kinds import InboxKind, named
from mailer.ledger import mailouts
from mailer.ledger.ledger import Connection, Ledger, number_of
from mailer.ledger.mailouts import MailOut
from mailer.ledger.reading import deliveries, listing
from mailer.ledger.reading.counts import Counted, count
from mailer.ledger.reading.deliveries import Delivery
from mailer.ledger.reading.kept_counts import KeptCounts
from mailer.ledger.reading.listing import Wanted
from mailer.ledger.reading.scope import Reported, standing

NO_LOG = "There is no send log in this workspace yet: nothing has been planned."
NEXT = "mailer plan APPEAL makes the first mail-out"
A_MAIL_OUT = re.compile(r"M-?\d+", re.IGNORECASE | re.ASCII)
BY_NUMBER = re.compile(r"(?:M-?)?\d+", re.IGNORECASE | re.ASCII)
A_DELIVERY = re.compile(r"(M-?\d+)-(\d+)", re.IGNORECASE | re.ASCII)


def open_log(context: Context) -> Ledger:
    """Open the send log for a `with`; a `UsageError` where there is none yet."""
    if not context.workspace.has_ledger:
        raise UsageError(NO_LOG, hint=NEXT)
    return context.ledger()


def mail_out_of(context: Context, connection: Connection, name: str | None) -> MailOut:
    """Return the mail-out called `name`, or the newest one, and then say which that is."""
    if name is not None:
        return mailouts.get(connection, number_of(name))
    everything = mailouts.all_of_them(connection)
    if not everything:
        raise UsageError("No mail-out has been planned yet.", hint=NEXT)
    newest = everything[-1]
    if len(everything) > 1:
        context.say(
            f"{newest.name}, the newest of {len(everything)} mail-outs (mailer status lists them)"
        )
    return newest


def reading_of(context: Context, connection: Connection, name: str | None) -> Reported:
    """Return the mail-out or the appeal called `name`; without a name the newest mail-out, and
    where its appeal has several, the appeal over all of them. Says which that is.
    """
    if name is None:
        newest = mail_out_of(context, connection, None)
        whole = standing(connection, newest.appeal)
        return whole if whole and len(whole.mail_outs) > 1 else newest
    if BY_NUMBER.fullmatch(name):
        return mailouts.get(connection, number_of(name))
    if whole := standing(connection, name):
        return whole
    planned = {one.appeal for one in mailouts.all_of_them(connection)}
    close = nearest(name, planned)
    hint = f'did you mean "{close}"?' if close else "mailer status lists the mail-outs"
    raise UsageError(f"There is no mail-out {name}, and no appeal of that name.", hint=hint)


# ------------------------------------------------------------------------------------------ filters


def filters(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options that narrow a list of people: the arguments of `people`."""
    for option in (
        click.option(
            "--search",
            default="",
            metavar="TEXT",
            help="A part of the name or the address, of what was said, or of a note.",
        ),
        click.option(
            "--delegation",
            default="",
            metavar="NO,FR",
            help="Only these delegations: codes or names.",
        ),
        click.option(
            "--came-back",
            default="",
            metavar="KINDS",
            help="Only those from or about whom this came, like away,returned.",
        ),
        click.option(
            "--needs-a-person",
            is_flag=True,
            help="Only those for whom the mailer can do no more by itself.",
        ),
        click.option(
            "--state",
            default="",
            metavar="STATES",
            help="Only these: refused,unknown or 'left out', …",
        ),
    ):
        command = option(command)
    return command


def people(
    connection: Connection,
    mail_out: Reported,
    known: Delegations,
    *,
    state: str = "",
    delegation: str = "",
    search: str = "",
    needs_a_person: bool = False,
    came_back: str = "",
) -> Iterator[Delivery]:
    """Return the people of a mail-out in the order of the sheets, narrowed as it was typed."""
    there = count(connection, mail_out.id).delegations if delegation else ()
    codes = _delegations(delegation, known, there)
    wanted = Wanted(
        states=tuple(_states(state)),
        delegations=tuple(codes),
        search=search,
        needs_a_person=needs_a_person,
        came_back=tuple(kinds(came_back)),
    )
    return listing.every(connection, mail_out.id, wanted)


def counted_of(context: Context, connection: Connection, of: Reported) -> Counted:
    """Count everyone, from what was counted last (`reading/kept_counts.py`)."""
    return KeptCounts(of.id, context.workspace.state_dir / "counts").now(connection)


def _states(text: str) -> list[str]:
    by_word = {_plain(word): state for state in State for word in (state.value, WORDS[state])}
    states: list[str] = []
    for word in _words(text):
        if _plain(word) not in by_word:
            known = ", ".join(WORDS[state] for state in State)
            meant = nearest(word, [WORDS[state] for state in State])
            hint = f"did you mean {meant!r}?" if meant else f"the states are: {known}"
            raise UsageError(f"There is no state called {word!r}.", hint=hint)
        states.append(by_word[_plain(word)].value)
    return states


def _delegations(text: str, known: Delegations, there: Collection[str]) -> list[str]:
    return [
        word.upper() if word.upper() in there else known.named(word).code for word in _words(text)
    ]


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def _plain(word: str) -> str:
    return word.casefold().replace("_", " ").replace("-", " ").removesuffix(" for delivery")


# --------------------------------------------------------------------------------------- one person


def who_in(words: tuple[str, ...]) -> tuple[str | None, str]:
    """Split `[M] WHO`: ("M-0007", "anna berg"); `M-0007-042` names both."""
    text = " ".join(words).strip()
    if both := A_DELIVERY.fullmatch(text):
        return both[1], both[2]
    if words and A_MAIL_OUT.fullmatch(words[0]):
        return words[0], " ".join(words[1:]).strip()
    return None, text


def find_people(connection: Connection, mail_out: MailOut, who: str) -> list[Delivery]:
    """Find whom `who` may mean; a `UsageError` with the closest name where it is nobody."""
    found = deliveries.find(connection, mail_out.id, who) if tokens(who) else []
    if found:
        return found
    others = [
        other.name
        for other in mailouts.all_of_them(connection)
        if other.id != mail_out.id
        and tokens(who)
        and not who.isdecimal()
        and deliveries.find(connection, other.id, who)
    ]
    if others:
        hint = f"mailer log show {others[-1]} {who}"
    else:
        people = deliveries.people(connection, mail_out.id)
        meant = nearest(who, [one.name for one in people], parts=True) or nearest(
            who, [one.address for one in people]
        )
        hint = (
            f"did you mean {meant!r}?"
            if meant
            else f"mailer log people {mail_out.name} lists everyone"
        )
    raise UsageError(f"There is nobody like {who!r} in {mail_out.name}.", hint=hint)


def kinds(text: str) -> list[InboxKind]:
    """Return the kinds of messages that are named, separated by commas; `returned` is all three."""
    found: list[InboxKind] = []
    for word in text.split(","):
        if word.strip().casefold() == "returned":
            found += named("returned")
        elif word.strip():
            found.append(kind_of_message(word))
    return found


def kind_of_message(word: str) -> InboxKind:
    """Return the kind of message that is named, in the words of JSON or of the screen."""
    meant = word.strip().casefold().replace(" ", "_").replace("-", "_")
    for kind in InboxKind:
        if meant in (kind.value, INBOX_WORDS[kind].replace(" ", "_")):
            return kind
    close = nearest(word, [kind.value for kind in InboxKind])
    hint = f"did you mean {close}?" if close else f"one of {', '.join(InboxKind)}"
    raise UsageError(f"{word!r} is no kind of message.", hint=hint)
