"""Who belongs to the team: invite, let in, change, close; everyone sets their own password.

An account begins with a one-time link, which an administrator or the command line makes; whoever
follows it sets the password. An account that is there is never written over, and the last one that
rules never goes.
"""

from __future__ import annotations

import secrets
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from mailer.actions.team import credentials
from mailer.actions.team.rights import ROLES, Right
from mailer.base.errors import Refused, UsageError
from mailer.base.spelling import nearest
from mailer.ledger import accounts
from mailer.ledger.accounts import Account
from mailer.ledger.ledger import Connection, Ledger

LINK_LASTS = timedelta(hours=72)

Hash = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Invitation:
    """A one-time link to set a password by."""

    name: str
    role: str
    key: str  # goes into the link, and is kept nowhere
    until: datetime

    @property
    def path(self) -> str:
        return f"/join?key={self.key}"


@dataclass(frozen=True, slots=True)
class Member:
    """An account as it stands."""

    account: Account
    invited_until: datetime | None  # a link that nobody has used yet

    @property
    def standing(self) -> str:
        if self.account.active:
            return "active"
        return "invited" if self.invited_until else "closed"


def members(connection: Connection, at: datetime) -> list[Member]:
    links = accounts.waiting(connection, at)
    return [Member(one, links.get(one.id)) for one in accounts.everyone(connection)]


def invite(ledger: Ledger, name: str, role: str, organisation: str = "", *, who: str) -> Invitation:
    """Make an account and a one-time link by which its person sets the password. Refused where
    there is an account of that name, however it is written.
    """
    name = " ".join(unicodedata.normalize("NFC", name).split())
    if not name or len(name) > 80:
        raise UsageError("An account needs a name of at most 80 characters.")
    _known(role)
    at, key = ledger.now(), secrets.token_urlsafe(24)
    with ledger.writing() as connection:
        for there in accounts.everyone(connection):
            if there.name.casefold() == name.casefold():
                raise Refused(
                    f"There is an account {there.name} already; nothing was changed.",
                    hint=f'a new link for its person: mailer account link "{there.name}"',
                )
        accounts.add(
            connection,
            name,
            role=role,
            at=at,
            organisation=" ".join(organisation.split()),
            invited_by=who,
        )
        accounts.invite(connection, name, credentials.kept(key), at + LINK_LASTS)
        accounts.note(connection, "account_made", at=at, who=who, detail=f"{name}, {role}")
    return Invitation(name, role, key, at + LINK_LASTS)


def link(ledger: Ledger, name: str, *, who: str, forget_second: bool = False) -> Invitation:
    """Make a new one-time link for an account: its password was forgotten, or its link is too old.
    Until it is used, the password from before stays good.
    """
    at, key = ledger.now(), secrets.token_urlsafe(24)
    with ledger.writing() as connection:
        one = _named(connection, name)
        accounts.invite(connection, one.name, credentials.kept(key), at + LINK_LASTS)
        values: dict[str, object] = {"invited_by": who}
        if forget_second:
            values |= {"second": "", "recovery": "", "second_step": 0}
        accounts.change(connection, one.name, at=at, **values)
        said = f"{one.name}{', without the second factor' * forget_second}"
        accounts.note(connection, "link_made", at=at, who=who, detail=said)
    return Invitation(one.name, one.role, key, at + LINK_LASTS)


def invited(ledger: Ledger, key: str) -> Account:
    """Return the account that a link is for. Raises Refused for one that was used or is too old."""
    with ledger.reading() as connection:
        one = accounts.invited(connection, credentials.kept(key), ledger.now())
    if one is None:
        raise Refused(
            "This link has been used, or is too old.", hint="ask an administrator for a new one"
        )
    return one


def join(ledger: Ledger, key: str, password: str, hashed: Hash) -> Account:
    """Set the password of the account that a link is for; the link is worth nothing afterwards."""
    one = invited(ledger, key)
    credentials.check(password, one.name, one.organisation)
    at, kept = ledger.now(), hashed(password)
    with ledger.writing() as connection:
        if accounts.invited(connection, credentials.kept(key), at) is None:
            raise Refused("This link has been used, or is too old.")
        accounts.uninvite(connection, one.id)
        accounts.change(connection, one.name, at=at, password=kept)
        accounts.note(connection, "password_set", at=at, who=one.name, detail="by a one-time link")
    return one


def change_password(ledger: Ledger, name: str, password: str, hashed: Hash) -> datetime:
    """Give an account a new password; return the moment from which sign-ins count. Whoever calls
    this has seen that the old one fits.
    """
    with ledger.reading() as connection:
        one = _named(connection, name)
    credentials.check(password, one.name, one.organisation)
    at, kept = ledger.now(), hashed(password)
    with ledger.writing() as connection:
        accounts.change(connection, name, at=at, password=kept)
        accounts.note(connection, "password_set", at=at, who=name)
    return at


def set_second_factor(
    ledger: Ledger, name: str, secret: str, code: str
) -> tuple[list[str], datetime]:
    """Give an account a second factor, once a code of the app has shown that it has it. Returns the
    recovery codes, which are shown once, and the moment from which sign-ins count.
    """
    at = ledger.now()
    step = credentials.step_of(secret, code, at)
    if step is None:
        raise UsageError(
            "This is not the code that the app shows now. Nothing was changed; does the clock of"
            " the telephone go right?"
        )
    codes = credentials.new_recovery_codes()
    with ledger.writing() as connection:
        kept = " ".join(credentials.kept(one) for one in codes)
        accounts.change(connection, name, at=at, second=secret, second_step=step, recovery=kept)
        accounts.note(connection, "second_factor_set", at=at, who=name)
    return codes, at


def uses_code(ledger: Ledger, one: Account, code: str) -> bool:
    """Use a code of an account's second factor up; False where it does not fit, or no longer."""
    used = credentials.answer(one, code, ledger.now())
    if used is None:
        return False
    with ledger.writing() as connection:
        return accounts.use_code(connection, one, **used)


def change_role(ledger: Ledger, name: str, role: str, *, who: str) -> Account:
    """Give an account another role; its person signs in anew."""
    _known(role)
    with ledger.writing() as connection:
        one = _named(connection, name)
        if role != one.role:
            _somebody_still_rules(connection, one, role)
            at = ledger.now()
            accounts.change(connection, one.name, at=at, role=role)
            said = f"{one.name}, {one.role} → {role}"
            accounts.note(connection, "role_changed", at=at, who=who, detail=said)
    return one


def close(ledger: Ledger, name: str, *, who: str) -> Account:
    """Take the password and the links of an account away: nobody signs in with it any more. What it
    did stays on record.
    """
    with ledger.writing() as connection:
        one, at = _named(connection, name), ledger.now()
        if not one.active and one.id not in accounts.waiting(connection, at):
            raise Refused(f"{one.name} is closed already; nothing was changed.")
        _somebody_still_rules(connection, one, "")
        accounts.uninvite(connection, one.id)
        accounts.change(connection, one.name, at=at, password="", second="", recovery="")
        accounts.note(connection, "account_closed", at=at, who=who, detail=one.name)
    return one


def _named(connection: Connection, name: str) -> Account:
    everyone = accounts.everyone(connection)
    for one in everyone:
        if one.name.casefold() == " ".join(name.split()).casefold():
            return one
    near = nearest(name, [one.name for one in everyone])
    raise UsageError(f"There is no account {name}.", hint=f"did you mean {near}?" if near else "")


def _known(role: str) -> None:
    if role not in ROLES:
        raise UsageError(f"There is no role {role!r}.", hint=f"the roles: {', '.join(ROLES)}")


def _somebody_still_rules(connection: Connection, one: Account, role: str) -> None:
    rules = [each for each, rights in ROLES.items() if Right.RULE in rights]
    others = [
        each
        for each in accounts.everyone(connection)
        if each.role in rules and each.active and each.id != one.id
    ]
    if one.role in rules and one.active and role not in rules and not others:
        raise Refused(
            f"{one.name} is the last administrator; nothing was changed.",
            hint="make somebody else an administrator first",
        )
