"""Writes the invented people into the demo's contact sheets.

    python -m tests.people.sheets                    writes the sheets of `contacts/` anew
    python -m tests.people.sheets --out /tmp/sheets  writes them elsewhere
    python -m tests.people.sheets --seed 7           deals other names to the same seats

The same seed makes the same bytes in every file. The sheets are as untidy as those that people
keep: headings in four languages, three file formats, names in four scripts, and twenty people who
cannot be written to or must not be (`invent.LEFT_OUT`).
"""

from __future__ import annotations

import argparse
import csv
import io
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from mailer.letters.placeholders import word_of
from tests.people.invent import COLUMNS, DELEGATIONS, NOTES, ON_HOLD, SEED, UPDATED, Person, people


@dataclass(frozen=True, slots=True)
class Sheet:
    """One sheet: which delegations stand in it, under which headings, in which words."""

    file: str
    codes: str
    headings: str = "regions"  # a key of HEADINGS
    words: str = "en"  # a key of WORDS
    tab: str = "Members"
    by_code: bool = False  # delegations as "NO", not as "Norway"
    above: tuple[str, ...] = ()  # rows before the headings


_ABOVE = ("Members of the delegation to PACE", f"updated {UPDATED:%-d %B %Y} (invented)")

SHEETS = (
    Sheet("france.xlsx", "FR", "fr", "fr", tab="France"),
    Sheet("germany-austria-liechtenstein.csv", "DE LI AT", "de", "de"),
    Sheet("italy-san-marino.ods", "IT SM", "it", "it", tab="Membri"),
    Sheet("united-kingdom-ireland.xlsx", "GB", "uk-ie", tab="United Kingdom", above=_ABOVE),
    Sheet("united-kingdom-ireland.xlsx", "IE", "uk-ie", tab="Ireland", above=_ABOVE),
    Sheet("nordic-baltic.csv", "DK EE FI IS LT LV NO SE", by_code=True),
    Sheet("benelux-switzerland.xlsx", "BE LU NL CH"),
    Sheet("iberia-mediterranean.ods", "AD CY GR MT MC PT ES"),
    Sheet("central-europe.csv", "CZ HU PL SK SI"),
    Sheet("balkans.xlsx", "AL BA BG HR ME MK RO RS", by_code=True),
    Sheet("east.ods", "AM AZ GE MD TR UA"),
)
"""All 46 delegations, each in one sheet, in the alphabetical order of the words that stand in it.
"""

HEADINGS = {
    "regions": (
        "Delegation=delegation, Role=role, Civility=civility, Given name=given, Surname=surname,"
        " Title=title, E-mail=address, Language=language, Gender=gender, Chamber=chamber,"
        " Group=group, Greeting=greeting, Note=note"
    ),
    "uk-ie": (
        "Country=delegation, Role=role, Mr/Ms=civility, First name=given, Last name=surname,"
        " Title=title, E-mail=address, Language=language, Gender=gender, House=chamber,"
        " Group=group, Note=note"
    ),
    "fr": (
        "Délégation=delegation, Fonction=role, Civilité=civility, Prénom=given, Nom=surname,"
        " Titre=title, Courriel=address, Langue=language, Sexe=gender, Chambre=chamber,"
        " Groupe=group, Remarque=note"
    ),
    "de": (
        "Land=delegation, Funktion=role, Anrede=civility, Vorname=given, Nachname=surname,"
        " Titel=title, E-Mail=address, Sprache=language, Geschlecht=gender, Kammer=chamber,"
        " Fraktion=group, Bemerkung=note"
    ),
    "it": (
        "Delegazione=delegation, Ruolo=role, Titolo=title, Nome=given, Cognome=surname,"
        " E-mail=address, Lingua=language, Genere=gender, Camera=chamber, Gruppo=group, Note=note"
    ),
}
"""What stands over each column, and the field of `Person` that stands in it."""

WORDS = {
    "en": {},
    "fr": {
        "chair of delegation": "président de délégation",
        "chair of delegation f": "présidente de délégation", "representative": "représentant",
        "representative f": "représentante", "substitute": "suppléant",
        "substitute f": "suppléante", "Mr": "M.", "Ms": "Mme", "f": "F", "m": "M",
        "deputy": "Assemblée nationale", "senator": "Sénat", "EPP/CD": "PPE/DC", "ALDE": "ADLE",
        "UEL": "GUE", NOTES[0]: "membre depuis janvier 2026",
        NOTES[1]: "lit aussi les lettres sur papier",
        NOTES[2]: "le secrétariat répond ; demander l'assistante",
        NOTES[3]: "dit : « des lettres courtes, s'il vous plaît »",
        NOTES[4]: "rencontre à Strasbourg, printemps 2026",
    },
    "de": {
        "Germany": "Deutschland", "Austria": "Österreich",
        "chair of delegation": "Delegationsleitung", "representative": "Mitglied",
        "substitute": "Ersatzmitglied", "Mr": "Herr", "Ms": "Frau", "f": "w", "Dr": "Dr.",
        "deputy DE": "Bundestag", "deputy AT": "Nationalrat", "senator AT": "Bundesrat",
        NOTES[0]: "neu seit Januar 2026", NOTES[1]: "liest auch Briefe auf Papier",
        NOTES[2]: "das Büro antwortet; nach der Assistenz fragen",
        NOTES[3]: 'sagt: "bitte kurze Briefe"', NOTES[4]: "Treffen in Straßburg, Frühjahr 2026",
    },
    "it": {
        "Italy": "Italia",
        "chair of delegation": "presidente di delegazione",
        "representative": "rappresentante", "substitute": "supplente",
        "Dr": "Dr.", "deputy": "Camera dei deputati", "senator": "Senato",
        NOTES[0]: "da gennaio 2026",
        NOTES[1]: "legge anche le lettere su carta",
        NOTES[2]: "risponde l'ufficio; chiedere dell'assistente",
        NOTES[3]: 'dice: "lettere brevi, per favore"',
        NOTES[4]: "incontro a Strasburgo, primavera 2026",
    },
}  # fmt: skip
"""The words of a sheet for ours. Some depend on gender or delegation, which then stands behind
them.
"""


def rows(sheet: Sheet, everyone: Iterable[Person]) -> list[list[str]]:
    """Lay out one sheet: what stands above the headings, the headings, one row a person."""
    columns = [column.split("=") for column in HEADINGS[sheet.headings].split(", ")]
    columns += [[heading, word_of(heading)] for heading in COLUMNS]
    members = sorted(
        (person for person in everyone if person.delegation in sheet.codes.split()),
        key=lambda person: sheet.codes.index(person.delegation),
    )
    return [
        *([line] for line in sheet.above),
        [heading for heading, _ in columns],
        *([_cell(sheet, person, field) for _, field in columns] for person in members),
    ]


def _cell(sheet: Sheet, person: Person, field: str) -> str:
    word = str(getattr(person, field))
    if field == "delegation" and not sheet.by_code:
        word, _ = DELEGATIONS[word]
    if field in ("given", "surname", "address", "language", "greeting"):
        return word
    detail = {"role": person.gender, "chamber": person.delegation}.get(field, "")
    words = WORDS[sheet.words]
    return words.get(f"{word} {detail}", words.get(word, word))


def hold_list(everyone: Iterable[Person]) -> list[list[str]]:
    """Lay out `_hold.csv`: those who must not be written to."""
    held = [person for person in everyone if person.left_out == "on hold"]
    reasons = {place.split()[0]: reason for place, reason in ON_HOLD.items()}
    return [
        ["address", "name", "delegation", "because", "since", "by"],
        *([p.address, p.name, p.delegation, *reasons[p.delegation]] for p in held),
    ]


def write(folder: Path, seed: int = SEED) -> dict[str, int]:
    """Write all sheets and the hold list into `folder`; return how many people stand in
    each file.
    """
    everyone = people(seed)
    written = {}
    for file, sheets in groupby(SHEETS, key=lambda sheet: sheet.file):
        tables = {sheet: rows(sheet, everyone) for sheet in sheets}
        writer = {".csv": _write_csv, ".xlsx": _write_xlsx, ".ods": _write_ods}[Path(file).suffix]
        writer(folder / file, tables)
        written[file] = sum(len(table) - len(sheet.above) - 1 for sheet, table in tables.items())
    held = hold_list(everyone)
    _write_csv(folder / "_hold.csv", {Sheet("_hold.csv", ""): held})
    return written | {"_hold.csv": len(held) - 1}


Tables = dict[Sheet, list[list[str]]]


def _write_csv(path: Path, tables: Tables) -> None:
    """Write commas and UTF-8; for German words semicolons and a byte order mark, as Excel saves it
    there.
    """
    ((sheet, table),) = tables.items()
    german = sheet.words == "de"
    with path.open("w", encoding="utf-8-sig" if german else "utf-8", newline="") as file:
        csv.writer(file, delimiter=";" if german else ",", lineterminator="\n").writerows(table)


def _widths(table: list[list[str]]) -> list[int]:
    """Return the width of each column in letters; the rows above the headings may run over."""
    full = [row for row in table if len(row) > 1]
    return [min(max(len(cell) for cell in column) + 2, 44) for column in zip(*full, strict=True)]


def _write_xlsx(path: Path, tables: Tables) -> None:
    import xlsxwriter

    book = xlsxwriter.Workbook(path, {"strings_to_formulas": False, "strings_to_urls": False})
    book.set_properties({"title": "Invented people", "created": UPDATED})
    bold = book.add_format({"bold": True})
    for sheet, table in tables.items():
        tab = book.add_worksheet(sheet.tab)
        heading = len(sheet.above)
        for y, row in enumerate(table):
            for x, cell in enumerate(row):
                if cell:
                    tab.write_string(y, x, cell, bold if y == heading else None)
        for x, width in enumerate(_widths(table)):
            tab.set_column(x, x, width)
        tab.freeze_panes(heading + 1, 0)
    book.close()


def _write_ods(path: Path, tables: Tables) -> None:
    from odf.opendocument import OpenDocumentSpreadsheet
    from odf.style import Style, TableColumnProperties
    from odf.table import Table, TableCell, TableColumn, TableRow
    from odf.text import P

    book = OpenDocumentSpreadsheet()
    for sheet, table in tables.items():
        tab = Table(name=sheet.tab)
        for x, width in enumerate(_widths(table)):
            style = Style(name=f"{sheet.tab}-{x}", family="table-column")
            style.addElement(TableColumnProperties(columnwidth=f"{width * 0.21:.2f}cm"))
            book.automaticstyles.addElement(style)
            tab.addElement(TableColumn(stylename=style))
        for row in table:
            line = TableRow()
            for cell in row:
                box = TableCell(valuetype="string") if cell else TableCell()
                if cell:
                    box.addElement(P(text=cell))
                line.addElement(box)
            tab.addElement(line)
        book.spreadsheet.addElement(tab)
    raw = io.BytesIO()
    book.write(raw)
    # The library stamps each part of the archive with the time of day: pack it again with the date
    # of the sheets.
    with zipfile.ZipFile(raw) as old, zipfile.ZipFile(path, "w") as new:
        for part in old.infolist():
            stamped = zipfile.ZipInfo(part.filename, UPDATED.timetuple()[:6])
            stamped.compress_type = part.compress_type
            new.writestr(stamped, old.read(part))


def main() -> None:
    parser = argparse.ArgumentParser(description="Invent the people of the demo's contact sheets.")
    parser.add_argument(
        "--out",
        type=Path,
        default=Path(__file__).parents[2] / "contacts",
        help="folder to write to (contacts/)",
    )
    parser.add_argument(
        "--seed", type=int, default=SEED, help=f"another number, other people ({SEED})"
    )
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    for file, number in write(options.out, options.seed).items():
        print(f"{number:4}  {options.out / file}")


if __name__ == "__main__":
    main()
