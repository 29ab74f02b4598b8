"""Writing letters: one language at a time, beside the letter as somebody would get it.

Nothing is saved but by its button. Whatever was typed comes back: from a look, from a save that was
refused, and after a new sign-in.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import zip_longest
from typing import Any

from starlette.responses import HTMLResponse, Response

from mailer.actions.team.rights import Right
from mailer.actions.writing import appeals, changes, texts
from mailer.actions.writing.appeals import Word
from mailer.actions.writing.changes import ChangedMeanwhile
from mailer.actions.writing.texts import LetterLook, LetterText
from mailer.base.errors import MailerError
from mailer.console.access.signin import in_place_of_the_page
from mailer.console.language.translation import language_names
from mailer.console.request import Visit, render
from mailer.console.views.delivery import framed
from mailer.console.views.steps import STEPS, SUBJECT
from mailer.report.readable import page_of

KEPT_LETTERS = 100
"""Letters that are shown while they are written, over all who write; the oldest goes first."""

NEIGHBOURS = 2
"""Lines around each difference that are shown with it."""


@dataclass(frozen=True, slots=True)
class Differing:
    """One line of two versions; equal ones stand in both."""

    number: int  # in the other version
    theirs: str | None
    mine: str | None

    @property
    def same(self) -> bool:
        return self.theirs == self.mine


def begin(visit: Visit) -> Response:
    """Make a new appeal, and lead to its first letter."""
    name, _ = appeals.begin(
        visit.workspace,
        visit.console.ledger,
        visit.field("title"),
        old=visit.field("from"),
        who=visit.who,
    )
    return visit.go(f"/letters/{name}/write", visit.say("The appeal is begun. Write its letters."))


def first(visit: Visit) -> Response:
    """Lead to the letter with which writing begins: in the reader's language, if there is one."""
    name = appeal_name(visit)
    there = texts.languages(visit.workspace, name)
    best = next((one for one in (visit.say.language, "en", *there) if one in there), "")
    return visit.go(f"/letters/{name}/write/{best}" if best else f"/letters/{name}/about")


def add(visit: Visit) -> Response:
    """Begin the letter of another language, as a copy of one that is there."""
    name, language = appeal_name(visit), visit.field("language").lower()
    texts.add(
        visit.workspace, visit.console.ledger, name, language, visit.field("from"), who=visit.who
    )
    return visit.go(
        f"/letters/{name}/write/{language}?beside={visit.field('from')}",
        visit.say("This is a copy: translate it in its place."),
    )


def remove(visit: Visit) -> Response:
    """Take the letter of a language away, if it is still the one that was seen."""
    name, language = appeal_name(visit), _language(visit)
    seen = visit.field("seen")
    texts.remove(visit.workspace, visit.console.ledger, name, language, seen=seen, who=visit.who)
    return visit.go(
        f"/letters/{name}/write",
        visit.say("The letter in {language} is taken away; the history has its text.",
                  language=language),
    )  # fmt: skip


def history(visit: Visit) -> Response:
    """Show who changed what in an appeal."""
    name = appeal_name(visit)
    appeals.there(visit.workspace, name)
    found = changes.history(visit.console.ledger, name)
    return visit.page("changes.html", **around(visit, name), changes=found)


# ---------------------------------------------------------------------------------------- writing


def write(visit: Visit) -> Response:
    """Show a letter as it is saved, ready to be changed."""
    typed, seen, fault = texts.stored(visit.workspace, appeal_name(visit), _language(visit))
    return _page(visit, typed, seen, fault=fault)


def typed(visit: Visit) -> Response:
    """Look at what was typed, or save it."""
    letter = LetterText(*(as_typed(visit, field) for field in ("subject", "preview", "text")))
    seen = visit.field("seen")
    if visit.field("do") != "save":
        if not _scripted(visit):
            return _page(visit, letter, seen, unsaved=True)
        return _fragment(visit, letter)
    name, language = appeal_name(visit), _language(visit)
    try:
        change = texts.save(
            visit.workspace, visit.console.ledger, name, language, letter, seen=seen, who=visit.who
        )
    except ChangedMeanwhile as fault:
        return _retargeted(
            visit, _page(visit, letter, fault.now.stamp, meanwhile=fault, status=409)
        )
    except MailerError as fault:
        return _retargeted(
            visit, _page(visit, letter, seen, unsaved=True, refused=fault, status=400)
        )
    notice = _saved(visit, change.lines if change else "")
    if _scripted(visit):
        return _fragment(visit, letter, notice, changes.stamp(letter.raw))
    query = f"?as={visit.field('as')}&beside={visit.field('beside')}"
    return visit.go(f"/letters/{name}/write/{language}{query}", notice)


def letter_html(visit: Visit) -> Response:
    """Return the HTML of a letter that is being written, for its sandboxed frame."""
    return framed(visit.console.shown.get(visit.query("shown"), ""))


def _saved(visit: Visit, lines: str) -> str:
    if not lines:
        return visit.say("Nothing differs from what is saved.")
    return visit.say("Saved at {time}.", time=visit.say.clock(visit.now(), seconds=True))


def _page(
    visit: Visit,
    letter: LetterText,
    seen: str,
    *,
    fault: str = "",
    unsaved: bool = False,
    meanwhile: ChangedMeanwhile | None = None,
    refused: MailerError | None = None,
    status: int = 200,
) -> HTMLResponse:
    name = appeal_name(visit)
    theirs = LetterText.of(meanwhile.now.content).source if meanwhile else ""
    return visit.page(
        "write.html",
        status,
        **around(visit, name),
        **_looked(visit, letter, choose=True),
        letter=letter,
        seen=seen,
        fault=fault,
        unsaved=unsaved,
        meanwhile=meanwhile,
        refused=refused,
        differing=list(differing(theirs, letter.source)) if meanwhile else [],
        words=_words(visit, name),
        notice="",
    )


def _fragment(visit: Visit, letter: LetterText, notice: str = "", seen: str = "") -> Response:
    """Answer a script: what is beside the text, and after saving the stamp of the new version."""
    name = appeal_name(visit)
    more = {**around(visit, name), **_looked(visit, letter, choose=False)}
    return HTMLResponse(render(visit, "look.html", notice=notice, seen=seen, letter=letter, **more))


def _retargeted(visit: Visit, page: HTMLResponse) -> Response:
    if _scripted(visit):
        in_place_of_the_page(page)
    return page


def _looked(visit: Visit, letter: LetterText, *, choose: bool) -> dict[str, Any]:
    """Return what stands beside the text: problems, and the letter as somebody would get it."""
    name, language = appeal_name(visit), _language(visit)
    reader = visit.field("as") or visit.query("as")
    beside = visit.field("beside") or visit.query("beside")
    people = visit.console.cache.people()
    look = texts.look(visit.workspace, people, name, language, letter, reader=reader, choose=choose)
    there = texts.languages(visit.workspace, name)
    other = None
    if beside in there and beside != language:
        other, _, _ = texts.stored(visit.workspace, name, beside)
    return {
        "look": look,
        "shown": _kept(visit, look),
        "who": texts.row_of,
        "other": other,
        "beside": beside if other else "",
        "limit": SUBJECT,
    }


def _kept(visit: Visit, look: LetterLook) -> str:
    """Keep the HTML of a letter for its frame; return its key."""
    if look.letter is None:
        return ""
    shown, key = visit.console.shown, secrets.token_urlsafe(16)
    shown[key] = page_of(look.letter)
    for old in list(shown)[:-KEPT_LETTERS]:
        shown.pop(old, None)
    return key


def around(visit: Visit, name: str) -> dict[str, Any]:
    """Return what stands around each page of an appeal that is being made."""
    there = texts.languages(visit.workspace, name)
    return {
        "name": name,
        "title": appeals.title(visit.workspace, name),
        "languages": there,
        "language": visit.request.path_params.get("language", ""),
        "names": language_names(),
        "may_write": visit.may(Right.WRITE),
        "steps": STEPS,
        "step": "/write",
    }


def _words(visit: Visit, name: str) -> list[Word]:
    try:
        return appeals.words(visit.workspace, name)
    except MailerError:  # what is wrong is said beside the text
        return appeals.words(visit.workspace, None)


def differing(their_text: str, my_text: str) -> Iterator[Differing]:
    """Yield the lines in which two versions differ, with some around them."""
    theirs, mine = their_text.splitlines(), my_text.splitlines()
    groups = SequenceMatcher(None, theirs, mine, autojunk=False).get_grouped_opcodes(NEIGHBOURS)
    for group in groups:
        for _, a, b, c, d in group:
            for at, (one, other) in enumerate(zip_longest(theirs[a:b], mine[c:d])):
                yield Differing(a + at + 1, one, other)


def as_typed(visit: Visit, field: str) -> str:
    """Return a field with its blanks and lines as they were typed."""
    value = visit.form.get(field, "")
    return value.replace("\r\n", "\n") if isinstance(value, str) else ""


def _scripted(visit: Visit) -> bool:
    return "hx-request" in visit.request.headers


def appeal_name(visit: Visit) -> str:
    """Return the name of the appeal that the address names."""
    name: str = visit.request.path_params["appeal"]
    return name


def _language(visit: Visit) -> str:
    language: str = visit.request.path_params["language"]
    return language
