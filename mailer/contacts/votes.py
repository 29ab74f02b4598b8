"""A roll call, read from whatever somebody has of it: pasted text, a table, a saved page.

Text has a person a line with their vote, or names below a heading that is a vote: "For (76)".
Nothing is guessed: a line in which no vote is known, or no name, is handed back as it is. Absent is
who the list calls absent; whoever is not on it is not known, and never absent. No page is fetched.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path

from mailer.base.delegations import Delegations
from mailer.base.errors import UsageError
from mailer.base.spelling import fold
from mailer.contacts.contact import Contact
from mailer.contacts.rows.names import take_apart
from mailer.contacts.rows.row_reader import meaning_of
from mailer.contacts.rows.whose import find_delegation
from mailer.contacts.sheets import encodings
from mailer.contacts.sheets.apart import read_safely
from mailer.contacts.sheets.reader import BOOKS

WORDS: dict[str, tuple[str, ...]] = {
    "for": ("for", "in favour", "in favor", "yes", "aye", "pour", "oui", "für", "dafür", "ja",
            "favorevole", "favorevoli", "sì", "a favor", "+"),
    "against": ("against", "no", "nay", "contre", "non", "gegen", "dagegen", "nein",
                "contrario", "contrari", "en contra", "-", "−", "–"),
    "abstained": ("abstained", "abstention", "abstentions", "abstain", "s'est abstenu",
                  "s'est abstenue", "enthaltung", "enthaltungen", "enthalten", "astenuto",
                  "astenuti", "astensione", "astensioni", "abstención", "0"),
    "absent": ("absent", "absente", "absents", "abwesend", "assente", "assenti", "ausente"),
}  # fmt: skip
"""Vote in our words, which stand in the column → how lists say it."""

_VOTE = {fold(word) or word: vote for vote, words in WORDS.items() for word in words}
_COUNTED = re.compile(r"[\s:(\[]*\d{0,3}[\s)\]:]*$")
_APART = re.compile(r"[;\t|\n]|,(?![^()]*\))|\s[-–—]\s|:\s")
_IN_BRACKETS = re.compile(r"^(.*?)\s*[(\[]([^()\[\]]*)[)\]]\s*(.*)$")
_NOTHING = re.compile(r"[\W\d_]*")
PAGES = (".html", ".htm")
MOST = 5_000
"""Lines of a roll call; the Assembly has 612 members."""


@dataclass(frozen=True, slots=True)
class VoteLine:
    """How one person voted, as a list has it."""

    person: Contact  # name, delegation if the list says it, and the line as the row
    vote: str  # one of `WORDS`
    text: str  # as it stands there


@dataclass(frozen=True, slots=True)
class RollCall:
    """What a list says."""

    votes: Sequence[VoteLine]
    unread: Sequence[tuple[int, str]]  # line and text: no vote is known for it, or no name


def read(name: str, content: bytes, delegations: Delegations) -> RollCall:
    """Read a roll call. Raises `UsageError` where nobody in it has a vote."""
    kind = Path(name).suffix.lower()
    if kind in BOOKS:
        reading = read_safely(name, content)
        rows = [(number, list(cells)) for table in reading.tables for number, cells in table.rows]
    else:
        text, _ = encodings.decode(name, content)
        if text is None:
            raise UsageError(f"{name} cannot be read.", hint="text, CSV, XLSX, ODS, or HTML")
        rows = list(_of_page(text) if kind in PAGES or _is_page(text) else _of_text(text))
    found = _read(name, rows[:MOST], delegations)
    if not found.votes:
        raise UsageError(
            f"No line of {name} says how somebody voted.",
            hint="a person a line with for, against, abstained or absent; or names below such a"
            " word",
        )
    return found


def vote_of(text: str) -> str:
    """Return the vote that a word means; empty where it means none."""
    bare = _COUNTED.sub("", text.strip()) or text.strip()
    return _VOTE.get(fold(bare) or bare, "")


def _is_page(text: str) -> bool:
    return text.lstrip()[:200].lower().startswith(("<!doctype html", "<html"))


def _of_text(text: str) -> Iterator[tuple[int, list[str]]]:
    for number, line in enumerate(text.splitlines(), 1):
        yield number, [line]


def _read(
    name: str, rows: Iterable[tuple[int, Sequence[str]]], delegations: Delegations
) -> RollCall:
    votes: list[VoteLine] = []
    unread: list[tuple[int, str]] = []
    under = ""
    for number, cells in rows:
        text = " · ".join(cell.strip() for cell in cells if cell.strip())
        if _NOTHING.fullmatch(text) and not (len(cells) == 1 and vote_of(text)):
            continue
        pieces = [part.strip() for cell in cells for part in _APART.split(cell) if part.strip()]
        if heading := _heading(pieces):
            under, pieces = heading, pieces[1:]
            if not pieces:
                continue
        said = [_line(name, number, people, under, delegations) for people in _people(pieces)]
        known = [one for one in said if one]
        votes += known
        if len(known) < len(said):
            unread.append((number, text[:200]))
    return RollCall(votes, unread)


def _heading(pieces: Sequence[str]) -> str:
    """Return the vote that stands over names: alone on its line, or before them (`For (76): …`)."""
    if not pieces or _NOTHING.fullmatch(pieces[0]) or pieces[0] == "NO":
        return ""  # 0, + and - are counts and marks; NO is Norway
    if not (vote := vote_of(pieces[0])):
        return ""
    others = [one for one in pieces[1:] if not _NOTHING.fullmatch(one)]
    return vote if not others or all(_IN_BRACKETS.match(one) for one in others) else ""


def _people(pieces: Sequence[str]) -> list[list[str]]:
    """Tell several people of one line apart: each has brackets behind the name."""
    whole = [_IN_BRACKETS.match(one) for one in pieces]
    if len(pieces) > 1 and all(one is not None and one[1] for one in whole):
        return [[piece] for piece in pieces]
    return [list(pieces)] if any(not _NOTHING.fullmatch(one) for one in pieces) else []


def _line(
    name: str, number: int, pieces: Sequence[str], under: str, delegations: Delegations
) -> VoteLine | None:
    parts: list[str] = []
    for piece in pieces:
        match = _IN_BRACKETS.match(piece)
        parts += [match[1], *match[2].split(","), match[3]] if match else [piece]
    parts = [part for part in map(str.strip, parts) if part]
    vote, rest = _told_apart(parts, under, delegations)
    where = [found.code for part in rest if (found := find_delegation(delegations, part)[0])]
    words = [
        part
        for part in rest
        if len(fold(part)) > 1
        and not _NOTHING.fullmatch(part)
        and not find_delegation(delegations, part)[0]
        and not meaning_of("group", part)
        and not meaning_of("role", part)
    ]
    whole = next((one for one in words if len(take_apart(one).full.split()) > 1), "")
    own = len(rest) < len(parts)  # the vote stands in the line itself, as in a table
    if not whole and len(words) > 1 and own:  # surname and given name apart
        whole = f"{words[1]} {words[0]}"
    if not vote or not whole:
        return None
    delegation = where[0] if len(set(where)) == 1 else ""
    person = take_apart(whole).full
    contact = Contact(name, None, number, delegation=delegation, name=person, written=whole)
    return VoteLine(contact, vote, " · ".join(pieces))


def _told_apart(
    parts: Sequence[str], under: str, delegations: Delegations
) -> tuple[str, list[str]]:
    """Return the vote of a line, and its other parts. NO is Norway where the line, or a heading,
    has a vote besides; two different votes are none.
    """
    voting = {at: vote for at, part in enumerate(parts) if (vote := vote_of(part))}
    both = [at for at in voting if delegations.find(parts[at])]
    sure = {at: vote for at, vote in voting.items() if at not in both}
    elsewhere = any(delegations.find(part) for at, part in enumerate(parts) if at not in voting)
    if not sure and both and not under and (elsewhere or len(both) > 1):
        sure = {both[-1]: voting[both[-1]]}
    rest = [part for at, part in enumerate(parts) if at not in sure]
    votes = set(sure.values()) or {under}
    return (votes.pop() if len(votes) == 1 else ""), rest


# -------------------------------------------------------------------------------- a saved page


class _PageRows(HTMLParser):
    """Rows of tables and lines of text of a page, in their order; nothing of it is run."""

    BREAKS = frozenset(
        ("p", "div", "li", "br", "h1", "h2", "h3", "h4", "h5", "h6", "dt", "dd", "ul", "ol",
         "section", "article", "table", "tbody", "thead", "header", "footer", "nav")
    )  # fmt: skip
    SILENT = frozenset(("script", "style", "noscript", "template", "title"))

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.cells: list[str] = []
        self.text: list[str] = []
        self.silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in self.SILENT:
            self.silent += 1
        elif tag == "tr":
            self.end_row()
        elif tag in ("td", "th"):
            self.end_cell()
        elif tag in self.BREAKS:
            self.end_row()
        elif tag == "img":  # a mark instead of a word: its alternative text says it
            self.text += [f" {value} " for name, value in attrs if name == "alt" and value]

    def handle_endtag(self, tag: str) -> None:
        if tag in self.SILENT:
            self.silent = max(0, self.silent - 1)
        elif tag in ("td", "th"):
            self.end_cell()
        elif tag == "tr" or tag in self.BREAKS:
            self.end_row()

    def handle_data(self, data: str) -> None:
        if not self.silent:
            self.text.append(data)

    def end_cell(self) -> None:
        if text := " ".join("".join(self.text).split()):
            self.cells.append(text)
        self.text = []

    def end_row(self) -> None:
        self.end_cell()
        if self.cells:
            self.rows.append(self.cells)
        self.cells = []


def _of_page(text: str) -> Iterator[tuple[int, list[str]]]:
    page = _PageRows()
    page.feed(text)
    page.close()
    page.end_row()
    yield from enumerate(page.rows, 1)
