"""The table of outcomes: filters in the address bar, a page at a time, and the same rows as a file
or a call sheet.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import IO, cast

from starlette.exceptions import HTTPException
from starlette.responses import Response, StreamingResponse

from mailer.actions.campaign import positions
from mailer.actions.people import find, of_the_sheets
from mailer.base.errors import MailerError, UsageError
from mailer.base.spelling import tokens
from mailer.base.states import Reason, State
from mailer.console.request import Visit, address_of
from mailer.inbox.kinds import RETURNED, WORDS, named
from mailer.ledger import mailouts, notes
from mailer.ledger.ledger import Connection, number_of
from mailer.ledger.reading import listing as outcomes
from mailer.ledger.reading.deliveries import Delivery
from mailer.ledger.reading.listing import SORTS, DeliveryPage, Wanted
from mailer.ledger.reading.scope import AppealStanding, Reported, standing
from mailer.report import export as files
from mailer.report import returns, totals

KINDS = {
    "xlsx": ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", files.workbook),
    "csv": ("text/csv; charset=utf-8", files.csv_file),
    "json": ("application/x-ndjson", files.json_lines),
}
IN_MEMORY = 1_000_000
"""Bytes of a file that never lies on disk; a larger one does while it is handed over, without a
name.
"""
FILTERS = ("state", "reason", "delegation", "role", "group", "language", "needs", "came")
VIEWS: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = (
    ("Everyone", ()),
    ("Needs a person", (("needs", "a_person"),)),
    ("Still trying", (("state", "deferred"),)),
    ("Newest first", (("sort", "-changed"),)),
)
"""Views that are worth a name; every other one is an address to be kept."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What the address bar says."""

    wanted: Wanted
    sort: str
    day: str
    values: dict[str, list[str]]  # filter → values, as they came

    @property
    def query(self) -> list[tuple[str, str]]:
        """The same again, for links: without the place in the pages."""
        pairs = [(name, value) for name, values in self.values.items() for value in values]
        pairs += [("q", self.wanted.search)] if self.wanted.search else []
        pairs += [("day", self.day)] if self.day else []
        return pairs + ([("sort", self.sort)] if self.sort != "number" else [])

    @property
    def narrowed(self) -> bool:
        return bool([name for name, _ in self.query if name != "sort"])


def asked(visit: Visit) -> Asked:
    """Read the address bar. Raises `UsageError` for what it cannot mean: a slip must not show, or
    hand out, everybody.
    """
    params = visit.request.query_params
    values = {name: [one for one in params.getlist(name) if one] for name in FILTERS}
    for name, known in (("state", State), ("reason", Reason), ("needs", ("a_person",))):
        values[name] = [visit.known(one, list(known)) for one in values[name]]
    values["came"] = [
        one if named(one) else visit.known(one, list(WORDS)) for one in values["came"]
    ]
    values["delegation"] = [visit.known_delegation(one) for one in values["delegation"]]
    sort = visit.query("sort") or "number"
    visit.known(sort.removeprefix("-"), SORTS)
    day = _day(visit, visit.query("day"))
    begin = datetime(day.year, day.month, day.day).astimezone() if day else None
    wanted = Wanted(
        states=tuple(values["state"]),
        reasons=tuple(values["reason"]),
        delegations=tuple(values["delegation"]),
        roles=tuple(values["role"]),
        groups=tuple(values["group"]),
        languages=tuple(values["language"]),
        needs_a_person=bool(values["needs"]),
        came_back=tuple(kind for word in values["came"] for kind in named(word)),
        since=begin,
        until=begin + timedelta(days=1) if begin else None,
        search=params.get("q", "").strip()[:200],
    )
    return Asked(wanted, sort, str(day or ""), values)


def _day(visit: Visit, text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise UsageError(visit.say("This is no day: {day}.", day=text)) from None


@dataclass(frozen=True, slots=True)
class Counts:
    """The counts of a mail-out, as its pages show them."""

    states: dict[State, int]
    delegations: dict[str, dict[State, int]]
    chosen: dict[str, int]  # by delegation: of the left out, those for whom the mail-out never was
    excluded: frozenset[str]  # delegations that the appeal leaves out
    reasons: dict[str, int]
    needing: Mapping[State, int]  # those who need a person
    came_back: Mapping[tuple[str, ...], int]  # accepted letters, by the kinds of what came
    returned: Mapping[str, int]  # letters that came back, by delegation


def counted(visit: Visit, connection: Connection, mail_out_id: int) -> Counts:
    """Return the counts of a mail-out as of this connection."""
    now = visit.console.counts(mail_out_id).now(connection)
    chosen, excluded, reasons = Counter[str](), set[str](), Counter[str]()
    for group, number in now.groups.items():
        if group.reason:
            reasons[group.reason] += number
        if group.reason in totals.NOT_MEANT:
            chosen[group.delegation] += number
        elif group.reason == Reason.DELEGATION:
            excluded.add(group.delegation)
    return Counts(
        now.states,
        now.delegations,
        dict(chosen),
        frozenset(excluded),
        dict(reasons.most_common()),
        now.needing,
        now.came_back,
        now.letters_with([kind.value for kind in RETURNED]),
    )


def show(visit: Visit) -> Response:
    what = asked(visit)
    after, before = _number(visit.query("after")), _number(visit.query("before"))
    with visit.reading() as connection:
        mail_out = visit.mail_out(connection)
        counts = counted(visit, connection, mail_out.id)
        page = outcomes.page(
            connection, mail_out.id, what.wanted, sort=what.sort, after=after, before=before
        )
        choices = visit.console.counts(mail_out.id).choices(connection)
        everyone = sum(counts.states.values())
        whole = not page.before and not page.after  # what is looked for is often all on one page
        found = len(page.rows) if whole else _how_many(visit, connection, mail_out.id, what, page)
    answer = visit.page(
        "outcomes.html",
        mail_out=mail_out,
        rows=page.rows,
        page=page,
        found=found,
        everyone=everyone,
        counts=counts,
        came=returns.said(counts.came_back),
        choices=choices,
        asked=what,
        views=VIEWS,
        states=totals.IN_ORDER,
        headings=(("number", "No."), ("name", "Name"), ("delegation", "Delegation"), ("", "Role"),
                  ("", "Letter"), ("", "Outcome"), ("", "Why"), ("changed", "Since")),
    )  # fmt: skip
    if (
        "hx-request" in visit.request.headers
    ):  # the address that is kept holds what was chosen, and nothing empty
        answer.headers["hx-push-url"] = address_of(visit.request.url.path, what.query)
    return answer


def _how_many(
    visit: Visit, connection: Connection, mail_out_id: int, what: Asked, page: DeliveryPage
) -> int:
    """Count the rows: from what is counted already where nothing else narrows them than what it is
    counted by.
    """
    wanted = what.wanted
    known = {name: getattr(wanted, name) for name in ("states", "reasons", "delegations")}
    if wanted != Wanted(**known, needs_a_person=wanted.needs_a_person):
        return outcomes.count(connection, page)
    return sum(
        number
        for group, number in visit.console.counts(mail_out_id).now(connection).groups.items()
        if (not wanted.states or group.state.value in wanted.states)
        and (not wanted.reasons or group.reason in wanted.reasons)
        and (not wanted.delegations or group.delegation in wanted.delegations)
        and (group.needs or not wanted.needs_a_person)
    )


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


def reported(visit: Visit, connection: Connection) -> Reported:
    """Return what the address is about: a mail-out, or an appeal; of an appeal the one mail-out
    that is chosen.
    """
    if "mail_out" in visit.request.path_params:
        return visit.mail_out(connection)
    whole = standing(connection, visit.request.path_params["appeal"])
    if whole is None:
        raise UsageError(visit.say("Nothing has been planned yet."))
    wanted = visit.known(visit.query("mail_out"), [name for name, _ in whole.mail_outs])
    return mailouts.get(connection, number_of(wanted)) if wanted else whole


def export(visit: Visit) -> Response:
    """Return exactly the rows that the address bar chooses, in its order."""
    what, with_positions = asked(visit), _with_positions(visit)
    with visit.reading() as connection:
        of = reported(visit, connection)
    beside = _positions(visit, of) if with_positions else files.NOTHING
    with visit.reading() as connection:
        rows = outcomes.every(connection, of.id, what.wanted, sort=what.sort)
        return as_file(visit, of, rows, "some" if what.narrowed else "everyone", beside)


def _with_positions(visit: Visit) -> bool:
    """Tell whether somebody asks for where people stand, who may read it."""
    wanted = visit.known(visit.query("with"), ["positions"]) != ""
    if wanted and not visit.reader:
        raise HTTPException(403, visit.say("Your role does not include where members stand."))
    return wanted


def _positions(visit: Visit, of: Reported) -> files.Beside:
    ledger = visit.console.ledger
    return positions.as_column(visit.workspace, ledger, of.appeal, who=visit.reader)


def as_file(
    visit: Visit,
    of: Reported,
    rows: Iterable[Delivery],
    called: str,
    beside: files.Beside = files.NOTHING,
) -> Response:
    """Return rows as the kind of file that the address names, with what the sheets say for the
    telephone, and write down who took them along. They are in the file when this returns, so that
    nobody's slow line keeps the log being read.
    """
    beside = {**_for_the_telephone(visit), **beside}
    kind = visit.request.path_params["kind"]
    if kind not in KINDS:
        raise UsageError(visit.say("There is no such kind of file: {kind}", kind=kind))
    media, make = KINDS[kind]
    file = tempfile.SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115 - whoever reads it closes it
    people = make(cast(IO[bytes], file), of, rows, visit.name_of, beside, visit.say)
    visit.journal("exported", f"{of.name}, {people} rows, {kind}")
    name = f"{of.name}-{called}.{'jsonl' if kind == 'json' else kind}"
    headers = {
        "content-disposition": f'attachment; filename="{name}"',
        "content-length": str(file.tell()),
    }
    return StreamingResponse(_pieces(file), media_type=media, headers=headers)


def _pieces(file: tempfile.SpooledTemporaryFile[bytes]) -> Iterator[bytes]:
    with file:
        file.seek(0)
        while piece := file.read(1 << 16):
            yield piece


def call_sheet(visit: Visit) -> Response:
    """Show the rows for the telephone: by delegation, with room to write, made for paper."""
    what, with_positions = asked(visit), _with_positions(visit)
    with visit.reading() as connection:
        of = reported(visit, connection)
        rows = list(outcomes.every(connection, of.id, what.wanted))
        said = notes.last_notes(connection, rows, of.id)
    back = address_of(f"/mail-outs/{of.name}/outcomes", what.query)
    if isinstance(of, AppealStanding):
        back = f"/letters/{of.appeal}/standing"
    beside = _positions(visit, of) if with_positions else files.NOTHING
    return calls(visit, of, rows, said, back, beside)


def calls(
    visit: Visit,
    of: Reported,
    rows: Sequence[Delivery],
    said: dict[int, str],
    back: str,
    beside: files.Beside = files.NOTHING,
) -> Response:
    """Answer with rows as a call sheet."""
    groups = by_delegation(visit, rows)
    return visit.page(
        "call_sheet.html",
        of=of,
        over=", ".join(name for name, _ in of.mail_outs) if isinstance(of, AppealStanding) else "",
        groups=groups,
        people=len(rows),
        notes=said,
        back=back,
        beside={**_for_the_telephone(visit), **beside},
    )


def _for_the_telephone(visit: Visit) -> files.Beside:
    try:
        _, book, _ = visit.console.cache.people()
    except MailerError:  # the page of the sheets says what is wrong with them
        return files.NOTHING
    return of_the_sheets(book.contacts)


def by_delegation(visit: Visit, rows: Sequence[Delivery]) -> dict[str, list[Delivery]]:
    """Group rows by delegation, in the order of their names in the reader's language."""
    groups: dict[str, list[Delivery]] = {}
    for one in rows:
        groups.setdefault(one.delegation, []).append(one)
    return dict(sorted(groups.items(), key=lambda group: tokens(visit.name_of(group[0]))))


def search(visit: Visit) -> Response:
    """Find a person in all mail-outs and in the sheets."""
    text = visit.query("q")[:200]
    _, book, _ = visit.console.cache.people()
    with visit.reading() as connection:
        found = find(connection, book, text)
    return visit.page("search.html", q=text, found=found)
