"""One row of a table becomes one contact, with everything that is wrong in the row itself.

A row is never dropped: what cannot be used is a contact with `skip` and its problem, so that every row of every sheet
is accounted for.
"""

from __future__ import annotations

from collections.abc import Sequence

from email_validator import EmailNotValidError, validate_email

from mailer.contacts import names, words
from mailer.contacts.codes import problem
from mailer.contacts.columns import Columns
from mailer.contacts.contact import NOTHING, Cells, Contact
from mailer.contacts.reader import Table
from mailer.delegations import Delegation, Delegations
from mailer.errors import Problem
from mailer.spelling import fold, trim
from mailer.states import Reason

NO_ADDRESS = frozenset(map(fold, (
    "", "none", "no", "null", "nil", "n/a", "na", "not available", "unknown", "not public", "non public", "no email",
    "no address", "tbc", "tbd", "missing", "k.A.", "keine", "keine Angabe", "unbekannt", "inconnu", "inconnue", "aucun",
    "aucune", "néant", "non communiqué", "non publique", "nessuno", "nessuna", "non disponibile", "desconocido", "brak",
    "yok", "немає", "нет",
)))  # fmt: skip
"""What people write where there is no address: the French Senate prints `Non public`."""

NOT_MEMBERS = {
    "former_member": "this delegation no longer sits in the Assembly",
    "observer": "this is an observer, not a member delegation",
    "partner_for_democracy": "this is a partner for democracy, not a member delegation",
}


class Line:
    """One row while it is read: its text by field, and what is wrong with it so far."""

    def __init__(self, table: Table, columns: Columns, row: int, cells: Sequence[str]) -> None:
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

    def extra(self) -> dict[str, str]:
        filled = ((heading, trim(self.cells[c])) for c, heading in self.columns.extra.items() if c < len(self.cells))
        return {heading: value for heading, value in filled if value}

    def report(
        self, code: str, field: str, skip: Reason | None = None, message: str = "", suggestion: str | None = None
    ) -> None:
        """Note a problem at the cell of a field; the first one with a reason to skip is why the row is left out."""
        found = at_cell(code, self.table, self.columns, self.row, field, self.text(field), message, suggestion)
        self.problems.append(found)
        if skip and not self.skip:
            self.skip, self.why = skip, found

    def word(self, field: str, code: str) -> str:
        """Return what the word in a column of words means; report one that is not known, and take it for no word."""
        meaning = words.meaning(field, self.text(field))
        if meaning is None:
            self.report(code, field)
        return meaning or ""


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


def read_row(line: Line, delegations: Delegations, everyone: Delegation | None) -> Contact:
    """Turn one row into a contact. `everyone` is whose sheet this is, where no column says it."""
    name = _name(line)
    written = line.text("address")
    if not name.full and fold(written) in NO_ADDRESS:
        line.report("C160", "name", Reason.ROW)
        address = ""
    else:
        address = _address(line, written)
        if not name.full:
            line.report("C140", "name", Reason.ROW)
    chamber, group = line.text("chamber"), line.text("group")
    return Contact(
        file=line.table.file,
        sheet=line.table.sheet,
        row=line.row,
        delegation=_delegation(line, delegations, everyone),
        role=line.word("role", "C130"),
        name=name.full,
        given=name.given,
        surname=name.surname,
        title=name.title,
        civility=name.civility,
        gender=_gender(line, name.civility),
        address=address,
        language=line.word("language", "C132"),
        chamber=words.meaning("chamber", chamber) or chamber,
        group=words.meaning("group", group) or group,
        greeting=line.text("greeting"),
        vocative=line.text("vocative"),
        note=line.text("note"),
        extra=line.extra() or NOTHING,
        skip=line.skip,
        problem=line.why,
        cells=Cells(line.columns.fields, line.row, grid=line.table.grid),
    )


def _name(line: Line) -> names.Name:
    """Join the columns of the name; where they are empty, take the column with the whole name apart."""
    given, surname, whole = (" ".join(line.text(part).split()) for part in ("given", "surname", "name"))
    civility, titles, unknown = names.before_name(line.text("civility"), keep=0)
    title = line.text("title")
    if not civility and words.meaning("civility", title) is not None:  # "Title" heads Mr and Ms in many sheets
        civility, title = title, ""
    apart = names.take_apart(whole) if whole else names.Name("")
    if given or surname:
        apart = names.Name(f"{given} {surname}".strip(), given, surname, apart.civility, apart.title)
    return names.Name(
        apart.full, apart.given, apart.surname, civility or unknown or apart.civility, title or titles or apart.title
    )


def _address(line: Line, written: str) -> str:
    if fold(written) in NO_ADDRESS:
        line.report("C100", "address", Reason.NO_ADDRESS)
        return ""
    try:
        valid = validate_email(written, check_deliverability=False, allow_smtputf8=False)
    except EmailNotValidError as error:
        line.report("C101", "address", Reason.BAD_ADDRESS, suggestion=_sentence(str(error)))
        return ""
    return valid.ascii_email or ""


def _sentence(text: str) -> str:
    return text[:1].lower() + text[1:].rstrip(".")


def _delegation(line: Line, delegations: Delegations, everyone: Delegation | None) -> str:
    written = line.text("delegation")
    found = delegations.find(written) if "delegation" in line.columns.fields else everyone
    if found is None:
        near = delegations.suggest(written)
        line.report(
            "C120", "delegation", Reason.UNKNOWN_DELEGATION, suggestion=f"did you mean {near}?" if near else None
        )
        return ""
    if found.status != "member":
        line.report("C121", "delegation", Reason.UNKNOWN_DELEGATION, NOT_MEMBERS[found.status])
    return found.code


def _gender(line: Line, civility: str) -> str:
    """Return f or m where the gender column or a plain civility says so, and the other does not contradict."""
    said = words.meaning("civility", civility)
    if said is None:
        line.report("C133", "civility")
    own = line.word("gender", "C134")
    sure = {gender for gender in (said, own) if gender in ("f", "m")}
    if len(sure) > 1:
        line.report("C135", "gender")
        return ""
    return sure.pop() if sure else ""
