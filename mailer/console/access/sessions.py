"""Signing in: the one-time key of the command line, accounts with a password, and the sessions that
follow.

A session ends with its account's password or role, and falls asleep after a quarter of an hour
without a visit and after eight hours whatever happens. Watching a mail-out is a visit. Whoever is
asleep can still pause and stop, for a working day: a letter that should not go out does not wait
for a password. Nor does it wait for a console that has to be started anew: sessions outlive the
process, in a file that names nobody, has hashes of their keys alone, and is for its owner (0600).
After a crash a visit of the last minute may be missing in it; a session that was ended never comes
back.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import secrets
import threading
from collections import defaultdict, deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mailer.actions.team import credentials, members
from mailer.base.clock import Clock
from mailer.base.files import put
from mailer.ledger import accounts
from mailer.ledger.accounts import Account
from mailer.ledger.ledger import Ledger

if TYPE_CHECKING:
    from mailer.actions.team.credentials import Hasher

LONGEST = timedelta(hours=8)
IDLE = timedelta(minutes=15)
DAY = timedelta(hours=12)
"""So long after signing in somebody can pause and stop."""

KEY_LASTS = timedelta(minutes=10)
TRIES, WINDOW = 5, timedelta(minutes=1)
"""So many attempts a minute from one place: an address, or a browser that somebody has signed in
from. They are never counted by name: a stranger who guesses must not keep its owner out.
"""
PLACES = 10_000

NOTED = timedelta(minutes=1)
"""So often the file learns of visits; of beginnings and ends it does at once."""


@dataclass(eq=False)
class BrowserSession:
    """One person at one browser."""

    name: str
    role: str
    account: datetime | None  # its account as it was at sign-in; None: by the one-time key
    begun: datetime
    seen: datetime
    account_id: int = 0
    language: str = ""
    token: str = field(default_factory=lambda: secrets.token_urlsafe(24))  # goes with every form
    notices: list[str] = field(default_factory=list)  # what the next page says first
    second: bool = False  # whether the account has a second factor
    secret: str = ""  # of a second factor that is being set up


class TooOften(Exception):
    """Too many attempts to get in; `seconds` to wait."""

    def __init__(self, seconds: int) -> None:
        super().__init__(seconds)
        self.seconds = seconds


class BrowserSessions:
    """All who are signed in.

    `file` keeps them for the next console on the same port; `owner` is the name behind one-time
    keys, empty where they open nothing.
    """

    def __init__(
        self,
        ledger: Ledger,
        *,
        now: Clock,
        hasher: Hasher | None = None,
        file: Path | None = None,
        owner: str = "",
    ) -> None:
        self._ledger, self._now = ledger, now
        self._guard = threading.RLock()
        self._file, self._kept_at = file, now()
        self._sessions = self._kept(owner)
        self._keys: dict[bytes, datetime] = {}  # one-time keys that nobody has used yet
        self._attempts: dict[str, deque[datetime]] = defaultdict(deque)
        self.hasher = hasher or credentials.argon()
        self.hashing = ThreadPoolExecutor(2, "hash")
        """At most two passwords of strangers are hashed at once: each takes 64 MB."""

    # --------------------------------------------------------------------------------- one-time key

    def new_key(self) -> str:
        """Return a key that opens the console once, within ten minutes."""
        key = secrets.token_urlsafe(24)
        with self._guard:
            self._keys[_hash(key)] = self._now()
        return key

    def open_with(self, key: str, name: str) -> str | None:
        """Exchange a one-time key for the key of a session; None where it is not, or no longer,
        good.
        """
        with self._guard:
            made = self._keys.pop(_hash(key), None)
        if made is None or self._now() - made > KEY_LASTS:
            return None
        return self._begin(BrowserSession(name, "admin", None, self._now(), self._now()))

    # ------------------------------------------------------------------------------------- accounts

    def sign_in(
        self, name: str, password: str, code: str = "", before: BrowserSession | None = None
    ) -> str | None:
        """Return the key of a new session, or None where name, password and the code of the second
        factor do not go together. Whoever calls this has counted the attempt (`count`).

        `before` is who sat there until now: the same person goes on with the pages that are open.
        """
        with self._ledger.reading() as connection:
            account = accounts.find(connection, name)
        if not self.fits(account, password) or account is None:
            return None
        if account.second and not members.uses_code(self._ledger, account, code):
            return None
        session = BrowserSession(
            account.name, account.role, account.changed_at, self._now(), self._now(), account.id
        )
        session.second = bool(account.second)
        if before and before.account and before.name == account.name:
            session.token, session.language = before.token, before.language
        return self._begin(session)

    def fits(self, account: Account | None, password: str) -> bool:
        """Whether this is the account's password; an unknown name costs as much time as a known
        one.
        """
        known = account is not None and account.active
        hashed = account.password if account and known else self._nobody
        return credentials.fits(self.hasher, hashed, password) and known

    @cached_property
    def _nobody(self) -> str:
        """The hash of a password that nobody knows."""
        return self.hasher.hash(secrets.token_hex(16))

    def count(self, source: str) -> None:
        """Count an attempt to get in, before anything is looked at or hashed. Raises TooOften after
        five within a minute from one place; others are not held up by it.
        """
        now = self._now()
        with self._guard:
            times = self._attempts[source]
            while times and now - times[0] > WINDOW:
                times.popleft()
            if len(times) >= TRIES:
                raise TooOften(max(1, int((times[0] + WINDOW - now).total_seconds())))
            times.append(now)
            if len(self._attempts) > PLACES:  # the oldest are forgotten first
                self._attempts.pop(next(iter(self._attempts)))

    def got_in(self, source: str) -> None:
        """Forget the attempts of a place where somebody got in."""
        with self._guard:
            self._attempts.pop(source, None)

    # ------------------------------------------------------------------------------------- sessions

    def _begin(self, session: BrowserSession) -> str:
        key = secrets.token_urlsafe(32)
        with self._guard:
            self._sessions = {
                known: one
                for known, one in self._sessions.items()
                if self._now() - one.begun <= DAY
            }
            self._sessions[_hash(key)] = session
            self.keep()
        return key

    def find(self, key: str) -> BrowserSession | None:
        """Return the session that a cookie belongs to, if it is still good, and note the visit. It
        may be asleep: then it opens no page, but pauses and stops.
        """
        session = self._sessions.get(_hash(key)) if key else None
        if session is None or self._now() - session.begun > DAY or not self._still_so(session):
            self.end(key)
            return None
        if not self.asleep(session):
            self._visits(session)
        return session

    def _visits(self, session: BrowserSession) -> None:
        session.seen = self._now()
        if session.seen - self._kept_at > NOTED:
            self.keep()

    def asleep(self, session: BrowserSession) -> bool:
        """Whether somebody was away for too long, or is here for too long."""
        now = self._now()
        return now - session.seen > IDLE or now - session.begun > LONGEST

    def watches(self, session: BrowserSession) -> bool:
        """Note that an open stream still shows something; False where the sign-in has ended."""
        if session not in self._sessions.values() or self.asleep(session):
            return False
        self._visits(session)
        return self._still_so(session)

    def knows(self, session: BrowserSession) -> bool:
        """Whether somebody may still pause and stop, and so may hear that there is a reason to."""
        here = session in self._sessions.values() and self._now() - session.begun <= DAY
        return here and self._still_so(session)

    def end(self, key: str) -> None:
        with self._guard:
            if self._sessions.pop(_hash(key), None):
                self.keep()

    def end_where(self, ends: Callable[[BrowserSession], bool]) -> None:
        """Sign out everybody for whom this is so."""
        with self._guard:
            self._sessions = {key: one for key, one in self._sessions.items() if not ends(one)}
            self.keep()

    def _still_so(self, session: BrowserSession) -> bool:
        """Whether the account is still what it was at sign-in: another console may have
        changed it.
        """
        if session.account is None:
            return True
        with self._ledger.reading() as connection:
            account = accounts.find(connection, session.name)
        return account is not None and account.changed_at == session.account

    # ----------------------------------------------------------------------------- kept in the file

    def keep(self) -> None:
        """Write down who is signed in. Where the disk takes nothing the file goes, so that nobody
        comes back who has signed out.
        """
        if self._file is None:
            return
        with self._guard:
            self._kept_at = self._now()
            lines = [
                {
                    "key": key.hex(),
                    "account": one.account_id,
                    "as_of": one.account and one.account.isoformat(),
                    "begun": one.begun.isoformat(),
                    "seen": one.seen.isoformat(),
                    "language": one.language,
                    "token": one.token,
                }
                for key, one in self._sessions.items()
            ]
            try:
                put(self._file, json.dumps(lines).encode())
                self._file.chmod(0o600)
            except OSError:
                with contextlib.suppress(OSError):
                    self._file.unlink()

    def _kept(self, owner: str) -> dict[bytes, BrowserSession]:
        """Read who was signed in, and still may be; a file that is none counts as empty."""
        if self._file is None:
            return {}
        with self._ledger.reading() as connection:
            there = {one.id: one for one in accounts.everyone(connection)}
        try:
            lines = json.loads(self._file.read_bytes())
            found = {bytes.fromhex(one["key"]): _read(one, there, owner) for one in lines}
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return {}
        return {
            key: one
            for key, one in found.items()
            if one and self._now() - one.begun <= DAY and self._still_so(one)
        }


def _read(line: dict[str, Any], there: dict[int, Account], owner: str) -> BrowserSession | None:
    """Return a session of the file; None where nobody is behind it any more."""
    one = there.get(line["account"])
    as_of: datetime | None = None
    if one is not None:
        name, role, as_of = one.name, one.role, datetime.fromisoformat(line["as_of"])
    elif owner and not line["account"]:
        name, role = owner, "admin"
    else:
        return None
    begun, seen = (datetime.fromisoformat(line[name]) for name in ("begun", "seen"))
    return BrowserSession(
        name,
        role,
        as_of,
        begun,
        seen,
        line["account"],
        line["language"],
        line["token"],
        second=bool(one and one.second),
    )


def _hash(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()
