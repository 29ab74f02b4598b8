"""Lists from elsewhere become a contact sheet: pasted PACE documents, OpenSanctions,
EveryPolitician, Popolo, vCard.

Nothing is guessed on the way: names keep their spelling, several addresses of one person stay
together in the cell (the check then asks), and every source says what it lacks. What comes out is
an ordinary sheet under ordinary headings.
"""

from __future__ import annotations

import csv
import io
import json
import quopri
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from mailer.base.delegations import Delegations
from mailer.base.errors import MailerError
from mailer.base.spelling import fold, trim
from mailer.contacts.edit.write import harmless
from mailer.contacts.rows.addresses import ADDRESS
from mailer.contacts.sheets import encodings, vocabulary

COLUMNS = (
    "Delegation",
    "Role",
    "Civility",
    "Name",
    "Given name",
    "Surname",
    "E-mail",
    "Language",
    "Gender",
    "Chamber",
    "Group",
    "Mandate until",
    "Note",
)

LACKS = {
    "PACE list": "no addresses, no languages; roles and groups only where they are printed",
    "OpenSanctions": "no roles, no groups, no languages, no gender; addresses only for some",
    "EveryPolitician": (
        "no delegation (each file is of one parliament: write it into the column), no roles in the"
        " Assembly, no languages; frozen since 2019, so look who has left"
    ),
    "Popolo": "no languages; roles only where the organisation is a delegation",
    "vCard": "no roles in the Assembly, no groups; delegations only where the card names a state",
}

SOURCES = tuple(LACKS)
PASTED = "PACE list"


@dataclass(slots=True)
class Imported:
    """What a source holds, as rows by heading."""

    source: str  # one of SOURCES
    people: list[dict[str, str]] = field(default_factory=list)
    left_over: list[str] = field(
        default_factory=list
    )  # what looked like no person; nothing is dropped in silence

    @property
    def lacks(self) -> str:
        return LACKS[self.source]

    def as_csv(self) -> str:
        """Return a contact sheet; columns that no row fills are left out, and no cell
        is a formula.
        """
        filled = [
            c
            for c in COLUMNS
            if any(person.get(c) for person in self.people) or c in ("Delegation", "Name", "E-mail")
        ]
        out = io.StringIO()
        rows = csv.writer(out, lineterminator="\n")
        rows.writerow(filled)
        rows.writerows(
            [harmless(" ".join(person.get(column, "").split())) for column in filled]
            for person in self.people
        )
        return out.getvalue()


def read(name: str, content: bytes, delegations: Delegations) -> Imported:
    """Recognise a source by its content and read it. Raises `MailerError` for one that is none of
    the five.
    """
    if content.startswith(b"PK"):
        hint = "put it into the folder of contact sheets as it is, then: mailer contacts check"
        raise MailerError(f"{name} is a spreadsheet, which needs no import", hint=hint)
    text, _ = encodings.decode(name, content)
    if text is None:
        raise MailerError(f"{name} is no text", hint=f"what can be imported: {', '.join(SOURCES)}")
    start = text.lstrip()
    if start.upper().startswith("BEGIN:VCARD"):
        return _vcards(text, delegations)
    if start.startswith(("{", "[")):
        return _popolo(name, text, delegations)
    try:
        headings = {fold(cell) for cell in next(csv.reader(io.StringIO(text, newline="")), [])}
        if {"id", "schema", "name", "countries"} <= headings:
            return _opensanctions(text, delegations)
        if {"id", "name", "term"} <= headings or {"id", "name", "areaid"} <= headings:
            return _everypolitician(text)
    except csv.Error as error:
        raise MailerError(f"{name} is a broken CSV file: {error}") from error
    pasted = _pasted(text, delegations)
    if not pasted.people:
        raise MailerError(
            f"there are no people that can be read in {name}",
            hint=f"what can be imported: {', '.join(SOURCES)}",
        )
    return pasted


# --------------------------------------------------------------------------------------------- PACE

_BRACKETED = re.compile(r"^(?P<name>[^(),]+)\s*\((?P<rest>[^(),]+(?:,[^()]*)?)\)$")
_SEVERAL = re.compile(r"^(?:MM\.?|Mmes|Messrs)\s", re.IGNORECASE)
_OTHER = re.compile(r"^(?:alternates?|substitutes?|suppléante?s?)\s*:", re.IGNORECASE)

_BEFORE = re.compile(
    r"^(?:(?:co-)?rapporteure?s?|signatory|signatories|signataires?|(?:tabled|presented|moved) by"
    r"|présentée? par|déposée? par|members?|membres?|mm?\.? et mmes)\s*:\s*",
    re.IGNORECASE,
)
"""What stands before the first person of a motion or a report."""

_WITH_ROLE = re.compile(r"\s*\((?P<role>[^()]*)\)\s*$")


def _pasted(text: str, delegations: Delegations) -> Imported:
    """Read signature lists and reports: `Ms Anna SAMPLE, Austria, SOC ; Mr …`, one to a line or
    many.
    """
    found = Imported(PASTED)
    for piece in re.split(r"\s*;\s*|[\r\n]+", text):
        line = trim(piece).lstrip("-–•* ").rstrip(".")
        if not line:
            continue
        line = _BEFORE.sub("", line)
        addresses = re.findall(ADDRESS, line)
        line = re.sub(rf"\s*[-–:,<(]*\s*(?:{ADDRESS})[>)]?", "", line)
        bracketed = _BRACKETED.match(
            line
        )  # "Ms Anna SAMPLE (Austria, SOC)", as documents print it, too
        if bracketed and delegations.find(bracketed["rest"].partition(",")[0]):
            line = f"{bracketed['name']}, {bracketed['rest']}"
        role = _WITH_ROLE.search(line)
        parts = [trim(part) for part in (line[: role.start()] if role else line).split(",")]
        at = next((i for i, part in enumerate(parts) if i and delegations.find(part)), None)
        if at is None or _SEVERAL.match(line):  # "MM. B. and C.": who is who, a person must say
            found.left_over.append(trim(piece))
            continue
        rest = [part for part in parts[at + 1 :] if part]
        found.left_over += filter(_OTHER.match, rest)
        rest = [part for part in rest if not _OTHER.match(part)]
        person = {
            "Name": ", ".join(parts[:at]),
            "Delegation": parts[at],
            "E-mail": "; ".join(addresses),
        }
        if rest and vocabulary.meaning("group", rest[0]):
            person["Group"] = rest.pop(0)
        note = [*rest, *([role["role"]] if role else [])]
        person["Note"] = ", ".join(note)
        found.people.append(person)
    return found


# ---------------------------------------------------------------------------------------------- CSV


def _rows(text: str) -> Iterable[dict[str, str]]:
    """Yield the rows of a list by their folded headings; everything stays text. A row with more
    cells than headings refuses the list: nobody can say what stands in which.
    """
    import pandas as pd

    try:
        table = pd.read_csv(
            io.StringIO(text, newline=""),
            dtype=str,
            keep_default_na=False,
            na_filter=False,
            index_col=False,
        )
    except pd.errors.ParserError as error:
        raise csv.Error(str(error)) from error
    headings = [fold(name) for name in table.columns]
    for cells in table.itertuples(index=False, name=None):
        yield dict(zip(headings, map(trim, cells), strict=True))


def _opensanctions(text: str, delegations: Delegations) -> Imported:
    """Read `targets.simple.csv`; several values in a cell are joined by ";"."""
    found = Imported("OpenSanctions")
    for row in _rows(text):
        if row.get("schema", "Person") != "Person" or not row.get("name"):
            found.left_over.append(row.get("name") or row.get("id", ""))
            continue
        states = [code.upper() for code in row.get("countries", "").split(";") if code]
        members = [
            code for code in states if (d := delegations.find(code)) and d.status == "member"
        ]
        state = members[0] if len(members) == 1 else ";".join(states)
        found.people.append(
            {
                "Name": row["name"],
                "Delegation": state,
                "E-mail": row.get("emails", "").replace(";", "; "),
            }
        )
    return found


def _everypolitician(text: str) -> Imported:
    """Read `term-….csv`, by heading, as its layout has changed over time."""
    found = Imported("EveryPolitician")
    for row in _rows(text):
        if not row.get("name"):
            found.left_over.append(row.get("id", ""))
            continue
        found.people.append({
            "Name": row["name"], "E-mail": row.get("email", ""), "Gender": row.get("gender", ""),
            "Mandate until": row.get("enddate", ""),
            "Note": ", ".join(filter(None, map(row.get, ("group", "area", "chamber")))),
        })  # fmt: skip
    return found


# --------------------------------------------------------------------------------------------- JSON


def _popolo(name: str, text: str, delegations: Delegations) -> Imported:
    """Read Popolo: `{"persons": […], "memberships": […], "organizations": […]}`, or a list of
    persons.
    """
    try:
        data: Any = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise MailerError(f"{name} is broken JSON: {error}") from error
    persons = data.get("persons", []) if isinstance(data, dict) else data
    if not isinstance(persons, list):
        raise MailerError(
            f"{name} holds no persons", hint=f"what can be imported: {', '.join(SOURCES)}"
        )
    listed = data if isinstance(data, dict) else {}
    organisations = {
        o.get("id"): str(o.get("name") or "") for o in _dicts(listed.get("organizations"))
    }
    memberships: dict[Any, list[dict[str, Any]]] = {}
    for membership in _dicts(listed.get("memberships")):
        memberships.setdefault(membership.get("person_id"), []).append(membership)
    found = Imported("Popolo")
    for person in persons:
        if not isinstance(person, dict) or not person.get("name"):
            found.left_over.append(json.dumps(person, ensure_ascii=False)[:80])
            continue
        seats = [*_dicts(person.get("memberships")), *memberships.get(person.get("id"), [])]
        emails = [
            person.get("email"),
            *(
                d.get("value")
                for d in _dicts(person.get("contact_details"))
                if d.get("type") == "email"
            ),
        ]
        names = [str(person.get(key) or "") for key in ("given_name", "family_name")]
        places = [organisations.get(m.get("organization_id"), "") for m in seats] + [
            str(m.get("area_id") or "") for m in seats
        ]
        roles = [
            (str(m["role"]), organisations.get(m.get("organization_id"), ""))
            for m in seats
            if m.get("role")
        ]
        ends = [str(m["end_date"]) for m in seats if m.get("end_date")]
        found.people.append({
            "Name": "" if all(names) else str(person["name"]),
            "Given name": names[0] if all(names) else "", "Surname": names[1] if all(names) else "",
            "Civility": str(person.get("honorific_prefix") or ""),
            "Gender": str(person.get("gender") or ""),
            "E-mail": "; ".join(dict.fromkeys(str(email) for email in emails if email)),
            "Delegation": next(filter(delegations.find, filter(None, places)), ""),
            "Role": next((role for role, seat in roles if delegations.find(seat)), ""),
            "Note": ", ".join(
                f"{role} ({seat})" if seat else role
                for role, seat in roles if not delegations.find(seat)
            ),
            "Mandate until": max(ends) if ends and len(ends) == len(seats) else "",
        })  # fmt: skip
    return found


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


# -------------------------------------------------------------------------------------------- vCard


def _vcards(text: str, delegations: Delegations) -> Imported:
    """Read vCard 2.1, 3.0 and 4.0 (RFC 6350): FN, N, EMAIL, GENDER, LANG, ORG, TITLE, NOTE, ADR."""
    found = Imported("vCard")
    text = _QUOTED_PRINTABLE.sub(_unquoted, text)
    lines = re.sub(r"\r?\n[ \t]", "", text).splitlines()  # unfolded, section 3.2
    card: dict[str, list[str]] = {}
    for line in lines:
        head, colon, value = line.partition(":")
        key = head.split(";")[0].rpartition(".")[2].upper()
        if key == "BEGIN":
            card = {}
        elif key == "END":
            _card(found, card, delegations)
        elif colon:
            card.setdefault(key, []).append(value)
    return found


_QUOTED_PRINTABLE = re.compile(
    r"^([^:\r\n]*;ENCODING=QUOTED-PRINTABLE[^:\r\n]*:)((?:.*=\r?\n)*.*)$",
    re.IGNORECASE | re.MULTILINE,
)


def _unquoted(line: re.Match[str]) -> str:
    """Return one line of vCard 2.1, as Outlook writes it, in plain letters."""
    charset = re.search(r";CHARSET=([\w-]+)", line[1], re.IGNORECASE)
    plain = quopri.decodestring(line[2].encode("utf-8"))
    try:
        value = plain.decode(charset[1] if charset else "utf-8")
    except (LookupError, UnicodeDecodeError):
        return line[0]
    return line[1] + value.replace("\r", "").replace("\n", "\\n")


def _plain(value: str) -> str:
    return trim(re.sub(r"\\(.)", lambda m: " " if m[1] in "nN" else m[1], value))


def _parts(value: str) -> list[str]:
    return [_plain(part) for part in re.split(r"(?<!\\);", value)]


def _card(found: Imported, card: dict[str, list[str]], delegations: Delegations) -> None:
    parts = [*_parts(card.get("N", [""])[0]), "", "", "", ""]
    family, given, prefix = parts[0], parts[1], parts[3]
    name = _plain(card.get("FN", [""])[0])
    if not (name or family or given):
        found.left_over.append("a card without a name")
        return
    places = [
        part
        for value in (
            *card.get("ORG", []),
            *card.get("ADR", []),
            *card.get("TITLE", []),
            *card.get("CATEGORIES", []),
        )
        for part in _parts(value)
    ]
    whole = bool(family and given)
    found.people.append({
        "Name": "" if whole else name, "Given name": given if whole else "",
        "Surname": family if whole else "", "Civility": prefix,
        "E-mail": "; ".join(
            dict.fromkeys(_plain(value).removeprefix("mailto:") for value in card.get("EMAIL", []))
        ),
        "Gender": {"F": "f", "M": "m"}.get(_plain(card.get("GENDER", [""])[0])[:1].upper(), ""),
        "Language": _plain(card.get("LANG", [""])[0])[:2].lower(),
        "Delegation": next(filter(delegations.find, filter(None, places)), ""),
        "Note": ", ".join(
            filter(None, map(_plain, [*card.get("TITLE", []), *card.get("NOTE", [])]))
        ),
    })  # fmt: skip
