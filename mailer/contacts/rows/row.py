"""One row of a table becomes one contact, with everything that is wrong in the row itself.

A row is never dropped: what cannot be used is a contact with `skip` and its problem, so that every
row of every sheet is accounted for.
"""

from __future__ import annotations

import re
import shlex
from datetime import date

from mailer.base.delegations import Delegation, Delegations
from mailer.base.spelling import fold, trim
from mailer.base.states import Reason
from mailer.contacts.contact import Cells, Contact
from mailer.contacts.rows.addresses import NOTHING, ParsedAddress, read_address
from mailer.contacts.rows.borne_out import of_somebody_else, said_twice
from mailer.contacts.rows.mandate import check_mandate
from mailer.contacts.rows.name_cells import is_civility, is_vacant, name_of
from mailer.contacts.rows.row_reader import RowReader, RowWords, meaning_of
from mailer.contacts.rows.whose import find_delegation
from mailer.contacts.sheets import vocabulary
from mailer.contacts.sheets.columns import HEARD, OF_NAMES

NOT_MEMBERS = {
    "former_member": "this delegation no longer sits in the Assembly",
    "observer": "this is an observer, not a member delegation",
    "partner_for_democracy": "this is a partner for democracy, not a member delegation",
}
FORMER_GROUPS = ("EC/DA", "EC", "EDG", "FDG")

OF_WORDS = ("delegation", "role", "gender", "language", "chamber", "group")
MOST_ANSWERS = 5_000
"""Different words of rows that are remembered in one block."""

_ERROR = re.compile(r"#[¡¿]?(?=[\d/_.]*[^\W\d_])[\w/.]+[!?]?|Err:\d+")
"""What a spreadsheet program shows where a formula fails: #N/A, #NV, #¡REF!, #ССЫЛКА!"""

_TICKS = ("✓", "✔", "☑", "●", "+")


def read_row(
    line: RowReader, delegations: Delegations, everyone: Delegation | None, today: date
) -> Contact:
    """Turn one row into a contact. `everyone` is whose sheet this is, where no column says it."""
    if is_vacant(line):
        return nobody(line, "C147", delegations, everyone)
    signs = "#" in (whole := "\n".join(line.cells)) or "Err:" in whole
    if error := signs and next(filter(is_error, map(trim, line.cells)), ""):
        _shows_an_error(line, error)
        if line.skip:
            return _left_out(line, delegations, everyone)
    name = name_of(line, delegations)
    if not name.full and fold(line.text("address")) in NOTHING and not line.skip:
        line.problems.clear()
        return nobody(line, "C160", delegations, everyone)
    address = _address(line)
    if not name.full:
        line.report("C140", line.who, Reason.ROW)
    elif len(name.full.split()) == 1 and not (name.civility or name.title):
        line.report("C149", line.who)
    _hidden(line)
    if line.table.struck and not line.skip:
        _struck(line)
    if line.columns.also:
        _contradictions(line, delegations)
    if not _opted_out(line) and not (line.comments and _asked_in_a_comment(line)):
        _asked_for_no_letters(line, name.full)
    words = _words(line, name.civility, delegations, everyone)
    if words.delegation in ("NL", "BE") and name.civility in ("mr.", "mr"):  # meester in de rechten
        name = name._replace(civility="", title=f"{name.civility} {name.title}".strip())
        words = words._replace(gender=_gender(line, ""))
    check_mandate(line, today)
    return Contact(
        file=line.table.file,
        sheet=line.table.sheet,
        row=line.row,
        delegation=words.delegation,
        role=words.role,
        name=name.full,
        given=name.given,
        surname=name.surname,
        title=name.title,
        civility=name.civility,
        gender=words.gender,
        address=address,
        language=words.language,
        chamber=words.chamber,
        group=words.group,
        greeting="" if is_civility(line.text("greeting")) else line.text("greeting"),
        vocative=line.text("vocative"),
        note=line.text("note"),
        extra=line.extra(),
        skip=line.skip,
        problem=line.why,
        cells=Cells(line.columns.fields, line.row, grid=line.table.grid),
        written=line.text("name") or f"{line.text('given')} {line.text('surname')}".strip(),
    )


def _words(
    line: RowReader, civility: str, delegations: Delegations, everyone: Delegation | None
) -> RowWords:
    """Return what the words of a row mean. Where nothing is to be said about them, they are read
    once for all rows that have the same.
    """
    said = (everyone.code if everyone else "", line.role, civility, *map(line.text, OF_WORDS))
    if known := line.answers.get(said):
        return known
    before = len(line.problems)
    delegation = _delegation(line, delegations, everyone)
    role = "" if _is_gone(line) else line.word("role", "C130", Reason.ROLE) or line.role
    gender = _gender(line, civility)
    language = line.word("language", "C132")
    chamber = _kept_word(line, "chamber", "C136")
    group = _kept_word(line, "group", "C131")
    if group in FORMER_GROUPS:
        line.report("C131", "group", message="this political group no longer exists")
    words = RowWords(delegation, role, gender, language, chamber, group)
    if len(line.problems) == before and len(line.answers) < MOST_ANSWERS:
        line.answers[said] = words
    return words


def _is_gone(line: RowReader) -> bool:
    """Leave out whose role is that they have none any more: Former."""
    text = line.text("role")
    if not text or "role" in line.columns.foreign or not vocabulary.gone(text):
        return False
    said = f'"{line.columns.headings[line.columns.fields["role"]]}" says: {text[:80]}'
    line.report("C152", "role", Reason.ROW, said)
    return True


def is_error(text: str) -> bool:
    """Tell whether a cell shows that its formula fails."""
    shouts = text.startswith("Err:") or (text.startswith("#") and text.isupper())
    return shouts and _ERROR.fullmatch(text) is not None


def _shows_an_error(line: RowReader, error: str) -> None:
    """Leave a row out in which the spreadsheet program shows an error for what we need."""
    for field in ("address", "name", "given", "surname", "delegation"):
        if is_error(line.text(field)):
            line.report("C166", field, Reason.ROW, f"this cell shows {line.text(field)}")
            return
    if not any(line.text(field) for field in ("address", "name", "given", "surname")):
        line.report("C166", line.who, Reason.ROW, f"this row shows {error}")


def _contradictions(line: RowReader, delegations: Delegations) -> None:
    """Ask about a row in which two columns of one field do not say the same."""
    for field in line.columns.also.keys() - HEARD:
        answers = said_twice(field, line.texts(field), delegations)
        if len(answers) > 1:
            hint = f"keep one: {' or '.join(answers)}"
            line.report("C164", field, Reason.ROW, suggestion=hint)


def _opted_out(line: RowReader) -> bool:
    """Leave out who has asked for it, has died, or is on hold in the program the list comes
    from; tell whether it is so.
    """
    for field in HEARD:
        if field not in line.columns.fields:
            continue
        claims = (line.columns.fields[field], *line.columns.also.get(field, ()))
        for column in claims:
            text = line.cell(column)
            said = (
                vocabulary.standing(text)
                if field == "standing"
                else vocabulary.meaning(field, text)
            )
            none = said == "none" or "://" in text  # a link with which to unsubscribe
            unknown = said is None and not none
            if said == "out" or (field == "opt_out" and (unknown or (text in _TICKS and not none))):
                meant = ""
            elif unknown and field == "standing" and _of_subscriptions(line, column):
                meant = ", which is not understood"
            else:
                continue
            message = f'"{line.columns.headings[column]}" says: {text[:80]}{meant}'
            line.report("C152", field, Reason.ROW, message, column=column)
            return True
    return False


def _of_subscriptions(line: RowReader, column: int) -> bool:
    """Tell whether a column's heading speaks of subscriptions: what is not understood there may be
    an end of one.
    """
    heading = fold(line.columns.headings[column])
    stems = ("subscri", "abonn", "iscri", "suscri", "subskryp", "inschrij", "newsletter", "mail")
    return any(stem in heading for stem in stems)


def _struck(line: RowReader) -> None:
    """Leave out who is struck through: in the name, or in what the row has of an address."""
    for field in (*OF_NAMES, "address"):
        if line.text(field) and line.place(field) in line.table.struck:
            line.report("C154", field, Reason.ROW)
            return


def _asked_in_a_comment(line: RowReader) -> bool:
    """Ask about a row to which somebody has noted, beside its cells, that the person wants no
    letters, or is gone; tell whether it is so.
    """
    for column, text in line.comments.get(line.row, ()):
        wish = vocabulary.wants_no_letters(text)
        if wish or vocabulary.gone(text):
            plain = " ".join(text.split())
            said = f"a comment here says: {plain[:80]}"
            hint = (
                "take the row out; if it is meant otherwise, delete the comment in the sheet itself"
            )
            line.report("C153", "note", Reason.ROW, said, hint, column=column, value=plain)
            return True
    return False


def _asked_for_no_letters(line: RowReader, name: str) -> None:
    """Ask about a row in which somebody has written that the person wants no letters: among the
    notes, in a column of no known meaning, behind the name or the address.
    """
    columns, cells = line.columns, line.cells
    where = [at for at in line.remarks if at < len(cells) and cells[at]]
    where += range(len(columns.headings), len(cells))
    gone = [
        columns.fields[field]
        for field in ("note", *OF_NAMES)
        if (text := line.text(field)) and vocabulary.gone(text, name=field != "note")
    ]
    if not gone and not vocabulary.may_want_no_letters([cells[at] for at in where]):
        return
    for column in where:
        text = line.cell(column)
        wish = vocabulary.wants_no_letters(text)
        if not wish and column not in gone:
            continue
        heading = columns.heading(column)
        message = f'"{heading}" says' if heading else "beside this row stands"
        wanted = f'mailer contacts hold {shlex.quote(name)} --because "…"'
        if not wish:
            wanted = "take the row out"
        hint = f"{wanted}; if it is meant otherwise, write it in other words"
        said = f"{message}: {text[:80]}"
        line.report("C153", "note", Reason.ROW, said, hint, column=column)
        return


def nobody(
    line: RowReader,
    code: str,
    delegations: Delegations,
    everyone: Delegation | None = None,
    message: str = "",
) -> Contact:
    """Account for a row without a person: a vacant seat, a sum, a heading between the rows."""
    line.report(code, line.who, Reason.ROW, message)
    return _left_out(line, delegations, everyone)


def _left_out(line: RowReader, delegations: Delegations, everyone: Delegation | None) -> Contact:
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


def _address(line: RowReader) -> str:
    place = line.place("address") if line.has_targets else ""
    if place in line.table.formulas:
        line.report("C116", "address", Reason.BAD_ADDRESS)
        return ""
    reading = read_address(line.text("address"))
    link = line.table.links.get(place, "")
    target = read_address(link) if link.casefold().startswith("mailto:") else None
    linked = target.address or target.repair if target else ""
    if reading.code:
        reason = Reason.NO_ADDRESS if reading.code == "C100" else Reason.BAD_ADDRESS
        line.report(reading.code, "address", reason, suggestion=_hint(line, reading, linked))
        return ""
    if target and linked.casefold() != reading.address.casefold():
        hint = f"the link leads to {linked or link}"
        line.report("C117", "address", Reason.ROW, suggestion=hint)
    for code in reading.notes:
        line.report(code, "address")
    return reading.address


def _hint(line: RowReader, reading: ParsedAddress, linked: str) -> str | None:
    """Say what an address was perhaps meant to be: by itself, by its link, by the row's other
    cells.
    """
    if reading.repair:
        return f"did you mean {reading.repair}?"
    if reading.code == "C108":
        return f"keep one: {reading.detail}"
    if reading.code == "C105" and reading.detail:
        return (
            f"it looks like {reading.detail}, and is not; type it anew and ask where it came from"
        )
    if linked:
        return f"the link leads to {linked}; is it that?"
    for column, heading in line.columns.extra.items():
        if of_somebody_else(heading):
            continue
        text = line.cells[column] if column < len(line.cells) else ""
        if "@" in text and (other := read_address(text)) and (other.address or other.repair):
            return f'"{heading}" holds {other.address or other.repair}; is it that?'
    if second := read_address(line.text("second")).address:
        heading = line.columns.headings[line.columns.fields["second"]]
        return f'"{heading}" holds {second}; is it that?'
    if line.table.links:
        for column in range(len(line.cells)):  # "write to her" behind the name
            cell = line.table.cell(column, line.row)
            link = line.table.links.get(cell, "")
            if link.casefold().startswith("mailto:") and (meant := read_address(link).repair):
                return f"the link of {cell} leads to {meant}; is it that?"
    return reading.detail or None


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
            "no column, tab or file says which delegation these people are of",
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


def _gender(line: RowReader, civility: str) -> str:
    """Return f or m where the gender column or a plain civility says so, and the other does not
    contradict.
    """
    said = vocabulary.meaning("civility", civility)
    if said is None:
        line.report("C133", "civility")
    also = vocabulary.meaning("civility", line.text("gender"))  # some write Ms and Mr there
    own = also if also in ("f", "m") else line.word("gender", "C134")
    if "gender" in line.columns.foreign and len(fold(line.text("gender"))) < 2:
        own = ""  # a letter that says the other one elsewhere
    sure = {gender for gender in (said, own) if gender in ("f", "m")}
    if len(sure) > 1:
        line.report("C135", "gender")
        return ""
    return sure.pop() if sure else ""


def _kept_word(line: RowReader, field: str, code: str) -> str:
    """Return the meaning of a word, or the word itself where it is not known, and say so."""
    written = line.text(field)
    if field in line.columns.foreign:
        return written
    meaning = meaning_of(field, written)
    if meaning is None:
        line.report(code, field)
        return written
    return meaning
