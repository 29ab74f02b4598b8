"""Forms of address: how a letter in this language opens and closes for this person.

The table `salutations.csv` has language × addressee × gender, dated and with its source; a
workspace lays lines of its own over it (`templates/_shared/salutations.csv`). The addressee comes
from the title (`titles.csv`), the delegation (Icelanders have no surnames), the head of a
delegation's office or the chamber. Nothing
is guessed: where the sheet names no gender, or leaves out a part that the form needs, the table's
own form for "gender not known" is used, and the answer says so. Between the two stands the form by
the office alone ("office"), where a language has one: a Ukrainian deputy without a vocative.
"""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib import resources
from pathlib import Path
from string import Formatter

from mailer.base.errors import MailerError, Problem, UsageError
from mailer.base.files import MOST_OF_TABLE, read_inside
from mailer.base.problems import problem
from mailer.contacts.contact import Contact
from mailer.contacts.upper_case import as_name

OWN = "templates/_shared/salutations.csv"
COLUMNS = (
    "language",
    "addressee",
    "gender",
    "salutation",
    "closing",
    "verified",
    "source",
    "as_of",
)
PARTS = ("given", "surname", "title", "vocative")
_CHAMBERS = ("deputy", "senator")
ACADEMIC = ("professor", "doctor", "magister")
"""They stand before a name; who is addressed by an office is not called by them."""
_PEER = {"lady", "duke"}
_ELSE = {
    "federal_minister": "minister",
    "minister_of_state": "minister",
    "titled_senator": "senator",
}
"""How somebody is addressed in a language that has no form for their title itself."""

LEFTOVERS = frozenset(
    {"nan", "NaN", "None", "NULL", "null", "undefined", "#N/A", "#REF!", "#VALUE!", "#NAME?"}
)
"""What programs write into a cell that has nothing in it. Spelt otherwise they can be names: Nan,
Null.
"""


_END = " ,.:!"
_GOES_ON = re.compile(
    r"(?:Dear|Sehr|Liebe|Lieber|Estimad[ao]|Distinguid[ao]|Gentile|Egregi[oa]|Onorevole"
    r"|(?:Вельмиш|Ш)ановн(?:а|ий))\b"
)
"""Words of greetings that are small within a sentence; titles keep their capital."""


def _going_on(greeting: str) -> str:
    begins = _GOES_ON.match(greeting)
    return greeting[0].lower() + greeting[1:] if begins else greeting


@dataclass(frozen=True, slots=True)
class Form:
    """How one letter addresses one person."""

    greeting: str  # "Madame la Députée,"
    closing: str  # "Veuillez agréer, Madame la Députée, l'expression de notre haute considération."
    # False: the data call it unverified, a person must accept it before live mode sends it
    verified: bool
    neutral: bool  # True: chosen because the gender, or a part of the name, is not given
    source: str  # of the form, or "contact sheet, cell L17"
    pattern: (
        str  # of the greeting, "Dear Ms {surname},"; "" for a greeting that the sheet writes out
    )
    closing_pattern: str  # of the closing, as the table has it
    dropped: str = ""  # the title of the sheet, where the greeting should say it and does not


@dataclass(frozen=True, slots=True)
class SalutationRow:
    """One line of the table."""

    salutation: str
    closing: str
    verified: bool
    source: str

    @property
    def parts(self) -> tuple[str, ...]:
        return _parts(self.salutation + self.closing)


class Forms:
    """The table, and how to look a person up in it."""

    def __init__(
        self,
        rows: dict[tuple[str, str, str], SalutationRow],
        titles: dict[tuple[str, ...], str],
    ) -> None:
        self._rows = rows
        self._titles = titles
        self._gendered = {
            key[:2] for key, row in rows.items() if key[2] and row != rows.get((*key[:2], ""))
        }
        self.languages = frozenset(language for language, _, _ in rows)
        # many people are addressed alike
        self._candidates = lru_cache(2048)(lambda *who: tuple(self._ways_to_address(*who)))
        self._dropped = lru_cache(2048)(self._title_dropped)

    @classmethod
    def load(cls, own: Path | None = None) -> Forms:
        """Read the table of the package, and over it the lines of `own`, if there is such a file.

        Raises `UsageError` with every line of `own` that cannot be used (L131).
        """
        data = resources.files("mailer.letters.wording")
        with data.joinpath("titles.csv").open(encoding="utf-8") as file:
            titles = {
                _words(row["title"]): row["addressee"] for row in csv.DictReader(file, strict=True)
            }
        with data.joinpath("salutations.csv").open(encoding="utf-8") as file:
            rows = {_key(row): _row(row) for row in csv.DictReader(file, strict=True)}
        if own is not None and os.path.lexists(own):
            problems: list[Problem] = []
            for line, row in _own_rows(own):
                if wrong := _fault(row):
                    problems.append(problem("L131", OWN, row=line, message=wrong))
                else:
                    rows[_key(row)] = _row(row)
            if problems:
                raise UsageError(f"{OWN} cannot be used", code="L131", problems=problems)
        return cls(rows, titles)

    def greet_all(self, people: Sequence[Contact], language: str) -> Form:
        """Return the form of address for people who read one letter together: each by their own,
        one behind the other. Raises `MailerError` where their closings do not go together.
        """
        forms = [self.greet(one, language) for one in people]
        if len(forms) == 1:
            return forms[0]
        said = [one.greeting.rstrip(_END) for one in forms]
        ending = forms[-1].greeting[len(said[-1]) :]
        whole = ", ".join([said[0], *map(_going_on, said[1:])])
        closings = {form.closing.replace(one, "{}") for form, one in zip(forms, said, strict=True)}
        if len(closings) > 1:
            raise MailerError("these people are not bidden farewell in the same words")
        return Form(
            whole + ending,
            closings.pop().replace("{}", whole),
            all(one.verified for one in forms),
            any(one.neutral for one in forms),
            forms[0].source,
            " ".join(one.pattern for one in forms),
            forms[0].closing_pattern,
            next((one.dropped for one in forms if one.dropped), ""),
        )

    def greet(self, contact: Contact, language: str) -> Form:
        """Return the form of address, the sheet's own greeting first.

        Raises `MailerError` where not even the neutral form can be made: with the cell that is
        empty (L302), or because the table knows nothing of this language (L304).
        """
        if not contact.greeting:
            self._refuse_leftovers(contact)
        filled = {
            part: "" if (value := getattr(contact, part)) in LEFTOVERS else value for part in PARTS
        }
        for part in ("given", "surname"):
            filled[part] = as_name(filled[part], contact.delegation)
        chosen: SalutationRow | None = None
        neutral, missing, addressee = False, "", ""
        who = (contact.title, contact.gender, contact.chamber, contact.delegation, contact.role)
        for chosen_for, row, fallen in self._candidates(language, *who):
            missing = next((part for part in row.parts if not filled[part]), "")
            if missing and contact.name and "{given} {surname}" in row.salutation:
                # The full name, as the sheet has it in one cell; it is never taken apart.
                filled["name"], missing = as_name(contact.name, contact.delegation), ""
                chosen = replace(
                    row, salutation=row.salutation.replace("{given} {surname}", "{name}")
                )
            elif not missing:
                chosen = row
            if chosen:
                neutral, addressee = fallen, chosen_for
                break
        if contact.greeting:
            return self._own_greeting(contact, chosen)
        if chosen is None:
            raise self._no_form(contact, language, missing)
        return Form(
            chosen.salutation.format_map(filled),
            chosen.closing.format_map(filled),
            chosen.verified,
            neutral,
            chosen.source,
            chosen.salutation,
            chosen.closing,
            self._dropped(contact.title, addressee),
        )

    def _title_dropped(self, title: str, addressee: str) -> str:
        """Return the title, if the greeting of this addressee should say it and does not."""
        found = {one for one in self._addressees(title) if _ELSE.get(one) != addressee} - {"-"}
        if found & {addressee} or addressee in (*_CHAMBERS, "chair"):
            found -= set(ACADEMIC)  # whoever is called a professor is not called a doctor as well
        return title if found - {addressee} else ""

    def _addressees(self, title: str) -> list[str]:
        """Return how people with these titles are addressed, the highest first; "" stands for a
        title that nobody knows, or that has no form.
        """
        words, found, at = _words(title), set(), 0
        while at < len(words):
            ends = range(len(words), at, -1)
            end = next((end for end in ends if words[at:end] in self._titles), at + 1)
            found.add(self._titles.get(words[at:end], ""))
            at = end
        rank = [*dict.fromkeys(self._titles.values())]
        return sorted(found, key=rank.index)

    def _refuse_leftovers(self, contact: Contact) -> None:
        if LEFTOVERS.isdisjoint(f"{contact.given} {contact.surname} {contact.name}".split()):
            return
        for part in ("given", "surname", "name"):
            for word in getattr(contact, part).split():
                if word in LEFTOVERS:
                    message = (
                        f'"{word}" is what programs write into an empty cell: nobody can be'
                        " addressed so"
                    )
                    hint = (
                        "correct the cell; if it is right, write the whole greeting into the column"
                        " for it"
                    )
                    raise self._refused(contact, "L302", part, message, hint)

    def _ways_to_address(
        self, language: str, title: str, gender: str, chamber: str, delegation: str, role: str
    ) -> Iterator[tuple[str, SalutationRow, bool]]:
        """Yield whom the rows that may be used address, and these, the best first, each with
        whether it is only a way out.
        """
        titles = self._addressees(title)
        if _PEER & set(_words(title)) and (language, "lord", "") in self._rows:
            gender = ""  # a title that has no sourced form
        usual = chamber if chamber in _CHAMBERS else ""
        addressees = [
            *(one for one in titles if one not in ACADEMIC),
            *(_ELSE.get(one) for one in titles),
            *(delegation, "chair" if role == "chair" else "", usual),
            *(one for one in titles if one in ACADEMIC),
            "member",
        ]
        found = next((one for one in addressees if one and (language, one, "") in self._rows), None)
        if found is None:
            return
        exact = self._rows.get((language, found, gender))
        if exact:
            yield found, exact, not gender and (language, found) in self._gendered
        if found == "deputy" and (office := self._rows.get((language, "office", gender))):
            yield found, office, True
        for addressee in (found, "member"):
            if row := self._rows.get((language, addressee, "")):
                yield addressee, row, addressee != found or (language, found) in self._gendered

    def _own_greeting(self, contact: Contact, row: SalutationRow | None) -> Form:
        """Take the greeting of the sheet; a closing that repeats the form of address repeats this
        one.
        """
        greeting = contact.greeting
        closing = row.closing if row else ""
        usual = row.salutation.rstrip(" ,!:") if row else ""
        if usual and usual in closing:
            closing = closing.replace(usual, greeting.rstrip(" ,!:"))
        if "{" in closing:
            closing = closing.format_map({part: getattr(contact, part) for part in PARTS})
        cell = contact.cells.get("greeting")
        source = f"contact sheet, cell {cell}" if cell else "contact sheet"
        return Form(greeting, closing, True, False, source, "", row.closing if row else "")

    def _no_form(self, contact: Contact, language: str, missing: str) -> MailerError:
        if missing:
            part = {"given": "given name"}.get(missing, missing)
            message = (
                f"the form of address in this letter's language ({language}) needs the {part}, and"
                " it is empty"
            )
            hint = f"fill in the {part}, or write the whole greeting into the column for it"
        else:
            message = f"there is no form of address for letters in this language ({language})"
            hint = (
                f"add lines for {language} to {OWN}, or write the greeting into the contact sheet"
            )
        return self._refused(
            contact, "L302" if missing else "L304", missing or "greeting", message, hint
        )

    def _refused(
        self, contact: Contact, code: str, part: str, message: str, hint: str
    ) -> MailerError:
        cell = contact.cells.get(part) or contact.cells.get("name")
        fault = problem(
            code,
            contact.file,
            sheet=contact.sheet,
            cell=cell,
            row=contact.row,
            value=contact.name,
            message=message,
            suggestion=hint,
        )
        return MailerError(message, hint=hint, code=code, problems=[fault])


@lru_cache(maxsize=1024)
def _words(title: str) -> tuple[str, ...]:
    """Cut a title into words without stops: `Univ.-Prof. Dr.` → univ-prof, dr."""
    return tuple(word.replace(".", "") for word in title.casefold().split() if word.strip("."))


@lru_cache(maxsize=1024)
def _parts(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(part for _, part, _, _ in Formatter().parse(text) if part))


def _key(row: dict[str, str]) -> tuple[str, str, str]:
    return row["language"], row["addressee"], row["gender"]


def _row(row: dict[str, str]) -> SalutationRow:
    return SalutationRow(row["salutation"], row["closing"], row["verified"] == "yes", row["source"])


def _own_rows(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    try:
        raw, fault = read_inside(path.parents[2], path, MOST_OF_TABLE)
        if fault:
            raise UsageError(f"{OWN} cannot be read: {fault}", hint="put the file itself there")
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(f"{OWN} cannot be read: {error}", hint="save it as CSV, UTF-8") from error
    reader = csv.DictReader(text.splitlines(keepends=True), restval="")
    headings: Sequence[str] = reader.fieldnames or ()
    if absent := [column for column in COLUMNS[:5] if column not in headings]:
        hint = f"the first line is: {','.join(COLUMNS)}"
        raise UsageError(f"{OWN} has no column {', '.join(absent)}", hint=hint, code="L131")
    for row in reader:
        yield reader.line_num, {column: (row.get(column) or "").strip() for column in COLUMNS}


def _fault(row: dict[str, str]) -> str:
    """Return what is wrong with a line of the workspace's own table; its author answers for the
    form itself.
    """
    try:
        unknown = [part for part in _parts(row["salutation"] + row["closing"]) if part not in PARTS]
    except ValueError:
        return "a curly bracket is not closed"
    if unknown:
        return (
            f"{{{unknown[0]}}} is not known; there are {', '.join(f'{{{part}}}' for part in PARTS)}"
        )
    if not row["language"] or not row["addressee"] or not row["salutation"]:
        return "language, addressee and salutation must be filled in"
    if row["gender"] not in ("f", "m", ""):
        return 'gender must be "f", "m" or empty'
    if row["verified"] not in ("yes", "partly", "no"):
        return 'verified must be "yes", "partly" or "no"'
    return ""
