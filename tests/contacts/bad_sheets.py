"""Makes the corpus of bad sheets, and `verdicts.csv` beside this file: what each row of each of
them is.

    python -m tests.contacts.bad_sheets

Every case is one small file with one or two things wrong with it, among clean rows. The verdicts
are written by hand here, row by row; the test compares them with what is read, so that no problem
is missed and no clean row is accused. All people are invented.
"""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import xlsxwriter
from odf.opendocument import OpenDocumentSpreadsheet
from odf.style import Style, TableProperties
from odf.table import CoveredTableCell, Table, TableCell, TableRow
from odf.text import A, P

HEAD = "Delegation,Role,Name,E-mail,Language"
ANNA = "NO,representative,Anna Prøve,anna@no.example,en"
OLA = "NO,substitute,Ola Skisse,ola@no.example,en"
KARI = "NO,substitute,Kari Mønster,kari@no.example,fr"


@dataclass
class Case:
    file: str
    content: bytes
    rows: dict[int, str]  # row → its codes, "" for a clean row; every row that is not empty
    whole: str = ""  # codes of the file as a whole
    tabs: dict[str, dict[int, str]] = field(default_factory=dict)  # instead of rows


CASES: list[Case] = []


def text(
    name: str,
    lines: str,
    verdict: dict[int, str],
    *,
    whole: str = "",
    encoding: str = "utf-8",
    clean: str = "",
) -> None:
    """Add a CSV file. `clean` are the numbers of further rows with nothing wrong."""
    rows = {int(row): "" for row in clean.split()} | verdict
    CASES.append(
        Case(
            name if "." in name else f"{name}.csv",
            lines.encode(encoding),
            dict(sorted(rows.items())),
            whole,
        )
    )


def one(name: str, line: str, codes: str, *, head: str = HEAD) -> None:
    """Add a CSV file with the usual headings and one doubtful row between two clean ones."""
    text(name, f"{head}\n{ANNA}\n{line}\n{KARI}\n", {3: codes}, clean="2 4")


def address(name: str, cell: str, codes: str) -> None:
    quoted = '"' + cell.replace('"', '""') + '"'
    rows = {3: codes}
    last = 4 + cell.count("\n")
    text(
        f"address-{name}",
        f"{HEAD}\n{ANNA}\nNO,substitute,Ola Skisse,{quoted},en\n{KARI}\n",
        rows | {last: ""},
        clean="2",
    )


def book(
    name: str,
    tabs: dict[str, list[list[str]]],
    verdict: dict[str, dict[int, str]],
    whole: str = "",
    change: Callable[[xlsxwriter.Workbook], None] | None = None,
) -> None:
    raw = io.BytesIO()
    made = xlsxwriter.Workbook(
        raw, {"strings_to_formulas": False, "strings_to_urls": False, "in_memory": True}
    )
    made.set_properties({"created": datetime(2026, 11, 25)})  # noqa: DTZ001
    for tab, rows in tabs.items():
        sheet = made.add_worksheet(tab)
        for y, row in enumerate(rows):
            for x, cell in enumerate(row):
                if cell:
                    sheet.write_string(y, x, cell)
    if change:
        change(made)
    made.close()
    CASES.append(Case(name, repack(raw.getvalue(), {}), {}, whole, verdict))


def repack(
    content: bytes, change: dict[str, bytes | None], extra: dict[str, bytes] | None = None
) -> bytes:
    """Pack an archive again with other parts and no time of day; None leaves a part out."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(out, "w") as new:
        parts = {
            part.filename: change.get(part.filename, old.read(part)) for part in old.infolist()
        } | (extra or {})
        for name, data in parts.items():
            if data is not None:
                stamped = zipfile.ZipInfo(name, (2026, 11, 25, 0, 0, 0))
                stamped.compress_type = zipfile.ZIP_DEFLATED
                new.writestr(stamped, data)
    return out.getvalue()


def ods(
    name: str,
    rows: list[list[TableCell] | tuple[str, list[TableCell]]],
    verdict: dict[int, str],
    *,
    tab: str = "Members",
    hidden: bool = False,
    whole: str = "",
) -> None:
    document = OpenDocumentSpreadsheet()
    style = Style(name="ta1", family="table")
    style.addElement(TableProperties(display="false" if hidden else "true"))
    document.automaticstyles.addElement(style)
    table = Table(name=tab, stylename="ta1")
    for row in rows:
        visibility, cells = row if isinstance(row, tuple) else ("visible", row)
        line = TableRow(visibility=visibility)
        for cell in cells:
            line.addElement(cell)
        table.addElement(line)
    document.spreadsheet.addElement(table)
    raw = io.BytesIO()
    document.write(raw)
    CASES.append(Case(name, repack(raw.getvalue(), {}), {}, whole, {tab: verdict}))


def cell(words: str = "", **attributes: object) -> TableCell:
    box = TableCell(valuetype="string", **attributes) if words else TableCell(**attributes)
    if words:
        box.addElement(P(text=words))
    return box


def cells(line: str) -> list[str]:
    return next(csv.reader([line]))


def boxes(line: str) -> list[TableCell]:
    return [cell(words) for words in cells(line)]


GRID = [cells(HEAD), cells(ANNA), cells(OLA), cells(KARI)]
CLEAN = {2: "", 3: "", 4: ""}
PLAIN = f"{HEAD}\n{ANNA}\n{OLA}\n{KARI}\n"


# ---------------------------------------------------------------------------------- clean, and read

text("clean", PLAIN, CLEAN)
text("clean-bom", "\ufeff" + PLAIN, CLEAN)
text("clean-crlf", PLAIN.replace("\n", "\r\n"), CLEAN)
text("clean-cr", PLAIN.replace("\n", "\r"), CLEAN)
text("clean-semicolon", PLAIN.replace(",", ";"), CLEAN)
text("clean-tab.tsv", PLAIN.replace(",", "\t"), CLEAN)
text("clean-tab.txt", PLAIN.replace(",", "\t"), CLEAN)
text("clean-bar", PLAIN.replace(",", "|"), CLEAN)
text("clean-sep-line", "sep=;\n" + PLAIN.replace(",", ";"), {3: "", 4: "", 5: ""})
text("clean-utf16", PLAIN, CLEAN, encoding="utf-16")
text("clean-utf16-be-bom", "\ufeff" + PLAIN, CLEAN, encoding="utf-16-be")
text("clean-utf32", PLAIN, CLEAN, encoding="utf-32")
text("utf16-without-bom", PLAIN, CLEAN, encoding="utf-16-le", whole="C007")
text("utf16-be-without-bom", PLAIN, CLEAN, encoding="utf-16-be", whole="C007")
text("clean-no-last-line-end", PLAIN.rstrip("\n"), CLEAN)
text("clean-blank-lines", PLAIN.replace("\n", "\n\n"), {3: "", 5: "", 7: ""})
text("clean-empty-cells-behind", PLAIN.replace("\n", ",,,\n"), CLEAN)
text(
    "clean-title-rows",
    f"Members of the delegation,,,,\nupdated in November,,,,\n{PLAIN}",
    {4: "", 5: "", 6: ""},
)
text(
    "clean-headings-shouted",
    PLAIN.replace(HEAD, " DELEGATION ,ROLE, N a m e,E MAIL,LANGUAGE"),
    CLEAN,
)
text(
    "clean-order",
    "E-mail,Language,Name,Delegation,Role\nanna@no.example,en,Anna Prøve,NO,representative\n",
    {2: ""},
)
text(
    "clean-quoted",
    '"Delegation","Name","E-mail"\n"NO","Prøve, ""Anni"" Anna","anna@no.example"\n',
    {2: ""},
)
text("clean-line-end-in-note", f'{HEAD},Note\n{ANNA},"two\nlines"\n{OLA},\n', {2: "", 4: ""})
text("clean-extra", f"{HEAD},Phone,Committee\n{ANNA},0012,1e5\n{OLA},,\n", {2: "", 3: ""})
text("clean-only-headings", HEAD + "\n", {})
text(
    "clean-french",
    "Délégation,Fonction,Civilité,Prénom,Nom,Courriel,Langue,Sexe,Chambre,Groupe,Remarque\nFrance,présidente"
    " de délégation,Mme,Anaïs,Exemple,anais@fr.example,français,F,Sénat,PPE/DC,à"
    " joindre\nNorvège,suppléant,M.,Ola,Skisse,ola@no.example,anglais,H,Assemblée nationale,NI,\n",
    {2: "", 3: ""},
)
text(
    "clean-german",
    "Land;Funktion;Anrede;Vorname;Name;E-Mail-Adresse;Sprache;Geschlecht;Kammer;Fraktion\n"
    "Österreich;Ersatzmitglied;Frau Dr.;Käthe;Muster;kaethe@at.example;Deutsch;w;Nationalrat;SOC\n"
    "Türkei;Mitglied;Herr;Işık;Taslak;isik@tr.example;Türkisch;m;;fraktionslos\n",
    {2: "", 3: ""},
)
text(
    "clean-italian",
    "Paese,Ruolo,Nome,Cognome,Posta elettronica,Lingua,Genere\n"
    "Paesi Bassi,supplente,Fleur,Schets,fleur@nl.example,inglese,donna\n",
    {2: ""},
)
text(
    "clean-spanish",
    "País,Cargo,Tratamiento,Nombre,Apellidos,Correo electrónico,Idioma\n"
    "Reino Unido,suplente,Sra.,Edith,Sampleton,edith@gb.example,inglés\n",
    {2: ""},
)
text(
    "clean-polish",
    "Kraj;Funkcja;Imię;Nazwisko;Adres"
    " e-mail;Język\nPolska;zastępca;Łucja;Wzór;lucja@pl.example;polski\n",
    {2: ""},
)
text(
    "clean-turkish",
    "Ülke;Görev;Ad;Soyad;E-posta;Dil\nTürkiye;yedek üye;İnci;Örnek;inci@tr.example;Türkçe\n",
    {2: ""},
)
text(
    "clean-ukrainian",
    "Країна;Роль;Ім'я;Прізвище;Електронна"
    " пошта;Мова\nУкраїна;заступниця;Юлія;Взір;yuliia@ua.example;українська\n",
    {2: ""},
)
text(
    "clean-pace-names",
    "Country,Name,E-mail\nAustria,Ms Anna De BEISPIEL,a@at.example\nNorway,Ms Karin S."
    " PRØVESEN,k@no.example\nPortugal,Mr Luís LEITE EXEMPLO,l@pt.example\nIreland,Mr John"
    " McSAMPLE,j@ie.example\nGeorgia,ნინო მაგალითაური,n@ge.example\nUkraine,Дем'ян"
    " ҐАНЧУК,d@ua.example\n",
    dict.fromkeys(range(2, 8), ""),
)
text(
    "clean-words-that-look-like-nothing",
    "Country,Given"
    " name,Surname,E-mail\nNorway,None,Null,none@no.example\nNO,NA,NaN,nan@no.example\n"
    "NO,True,Nil,1e5@no.example\n",
    {2: "", 3: "", 4: ""},
)
text(
    "clean-turkey-spellings",
    "Country,Name,E-mail\n"
    + "".join(
        f"{state},Person {chr(65 + at)}xyz,p{at}@tr.example\n"
        for at, state in enumerate(("Turkey", "Türkiye", "TURKIYE", "Turquie", "TR", "TUR"))
    ),
    dict.fromkeys(range(2, 8), ""),
)
text(
    "clean-blanks-around",
    f"{HEAD}\n NO ,\u00a0substitute , Ola  Skisse\u200b, \u200bola@no.example\u00a0,\tEN \n",
    {2: ""},
)
text("clean-idn", f"{HEAD}\nNO,,Anna Prøve,anna@prøve.example,\n", {2: ""})
text(
    "clean-two-names-alike",
    f"{HEAD}\nNO,,Marina Sample,marina.sample@no.example,\nNO,,Maria"
    " Sample,maria.sample@no.example,\n",
    {2: "", 3: ""},
)
text(
    "clean-same-name-elsewhere",
    f"{HEAD}\nNO,,Anna Prøve,a@no.example,\nSE,,Anna Prøve,a@se.example,\n",
    {2: "", 3: ""},
)
text(
    "clean-namesakes",
    "Delegation,Name,E-mail,Namesake\nNO,Anna Prøve,a@no.example,yes\nNO,Anna"
    " Prøve,b@no.example,yes\n",
    {2: "", 3: ""},
)
text("clean-mandate", f"{HEAD},Mandate until\n{ANNA},2027-01-26\n{OLA},26.1.2027\n{KARI},\n", CLEAN)
text("norway", "Name,E-mail\nAnna Prøve,anna@no.example\n", {2: ""}, whole="C124")

# ------------------------------------------------------------------------------------ old encodings

GERMAN = (
    "Land;Name;E-Mail\nDeutschland;Jürgen"
    " Übungsfeld;juergen.uebungsfeld@de.example\nDeutschland;Käthe Straßmuster;kaethe@de.example\n"
)
TURKISH = (
    "Ülke;Ad;Soyad;E-posta\nTürkiye;Şükrü;Işık;sukru.isik@tr.example\n"
    "Türkiye;Çiğdem;Örnekoğlu;cigdem.ornekoglu@tr.example\n"
)
POLISH = (
    "Kraj;Imię;Nazwisko;E-mail\nPolska;Łucja;Źródłosłowska;lucja.zrodloslowska@pl.example\n"
    "Polska;Święty;Wąsik;swiety.wasik@pl.example\n"
)
CZECH = (
    "Country;Given"
    " name;Surname;E-mail\nCzechia;Jiří;Příkladný;jiri.prikladny@cz.example\n"
    "Czechia;Šárka;Žižková;sarka.zizkova@cz.example\n"
)
GREEK = (
    "Country;Given"
    " name;Surname;E-mail\nGreece;Αγγελική;Υποθετίδου;a@gr.example\n"
    "Greece;Σπύρος;Δειγματάκης;s@gr.example\n"
)
RUSSIAN = (
    "Країна;Name;E-mail\nУкраїна;Олена Взірцева;olena@ua.example\nУкраїна;Юлія"
    " Їжаківська;yuliia@ua.example\n"
)
NORDIC = (
    "Country;Given"
    " name;Surname;E-mail\nNorway;Øyvind;Prøveng;oyvind.proveng@no.example\n"
    "Iceland;Þórdís;Dæmadóttir;thordis.daemadottir@is.example\n"
)
TWO = {2: "", 3: ""}
text("cp1252-german", GERMAN, TWO, encoding="cp1252", whole="C007")
text("cp1252-nordic", NORDIC, TWO, encoding="cp1252", whole="C007")
text("cp1250-polish", POLISH, TWO, encoding="cp1250", whole="C007")
text("cp1250-czech", CZECH, TWO, encoding="cp1250", whole="C007")
text("iso8859-2-polish", POLISH, TWO, encoding="iso8859_2", whole="C007")
text("iso8859-2-czech", CZECH, TWO, encoding="iso8859_2", whole="C007")
text("cp1254-turkish", TURKISH, TWO, encoding="cp1254", whole="C007")
text("iso8859-9-turkish", TURKISH, TWO, encoding="iso8859_9", whole="C007")
text("cp1253-greek", GREEK, TWO, encoding="cp1253", whole="C007")
text("cp1251-ukrainian", RUSSIAN, TWO, encoding="cp1251", whole="C007")
text(
    "cp1254-without-proof",
    "Name;Country;E-mail\nŞükrü Işık;Armenia;a1@post.example\nİnci Ağaç;Armenia;a2@post.example\n",
    TWO,
    encoding="cp1254",
    whole="C021",
)
CASES.append(Case("binary.csv", bytes(range(256)) * 8, {}, "C006"))
CASES.append(Case("nul.csv", PLAIN.encode().replace(b"Anna", b"An\0na"), {}, "C006"))

# -------------------------------------------------------------------------------------------- files

text("empty", "", {}, whole="C010")
text("blank", "\n \n,,,\n", {}, whole="C010")
text("no-headings", f"{ANNA}\n{OLA}\n", {}, whole="C010")
text("headings-too-far-down", "title\n" * 25 + PLAIN, {}, whole="C010")
text("no-address-column", "Delegation,Name\nNO,Anna Prøve\n", {}, whole="C011")
text("no-name-column", "Delegation,E-mail\nNO,anna@no.example\n", {}, whole="C011")
text("no-delegation-column", "Name,E-mail\nAnna Prøve,anna@no.example\n", {2: "C120"})
text(
    "two-address-columns",
    "Delegation,Name,E-mail,Courriel\nNO,Anna Prøve,anna@no.example,a@no.example\n",
    {},
    whole="C012",
)
text(
    "two-name-columns",
    "Delegation,Nom,Name,E-mail\nNO,Anna,Anna Prøve,anna@no.example\n",
    {},
    whole="C012",
)
text(
    "street-beside-mail",
    "Delegation,Name,Address,E-mail\nNO,Anna Prøve,1 Any Street,anna@no.example\n",
    {2: ""},
)
text(
    "open-quote",
    f'{HEAD}\n{ANNA}\nNO,substitute,"Ola,ola@no.example,en\n{KARI}\n',
    {},
    whole="C008@3",
)
text(
    "text-behind-quote",
    f'{HEAD}\n{ANNA}\nNO,substitute,"Ola" Skisse,ola@no.example,en\n',
    {},
    whole="C008@3",
)
text(
    "comma-in-name",
    f"{HEAD}\n{ANNA}\nNO,substitute,Skisse, Ola,ola@no.example,en\n",
    {},
    whole="C022@3",
)
text("two-ragged-rows", f"{HEAD}\n{ANNA},more\n{OLA}\n{KARI},,more\n", {}, whole="C022@2 C022@4")
text("short-rows", f"{HEAD}\nNO,,Anna Prøve,anna@no.example\nNO,,Ola Skisse\n", {2: "", 3: "C100"})
text("heading-misspelt", PLAIN.replace("Language", "Lnaguage"), CLEAN, whole="C023@1")
text("same-extra-heading", f"{HEAD},Phone,phone\n{ANNA},1,2\n", {2: ""}, whole="C024@1")
CASES.append(Case("old.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), {}, "C004"))
CASES.append(Case("binary.xlsb", b"PK\x03\x04", {}, "C004"))
CASES.append(Case("members.pdf", b"%PDF-1.7", {}, "C005"))
CASES.append(Case("members.vcf", b"BEGIN:VCARD", {}, "C005"))
CASES.append(Case("no-archive.xlsx", b"Delegation,Name", {}, "C002"))
CASES.append(Case("no-archive.ods", b"Delegation,Name", {}, "C002"))
CASES.append(Case("zip-named.csv", b"PK\x03\x04 and so on", {}, "C002"))
CASES.append(
    Case(
        "encrypted.xlsx",
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le"),
        {},
        "C003",
    )
)

# ---------------------------------------------------------------------------------------- addresses

for name, words, codes in [
    ("empty", "", "C100"), ("blank", "  ", "C100"), ("dash", "-", "C100"),
    ("non-public", "Non public", "C100"), ("tbc", "TBC", "C100"),
    ("no-at", "ola no.example", "C101"), ("two-at", "ola@@no.example", "C101"),
    ("no-domain", "ola@", "C101"), ("no-dot", "ola@no", "C101"),
    ("two-dots", "ola..s@no.example", "C101"), ("literal", "ola@[127.0.0.1]", "C101"),
    ("special", "ola@no.invalid", "C101"), ("local", "ola@localhost", "C101"),
    ("words", "see website", "C101"), ("phone", "+47 000 00 000", "C101"),
    ("long", "o" * 65 + "@no.example", "C101"), ("blank-inside", "ola skisse@no.example", "C101"),
    ("quoted-local", '"ola s"@no.example', "C101"), ("comment", "ola(home)@no.example", "C101"),
    ("together", "Ola Skisse <ola@no.example>", "C110"),
    ("together-comma", '"Skisse, Ola" <ola@no.example>', "C110"),
    ("together-behind", "ola@no.example (Ola Skisse)", "C110"),
    ("together-bare", "Ola Skisse ola@no.example", "C110"),
    ("several-semicolon", "ola@no.example; office@no.example", "C108"),
    ("several-comma", "ola@no.example,office@no.example", "C108"),
    ("several-blank", "ola@no.example office@no.example", "C108"),
    ("several-lines", "ola@no.example\noffice@no.example", "C108"),
    ("several-slash", "ola@no.example / office@no.example", "C108"),
    ("several-or", "ola@no.example or office@no.example", "C108"),
    ("mailto", "mailto:ola@no.example", "C109"),
    ("mailto-subject", "mailto:ola@no.example?subject=x", "C109"),
    ("trailing-dot", "ola@no.example.", "C111"), ("trailing-comma", "ola@no.example,", "C111"),
    ("trailing-semicolon", "ola@no.example;", "C111"), ("angles", "<ola@no.example>", "C111"),
    ("quotes", "'ola@no.example'", "C111"), ("leading-colon", ": ola@no.example", "C111"),
    ("zero-width", "o\u200bla@no.example", "C106"), ("soft-hyphen", "ola@no\u00ad.example", "C106"),
    ("bidi", "ola\u202e@no.example", "C106"), ("full-width", "ola＠no.example", "C106"),
    ("full-width-letters", "ｏｌａ@no.example", "C106"),
    ("header", "ola@no.example\nBcc: all@no.example", "C107"),
    ("encoded-word", "=?utf-8?q?ola?=@no.example", "C107"),
    ("percent-crlf", "ola@no.example%0d%0aBcc:all", "C107"),
    ("line-separator", "ola\u2028@no.example", "C107"), ("control", "ola\x07@no.example", "C107"),
    ("cyrillic-o", "ola@nо.example", "C105"), ("cyrillic-local", "оla@no.example", "C105"),
    ("pure-look-alike", "ola@ехо.example", "C105"),
    ("punycode-look-alike", "ola@xn--n-otb.example", "C105"),
    ("greek-omicron", "ola@nο.example", "C105"), ("at-word", "ola (at) no.example", "C114"),
    ("at-dot-words", "ola [at] no [dot] example", "C114"),
    ("at-plain", "ola at no.example", "C114"),
    ("accent", "ølа@no.example".replace("а", "a"), "C115"), ("enye", "muñoz@no.example", "C115"),
    ("formula", '=HYPERLINK("mailto:ola@no.example")', "C116"), ("formula-join", "=A2&B2", "C116"),
    ("office", "info@no.example", "C112"), ("free", "ola@freemail.example", "C113"),
    ("free-office", "office@freemail.example", "C112 C113"),
]:  # fmt: skip
    address(name, words, codes)
text(
    "address-same",
    f"{HEAD}\n{ANNA}\nNO,,Ola Skisse,ANNA@NO.example,\n{KARI}\n",
    {3: "C102"},
    clean="2 4",
)
text(
    "address-same-three",
    f"{HEAD}\nNO,,Ola Skisse,a@no.example,\nNO,,Kari Mønster,a@no.example,\nNO,,Per"
    " Utkast,a@no.example,\n",
    {2: "", 3: "C102", 4: "C102"},
)
text(
    "address-same-idn",
    f"{HEAD}\nNO,,Ola Skisse,a@prøve.example,\nNO,,Kari Mønster,a@xn--prve-hra.example,\n",
    {2: "", 3: "C102"},
)
MANY = "".join(f"GB,,Person {a}{a}xy Sampleton{a},p{a}@parliament.example,\n" for a in "bcdfgh")
text(
    "domain-slip",
    f"{HEAD}\n{MANY}GB,,Edith Mock,edith@parlament.example,\n",
    dict.fromkeys(range(2, 8), "") | {8: "C104"},
)
text(
    "domain-label-more",
    f"{HEAD}\n{MANY}GB,,Edith Mock,edith@parliament.goov.example,\n",
    dict.fromkeys(range(2, 8), "") | {8: "C104"},
)
text(
    "domain-other",
    f"{HEAD}\n{MANY}GB,,Edith Mock,edith@party-of-mock.example,\n",
    dict.fromkeys(range(2, 8), "") | {8: "C103"},
)
SLIPS = (
    "assemblée-nationale",
    "assemblee-nationnale",
    "assembleenationale",
    "asemblee-nationale",
    "assemblee-nationale-fr",
)
text(
    "domain-many-slips",
    f"{HEAD}\n"
    + "".join(
        f"FR,,{who},p{who[0]}@assemblee-nationale.example,\n"
        for who in ("Anaïs Exemple", "Boris Modèle", "Cléa Ébauche")
    )
    + "".join(
        f"FR,,{who},q{at}@{name}.example,\n"
        for at, (who, name) in enumerate(
            zip(
                ("Denis Croquis", "Élise Brouillon", "Fanny Schéma", "Guy Patron", "Hugo Maquette"),
                SLIPS,
                strict=True,
            )
        )
    )
    + "FR,,Inès Canevas,i@assemblee-nationale.mock.example,\nFR,,Jules Gabarit,j@senat.example,\n",
    dict.fromkeys((2, 3, 4), "") | dict.fromkeys((5, 6, 7, 8, 10), "C104") | {9: "", 11: ""},
)
text(
    "domain-subdomain",
    f"{HEAD}\n{MANY}GB,,Edith Mock,edith@lords.parliament.example,\n",
    dict.fromkeys(range(2, 9), ""),
)
text(
    "domain-few",
    f"{HEAD}\nGB,,Edith Mock,e@parlament.example,\nGB,,Clive Mock,c@parliament.example,\n",
    {2: "", 3: ""},
)

# ------------------------------------------------------------------------------------------- people

one("delegation-empty", ",substitute,Ola Skisse,ola@no.example,", "C120")
one("delegation-misspelt", "Norwya,substitute,Ola Skisse,ola@no.example,", "C120")
one("delegation-nowhere", "Ruritania,substitute,Ola Skisse,ola@no.example,", "C120")
one("delegation-former", "Russia,substitute,Ola Skisse,ola@ru.example,", "C121")
one("delegation-observer", "Canada,substitute,Ola Skisse,ola@ca.example,", "C121")
one("delegation-partner", "Maroc,substitute,Ola Skisse,ola@ma.example,", "C121")
one("role-unknown", "NO,boss,Ola Skisse,ola@no.example,", "C130")
one("language-unknown", "NO,,Ola Skisse,ola@no.example,klingon", "C132")
one("name-empty", "NO,substitute,,ola@no.example,", "C140")
one("row-of-totals", ",,,,Total 36", "C167")
one("name-line-end", 'NO,substitute,"Ola\nBcc: x",ola@no.example,', "C144")
CASES[-1].rows = {2: "", 3: "C144", 5: ""}
one("name-zero-width", "NO,substitute,O\u200bla Skisse,ola@no.example,", "C144")
one("name-bidi", "NO,substitute,Ola \u202eSkisse,ola@no.example,", "C144")
one("name-encoded-word", "NO,substitute,=?utf-8?q?Ola?= Skisse,ola@no.example,", "C144")
one("name-mojibake", "NO,substitute,Ola SkisserÃ¸d,ola@no.example,", "C143")
one("name-with-address", "NO,substitute,Ola Skisse <ola@no.example>,ola@no.example,", "C145")
one("person-twice", "Norway,representative,PROVE Anna,anna.prove@no.example,", "C141")
one("person-twice-capitals", "NO,representative,ANNA PRØVE,second@no.example,", "C141")
one(
    "person-alike-umlaut",
    "NO,,Juergen Mueller,jm@no.example,\nNO,,Jürgen Müller,jmm@no.example,",
    "",
)
CASES[-1].rows = {2: "", 3: "", 4: "C142", 5: ""}
one("person-alike-initial", "NO,,A. Prøve,a.p@no.example,", "C142")
one("person-alike-second-surname", "NO,,Anna Prøve Nordvik,ann@no.example,", "C142")
one("person-alike-letter", "NO,,Anna Prøver,ann@no.example,", "C142")
WIDE = "Delegation,Civility,Name,E-mail,Gender,Group,Chamber,Mandate until"
for name, line, codes in [
    ("civility-unknown", "NO,Comrade,Ola Skisse,ola@no.example,,,,", "C133"),
    ("gender-unknown", "NO,,Ola Skisse,ola@no.example,y,,,", "C134"),
    ("gender-contradicts", "NO,Ms,Ola Skisse,ola@no.example,m,,,", "C135"),
    ("group-unknown", "NO,,Ola Skisse,ola@no.example,,XYZ,,", "C131"),
    ("group-former", "NO,,Ola Skisse,ola@no.example,,EC/DA,,", "C131"),
    ("chamber-unknown", "NO,,Ola Skisse,ola@no.example,,,third,", "C136"),
    ("mandate-over", "NO,,Ola Skisse,ola@no.example,,,,2024-01-26", "C150"),
    ("mandate-unreadable", "NO,,Ola Skisse,ola@no.example,,,,soon", "C151"),
]:  # fmt: skip
    text(
        name,
        f"{WIDE}\nNO,Ms,Anna Prøve,anna@no.example,f,SOC,,2030-01-01\n{line}\n",
        {2: "", 3: codes},
    )
text(
    "seats-too-many",
    f"{HEAD}\n"
    + "".join(
        f"MC,representative,{n},{at}@mc.example,\n"
        for at, n in enumerate(("Sidonie Exemplat", "Honoré Rocmodel", "Aurèle Maquette"))
    ),
    {2: "", 3: "", 4: "C122"},
    whole="C123",
)
text(
    "seats-missing",
    f"{HEAD}\n"
    + "".join(
        f"MC,{r},{n},{at}@mc.example,\n"
        for at, (r, n) in enumerate(
            (
                ("representative", "Sidonie Exemplat"),
                ("chair", "Honoré Rocmodel"),
                ("substitute", "Aurèle Maquette"),
            )
        )
    ),
    {2: "", 3: "", 4: ""},
    whole="C123",
)

# ---------------------------------------------------------------------------------------- workbooks

book("clean.xlsx", {"Members": GRID}, {"Members": CLEAN})
book("clean.xlsm", {"Members": GRID}, {"Members": CLEAN})
book(
    "clean-title-rows.xlsx",
    {"Members": [["Delegation of Norway"], [], ["updated in November"], *GRID]},
    {"Members": {5: "", 6: "", 7: ""}},
)
book("clean-first-column-empty.xlsx", {"Members": [["", *row] for row in GRID]}, {"Members": CLEAN})
book(
    "clean-blank-rows.xlsx",
    {"Members": [[], [], GRID[0], GRID[1], [], [], GRID[2]]},
    {"Members": {4: "", 7: ""}},
)
book(
    "clean-two-tabs.xlsx",
    {"Norway": GRID[:3], "Others": [GRID[0], cells("SE,,Åsa Skiss,asa@se.example,")]},
    {"Norway": {2: "", 3: ""}, "Others": {2: ""}},
)
book(
    "tab-of-instructions.xlsx",
    {"Members": GRID, "_how to": [["Fill in one row for each person"]]},
    {"Members": CLEAN},
)
book(
    "tab-without-headings.xlsx",
    {"Members": GRID, "Statistics": [["1", "2"], ["3", "4"]]},
    {"Members": CLEAN},
    "C013",
)
book("tabs-without-headings.xlsx", {"One": [["1", "2"]], "Two": []}, {}, "C010")
book(
    "tabs-named-after-states.xlsx",
    {"Norway": [["Name", "E-mail"], ["Anna Prøve", "anna@no.example"]]},
    {"Norway": {2: ""}},
    "C124",
)
book(
    "same-address-in-two-tabs.xlsx",
    {"A": GRID[:2], "B": [GRID[0], cells("NO,,Ola Skisse,anna@no.example,")]},
    {"A": {2: ""}, "B": {2: "C102"}},
)
book(
    "hidden-row.xlsx",
    {"Members": GRID},
    {"Members": {2: "", 3: "C161", 4: ""}},
    change=lambda made: made.get_worksheet_by_name("Members").set_row(
        2, None, None, {"hidden": True}
    ),
)  # type: ignore[union-attr]


def _filter(made: xlsxwriter.Workbook) -> None:
    sheet = made.get_worksheet_by_name("Members")
    sheet.autofilter("A1:E4")
    sheet.filter_column("E", "x == en")
    sheet.set_row(3, None, None, {"hidden": True})


def _hide(made: xlsxwriter.Workbook) -> None:
    made.get_worksheet_by_name("2023").hide()


def _link(made: xlsxwriter.Workbook) -> None:
    sheet = made.get_worksheet_by_name("Members")
    sheet.write_url("D2", "mailto:anna@no.example", string="anna@no.example")
    sheet.write_url("D3", "mailto:kari@no.example", string="ola@no.example")


def _formula(made: xlsxwriter.Workbook) -> None:
    sheet = made.get_worksheet_by_name("Members")
    sheet.write_formula("D3", '="ola"&"@no.example"', None, "ola@no.example")


def _numbers(made: xlsxwriter.Workbook) -> None:
    sheet = made.get_worksheet_by_name("Members")
    sheet.write_string("F1", "Phone")
    sheet.write_string("G1", "Mandate until")
    sheet.write_number("F2", 100000)
    sheet.write_datetime("G2", datetime(2030, 1, 26), made.add_format({"num_format": "d.m.yyyy"}))  # noqa: DTZ001


book(
    "filtered-rows.xlsx", {"Members": GRID}, {"Members": {2: "", 3: "", 4: "C161"}}, change=_filter
)
book(
    "hidden-tab.xlsx",
    {"Members": GRID, "2023": [GRID[0], cells("NO,,Per Utkast,per@no.example,")]},
    {"Members": CLEAN, "2023": {2: "C162"}},
    change=_hide,
)
book("link-elsewhere.xlsx", {"Members": GRID}, {"Members": {2: "", 3: "C117", 4: ""}}, change=_link)
book("formula.xlsx", {"Members": GRID}, {"Members": {2: "", 3: "C116", 4: ""}}, change=_formula)
book("numbers-and-dates.xlsx", {"Members": GRID}, {"Members": CLEAN}, change=_numbers)
book(
    "address-broken.xlsx",
    {"Members": [*GRID[:2], cells("NO,,Ola Skisse,mailto:ola@no.example,")]},
    {"Members": {2: "", 3: "C109"}},
)
PLAIN_BOOK = next(case.content for case in CASES if case.file == "clean.xlsx")
BOMB = b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "bb"><!ENTITY c "&b;&b;">]><a>&c;</a>'
CASES.append(Case("entities.xlsx", repack(PLAIN_BOOK, {"xl/sharedStrings.xml": BOMB}), {}, "C016"))
CASES.append(
    Case("zip-bomb.xlsx", repack(PLAIN_BOOK, {}, {"xl/media/a.xml": bytes(30_000_000)}), {}, "C014")
)
CASES.append(Case("way-out.xlsx", repack(PLAIN_BOOK, {}, {"../../evil.xml": b"<a/>"}), {}, "C016"))
CASES.append(Case("cut-off.xlsx", PLAIN_BOOK[:-900], {}, "C002"))
CASES.append(Case("no-workbook.xlsx", repack(PLAIN_BOOK, {"xl/workbook.xml": None}), {}, "C002"))
CASES.append(
    Case(
        "broken-part.xlsx",
        repack(PLAIN_BOOK, {"xl/worksheets/sheet1.xml": b"<worksheet><sheetData><row"}),
        {},
        "C002",
    )
)
CASES.append(
    Case(
        "macros.xlsm",
        repack(PLAIN_BOOK, {}, {"xl/vbaProject.bin": b"macro"}),
        {},
        "C026",
        {"Members": CLEAN},
    )
)
CASES.append(
    Case(
        "links-to-files.xlsx",
        repack(PLAIN_BOOK, {}, {"xl/externalLinks/externalLink1.xml": b"<a/>"}),
        {},
        "C018",
        {"Members": CLEAN},
    )
)
with zipfile.ZipFile(io.BytesIO(PLAIN_BOOK)) as archive:
    SHEET = archive.read("xl/worksheets/sheet1.xml")
FAR = b'<row r="1048576"><c r="A1048576" t="inlineStr"><is><t>x</t></is></c></row></sheetData>'
CASES.append(
    Case(
        "far-below.xlsx",
        repack(PLAIN_BOOK, {"xl/worksheets/sheet1.xml": SHEET.replace(b"</sheetData>", FAR)}),
        {},
        "C015",
    )
)
RIGHT = b'<row r="9"><c r="XFD9" t="inlineStr"><is><t>x</t></is></c></row></sheetData>'
CASES.append(
    Case(
        "far-right.xlsx",
        repack(PLAIN_BOOK, {"xl/worksheets/sheet1.xml": SHEET.replace(b"</sheetData>", RIGHT)}),
        {},
        "C014",
    )
)

ods("clean.ods", [boxes(HEAD), boxes(ANNA), boxes(OLA), boxes(KARI)], CLEAN)
ods("clean-title-rows.ods", [[cell("Members")], [], boxes(HEAD), boxes(ANNA)], {4: ""})
ods(
    "clean-repeated-columns.ods",
    [
        boxes(HEAD),
        [
            cell("NO"),
            cell(numbercolumnsrepeated="1"),
            cell("Anna Prøve"),
            cell("anna@no.example"),
            cell(numbercolumnsrepeated="1020"),
        ],
    ],
    {2: ""},
)
ods(
    "hidden-row.ods",
    [boxes(HEAD), boxes(ANNA), ("collapse", boxes(OLA)), boxes(KARI)],
    {2: "", 3: "C161", 4: ""},
)
ods(
    "filtered-rows.ods",
    [boxes(HEAD), boxes(ANNA), ("filter", boxes(OLA)), boxes(KARI)],
    {2: "", 3: "C161", 4: ""},
)
ods("hidden-tab.ods", [boxes(HEAD), boxes(ANNA)], {2: "C162"}, hidden=True)
ods(
    "formula.ods",
    [
        boxes(HEAD),
        [
            *boxes("NO,,Anna Prøve"),
            cell("anna@no.example", formula='of:="anna"&"@no.example"'),
            cell("en"),
        ],
    ],
    {2: "C116"},
)


def _linked(target: str, words: str) -> TableCell:
    box = TableCell(valuetype="string")
    paragraph = P()
    paragraph.addElement(A(href=target, text=words))
    box.addElement(paragraph)
    return box


ods("links.ods", [
    boxes(HEAD),
    [*boxes("NO,,Anna Prøve"), _linked("mailto:anna@no.example", "anna@no.example")],
    [*boxes("NO,,Ola Skisse"), _linked("mailto:kari@no.example", "ola@no.example")],
], {2: "", 3: "C117"})  # fmt: skip
ods(
    "address-twice.ods",
    [boxes(HEAD), boxes(ANNA), boxes("NO,,Ola Skisse,anna@no.example,")],
    {2: "", 3: "C102"},
)
PLAIN_ODS = next(case.content for case in CASES if case.file == "clean.ods")
with zipfile.ZipFile(io.BytesIO(PLAIN_ODS)) as archive:
    CONTENT = archive.read("content.xml")
    MANIFEST = archive.read("META-INF/manifest.xml")
CASES.append(Case("repeated-rows.ods", repack(PLAIN_ODS, {"content.xml": CONTENT.replace(
    b"<table:table-row", b'<table:table-row table:number-rows-repeated="900000"', 2)}), {},
        "C014"))  # fmt: skip
CASES.append(Case("entities.ods", repack(PLAIN_ODS, {"content.xml": BOMB}), {}, "C016"))
CASES.append(Case("encrypted.ods", repack(PLAIN_ODS, {"META-INF/manifest.xml": MANIFEST.replace(
    b"</manifest:manifest>", b"<manifest:encryption-data/></manifest:manifest>")}), {},
        "C003"))  # fmt: skip
CASES.append(Case("broken.ods", repack(PLAIN_ODS, {"content.xml": CONTENT[:-40]}), {}, "C002"))
CASES.append(Case("ods-named.xlsx", PLAIN_ODS, {}, "", {"Members": CLEAN}))

# ---------------------------------------------------------------- lists as they come from elsewhere

text(
    "vacant-seats",
    f"{HEAD}\n{ANNA}\nNO,substitute,Vacant,,\nNO,substitute,Vacant,,\nNO,substitute,ZZ...,office@no.example,\nNO,,Ms"
    " ZZ,,\nNO,,N.N.,,\nNO,,À désigner,,\n",
    {2: ""} | dict.fromkeys(range(3, 9), "C147"),
)
text(
    "vacant-seat-two-columns",
    "Country,First name,Last"
    " name,E-mail\nNO,Anna,Prøve,anna@no.example\nNO,,Vacancy,\nNO,Ola,Vacant,ola@no.example\n",
    {2: "", 3: "C147", 4: ""},
)
for name, who, codes in [
    ("replacement", "J\ufffdrgen Mock", "C148"), ("question-mark", "K?the Mock", "C148"),
    ("first-letter", "Anna ?ukasz", "C148"), ("entity", "J&uuml;rgen Mock", "C143"),
    ("entity-number", "O&#39;Mock Per", "C143"), ("footnote", "Ola SKISSE *", "C146"),
    ("superscript", "Ola SKISSE¹", "C146"), ("party", "Ola SKISSE (AP)", "C146"),
    ("numbered", "2. Ola Skisse", "C146"), ("two-people", "Ola/Per Skisse", "C146"),
    ("dash", "-", "C140"), ("zero", "0", "C140"), ("nickname", "William (Bill) SAMPLE", ""),
    ("catalan", "Jordi GAL·LAMOSTRA", ""), ("composed-apart", "Jose\u0301 EJEMPLO", ""),
    ("civility-behind", "SAMPLE Anna Maria (Ms)", ""), ("quotes", "Anna “Ann” SAMPLE", ""),
    ("numeral", "Ola SKISSE III", ""),
]:  # fmt: skip
    one(f"name-{name}", f"NO,substitute,{who},somebody@no.example,", codes)
for name, country, codes in [
    ("twice-over", "Norvège / Norway", ""), ("code-and-name", "NO - Norway", ""),
    ("code-behind", "Norway (NO)", ""), ("of", "Delegation of Norway", ""),
    ("and-house", "Norway (Stortinget)", "C120"), ("two", "Norway / Sweden", "C120"),
    ("abbreviated", "Czech Rep.", "C120"),
]:  # fmt: skip
    one(f"delegation-{name}", f'"{country}",substitute,Ola Skisse,ola@no.example,', codes)
for name, role, codes in [
    ("and-office", "Representative, Vice-President of the Assembly", ""),
    ("chair-behind", "Representative (Chair of the delegation)", ""),
    ("twice-over", "suppléant / substitute", ""), ("plural", "Substitutes", ""),
    ("two", "representative / substitute", "C130"),
]:  # fmt: skip
    one(f"role-{name}", f'NO,"{role}",Ola Skisse,ola@no.example,', codes)
one("language-twice-over", "NO,,Ola Skisse,ola@no.example,anglais / English", "")
one("language-two", "NO,,Ola Skisse,ola@no.example,EN/FR", "C132")
one("person-twice-one-without-address", "NO,,PRØVE Anna,,", "C100 C142")
one("person-same-row-twice", ANNA, "C102")
text("gender-as-civility", f"{WIDE}\nNO,,Ola Skisse,ola@no.example,Mr,,,\n", {2: ""})
for name, words, codes in [
    ("labelled", "E-mail: ola@no.example", "C110"), ("bullet", "• ola@no.example", "C111"),
    ("asterisk", "*ola@no.example", "C111"), ("curly-quotes", "“ola@no.example”", "C111"),
    ("no-break-blank-inside", "ola\u00a0@no.example", "C101"),
    ("comma-for-dot", "ola@no,example", "C101"), ("no-words-german", "keine E-Mail", "C100"),
    ("no-words-french", "à compléter", "C100"), ("error-value", "#N/A", "C166"),
    ("display-link", "[ola@no.example](mailto:ola@no.example)", "C110"),
    ("apostrophe-inside", "ola.o'skisse@no.example", ""),
]:  # fmt: skip
    address(name, words, codes)
text(
    "headings-again",
    f"{HEAD}\n{ANNA}\n{HEAD}\n{KARI}\n",
    {2: "", 3: "C163", 4: ""},
)
text(
    "states-as-headings",
    "Name,E-mail\nALBANIA,\nMs Anna SHEMBULL,a@al.example\nMr Ben"
    " SHEMBULL,b@al.example\nAndorre,\nMs Carla EXEMPLE,c@ad.example\n",
    {2: "C163", 3: "", 4: "", 5: "C163", 6: ""},
)
text(
    "roles-as-headings",
    "Country,Name,E-mail\nRepresentatives,,\nNO,Anna"
    " Prøve,anna@no.example\n,,\nSubstitutes,,\nNO,Ola Skisse,ola@no.example\n",
    {2: "C163", 3: "", 5: "C163", 6: ""},
)
text(
    "state-in-title",
    "Delegation of Norway,,\nName,E-mail,R/S\nAnna Prøve,anna@no.example,R\n",
    {3: ""},
    whole="C124",
)
text(
    "name-with-state",
    'Country,Name,E-mail\nNO,"Ola SKISSE, Norway",ola@no.example\nNO,"Per Utkast,'
    ' Norway",per@no.example\n',
    {2: "C146", 3: "C146"},
)
text(
    "clean-salutation-column",
    "Country,Salutation,Name,E-mail\nNO,Mr,Ola Skisse,ola@no.example\nNO,Dear Anna,Anna"
    " Prøve,anna@no.example\n",
    {2: "", 3: ""},
)
text(
    "clean-civility-and-title",
    "Country,Title,Name,E-mail\nNO,Mr Dr,Ola Skisse,ola@no.example\nNO,Ms,Anna"
    " Prøve,anna@no.example\n",
    {2: "", 3: ""},
)
text(
    "state-in-first-row-only",
    "Country,Name,E-mail\nNorway,Anna Prøve,anna@no.example\n,Ola Skisse,ola@no.example\n",
    {2: "", 3: "C120"},
)
text(
    "sweden",
    "Country,Name,E-mail\n,Åsa Skiss,asa@se.example\n,Per Utkast,per@se.example\n",
    {2: "", 3: ""},
    whole="C124",
)
text(
    "column-without-heading",
    "Country,Name,,E-mail\nNO,Anna,Prøve,anna@no.example\nNO,Ola,,ola@no.example\n",
    {},
    whole="C017@1 C025@1",
)
text(
    "clean-rows-counted",
    ",Country,Name,E-mail\n1,NO,Anna Prøve,anna@no.example\n2.,NO,Ola Skisse,ola@no.example\n",
    {2: "", 3: ""},
)
text(
    "clean-outlook",
    '"Title","First Name","Middle Name","Last Name","Suffix","Company","Business'
    ' Country/Region","E-mail Address","E-mail'
    ' Type"\n"Ms","Karin","S.","Prøvesen","","","Norway","karin@no.example","SMTP"\n',
    {2: ""},
)
text(
    "clean-google-contacts",
    "Name,Given Name,Additional Name,Family Name,E-mail 1 - Type,E-mail 1 - Value,Country\n"
    "Karin S. Prøvesen,Karin,S.,Prøvesen,Work,karin@no.example,Norway\n",
    {2: ""},
)
text(
    "clean-dutch",
    "Land;Voornaam;Tussenvoegsel;Achternaam;E-mailadres\nNederland;Jan;van"
    " der;Voorbeeld;jan@nl.example\n",
    {2: ""},
)
text(
    "clean-two-languages",
    "Pays / Country;Nom, prénom;Courriel / E-mail;Langue / Language\nNorvège / Norway;Mme PRØVE"
    " Anna;anna@no.example;fr\n",
    {2: ""},
)
text("macintosh-french",
     "Pays;Nom;Prénom;Courriel\nFrance;Château-Exemple;Héloïse;heloise.chateau@fr.example\n"
     "France;Lévêque;Noël;n.leveque@fr.example\n",
     TWO, encoding="mac_roman", whole="C007")  # fmt: skip
text("dos-german", GERMAN, TWO, encoding="cp850", whole="C007")
CASES.append(
    Case(
        "two-encodings.csv",
        PLAIN.encode() + "NO,,Kåre Skisse,kaare@no.example,\n".encode("cp1252"),
        {},
        "C006@5",
    )
)


def _merged(made: xlsxwriter.Workbook) -> None:
    made.get_worksheet_by_name("Members").merge_range("A2:A4", "Norway")


def _two_rows_of_headings(made: xlsxwriter.Workbook) -> None:
    sheet = made.get_worksheet_by_name("Members")
    sheet.merge_range("A1:A2", "Country")
    sheet.merge_range("B1:C1", "Name")
    sheet.merge_range("D1:D2", "E-mail")


book("clean-merged-state.xlsx",
     {"Members": [row if at == 0 else ["", *row[1:]] for at, row in enumerate(GRID)]},
     {"Members": CLEAN}, change=_merged)  # fmt: skip
book(
    "clean-two-rows-of-headings.xlsx",
    {"Members": [[], ["", "First name", "Last name"], ["NO", "Anna", "Prøve", "anna@no.example"]]},
    {"Members": {3: ""}},
    change=_two_rows_of_headings,
)
book(
    "hidden-column.xlsx",
    {"Members": GRID},
    {"Members": CLEAN},
    "C027@1",
    change=lambda made: made.get_worksheet_by_name("Members").set_column(
        "D:D", None, None, {"hidden": True}
    ),
)  # type: ignore[union-attr]
BARE = b"".join(b'<row><c t="inlineStr"><is><t>x</t></is></c></row>' for _ in range(200_001))
CASES.append(
    Case(
        "rows-without-numbers.xlsx",
        repack(
            PLAIN_BOOK,
            {"xl/worksheets/sheet1.xml": SHEET.replace(b"</sheetData>", BARE + b"</sheetData>")},
        ),
        {},
        "C015",
    )
)
ods(
    "clean-merged-state.ods",
    [
        boxes(HEAD),
        [cell("Norway", numberrowsspanned="2", numbercolumnsspanned="1"), *boxes(ANNA)[1:]],
        [CoveredTableCell(), *boxes(OLA)[1:]],
    ],
    {2: "", 3: ""},
)
DEEP = b"<text:span>" * 100_000 + b"x" + b"</text:span>" * 100_000
CASES.append(
    Case(
        "deep.ods",
        repack(PLAIN_ODS, {"content.xml": CONTENT.replace(b"Anna Pr\xc3\xb8ve", DEEP)}),
        {},
        "C016",
    )
)
BLANKS = b'<text:s text:c="1000"/>' * 20_000
CASES.append(
    Case(
        "endless-blanks.ods",
        repack(PLAIN_ODS, {"content.xml": CONTENT.replace(b"Anna Pr\xc3\xb8ve", BLANKS)}),
        {},
        "C014",
    )
)


SHEETS = {case.file: case.content for case in CASES}


def verdicts() -> str:
    """Return what `verdicts.csv` holds: a line for each file, and for each row of each tab."""
    out = io.StringIO()
    lines = csv.writer(out, lineterminator="\n")
    lines.writerow(["file", "tab", "row", "codes"])
    for case in CASES:
        lines.writerow([case.file, "", "", case.whole])
        for tab, rows in (case.tabs or {"": case.rows}).items():
            lines.writerows(
                [case.file, tab, row, " ".join(sorted(codes.split()))]
                for row, codes in rows.items()
            )
    return out.getvalue()


if __name__ == "__main__":
    Path(__file__).with_name("verdicts.csv").write_text(verdicts(), encoding="utf-8")
