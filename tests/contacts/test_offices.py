"""Facts about lists as offices keep them: each kind of sheet that once went wrong, in other words,
other languages and other formats than the one that showed it.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from xml.sax.saxutils import escape

import openpyxl
import pytest
from openpyxl.worksheet.worksheet import Worksheet

from mailer.base.delegations import Delegations
from mailer.contacts.book import ContactBook, load_contacts
from mailer.contacts.edit.write import with_cells
from mailer.contacts.holds import load_holds
from mailer.contacts.sheets import vocabulary
from mailer.contacts.sheets.columns import field_of
from mailer.contacts.sheets.reader import read_bytes
from mailer.contacts.sheets.shown.number_format import shown

Cells = Sequence[Sequence[str | None]]
Seen = list[tuple[str, str, str]]
"""Name, delegation and, of who is left out, the code."""


def xlsx(rows: Cells, tab: str, change: Callable[[Worksheet], None] | None = None) -> bytes:
    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    sheet.title = tab
    for row in rows:
        sheet.append(row)
    if change:
        change(sheet)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def ods(rows: Sequence[Sequence[str]], tab: str, **parts: str) -> bytes:
    """Return an ODS; a cell that begins with "<" is XML."""
    lines = "".join(
        "<table:table-row>"
        + "".join(
            cell
            if cell.startswith("<")
            else f'<table:table-cell office:value-type="string"><text:p>{escape(cell)}</text:p>'
            "</table:table-cell>"
            for cell in row
        )
        + "</table:table-row>"
        for row in rows
    )
    spaces = "".join(
        f' xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
        for name in ("office", "table", "text")
    )
    content = (
        f'<office:document-content{spaces} xmlns:xlink="http://www.w3.org/1999/xlink"><office:body>'
        f'<office:spreadsheet><table:table table:name="{tab}">{lines}</table:table>'
        "</office:spreadsheet></office:body></office:document-content>"
    )
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as book:
        for name, part in ({"content.xml": content} | parts).items():
            book.writestr(name, part)
    return out.getvalue()


def load(root: Path, name: str, content: bytes | str) -> ContactBook:
    (root / "contacts").mkdir(parents=True)
    raw = content.encode() if isinstance(content, str) else content
    (root / "contacts" / name).write_bytes(raw)
    return load_contacts(root)


def seen(book: ContactBook) -> Seen:
    return [(c.name, c.delegation, c.problem.code if c.problem else "") for c in book.contacts]


def hints(book: ContactBook) -> str:
    return " ".join(p.suggestion or "" for p in book.problems)


MANIFEST = (
    '<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0">'
    '<manifest:file-entry manifest:full-path="content.xml" manifest:media-type="text/xml"/>'
    "</manifest:manifest>"
)
ANNA = "Name,E-mail\nAnna BEISPIEL,anna@x.example\n"


@pytest.mark.parametrize(
    ("file", "code"),
    [
        ("Deutschland_Mitglieder_2026.csv", "DE"), ("Délégation suisse (Suisse).csv", "CH"),
        ("pace-substitutes-ireland-v3 (final).csv", "IE"), ("UK members.csv", "GB"),
        ("депутати Україна 2025.csv", "UA"), ("Bosnia-Herzegovina_list.csv", "BA"),
        ("Türkiye delegasyonu.csv", "TR"), ("Norge 2026.csv", "NO"), ("IT list.csv", ""),
        ("NO e-mails.csv", ""), ("France and Spain.csv", ""),
    ],
)  # fmt: skip
def test_the_name_of_the_file_says_whose_people_these_are(
    tmp_path: Path, file: str, code: str
) -> None:
    ((_, delegation, left_out),) = seen(load(tmp_path, file, ANNA))
    assert (delegation, left_out) == (code, "" if code else "C120")


def _linked(sheet: Worksheet) -> None:
    sheet["B2"].hyperlink = "mailto:anna@x.example?subject=Hello"
    sheet["A3"].hyperlink = "mailto:bjorn@x.example"


def test_an_address_in_a_link_is_offered_wherever_the_link_stands(tmp_path: Path) -> None:
    rows = [["Name", "E-mail"], ["Anna BEISPIEL", "Courriel"], ["Bjorn PROVE", ""]]
    said = hints(load(tmp_path / "a", "a.xlsx", xlsx(rows, "Norway", _linked)))
    assert "leads to anna@x.example; is it that?" in said
    assert "the link of A3 leads to bjorn@x.example; is it that?" in said


def test_an_address_in_a_link_of_an_ods_is_offered(tmp_path: Path) -> None:
    link = (
        '<table:table-cell><text:p><text:a xlink:href="mailto:anna@x.example">Write</text:a>'
        "</text:p></table:table-cell>"
    )
    book = load(tmp_path, "a.ods", ods([["Name", "E-mail"], ["Anna BEISPIEL", link]], "Norway"))
    assert "leads to anna@x.example" in hints(book)


def _renamed(content: bytes, change: Callable[[str], str]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as book, zipfile.ZipFile(out, "w") as other:
        for name in book.namelist():
            other.writestr(change(name), book.read(name))
    return out.getvalue()


TWO = [["Name", "E-mail"], ["Anna BEISPIEL", "anna@x.example"]]


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("a.xlsx", _renamed(xlsx(TWO, "Norway"), lambda name: name.replace("/", "\\"))),
        ("a.ods", _renamed(ods(TWO, "Norway"), lambda name: f"./{name}")),
        ("a.ods", ods(TWO, "Norway")),  # no part "mimetype"
        ("a.ods", xlsx(TWO, "Norway")),
        ("a.xlsx", ods(TWO, "Norway")),
    ],
    ids=["backslashes", "a dot before", "no type", "an XLSX called ODS", "an ODS called XLSX"],
)
def test_odd_archives_are_read(tmp_path: Path, file: str, content: bytes) -> None:
    assert seen(load(tmp_path, file, content)) == [("Anna BEISPIEL", "NO", "")]


@pytest.mark.parametrize("encoding", ["cp437", "cp850", "cp852", "cp1252", "mac_roman", "latin-1"])
@pytest.mark.parametrize("name", ["Şükrü ÖRNEK", "Ганна ЗРАЗОК", "José MUÑOZ"])
def test_letters_that_were_broken_are_not_written_to(
    tmp_path: Path, encoding: str, name: str
) -> None:
    broken = name.encode().decode(encoding, "replace")
    ((_, _, code),) = seen(load(tmp_path, "norway.csv", f"Name,E-mail\n{broken},a@x.example\n"))
    assert code in ("C143", "C144", "C148")


def test_names_whose_letters_could_be_a_broken_hebrew_are_none(tmp_path: Path) -> None:
    assert seen(load(tmp_path, "spain.csv", "Name,E-mail\nÍñigo EJEMPLO,a@x.example\n")) == [
        ("Íñigo EJEMPLO", "ES", "")
    ]


LISTS = {
    "GR": ["Γιώργος Παράδειγμα,giorgos.paradeigma@x.gr", "Άννα Δείγμα,anna.deigma@x.gr"],
    "LT": ["Žydrūnas Pavyzdys,zydrunas.pavyzdys@x.lt", "Šarūnė Bandymė,sarune.bandyme@x.lt"],
    "UA": ["Їжак Приклад,yizhak.pryklad@x.ua", "Євген Ґанок,yevhen.hanok@x.ua"],
    "IS": ["Þórdís Dæmi,thordis.daemi@x.is", "Guðrún Sýnishorn,gudrun.synishorn@x.is"],
    "RO": ["Ştefan Exemplu,stefan.exemplu@x.ro", "Răzvan Ţintă,razvan.tinta@x.ro"],
    "HR": ["Željko Primjer,zeljko.primjer@x.hr", "Đurđa Čačić,durda.cacic@x.hr"],
}


@pytest.mark.parametrize(
    ("of", "encoding"),
    [
        ("GR", "iso8859_7"), ("GR", "cp869"), ("LT", "iso8859_13"), ("LT", "cp775"),
        ("UA", "cp1125"), ("UA", "mac_cyrillic"), ("IS", "cp861"), ("IS", "mac_iceland"),
        ("RO", "cp1250"), ("HR", "mac_croatian"), ("HR", "cp852"),
    ],
)  # fmt: skip
def test_encodings_of_all_members_are_read(tmp_path: Path, of: str, encoding: str) -> None:
    text = "Name,E-mail,Country\n" + "".join(f"{line},{of}\n" for line in LISTS[of])
    book = load(tmp_path, "a.csv", text.encode(encoding))
    assert [c.name for c in book.contacts] == [line.split(",")[0] for line in LISTS[of]]


def test_letters_that_nobody_can_know_refuse_the_file(tmp_path: Path) -> None:
    names = ["Ганна Зразок", "Їжак Приклад", "Софія Ґудзь"]
    text = "Name,E-mail\n" + "".join(f"{n},a{at}@x.example\n" for at, n in enumerate(names))
    swapped = bytes(byte ^ 0x55 if byte > 127 else byte for byte in text.encode("cp1251"))
    book = load(
        tmp_path,
        "a.csv",
        bytes(byte | 0x80 if byte < 32 and byte not in (10, 13) else byte for byte in swapped),
    )
    assert not [c for c in book.contacts if not c.skip]


PROVEN: dict[str, tuple[str, bytes | str, Seen]] = {
    "Länder of Germany, in a file that says Germany": (
        "germany.csv",
        "Name;E-mail;Land\nA BEISPIEL;a@x.example;BE\nB PROVE;b@x.example;BY\n"
        "C REIM;c@x.example;SH\n",
        [("A BEISPIEL", "DE", ""), ("B PROVE", "DE", ""), ("C REIM", "DE", "")],
    ),
    "a country beside a Bundesland": (
        "a.csv",
        "Name;E-mail;Land;Bundesland\nA BEISPIEL;a@x.example;Deutschland;Berlin\n",
        [("A BEISPIEL", "DE", "")],
    ),
    "how a mandate stands": (
        "italia.xlsx",
        xlsx(
            [
                ["Nome", "Cognome", "E-mail", "Stato"],
                ["Anna", "Esempio", "a@x.example", "In carica"],
            ],
            "Foglio1",
        ),
        [("Anna Esempio", "IT", "")],
    ),
    "two columns of a country, one empty": (
        "a.csv",
        "Név,E-mail cím,Ország,Küldöttség\nMinta A,a@x.example,Magyarország,\n",
        [("Minta A", "HU", "")],
    ),
    "two countries in one row": (
        "a.csv",
        "Display Name,E-mail,Home Country,Work Country\nA Sample,a@x.example,Germany,Norway\n"
        "B Trial,b@x.example,Germany,\n",
        [("A Sample", "DE", "C164"), ("B Trial", "DE", "")],
    ),
    "Outlook in German": (
        "a.csv",
        "Anrede,Vorname,Weitere Vornamen,Nachname,Firma,Land/Region geschäftlich,E-Mail-Adresse,"
        "E-Mail: Angezeigter Name,Geschlecht\nFrau,Karin,,Prøvesen,X,Norwegen,k@x.example,K,"
        "Keine Angabe\n",
        [("Karin Prøvesen", "NO", "")],
    ),
    "Outlook in French": (
        "a.csv",
        "Titre,Prénom,Deuxième prénom,Nom,Société,Pays/Région (bureau),Adresse de messagerie,Sexe\n"
        "Mme,Karin,,Prøvesen,X,Norvège,k@x.example,Non spécifié\n",
        [("Karin Prøvesen", "NO", "")],
    ),
    "Outlook, home before work": (
        "a.csv",
        "First Name,Last Name,Home Country/Region,Business Country/Region,E-mail Address\n"
        "Karin,Prøvesen,,Norway,k@x.example\n",
        [("Karin Prøvesen", "NO", "")],
    ),
    "Thunderbird in German": (
        "a.csv",
        "Vorname,Nachname,Anzeigename,Primäre E-Mail-Adresse,Sekundäre E-Mail-Adresse,"
        "Land (privat),Land (dienstlich)\nKarin,Prøvesen,Karin Prøvesen,k@x.example,,,Norwegen\n",
        [("Karin Prøvesen", "NO", "")],
    ),
    "Thunderbird in French": (
        "a.csv",
        "Prénom,Nom de famille,Nom à afficher,Première adresse électronique,Pays\n"
        "Karin,Prøvesen,Karin Prøvesen,k@x.example,Norvège\n",
        [("Karin Prøvesen", "NO", "")],
    ),
    "ministries with short domains": (
        "denmark.csv",
        "Name,E-mail\nA EKSEMPEL,a@ft.dk\nB MODEL,b@ft.dk\nC PROVE,c@ft.dk\nD REIM,d@um.dk\n"
        "E VERS,e@fmn.dk\n",
        [(name, "DK", "") for name in ("A EKSEMPEL", "B MODEL", "C PROVE", "D REIM",
                                               "E VERS")],
    ),
    "another parliament of the same name": (
        "a.csv",
        "Name,E-mail,Country\nA SAMPLE,a@parliament.uk,UK\nB MODEL,b@parliament.uk,UK\n"
        "C PROBE,c@parliament.uk,UK\nD VERSE,d@parliment.uk,UK\nE TRIAL,e@parliament.scot,UK\n",
        [
            ("A SAMPLE", "GB", ""), ("B MODEL", "GB", ""), ("C PROBE", "GB", ""),
            ("D VERSE", "GB", "C104"), ("E TRIAL", "GB", ""),
        ],
    ),
    "errors in the words of other programs": (
        "norway.csv",
        "Name;E-mail\n#NV;#NV\n#BEZUG!;a@x.example\n#¡REF!;b@x.example\n#N/D;c@x.example\n"
        "#ССЫЛКА!;d@x.example\n#NOM?;e@x.example\nErr:502;f@x.example\nA BEISPIEL;#WERT!\n",
        [("", "NO", "C166")] * 8,
    ),
    "roles as headings in many languages": (
        "norway.csv",
        "Name,E-mail\nAlternate members:,\nMs A MUSTER,a@x.example\nMembri titolari,\n"
        "Ms B MUSTER,b@x.example\n",
        [("", "NO", "C163"), ("A MUSTER", "NO", ""), ("", "NO", "C163"), ("B MUSTER", "NO", "")],
    ),
    "delegations as headings, numbered and counted": (
        "a.csv",
        "Name,E-mail\nAUSTRIA (6 + 6),\nMs A MUSTER,a@x.example\n4. Azerbaijan,\n"
        "Ms B MUSTER,b@x.example\nBELGIUM: 7 seats,\nMs C MUSTER,c@x.example\n"
        "Délégation de la France,\nMs D MUSTER,d@x.example\nObservers and guests,\n"
        "Ms E MUSTER,e@x.example\n",
        [
            ("", "AT", "C163"), ("A MUSTER", "AT", ""), ("", "AZ", "C163"), ("B MUSTER", "AZ", ""),
            ("", "BE", "C163"), ("C MUSTER", "BE", ""), ("", "FR", "C163"), ("D MUSTER", "FR", ""),
            ("", "", "C168"), ("E MUSTER", "", "C120"),
        ],
    ),
    "a person without an address between headings": (
        "a.csv",
        "Name,E-mail\nAUSTRIA,\nHans Muster,\nMs A MUSTER,a@x.example\n",
        [("", "AT", "C163"), ("Hans Muster", "AT", "C100"), ("A MUSTER", "AT", "")],
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", PROVEN)
def test_a_sheet_is_read_as_it_is_meant(tmp_path: Path, what: str) -> None:
    file, content, expected = PROVEN[what]
    assert seen(load(tmp_path, file, content)) == expected


HALVES: dict[str, tuple[str, bytes | str]] = {
    "a surname alone": ("a.csv", "Sukunimi,Sähköposti,Maa\nEsimerkki,a@x.example,FI\n"),
    "a given name beside a column that is not known": (
        "a.xlsx",
        xlsx(
            [
                ["Nome próprio", "Outro", "E-mail"],
                ["Ana", "Exemplo", "a@x.example"],
                ["Rui", "Modelo", "b@x.example"],
            ],
            "Portugal",
        ),
    ),
    "a heading over two columns": (
        "a.xlsx",
        xlsx(
            [["Name", None, "E-mail"], ["Anna", "BEISPIEL", "a@x.example"], ["Bo", "PROVE", "b@x"]],
            "Norway",
            lambda sheet: sheet.merge_cells("A1:B1"),
        ),
    ),
    "such a heading in an ODS": (
        "a.ods",
        ods(
            [
                [
                    '<table:table-cell table:number-columns-spanned="2"><text:p>Name</text:p>'
                    "</table:table-cell>",
                    "<table:covered-table-cell/>",
                    "E-mail",
                ],
                ["Anna", "BEISPIEL", "a@x.example"],
                ["Bo", "PROVE", "b@x.example"],
            ],
            "Norway",
        ),
    ),
}


@pytest.mark.parametrize("what", HALVES)
def test_half_a_name_is_a_question_and_no_letter(tmp_path: Path, what: str) -> None:
    book = load(tmp_path, *HALVES[what])
    assert "C017" in [p.code for p in book.problems]
    assert not [c for c in book.contacts if not c.skip]


def test_languages_are_known_however_programs_write_them(tmp_path: Path) -> None:
    said = {
        "Deutsch (Deutschland)": "de", "pt-PT": "pt", "en_GB": "en", "Norwegian Bokmål": "no",
        "English - United Kingdom": "en", "de_AT.UTF-8": "de", "français (Canada)": "fr",
        "FR/EN": "", "English and French": "",
    }  # fmt: skip
    rows = "".join(f"A MUSTER{'a' * at},a{at}@x.example,{word}\n" for at, word in enumerate(said))
    book = load(tmp_path, "germany.csv", f"Name,E-mail,Language\n{rows}")
    assert [c.language for c in book.contacts] == list(said.values())


LEFT_OUT: dict[str, tuple[str, str]] = {
    # the columns of a tool's export, and one row for each person: "!" for who is left out
    "Mailchimp": (
        "Email Address,Name,Country,UNSUB_TIME,UNSUB_CAMPAIGN_TITLE,CLEAN_TIME",
        "!2024-05-01 10:00:00,May,;,,;!,,2024-05-01 10:00:00",
    ),
    "Mailchimp's audience": (
        "Email,Name,Country,Email Marketing Status",
        "!Unsubscribed;Subscribed;!Non-Subscribed;!Cleaned",
    ),
    "CiviCRM": (
        "Email,Name,Country,Do Not Email,Do Not Phone,No Bulk Emails (User Opt Out),Deceased,"
        "On Hold",
        "!Yes,No,No,No,No;No,Yes,No,No,No;!No,No,Yes,No,No;!No,No,No,Yes,No;"
        "!No,No,No,No,On Hold Bounce",
    ),
    "CiviCRM's names": (
        "Email,Name,Country,do_not_email,is_opt_out,is_deceased,on_hold",
        "!1,0,0,0;!0,1,0,0;!0,0,1,0;!0,0,0,1;0,0,0,0",
    ),
    "Salesforce": (
        "Email,Name,Country,HasOptedOutOfEmail,DoNotCall,EmailBouncedReason,IsEmailBounced",
        "!TRUE,FALSE,,FALSE;FALSE,TRUE,,FALSE;!FALSE,FALSE,550,TRUE",
    ),
    "HubSpot": (
        "Email,Name,Country/Region,Unsubscribed from all email,Email hard bounce reason",
        "!Yes,;,;!No,Mailbox does not exist;false,",
    ),
    "listmonk": ("email,name,country,status", "!blocklisted;enabled;!disabled"),
    "listmonk's list": (
        "email,name,country,status,subscription_status",
        "!enabled,unsubscribed;enabled,confirmed",
    ),
    "Brevo": ("EMAIL,NAME,COUNTRY,BLACKLISTED", "!Yes;No"),
    "a status": ("E-mail,Name,Country,Status", "!Unsubscribed;Active;!Deceased;!Bounced"),
    "German words": (
        "E-mail,Name,Land,Bitte nicht anschreiben,Abbestellt am", "!x,;!,2024-01-01;,",
    ),
    "French words": (
        "Courriel,Nom complet,Pays,Ne pas solliciter,Désabonné", "!Oui,;!Non,Oui;Non,Non",
    ),
    "a link to unsubscribe": ("Email,Name,Country,Unsubscribe link", "https://x.example/u/1;"),
}  # fmt: skip


@pytest.mark.parametrize("tool", LEFT_OUT)
def test_who_opted_out_in_another_tool_is_left_out(tmp_path: Path, tool: str) -> None:
    headings, people = LEFT_OUT[tool]
    rows = [
        f"a{at}@x.example,A MUSTER{'A' * at},NO,{person.lstrip('!')}"
        for at, person in enumerate(people.split(";"))
    ]
    book = load(tmp_path, "a.csv", "\n".join([headings, *rows]) + "\n")
    expected = ["C152" if person.startswith("!") else "" for person in people.split(";")]
    assert [code for _, _, code in seen(book)] == expected


def test_marks_of_booleans_are_heard_in_every_kind_of_sheet(tmp_path: Path) -> None:
    def true(sheet: Worksheet) -> None:
        sheet["D2"], sheet["D3"] = True, False

    rows = [["Name", "E-mail", "Country", "Do not email"], ["A MUSTER", "a@x.example", "NO"],
            ["B MUSTER", "b@x.example", "NO"]]  # fmt: skip
    marks = [
        f'<table:table-cell office:value-type="boolean" office:boolean-value="{value}">'
        f"<text:p>{value.upper()}</text:p></table:table-cell>"
        for value in ("true", "false")
    ]
    lines = [rows[0], [*rows[1], marks[0]], [*rows[2], marks[1]]]
    for at, (file, content) in enumerate(
        {"a.xlsx": xlsx(rows, "Members", true), "a.ods": ods(lines, "Members")}.items()
    ):
        book = load(tmp_path / str(at), file, content)
        assert [code for _, _, code in seen(book)] == ["C152", ""]


OTHER_TABS: dict[str, list[list[str]]] = {
    "Secretariats": [["Delegation", "Secretariat e-mail"], ["Norway", "pace@x.example"]],
    "Offices": [["Country", "E-mail"], ["Norway", "pace@x.example"]],
    "Secrétariats": [["Délégation", "Courriel du secrétariat"], ["Norvège", "s@x.example"]],
    "Read me": [["This workbook is for"], ["Contact: pace@x.example"]],
    "Totals": [["Country", "Members"], ["Norway", "10"]],
}


@pytest.mark.parametrize("tab", OTHER_TABS)
@pytest.mark.parametrize("first", [True, False])
def test_a_tab_of_no_members_stops_nothing_and_gets_no_letter(
    tmp_path: Path, tab: str, *, first: bool
) -> None:
    book = openpyxl.Workbook()
    members = book.worksheets[0]
    members.title = "Members"
    other = book.create_sheet(tab, 0 if first else 1)
    for row in [["Name", "E-mail", "Country"], ["Anna BEISPIEL", "anna@x.example", "NO"]]:
        members.append(row)
    for row in OTHER_TABS[tab]:
        other.append(row)
    out = io.BytesIO()
    book.save(out)
    found = load(tmp_path, "a.xlsx", out.getvalue())
    assert seen(found) == [("Anna BEISPIEL", "NO", "")]
    assert not found.broken
    assert [p.code for p in found.problems if p.sheet == tab] == ["C013"]


def test_sums_notes_and_titles_are_named_as_what_they_are(tmp_path: Path) -> None:
    rows = [
        ["Name", "E-mail", "Country"], ["Anna BEISPIEL", "a@x.example", "NO"], ["Total Norway"],
        ["Guests and observers"], ["Bo PROVE", "b@x.example", "SE"], ["Gesamtzahl", "", "12"],
        ["Anzahl der Mitglieder: 12"], ["* vice-president of the Assembly"],
        ["Source: website of the parliament"], ["Mise à jour : 3 mai"],
    ]  # fmt: skip
    expected = ["", "C167", "C168", "", *["C167"] * 5]
    for at, (file, content) in enumerate(
        {"a.xlsx": xlsx(rows, "Members"), "a.ods": ods(rows, "Members"),
         "a.csv": "".join(";".join(row) + "\n" for row in rows)}.items()
    ):  # fmt: skip
        found = load(tmp_path / str(at), file, content)
        codes = [
            "C167" if code == "C168" and n > 4 else code
            for n, (_, _, code) in enumerate(seen(found))
        ]
        assert codes == expected, file


@pytest.mark.parametrize(
    "text",
    [
        '"Delegation" , "Name" , "E-mail" , "Note"\n"NO" , "BEISPIEL, Anna" , "a@x" , "b, c"\n',
        'Delegation; Name; E-mail; Note\nNO; "BEISPIEL, Anna"; a@x; "b, c"\n',
        "Delegation\tName\tE-mail\tNote\nNO\t'BEISPIEL, Anna'\ta@x\tb, c\n",
        "Delegation;Name;E-mail;Note\nNO;“BEISPIEL, Anna”;a@x;b, c\n",
        '"Delegation","Name","E-mail","Note"\n"NO","BEISPIEL, Anna","a@x","b \\"x\\", c"\n',
    ],
)
def test_quotation_marks_are_no_part_of_a_name_and_corrections_keep_the_layout(
    tmp_path: Path, text: str
) -> None:
    book = load(tmp_path, "a.csv", text)
    assert seen(book) == [("Anna BEISPIEL", "NO", "C101")]
    cell = next(p.cell for p in book.problems if p.code == "C101")
    sheet = tmp_path / "contacts" / "a.csv"
    sheet.write_bytes(with_cells(sheet, {("", str(cell)): "anna@x.example"}))
    book = load_contacts(tmp_path)
    assert seen(book) == [("Anna BEISPIEL", "NO", "")]
    assert book.contacts[0].note in ("b, c", 'b "x", c')


def test_a_hold_list_with_broken_letters_holds_the_person_it_means(tmp_path: Path) -> None:
    (tmp_path / "_hold.csv").write_text(
        "address,name,delegation\n,SiÃ¢n Prøve,GB\n,Ð“Ð°Ð½Ð½Ð° Ð—Ñ€Ð°Ð·Ð¾Ðº,UA\n", encoding="utf-8"
    )
    holds = load_holds(tmp_path / "_hold.csv", Delegations.load())
    rows = "Name,E-mail,Country\nSiân Prøve,s@x.example,GB\nГанна Зразок,h@x.example,UA\n"
    people = load(tmp_path, "a.csv", rows).contacts
    assert [bool(holds.match(person)) for person in people] == [True, True]


@pytest.mark.parametrize(
    ("value", "code", "text"),
    [
        (1.5, "[h]:mm", "36:00"), (1.5, "[hh]:mm:ss", "36:00:00"), (0.0625, "[mm]:ss", "90:00"),
        (5.5, "£#,##0.00", "£5.50"), (-1200.0, "#,##0;(#,##0)", "(1,200)"),
        (0.0, '0;-0;"none"', "none"), (3.5, "_-* #,##0.00_-", "3.50"),
    ],
)  # fmt: skip
def test_more_formats_show_what_a_spreadsheet_program_shows(
    value: float, code: str, text: str
) -> None:
    assert shown(value, code) == text


def test_cells_of_an_ods_without_their_text_say_what_they_show(tmp_path: Path) -> None:
    cells = [
        f"<table:table-cell {value}/>"
        for value in (
            'office:value-type="percentage" office:value="0.125"',
            'office:value-type="currency" office:value="34.5" office:currency="EUR"',
            'office:value-type="time" office:time-value="PT14H30M00S"',
            'office:value-type="boolean" office:boolean-value="true"',
            'office:value-type="date" office:date-value="2027-03-04"',
        )
    ]
    rows = [["Name", "E-mail", "Country", *"ABCDF"], ["A MUSTER", "a@x.example", "NO", *cells]]
    (one,) = load(tmp_path, "a.ods", ods(rows, "Members")).contacts
    assert list(one.extra.values()) == ["12.5%", "34.5 EUR", "14:30:00", "TRUE", "2027-03-04"]


def test_a_second_count_of_the_rows_of_an_ods_finds_no_other_number(tmp_path: Path) -> None:
    """Counted by another library, whole document in memory: groups, header rows, repeated and
    hidden rows, rows of error values.
    """
    from odf.opendocument import load as opened
    from odf.table import TableCell, TableRow
    from odf.teletype import extractText

    rows = [["Name", "E-mail", "Country"]]
    for at in range(40):
        rows += [[f"A MUSTER{'X' * at}", f"a{at}@x.example", "NO"], *([[]] if at % 5 == 0 else [])]
    content = ods([*rows, ["#REF!", "#N/A", "NO"]], "Members")
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        text = archive.read("content.xml").decode()
    first = "<table:table-row>"
    text = text.replace(first, f"<table:table-header-rows>{first}", 1)
    text = text.replace("</table:table-row>", "</table:table-row></table:table-header-rows>", 1)
    begin = text.index(first, text.index("MUSTERXXX<"))
    text = text[:begin] + "<table:table-row-group>" + text[begin:]
    text = text.replace("</table:table>", "</table:table-row-group></table:table>")
    text = text.replace(first, '<table:table-row table:number-rows-repeated="2">', 9)
    text = text.replace(first, '<table:table-row table:visibility="collapse">', 12)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("content.xml", text)
        archive.writestr("META-INF/manifest.xml", MANIFEST)
    counted = sum(
        int(row.getAttribute("numberrowsrepeated") or 1)
        for row in opened(io.BytesIO(out.getvalue())).getElementsByType(TableRow)
        if any(extractText(cell).strip() for cell in row.getElementsByType(TableCell))
    )
    (table,) = read_bytes(".ods", "a.ods", out.getvalue()).tables
    assert len(table.rows) == counted
    book = load(tmp_path, "a.ods", out.getvalue())
    heads = sum(cells[0] == "Name" for _, cells in table.rows)
    assert len(book.contacts) == counted - 1
    assert heads == 2


MEANT = {
    "address": [
        "Member's e-mail", "MP's email address", "Email du député", "E-Mail des Mitglieds",
        "Adres e-mail posła", "Képviselő e-mail címe", "Vekilin e-postası", "E-Mail-Adresse 1",
        "E-mail/Courriel/E-Mail", "Имејл адреса", "E-naslov", "Էլ. փոստի հասցե", "E-poçt ünvanı",
        "Διεύθυνση ηλεκτρονικού ταχυδρομείου", "Adresa e e-mailit", "email_address",
    ],
    "name": [
        "Name of MP", "Nom du député", "Name des Mitglieds", "Nombre del diputado", "Cognome Nome",
        "Imię i nazwisko posła", "Nazwisko i imię posła", "Jméno poslance", "Képviselő neve",
        "Cognome e nome del deputato", "Фамилия, имя, отчество", "Surname/First name",
        "Прізвище, ім'я, по батькові", "Nimi (eesnimi ja perekonnanimi)",
    ],
    "given": ["Prénom du député", "Virnumm", "First name", "FIRST_NAME", "Utónév", "Üyenin adı"],
    "surname": ["Nonumm", "Családi név", "Last_Name", "Sloinne"],
    "delegation": ["Държава", "Земја", "Ülkesi", "Delegasyonu", "Land/Region", "Ülke kodu"],
}  # fmt: skip


@pytest.mark.parametrize(("field", "headings"), MEANT.items())
def test_headings_are_known_with_possessives_and_in_all_languages(
    field: str, headings: list[str]
) -> None:
    known = vocabulary.table("heading")
    meant = {heading: field_of(heading, known) for heading in headings}
    may = {"name", "given"} if field == "name" else {field}  # the cells say whether it is both
    assert {heading: one for heading, one in meant.items() if one not in may} == {}
