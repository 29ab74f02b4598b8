"""One request, as a page sees it: who asks, in which language, with which form; and what can be
answered.
"""

from __future__ import annotations

import gc
import secrets
import threading
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

import jinja2
from itsdangerous import URLSafeTimedSerializer
from markupsafe import Markup, escape
from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from mailer.actions.campaign.positions import KeptBoard
from mailer.actions.sheets import check
from mailer.actions.sheets.check import SheetHealth
from mailer.actions.team.rights import ROLES, Right
from mailer.base.delegations import OWN, Delegations
from mailer.base.errors import UsageError, printable
from mailer.base.settings.workspace import FILE, LOCAL, Workspace, load_workspace
from mailer.base.spelling import nearest, tokens
from mailer.base.states import MARKS, OPEN, REASONS, WORDS, Reason, State
from mailer.console.access.sessions import BrowserSession, BrowserSessions
from mailer.console.language.languages import spoken
from mailer.console.language.translation import Translation
from mailer.contacts.book import ContactBook, sheets
from mailer.ledger import mailouts
from mailer.ledger.accounts import noted
from mailer.ledger.ledger import Connection, Ledger, number_of
from mailer.ledger.mailouts import MailOut
from mailer.ledger.reading.kept_counts import KeptCounts
from mailer.ledger.reading.scope import Of
from mailer.letters.wording.words import delegation_name
from mailer.plan import draft as drafting
from mailer.plan.draft import Draft, read_contacts
from mailer.report.board import VOTES, Members
from mailer.report.story import why

if TYPE_CHECKING:
    from mailer.contacts.holds import Holds
    from mailer.letters.appeal import Appeal


class WorkspaceCache:
    """The workspace, its sheets and its hold list, read anew only when a file has changed."""

    def __init__(self, root: Path) -> None:
        self.root = root
        # one for each: whoever pauses does not wait for whoever reads a long sheet
        self._reading = threading.Lock()
        self._drafting = threading.Lock()
        self._guard = threading.Lock()
        self._settings: tuple[object, Workspace] | None = None
        self._people: tuple[object, tuple[Delegations, ContactBook, Holds]] | None = None
        self._health: tuple[ContactBook, dict[str, SheetHealth], int] | None = None
        self._drafts: dict[str, tuple[object, Draft]] = {}
        self._members: dict[str, tuple[Draft, Members]] = {}

    def workspace(self) -> Workspace:
        state = _state([self.root / FILE, self.root / LOCAL, self.root / OWN])
        with self._guard:
            if self._settings is None or self._settings[0] != state:
                self._settings = (state, load_workspace(self.root))
            return self._settings[1]

    def people(self) -> tuple[Delegations, ContactBook, Holds]:
        workspace, own = self.workspace(), self.root / OWN
        state = (workspace, _state([*sheets(workspace.contacts_dir), workspace.hold_list, own]))
        with self._reading:
            if self._people is None or self._people[0] != state:
                self._people = (state, read_contacts(workspace))
                gc.freeze()  # nobody looks for cycles among so many rows: there are none
            return self._people[1]

    def health(self, book: ContactBook) -> tuple[dict[str, SheetHealth], int]:
        """Return how each sheet is, and how many people there are in all of them; kept of the book
        that was asked for last.
        """
        with self._guard:
            known = self._health
        if known is None or known[0] is not book:
            each = {file: check.health(book, file) for file in book.files}
            known = self._health = book, each, check.people_in(book.contacts)
        return known[1:]

    def draft(self, appeal: str) -> Draft:
        """Return an appeal with its people, ready to be looked at or planned."""
        workspace, own = self.workspace(), self.root / OWN
        folders = (workspace.templates_dir / appeal, workspace.templates_dir / "_shared")
        files = sorted(path for folder in folders if folder.is_dir() for path in folder.rglob("*"))
        state = (
            workspace,
            _state([*files, *sheets(workspace.contacts_dir), workspace.hold_list, own]),
        )
        with self._drafting:
            if appeal not in self._drafts or self._drafts[appeal][0] != state:
                now = drafting.draft(workspace, appeal, people=self.people())
                self._drafts[appeal] = (state, now)
            return self._drafts[appeal][1]

    def members(self, appeal: str) -> tuple[Appeal, Members]:
        """Return an appeal and the members whom it is about."""
        now = self.draft(appeal)
        with self._drafting:
            if appeal not in self._members or self._members[appeal][0] is not now:
                found = Members.of(now.book.contacts, now.appeal, now.delegations)
                _ = found.alike  # at once: as long as reading the sheets nothing takes
                self._members[appeal] = now, found
            return now.appeal, self._members[appeal][1]


def _state(paths: Iterable[Path]) -> list[tuple[str, int, int]]:
    found = []
    for path in paths:
        if path.is_file():
            about = path.stat()
            found.append((path.name, about.st_mtime_ns, about.st_size))
    return found


NARROWS = ("delegation", "role", "where", "follows")
"""What an address says of whom a mail-out is for."""


@dataclass
class Console:
    """What all requests share."""

    cache: WorkspaceCache
    ledger: Ledger
    sessions: BrowserSessions
    owner: str  # whose computer this is: the name behind the one-time key
    announce: Callable[[str], None]  # tells the terminal a new one-time address
    address: str  # "http://127.0.0.1:8025"
    origins: frozenset[str]
    https: bool = (
        False  # behind a server that speaks TLS to the world; then the one-time key opens nothing
    )
    signer: URLSafeTimedSerializer = field(
        default_factory=lambda: URLSafeTimedSerializer(secrets.token_bytes(32))
    )
    boards: defaultdict[str, KeptBoard] = field(
        default_factory=lambda: defaultdict(KeptBoard)
    )  # where members stand, by appeal, as of the last note
    kept: dict[Of, KeptCounts] = field(default_factory=dict)
    shown: dict[str, str] = field(
        default_factory=dict
    )  # HTML of letters that are being written, by a key that nobody can guess

    def counts(self, of: Of) -> KeptCounts:
        """Return the counts of a mail-out or an appeal, as they were last."""
        folder = self.cache.workspace().state_dir / "counts"
        return self.kept.setdefault(of, KeptCounts(of, folder))

    @property
    def cookie(self) -> str:
        """Its name. Cookies of one host are shared by all its ports: two consoles must not sign
        each other out.
        """
        return "__Host-mailer" if self.https else f"mailer-{urlsplit(self.address).port}"


@dataclass
class Visit:
    """One request by somebody who is signed in, and may do this."""

    request: Request
    console: Console
    session: BrowserSession
    form: FormData = field(default_factory=FormData)

    # -------------------------------------------------------------------------------- what is asked

    @property
    def who(self) -> str:
        return self.session.name

    @property
    def say(self) -> Translation:
        return Translation(self.session.language)

    @property
    def workspace(self) -> Workspace:
        return self.console.cache.workspace()

    def may(self, right: Right) -> bool:
        return right in ROLES.get(self.session.role, frozenset())

    @property
    def reader(self) -> str:
        """Who asks, where they may read where members stand; else empty."""
        return self.who if self.may(Right.POSITIONS) else ""

    @property
    def owes_second_factor(self) -> bool:
        """Whether the team asks for a second factor, and this account has none."""
        asked = self.workspace.settings.console.second_factor
        return asked and self.session.account is not None and not self.session.second

    def now(self) -> datetime:
        return self.console.ledger.now()

    def reading(self) -> AbstractContextManager[Connection]:
        return self.console.ledger.reading()

    @property
    def mail_out_id(self) -> int:
        """The number of the mail-out that the address names."""
        return number_of(self.request.path_params["mail_out"])

    def mail_out(self, connection: Connection) -> MailOut:
        """Return the mail-out that the address names."""
        return mailouts.get(connection, self.mail_out_id)

    def absent(self, there: Collection[str]) -> list[str]:
        """Name the delegations of whom nobody is there, in the reader's language."""
        members = self.workspace.delegations.members
        return sorted(
            (self.name_of(one.code) for one in members if one.code not in there), key=tokens
        )

    def name_of(self, code: str) -> str:
        """Return the name of a delegation in the reader's language."""
        return (
            delegation_name(code, self.say.language, self.workspace.delegations)
            if code
            else self.say("delegation not known")
        )

    def field(self, name: str) -> str:
        value = self.form.get(name, "")
        return value.strip() if isinstance(value, str) else ""

    def file(self, name: str) -> UploadFile:
        value = self.form.get(name)
        if not isinstance(value, UploadFile) or not value.filename:
            raise UsageError(self.say("Choose a file first."))
        return value

    @property
    def narrowed(self) -> list[tuple[str, str]]:
        """What the address says of whom a mail-out is for: it goes along from step to step."""
        pairs = self.request.query_params.multi_items()
        return [(name, one) for name, one in pairs if name in NARROWS]

    def query(self, name: str) -> str:
        return self.request.query_params.get(name, "").strip()

    def known(self, word: str, among: Collection[str]) -> str:
        """Return a word that somebody asks for. Raises `UsageError` where it is none of these: what
        is not understood never means everybody.
        """
        if not word or word in among:
            return word
        near = nearest(word, among)
        said = self.say("There is nothing called {word} here.", word=word)
        raise UsageError(said, hint=f'did you mean "{near}"?' if near else "")

    def known_delegation(self, text: str) -> str:
        """Return the code of a delegation that somebody asks for; empty where they ask for none."""
        return self.workspace.delegations.named(text).code if text else ""

    def text(self, name: str, most: int) -> str:
        """Return what somebody wrote, whole. Raises `UsageError` where it is too long: nothing is
        cut off unsaid.
        """
        value = self.form.get(name, "")
        text = value.replace("\r\n", "\n").strip() if isinstance(value, str) else ""
        if len(text) > most:
            words = (
                "This is too long: {n} characters, and {most} are the most. Nothing was changed."
            )
            raise UsageError(self.say(words, n=len(text), most=most))
        return text

    # ----------------------------------------------------------------------------- what is answered

    def page(self, template: str, status: int = 200, **context: Any) -> HTMLResponse:
        notices, self.session.notices = self.session.notices, []
        return HTMLResponse(render(self, template, notices=notices, **context), status)

    def go(self, path: str, notice: str = "") -> Response:
        """Answer a form: the next page, with a sentence on top of it."""
        if notice:
            self.session.notices.append(notice)
        return RedirectResponse(path, 303)

    def journal(self, kind: str, detail: str = "") -> None:
        noted(self.console.ledger, kind, who=self.who, detail=detail)


# ---------------------------------------------------------------------------------------- templates


def _shown(value: Any) -> Any:
    """Whatever a sheet or a server wrote is harmless to look at, beside being escaped."""
    return printable(value) if isinstance(value, str) and not isinstance(value, Markup) else value


PAGES = jinja2.Environment(
    loader=jinja2.PackageLoader("mailer.console", "pages"),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    finalize=_shown,
)


def _lines(text: str) -> Markup:
    """Keep the lines of a text, in a <pre>."""
    return Markup("\n").join(printable(line) for line in text.splitlines())


def address_of(path: str, query: Mapping[str, Any] | Iterable[tuple[str, Any]]) -> str:
    """Return an address with a query, without what is empty."""
    pairs = [
        (name, one)
        for name, value in (query.items() if isinstance(query, Mapping) else query)
        for one in (value if isinstance(value, list | tuple) else [value])
        if one not in ("", None)
    ]
    return f"{path}?{urlencode(pairs)}" if pairs else path


def _typed(text: str) -> Markup:
    """Put into a form what somebody has typed, as they typed it."""
    return escape(text)


PAGES.filters["lines"] = _lines
PAGES.filters["typed"] = _typed
PAGES.globals |= {
    "State": State,
    "OPEN": OPEN,
    "Right": Right,
    "MARKS": MARKS,
    "WORDS": WORDS,
    "VOTES": VOTES,
    "spoken": spoken,
    "address": address_of,
    "why": why,
    "reason_words": lambda reason: REASONS.get(reason, reason) if reason in set(Reason) else reason,
}


def badge(workspace: Workspace) -> str:
    """Return DEMO, TEST or LIVE: whom a letter of this workspace can reach."""
    safety = workspace.settings.safety
    return "DEMO" if safety.demo_only else safety.mode.upper()


def render(visit: Visit, template: str, **context: Any) -> str:
    say = visit.say
    workspace = visit.workspace
    return PAGES.get_template(template).render(
        visit=visit,
        path=visit.request.url.path,
        say=say,
        _=say,
        workspace=workspace,
        badge=badge(workspace),
        delegation=visit.name_of,
        **context,
    )
