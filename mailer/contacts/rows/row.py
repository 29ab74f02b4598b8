"""One row of a table becomes one contact, with everything that is wrong in the row itself.

A row is never dropped: what cannot be used is a contact with `skip` and its problem, so that every
row of every sheet is accounted for.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date
from functools import lru_cache
from html import unescape

from mailer.base.delegations import Delegation, Delegations
from mailer.base.errors import Problem
from mailer.base.problems import problem
from mailer.base.spelling import INVISIBLE, fold, trim
from mailer.base.states import Reason
from mailer.contacts.contact import Cells, Contact
from mailer.contacts.rows import names
from mailer.contacts.rows.addresses import ADDRESS, LONGEST, NOTHING, read_address
from mailer.contacts.sheets import vocabulary
from mailer.contacts.sheets.columns import KEPT, Columns
from mailer.contacts.sheets.table import Table

NOT_MEMBERS = {
    "former_member": "this delegation no longer sits in the Assembly",
    "observer": "this is an observer, not a member delegation",
    "partner_for_democracy": "this is a partner for democracy, not a member delegation",
}
SHOWN = 2_000
"""Characters of a value that a problem shows."""

FORMER_GROUPS = ("EC/DA", "EC", "EDG", "FDG")

_UNFIT = re.compile(
    rf"[\x00-\x1f\x7f-\x9f\u2028\u2029{INVISIBLE.translate({0x200C: None, 0x200D: None})}]"
    r"|=\?[^?]*\?[bBqQ]\?"
)
"""What must not stand in a name. The zero-width joiners are letters in some scripts."""

_BROKEN = re.compile(
    "[\u00c2-\u00df\u00e0-\u00ef][\u0080-\u00bf\u0152\u0153\u0160\u0161\u0178\u017d\u017e\u0192\u02c6\u02dc\u2013\u2014\u2018-\u201e\u2020-\u2022\u2026\u2030\u2039\u203a\u20ac\u2122]"
)

_OF_NAMES = frozenset(["given", "middle", "particle", "surname", "name"])
_LOST = re.compile(r"\ufffd|\?\w")
_ENTITY = re.compile(r"&(?:#\d{1,6}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z]{2,20});")
_PARTS = re.compile(r"[/|()\[\];,\n]|\s[-–—]\s")
_OF = re.compile(
    r"^\s*(?:the\s+)?(?:national\s+)?delegation\s+(?:of|from)\s+(?:the\s+)?", re.IGNORECASE
)


class RowReader:
    """One row while it is read: its text by field, and what is wrong with it so far."""

    def __init__(
        self,
        table: Table,
        columns: Columns,
        row: int,
        cells: Sequence[str],
        *,
        monsieur: bool = False,  # a French list, where "M." is no initial
        role: str = "",  # what a heading above the row says
    ) -> None:
        self.monsieur = monsieur
        self.role = role
        self.table = table
        self.columns = columns
        self.row = row
        self.cells = cells
        self.problems: list[Problem] = []
        self.skip: Reason | None = None
        self.why: Problem | None = None

    def text(self, field: str) -> str:
        column = self.columns.fields.get(field)
        return trim(self.cells[column]) if column is not None and column < len(self.cells) else ""

    @property
    def who(self) -> str:
        """The column in which the name, or most of it, stands."""
        return next(
            (field for field in ("name", "surname", "given") if field in self.columns.fields),
            "name",
        )

    def place(self, field: str) -> str:
        """Return the name of a field's cell; empty if the table has no such column."""
        column = self.columns.fields.get(field)
        return "" if column is None else self.table.cell(column, self.row)

    def extra(self) -> dict[str, str]:
        """Return the other columns by heading, filled cells only."""
        found: dict[str, str] = {}
        for column, heading in self.columns.extra.items():
            if column < len(self.cells) and (value := trim(self.cells[column])):
                found.setdefault(heading, value)
        for field in KEPT:
            if value := self.text(field):
                found[self.columns.headings[self.columns.fields[field]]] = value
        return found

    def report(
        self,
        code: str,
        field: str,
        skip: Reason | None = None,
        message: str = "",
        suggestion: str | None = None,
    ) -> None:
        """Note a problem at the cell of a field; the first one with a reason to skip is why the row
        is left out.
        """
        value = self.text(field)
        value = value if len(value) <= SHOWN else f"{value[:SHOWN]}…"
        found = at_cell(code, self.table, self.columns, self.row, field, value, message, suggestion)
        self.problems.append(found)
        if skip and not self.skip:
            self.skip, self.why = skip, found

    def word(self, field: str, code: str) -> str:
        """Return what the word in a column of words means; report one that is not known, and take
        it for no word.
        """
        meaning = meaning_of(field, self.text(field))
        if meaning is None:
            self.report(code, field)
        return "" if meaning in (None, "unknown") else meaning


def meaning_of(kind: str, text: str) -> str | None:
    """Return what a word means, also where two languages or an office stand beside it.

    `anglais / English` is one language and `Representative, Vice-President` a representative;
    `FR/EN` is not known.
    """
    found = vocabulary.meaning(kind, text)
    if found is not None or len(text) > LONGEST:
        return found
    meant = [vocabulary.meaning(kind, part) for part in _PARTS.split(text) if fold(part)]
    known = set(meant) - {None}
    if kind == "role":
        if known == {"chair", "representative"}:
            return "chair"
        return meant[0] if len(known) == 1 and meant[0] else None
    return known.pop() if len(known) == 1 and None not in meant else None


def at_cell(
    code: str,
    table: Table,
    columns: Columns,
    row: int,
    field: str,
    value: str,
    message: str = "",
    suggestion: str | None = None,
) -> Problem:
    """Make a problem at the cell of a field, or at the row if the table has no such column."""
    column = columns.fields.get(field)
    return problem(
        code,
        table.file,
        sheet=table.sheet,
        cell=None if column is None else table.cell(column, row),
        row=row,
        column=None if column is None else columns.headings[column],
        value=value,
        message=message,
        suggestion=suggestion,
    )


def read_row(
    line: RowReader, delegations: Delegations, everyone: Delegation | None, today: date
) -> Contact:
    """Turn one row into a contact. `everyone` is whose sheet this is, where no column says it."""
    if is_vacant(line):
        return nobody(line, "C147", delegations, everyone)
    name = _name(line, delegations)
    if not name.full and fold(line.text("address")) in NOTHING:
        line.problems.clear()
        return nobody(line, "C160", delegations, everyone)
    address = _address(line)
    if not name.full:
        line.report("C140", line.who, Reason.ROW)
    _hidden(line)
    delegation = _delegation(line, delegations, everyone)
    role = line.word("role", "C130") or line.role
    gender = _gender(line, name.civility)
    language = line.word("language", "C132")
    chamber = _kept_word(line, "chamber", "C136")
    group = _kept_word(line, "group", "C131")
    if group in FORMER_GROUPS:
        line.report("C131", "group", message="this political group no longer exists")
    _mandate(line, today)
    return Contact(
        file=line.table.file,
        sheet=line.table.sheet,
        row=line.row,
        delegation=delegation,
        role=role,
        name=name.full,
        given=name.given,
        surname=name.surname,
        title=name.title,
        civility=name.civility,
        gender=gender,
        address=address,
        language=language,
        chamber=chamber,
        group=group,
        greeting="" if is_civility(line.text("greeting")) else line.text("greeting"),
        vocative=line.text("vocative"),
        note=line.text("note"),
        extra=line.extra(),
        skip=line.skip,
        problem=line.why,
        cells=Cells(line.columns.fields, line.row, grid=line.table.grid),
        written=line.text("name") or f"{line.text('given')} {line.text('surname')}".strip(),
    )


def nobody(
    line: RowReader,
    code: str,
    delegations: Delegations,
    everyone: Delegation | None = None,
    message: str = "",
) -> Contact:
    """Account for a row without a person: a vacant seat, a sum, a heading between the rows."""
    line.report(code, line.who, Reason.ROW, message)
    found = find_delegation(delegations, line.text("delegation"))[0] or everyone
    return Contact(
        file=line.table.file,
        sheet=line.table.sheet,
        row=line.row,
        delegation=found.code if found else "",
        skip=line.skip,
        problem=line.why,
        cells=Cells(line.columns.fields, line.row, grid=line.table.grid),
    )


def is_vacant(line: RowReader) -> bool:
    """Tell whether the row stands for a seat that nobody holds: `Vacant`, `N.N.`, and `ZZ...` as
    the Assembly prints.
    """
    given, surname, whole = (line.text(part) for part in ("given", "surname", "name"))
    if given and surname:
        return False
    written = given or surname or whole
    if len(written) > 40:
        return False
    return fold(written) in vocabulary.table("vacant") or fold(
        names.before_name(written)[2]
    ) in vocabulary.table("vacant")


def _name(line: RowReader, delegations: Delegations) -> names.Name:
    """Join the columns of the name; where they are empty, take the column with the whole name
    apart.
    """
    for field in (
        "given",
        "middle",
        "particle",
        "surname",
        "name",
        "civility",
        "title",
        "greeting",
        "vocative",
    ):
        text = line.text(field)
        if field in _OF_NAMES and not names_fit(text):
            _signs(line, field, text)
            continue
        if not text or (
            len(text) <= LONGEST and text.isascii() and text.isprintable() and "=?" not in text
        ):
            continue
        if len(text) > LONGEST or _UNFIT.search(text):
            line.report("C144", field, Reason.ROW)
        elif repaired := unbroken(text):
            line.report("C143", field, suggestion=f"did you mean {repaired}?")
    given, middle, particle, surname, whole = (
        " ".join(line.text(part)[:LONGEST].split())
        for part in ("given", "middle", "particle", "surname", "name")
    )
    if given and middle:
        given = f"{given} {middle}"
    if surname and particle:
        surname = f"{particle} {surname}"
    if "@" in given + surname + whole and re.search(ADDRESS, f"{given} {surname} {whole}"):
        line.report("C145", next(f for f in ("name", "given", "surname") if "@" in line.text(f)))
        given, surname, whole = (
            trim(re.sub(f"[<(]?{ADDRESS}[>)]?", "", part)) for part in (given, surname, whole)
        )
    civility, titles, unknown = names.before_name(line.text("civility"), keep=0)
    title = line.text("title")
    if not (civility or titles or unknown) and is_civility(line.text("greeting")):
        civility = line.text("greeting")
    if not civility and title and vocabulary.meaning("civility", title) is None:  # "Mr Dr"
        civility, known, rest = names.before_name(title, keep=0)
        title = " ".join(filter(None, (known, rest))) if civility else title
    if (
        not civility and title and vocabulary.meaning("civility", title) is not None
    ):  # "Title" heads Mr and Ms in many sheets
        civility, title = title, ""
    apart = names.take_apart(whole, monsieur=line.monsieur) if whole else names.Name("")
    front, comma, behind = whole.rpartition(",")
    if comma and len(front.split()) > 1 and len(fold(behind)) > 2 and delegations.find(behind):
        line.report("C146", "name", suggestion=f"did you mean {front}?")
        apart = names.Name(whole, "", "", apart.civility, apart.title)
    if given or surname:
        apart = names.Name(
            f"{given} {surname}".strip(), given, surname, apart.civility, apart.title
        )
    if not any(map(str.isalpha, apart.full)):  # a dash is no name
        apart = names.Name("")
    return names.Name(
        apart.full,
        apart.given,
        apart.surname,
        civility or unknown or apart.civility,
        title or titles or apart.title,
    )


def is_civility(text: str) -> bool:
    """Tell whether a text is Ms, Mr or their like: some programs head them "Salutation"."""
    return bool(text) and vocabulary.meaning("civility", text) is not None


@lru_cache(maxsize=65_536)
def names_fit(text: str) -> bool:
    """Tell whether a part of a name holds nothing but what stands in names; an address in it is
    another matter.
    """
    return "@" in text or not names.unfit(text)


def _signs(line: RowReader, field: str, text: str) -> None:
    """Report what does not belong into a name: broken letters, lost ones, or the signs
    of a list.
    """
    if len(text) > LONGEST or _UNFIT.search(text):
        line.report("C144", field, Reason.ROW)
    elif _LOST.search(text):
        line.report("C148", field, Reason.ROW)
    elif repaired := unbroken(text):
        line.report("C143", field, suggestion=f"did you mean {repaired}?")
    elif any(map(str.isalpha, text)):
        bare = names.without_signs(text)
        line.report("C146", field, suggestion=f"did you mean {bare}?" if bare else None)


def unbroken(text: str) -> str:
    """Return text whose letters were broken as it was meant: `PrÃ¸ve` and `Pr&oslash;ve` → `Prøve`;
    empty if none were.

    The first was UTF-8 and read as Windows-1252, the second was copied from the source of a web
    page.
    """
    if _ENTITY.search(text) and (meant := unescape(text)) != text:
        return meant
    if not _BROKEN.search(text):
        return ""
    for encoding in ("cp1252", "latin-1"):
        try:
            meant = text.encode(encoding).decode("utf-8")
        except UnicodeError:
            continue
        return meant if meant != text else ""
    return ""


def _address(line: RowReader) -> str:
    place = line.place("address")
    if place in line.table.formulas:
        line.report("C116", "address", Reason.BAD_ADDRESS)
        return ""
    reading = read_address(line.text("address"))
    if reading.code:
        hint = f"did you mean {reading.repair}?" if reading.repair else None
        if reading.code == "C108":
            hint = f"keep one: {reading.detail}"
        elif reading.code == "C105" and reading.detail:
            hint = (
                f"it looks like {reading.detail}, and is not; type it anew and ask where it came"
                " from"
            )
        elif reading.detail:
            hint = reading.detail
        line.report(
            reading.code,
            "address",
            Reason.NO_ADDRESS if reading.code == "C100" else Reason.BAD_ADDRESS,
            suggestion=hint,
        )
        return ""
    link = line.table.links.get(place, "")
    if link.casefold().startswith("mailto:"):
        target = read_address(link)
        if (target.address or target.repair).casefold() != reading.address.casefold():
            line.report(
                "C117",
                "address",
                Reason.ROW,
                suggestion=f"the link leads to {target.repair or link}",
            )
    for code in reading.notes:
        line.report(code, "address")
    return reading.address


def _hidden(line: RowReader) -> None:
    if line.table.hidden_tab:
        line.report("C162", line.who, Reason.ROW)
    elif line.row in line.table.hidden:
        filtered = (
            "a filter hides this row; nobody is written to from a hidden row"
            if line.table.filtered
            else ""
        )
        line.report("C161", line.who, Reason.ROW, filtered)


def _delegation(line: RowReader, delegations: Delegations, everyone: Delegation | None) -> str:
    written = line.text("delegation")
    found, near = (None, "") if everyone else find_delegation(delegations, written)
    found = found or everyone
    if found is None and "delegation" not in line.columns.fields:
        message, hint = (
            "no column, tab or file says which delegation this is",
            "add a column Delegation",
        )
        line.report("C120", "delegation", Reason.UNKNOWN_DELEGATION, message, hint)
        return ""
    if found is None and not written:
        message, hint = (
            "this row does not say which delegation it is",
            "write the delegation in every row",
        )
        line.report("C120", "delegation", Reason.UNKNOWN_DELEGATION, message, hint)
        return ""
    if found is None:
        question = f"did you mean {near}?" if near else None
        line.report("C120", "delegation", Reason.UNKNOWN_DELEGATION, suggestion=question)
        return ""
    if found.status != "member":
        line.report("C121", "delegation", Reason.UNKNOWN_DELEGATION, NOT_MEMBERS[found.status])
    return found.code


def find_delegation(delegations: Delegations, written: str) -> tuple[Delegation | None, str]:
    """Return the delegation, or the name that was perhaps meant.

    What says it twice is no guess (`Norvège / Norway`, `DE - Germany`), nor is "Delegation of";
    more than a name (`Germany (Bundestag)`) is a question.
    """
    found = delegations.find(written)
    if found or not written or len(written) > SHOWN:
        return found, ""
    parts = [part for part in _PARTS.split(_OF.sub("", written)) if fold(part)]
    meant = [delegations.find(part) for part in parts]
    known = {one.code: one for one in meant if one}
    if len(known) == 1:
        one = next(iter(known.values()))
        return (one, "") if all(meant) else (None, one.name_en)
    return None, "" if known else delegations.suggest(written) or ""


def _gender(line: RowReader, civility: str) -> str:
    """Return f or m where the gender column or a plain civility says so, and the other does not
    contradict.
    """
    said = vocabulary.meaning("civility", civility)
    if said is None:
        line.report("C133", "civility")
    also = vocabulary.meaning("civility", line.text("gender"))  # some write Ms and Mr there
    own = also if also in ("f", "m") else line.word("gender", "C134")
    sure = {gender for gender in (said, own) if gender in ("f", "m")}
    if len(sure) > 1:
        line.report("C135", "gender")
        return ""
    return sure.pop() if sure else ""


def _kept_word(line: RowReader, field: str, code: str) -> str:
    """Return the meaning of a word, or the word itself where it is not known, and say so."""
    written = line.text(field)
    meaning = meaning_of(field, written)
    if meaning is None:
        line.report(code, field)
        return written
    return meaning


def _mandate(line: RowReader, today: date) -> None:
    written = line.text("until")
    if not written:
        return
    until = read_date(written)
    if until is None:
        line.report("C151", "until")
    elif until < today:
        line.report("C150", "until", Reason.ROW)


def read_date(text: str) -> date | None:
    """Read 2027-01-26, 26.1.2027 and 26/01/2027; None if it is no date or could be two (02/03/2027
    is 2 March in Europe).
    """
    for pattern in (
        r"(?P<y>\d{4})-(?P<m>\d\d?)-(?P<d>\d\d?)(?:[ T].*)?",
        r"(?P<d>\d\d?)[./-](?P<m>\d\d?)[./-](?P<y>\d{4})",
    ):
        if found := re.fullmatch(pattern, text):
            try:
                return date(int(found["y"]), int(found["m"]), int(found["d"]))
            except ValueError:
                return None
    return None
