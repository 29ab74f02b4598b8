"""The problems of contact sheets and of the hold list, by code. `docs/problems.md` lists them; a test compares."""

from __future__ import annotations

from dataclasses import dataclass

from mailer.errors import Problem, Severity

ERROR, WARNING, NOTE = Severity.ERROR, Severity.WARNING, Severity.NOTE


@dataclass(frozen=True, slots=True)
class Kind:
    severity: Severity
    message: str  # one plain sentence
    advice: str  # what to do


CODES: dict[str, Kind] = {
    # files
    "C001": Kind(ERROR, "this file cannot be opened", "check that it is a file, and that you may read it"),
    "C002": Kind(ERROR, "this file is broken, or not what its name says", "open it in your spreadsheet program and save it anew"),
    "C003": Kind(ERROR, "this file is protected by a password", "save a copy without a password"),
    "C004": Kind(ERROR, "this old kind of spreadsheet is not read", "open it and save it as .xlsx or .ods"),
    "C005": Kind(ERROR, "this is no kind of contact sheet that can be read", "save it as .xlsx, .ods or .csv, or move it out of the folder"),
    "C006": Kind(ERROR, "the letters of this file cannot be read", "save it as CSV UTF-8"),
    "C008": Kind(ERROR, "a quotation mark is opened here and never closed", "close it, or take it away"),
    "C009": Kind(ERROR, "this line of delegations.csv cannot be used", "correct it, or take the line away"),
    "C010": Kind(ERROR, "no row of headings was found", "write headings over the columns: Delegation, Name, E-mail"),
    "C011": Kind(ERROR, "a column is missing", "add the column, or name its heading in [contacts] columns"),
    "C012": Kind(ERROR, "two columns claim to be the same", "rename or remove one of them"),
    "C013": Kind(WARNING, "this tab has no headings of a contact sheet and was not read", "add headings, or ignore this if it holds no people"),
    "C020": Kind(ERROR, "there are no contact sheets", "put a sheet into the folder: mailer contacts new FR"),
    "C022": Kind(ERROR, "this row has cells beyond the last heading", "quote the cell that holds the separator, or give the column a heading"),
    # addresses
    "C100": Kind(ERROR, "there is no address", "find the address, or leave the person out"),
    "C101": Kind(ERROR, "this is no possible address", "compare it with its source"),
    "C102": Kind(ERROR, "somebody else has the same address", "find this person's own address"),
    # people
    "C120": Kind(ERROR, "this delegation is not known", "write its name in English or French, or its two-letter code"),
    "C121": Kind(ERROR, "this delegation is not one of the members", "take the row out, or give the delegation the status member in delegations.csv"),
    "C124": Kind(NOTE, "there is no column for the delegation; it is taken from the name of the tab or the file", "nothing, if it is right"),
    "C130": Kind(WARNING, "this role is not known", "write representative, substitute or chair"),
    "C132": Kind(WARNING, "this language is not known", "write a two-letter code, such as en or fr"),
    "C133": Kind(WARNING, "this civility is not known", "write Ms or Mr, or leave it empty"),
    "C134": Kind(WARNING, "this gender is not known", "write f or m, or leave it empty"),
    "C135": Kind(WARNING, "the civility and the gender do not agree; neither is used", "correct one of them"),
    "C140": Kind(ERROR, "there is no name", "write the name"),
    "C160": Kind(ERROR, "this row has neither a name nor an address", "complete it, or take it out"),
    # hold list
    "C200": Kind(ERROR, "this line of the hold list has neither a name nor an address that can be used", "complete it, or take it out"),
    "C201": Kind(WARNING, "this delegation is not known; the name is held in every delegation", "write its name or its two-letter code"),
    "C202": Kind(WARNING, "this is no possible address; only the name is held", "correct the address"),
}  # fmt: skip


def problem(
    code: str,
    file: str,
    *,
    sheet: str | None = None,
    cell: str | None = None,
    row: int | None = None,
    column: str | None = None,
    value: str = "",
    message: str = "",
    suggestion: str | None = None,
) -> Problem:
    """Make a `Problem` of a code; `message` and `suggestion` stand instead of the general words."""
    kind = CODES[code]
    return Problem(
        code, kind.severity, message or kind.message, file, sheet, cell, row, column, value, suggestion or kind.advice
    )
