"""Facts about a newer list that is taken over: who comes and goes, what stays, and that it is
undone byte for byte.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from random import Random

import openpyxl
import pytest
from odf.opendocument import OpenDocumentSpreadsheet
from odf.table import Table, TableCell, TableRow
from odf.text import P
from openpyxl.comments import Comment
from openpyxl.styles import Font
from openpyxl.worksheet.datavalidation import DataValidation

from mailer.actions.sheets import bring_in, mend
from mailer.actions.sheets import update as updating
from mailer.actions.sheets.update import SheetUpdate
from mailer.base.errors import Refused, UsageError
from mailer.base.settings.workspace import Workspace, load_workspace
from mailer.contacts.book import load_contacts
from mailer.contacts.edit import listed
from mailer.contacts.holds import load_holds

DAY = date(2027, 1, 20)
CONFIG = (
    '[sender]\nfrom = "a@rights.example"\norganisation = "Rights"\n[smtp]\nhost ='
    ' "smtp.rights.example"\n'
)
Rows = Sequence[Sequence[str]]
HEAD = ("Country", "Role", "Name", "E-mail", "Our note")
OLD: Rows = (
    HEAD,
    ("NO", "representative", "Anna Berg", "a@no.example", "met her"),
    ("NO", "substitute", "Ola Skisse", "o@no.example", ""),
    ("NO", "substitute", "Kari Modell", "k@no.example", "phone first"),
    ("SE", "substitute", "Per Utkast", "p@se.example", ""),
    ("DE", "substitute", "Jan Probe", "j@de.example", "stays"),
)
NEW: Rows = (
    ("Name", "Delegation", "Function", "E-mail"),
    ("Anna Prøve", "Norway", "Representative", "a@no.example"),
    ("Kari Modell", "Norway", "Substitute", "kari@no.example"),
    ("Liv Ny", "Norway", "Substitute", "liv@no.example"),
    ("Per Utkast", "Sweden", "Substitute", "p@se.example"),
    ("Eva Ny", "Sweden", "Representative", "eva@se.example"),
)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    (tmp_path / "config.toml").write_text(CONFIG, encoding="utf-8")
    (tmp_path / "contacts").mkdir()
    return load_workspace(tmp_path)


def as_csv(rows: Rows) -> bytes:
    return "".join(";".join(row) + "\r\n" for row in rows).encode("cp1252")


def as_xlsx(rows: Rows) -> bytes:
    book = openpyxl.Workbook()
    for row in rows:
        book.worksheets[0].append(list(row))
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def as_ods(rows: Rows) -> bytes:
    document = OpenDocumentSpreadsheet()
    table = Table(name="Members")
    for row in rows:
        line = TableRow()
        for text in row:
            cell = TableCell(valuetype="string")
            cell.addElement(P(text=text))
            line.addElement(cell)
        table.addElement(line)
    document.spreadsheet.addElement(table)
    out = io.BytesIO()
    document.write(out)
    return out.getvalue()


KINDS = {"csv": as_csv, "xlsx": as_xlsx, "ods": as_ods}


def keep(workspace: Workspace, name: str, content: bytes) -> Path:
    path = workspace.contacts_dir / name
    path.write_bytes(content)
    return path


def newer(workspace: Workspace, rows: Rows, kind: str = "csv") -> Path:
    path = workspace.root / f"newer.{kind}"
    path.write_bytes(KINDS[kind](rows))
    return path


def taken(workspace: Workspace, name: str, source: Path, **said: Sequence[str]) -> SheetUpdate:
    done = updating.update(workspace, name, source, **said)
    updating.take_over(done, None, who="Ilse", day=DAY)
    return done


def people(workspace: Workspace) -> list[tuple[str, ...]]:
    return [
        (c.delegation, c.role, c.name, c.address, c.extra.get("Our note", "") or c.note)
        for c in load_contacts(workspace.root).contacts
    ]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("list_kind", KINDS)
def test_a_newer_list_is_taken_over_and_undone_byte_for_byte(
    workspace: Workspace, kind: str, list_kind: str
) -> None:
    sheet = keep(workspace, f"all.{kind}", KINDS[kind](OLD))
    before = sheet.read_bytes()
    done = taken(workspace, sheet.name, newer(workspace, NEW, list_kind))
    assert people(workspace) == [
        ("NO", "representative", "Anna Prøve", "a@no.example", "met her"),
        ("NO", "substitute", "Kari Modell", "kari@no.example", "phone first"),
        ("NO", "substitute", "Liv Ny", "liv@no.example", ""),
        ("SE", "substitute", "Per Utkast", "p@se.example", ""),
        ("SE", "representative", "Eva Ny", "eva@se.example", ""),
        ("DE", "substitute", "Jan Probe", "j@de.example", "stays"),
    ]
    turns = {turn.code: turn for turn in done.turns}
    assert [one.name for one in turns["NO"].left] == ["Ola Skisse"]
    assert [one.fields for one in turns["NO"].changed] == [
        {"address": ("k@no.example", "kari@no.example")},
        {"name": ("Anna Berg", "Anna Prøve")},
    ]
    assert done.untouched == ["DE"]
    mend.undo(workspace, None, sheet.name, who="Ilse")
    assert sheet.read_bytes() == before
    assert (
        people(taken(workspace, sheet.name, newer(workspace, NEW, list_kind)).workspace)[2][2]
        == "Liv Ny"
    )


def test_the_same_list_once_more_changes_nothing(workspace: Workspace) -> None:
    sheet = keep(workspace, "all.csv", as_csv(OLD))
    taken(workspace, "all.csv", newer(workspace, NEW))
    before = sheet.read_bytes()
    done = updating.update(workspace, "all.csv", newer(workspace, NEW))
    assert not done.changes
    assert updating.take_over(done, None, who="Ilse", day=DAY) is None
    assert sheet.read_bytes() == before


def test_what_was_corrected_here_stays_until_the_list_says_something_new(
    workspace: Workspace,
) -> None:
    wrong = [list(row) for row in OLD]
    wrong[1][3] = "mailto:a@no.example"
    wrong[2][3] = "ola@no.exampel"
    keep(workspace, "all.csv", as_csv(wrong))
    mend.repair(workspace, None, mend.repairs(workspace), who="Ilse")  # mailto: goes
    sheet = workspace.contacts_dir / "all.csv"
    sheet.write_bytes(sheet.read_bytes().replace(b"exampel", b"example"))  # in their own program
    list_ = [list(row[:4]) for row in wrong]
    done = taken(workspace, "all.csv", newer(workspace, list_))
    assert [(one.field, one.here) for one in done.decided.kept] == [
        ("address", "a@no.example"), ("address", "ola@no.example")
    ]  # fmt: skip
    assert [person[3] for person in people(workspace)[:2]] == ["a@no.example", "ola@no.example"]
    list_[2][3] = "skisse@no.example"
    taken(workspace, "all.csv", newer(workspace, list_))
    assert [person[3] for person in people(workspace)[:2]] == ["a@no.example", "skisse@no.example"]


def test_what_the_staff_wrote_beside_stays(workspace: Workspace) -> None:
    rows = [(*row[:4], "from the list" if at else "Note") for at, row in enumerate(OLD)]
    head = (*HEAD[:4], "Note")
    keep(workspace, "all.csv", as_csv([head, *OLD[1:]]))
    taken(workspace, "all.csv", newer(workspace, rows))
    assert [one[4] for one in people(workspace)] == [
        "met her", "from the list", "phone first", "from the list", "stays",
    ]  # fmt: skip


def test_a_hold_follows_to_a_new_name_and_address(workspace: Workspace) -> None:
    keep(workspace, "all.csv", as_csv(OLD))
    hold = (
        "address,name,delegation,because,since,by\nk@no.example,,,asked,2026-01-01,Jana\n"
        ",Anna Berg,NO,objected,2026-01-02,Jana\n"
    )
    workspace.hold_list.write_text(hold, encoding="utf-8")
    done = taken(workspace, "all.csv", newer(workspace, NEW))
    assert sorted(person.name for _, person in done.held) == ["Anna Prøve", "Kari Modell"]
    held = workspace.hold_list.read_text(encoding="utf-8")
    assert "kari@no.example,Kari Modell,NO,asked,2026-01-01,Jana" in held
    assert "a@no.example,Anna Prøve,NO,objected,2026-01-02,Jana" in held


def test_a_wish_that_the_list_has_and_the_sheet_has_no_column_for_is_kept(
    workspace: Workspace,
) -> None:
    rows = [
        ("Country", "Name", "E-mail", "Notes"),
        ("NO", "Anna Berg", "a@no.example", ""),
        ("NO", "Ola Skisse", "o@no.example", "phone first"),
        ("NO", "Kari Modell", "k@no.example", ""),
    ]
    keep(workspace, "all.csv", as_csv(rows))
    list_ = [
        ("Country", "Name", "E-mail", "Unsubscribed", "Said"),
        ("NO", "Anna Berg", "a@no.example", "yes", ""),
        ("NO", "Ola Skisse", "o@no.example", "", "asked not to be contacted"),
        ("NO", "Kari Modell", "k@no.example", "", "phones gladly"),
        ("NO", "Per Ny", "p@no.example", "yes", ""),
    ]
    done = taken(workspace, "all.csv", newer(workspace, list_))
    wished = ["Anna Berg", "Ola Skisse", "Per Ny"]
    assert [person.name for person, _ in done.wishes] == wished
    held = load_holds(workspace.hold_list, workspace.delegations)
    people = load_contacts(workspace.root).contacts
    assert [one.name for one in people if held.match(one)] == wished
    again = updating.update(workspace, "all.csv", newer(workspace, list_))
    assert not again.changes  # held already


def test_namesakes_stay_two_where_the_list_has_no_column_for_them(workspace: Workspace) -> None:
    rows = [
        ("Country", "Name", "E-mail", "Namesake", "Our note"),
        ("ES", "Maria Ejemplo", "m1@es.example", "yes", "first"),
        ("ES", "Maria Ejemplo", "m2@es.example", "yes", "second"),
    ]
    keep(workspace, "all.csv", as_csv(rows))
    list_ = [
        ("Name", "Country", "E-mail"),
        ("Maria Ejemplo", "Spain", "m3@es.example"),
        ("Maria Ejemplo", "Spain", "m1@es.example"),
        ("Eva Nueva", "Spain", "eva@es.example"),
        ("Eva Nueva", "Spain", "eva2@es.example"),
    ]
    done = taken(workspace, "all.csv", newer(workspace, list_))
    people = load_contacts(workspace.root).contacts
    assert [(one.address, one.extra.get("Our note", "")) for one in people] == [
        ("m1@es.example", "first"), ("m3@es.example", "second"), ("eva@es.example", ""),
    ]  # fmt: skip
    assert [one.address for one in done.twice] == ["eva2@es.example"]


def test_what_is_unsure_is_asked_once_and_remembered(workspace: Workspace) -> None:
    keep(workspace, "all.csv", as_csv(OLD))
    rows = [
        HEAD[:4],
        ("NO", "substitute", "Kari Modelli", "km@no.example"),
        *(row[:4] for row in OLD[1:3]),
        ("NO", "", "Per Utkast", "pu@no.example"),
    ]
    list_ = newer(workspace, rows)
    done = updating.update(workspace, "all.csv", list_)
    assert [(o.name, n.name, n.delegation) for o, n, _ in done.matching.asked] == [
        ("Kari Modell", "Kari Modelli", "NO"),
        ("Per Utkast", "Per Utkast", "NO"),
    ]
    with pytest.raises(Refused, match="Kari Modelli, Per Utkast"):
        updating.take_over(done, None, who="Ilse", day=DAY)
    with pytest.raises(UsageError, match="is called Nobody"):
        updating.update(workspace, "all.csv", list_, same=["Nobody"])
    taken(workspace, "all.csv", list_, same=["Kari Modelli"], other=["Per Utkast"])
    assert [(one[0], one[2]) for one in people(workspace)] == [
        ("NO", "Anna Berg"), ("NO", "Ola Skisse"), ("NO", "Kari Modelli"), ("NO", "Per Utkast"),
        ("SE", "Per Utkast"), ("DE", "Jan Probe"),
    ]  # fmt: skip
    mend.undo(workspace, None, "all.csv", who="Ilse")
    again = updating.update(workspace, "all.csv", list_)
    assert again.matching.asked == []
    assert "NO,Kari Modell,NO,Kari Modelli,yes,Ilse,2027-01-20" in (
        workspace.contacts_dir / "_same.csv"
    ).read_text(encoding="utf-8")


def test_rows_take_what_hangs_on_them_along(workspace: Workspace) -> None:
    book = openpyxl.Workbook()
    tab = book.worksheets[0]
    for row in OLD:
        tab.append(list(row))
    for row in (3, 4):
        tab.cell(row, 1).value = None
    tab.merge_cells("A2:A4")
    tab["E4"].comment = Comment("Kari's", "Ilse")
    tab["D6"].hyperlink = "mailto:j@de.example"
    choices = DataValidation(type="list", formula1='"representative,substitute"', sqref="B5")
    tab.add_data_validation(choices)
    path = workspace.contacts_dir / "all.xlsx"
    book.save(path)
    without = [row for row in NEW if row[0] != "Anna Prøve"]  # the top of the merged cell is gone
    taken(workspace, "all.xlsx", newer(workspace, without))
    assert people(workspace)[0][:3] == ("NO", "substitute", "Kari Modell")
    tab = openpyxl.load_workbook(path).worksheets[0]
    assert (tab["C2"].value, tab["A2"].value, tab["E2"].comment.text) == (
        "Kari Modell",
        "NO",
        "Kari's",
    )
    assert tab["D6"].hyperlink.target == "mailto:j@de.example"
    assert tab["C6"].value == "Jan Probe"
    assert [str(one.sqref) for one in tab.data_validations.dataValidation] == ["B4"]


def test_a_delegation_that_has_no_place_is_refused_and_nothing_is_written(
    workspace: Workspace,
) -> None:
    rows = [("", "Members", "", ""), ("Name", "E-mail"), ("NORWAY",), ("Anna Berg", "a@no.example")]
    sheet = keep(workspace, "all.csv", as_csv(rows))
    before = sheet.read_bytes()
    done = updating.update(workspace, "all.csv", newer(workspace, NEW))
    with pytest.raises(Refused, match=r"Eva Ny \(Sweden\) joined|Per Utkast \(Sweden\) joined"):
        updating.take_over(done, None, who="Ilse", day=DAY)
    assert sheet.read_bytes() == before


def test_a_list_without_delegations_is_of_the_sheets_own(workspace: Workspace) -> None:
    keep(workspace, "norway.csv", as_csv([row[1:] for row in OLD[:4]]))
    list_ = newer(workspace, [("Name", "E-mail"), ("Anna Berg", "new@no.example")])
    taken(workspace, "norway.csv", list_)
    assert [one[:4] for one in people(workspace)] == [
        ("NO", "representative", "Anna Berg", "new@no.example")
    ]


def test_who_stands_in_another_sheet_is_not_put_in_twice(workspace: Workspace) -> None:
    keep(workspace, "norway.csv", as_csv(OLD[:4]))
    keep(workspace, "sweden.csv", as_csv([HEAD, OLD[4]]))
    done = taken(workspace, "norway.csv", newer(workspace, NEW))
    assert [one.name for one in done.elsewhere] == ["Per Utkast"]
    assert [one[2] for one in people(workspace)].count("Per Utkast") == 1


def test_source_and_date_of_each_address_are_kept(workspace: Workspace) -> None:
    first = workspace.root / "first.csv"
    first.write_bytes(as_csv(OLD))
    bring_in.bring_in(workspace, None, first, "all", who="Ilse", day=date(2026, 3, 1))
    taken(workspace, "all.csv", newer(workspace, NEW))
    known = listed.load(workspace.contacts_dir / "all.csv", workspace.state_dir)
    assert known is not None
    found = {
        contact.name: (one.source, one.since)
        for contact in load_contacts(workspace.root).contacts
        if (one := known.of_address(contact))
    }
    assert found == {
        "Anna Prøve": ("first.csv", "2026-03-01"),
        "Kari Modell": ("newer.csv", "2027-01-20"),
        "Liv Ny": ("newer.csv", "2027-01-20"),
        "Per Utkast": ("first.csv", "2026-03-01"),
        "Eva Ny": ("newer.csv", "2027-01-20"),
        "Jan Probe": ("first.csv", "2026-03-01"),
    }


GIVEN = ("Anna", "Ola", "Kari", "Liv", "Per", "Eva", "Tor", "Nils", "Aud", "Siv")
SURNAMES = ("Berg", "Skisse", "Modell", "Ny", "Utkast", "Vik", "Moe", "Dahl", "Lund", "Prøve")
STATES = {"NO": "Norway", "SE": "Sweden", "DE": "Germany"}


def merged_states(rows: Rows) -> bytes:
    """Return a workbook in which each state is one cell over its people."""
    book = openpyxl.load_workbook(io.BytesIO(as_xlsx(rows)))
    tab, top = book.worksheets[0], 2
    for row in range(3, len(rows) + 2):
        if row > len(rows) or rows[row - 1][0] != rows[top - 1][0]:
            for below in range(top + 1, row):
                tab.cell(below, 1).value = None
            if row - top > 1:
                tab.merge_cells(start_row=top, end_row=row - 1, start_column=1, end_column=1)
            top = row
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


@pytest.mark.parametrize("seed", range(12))
def test_any_list_makes_its_own_people_of_any_sheet(workspace: Workspace, seed: int) -> None:
    random = Random(seed)
    names = [f"{given} {surname}" for given in GIVEN for surname in SURNAMES]
    random.shuffle(names)

    def address(name: str) -> str:
        return f"{name.lower().replace(' ', '.').replace('ø', 'o')}@x.example"

    old = sorted(
        (random.choice([*STATES]), random.choice(["representative", "substitute"]), name)
        for name in names[: random.randint(3, 14)]
    )
    rows = [HEAD, *((*one, address(one[2]), f"own {one[2]}") for one in old)]
    write = random.choice([merged_states, *KINDS.values()])
    kind = "xlsx" if write is merged_states else next(k for k, v in KINDS.items() if v is write)
    sheet = keep(workspace, f"all.{kind}", write(rows))
    before = sheet.read_bytes()
    newest: list[tuple[str, ...]] = []
    expected = set()
    for code, role, name in old:
        what = random.choice(["left", "renamed", "address", "role", "same", "same", "same"])
        if what == "left":
            continue
        now = name.replace(" ", " Nye") if what == "renamed" else name
        seat = "representative" if what == "role" else role
        where = f"new.{address(name)}" if what == "address" else address(name)
        newest.append((now, STATES[code], seat, where))
        expected.add((code, seat, now, where, f"own {name}"))
    for name in names[20 : 20 + random.randint(1, 5)]:
        code = random.choice(sorted({one[0] for one in old}))
        newest.append((name, STATES[code], "substitute", address(name)))
        expected.add((code, "substitute", name, address(name), ""))
    listed_states = {one[0] for one in expected}
    expected |= {
        (*one, address(one[2]), f"own {one[2]}") for one in old if one[0] not in listed_states
    }
    random.shuffle(newest)
    list_kind = random.choice([*KINDS])
    list_ = newer(workspace, [("Name", "Delegation", "Function", "E-mail"), *newest], list_kind)
    asked = updating.update(workspace, sheet.name, list_).matching.asked
    taken(workspace, sheet.name, list_, other=[new.name for _, new, _ in asked])
    assert set(people(workspace)) == expected
    mend.undo(workspace, None, sheet.name, who="Ilse")
    assert sheet.read_bytes() == before


def test_two_who_look_like_one_who_left_are_both_asked_about(workspace: Workspace) -> None:
    keep(workspace, "all.csv", as_csv(OLD))
    heading, *others = NEW
    new = [(name, "NO", "representative", f"{x}@no.example") for x, name in
           (("x", "Anna Bergh"), ("y", "Annah Berg"))]  # fmt: skip
    source = newer(workspace, (heading, *new, *others[1:]))
    done = updating.update(workspace, "all.csv", source)
    assert [new.name for _, new, _ in done.matching.asked] == ["Anna Bergh", "Annah Berg"]
    assert "Anna Berg" not in [one.name for one in done.matching.left]
    with pytest.raises(UsageError, match="cannot both be"):
        updating.update(workspace, "all.csv", source, same=["Anna Bergh", "Annah Berg"])
    done = updating.update(workspace, "all.csv", source, same=["Annah Berg"])
    assert not done.matching.asked
    assert "Anna Bergh" in [one.name for one in done.matching.joined]
    assert [new.name for old, new in done.matching.pairs if old.name == "Anna Berg"] == [
        "Annah Berg"
    ]


def test_each_row_of_somebody_who_stands_twice_in_the_list_is_named(workspace: Workspace) -> None:
    keep(workspace, "all.csv", as_csv(OLD))
    again = ("Liv Ny", "Norway", "Substitute", "liv.ny@no.example")
    done = updating.update(workspace, "all.csv", newer(workspace, (*NEW, NEW[1], again)))
    assert [one.row for one in done.twice] == [len(NEW) + 1, len(NEW) + 2]
    assert [one.name for one in done.matching.joined].count("Liv Ny") == 1


@pytest.mark.parametrize("kind", KINDS)
def test_tabs_of_other_names_in_another_order_and_format_change_nobody(
    workspace: Workspace, kind: str
) -> None:
    book = openpyxl.Workbook()
    book.remove(book.worksheets[0])
    for tab, code in (("North", "NO"), ("Sweden", "SE")):
        rows = [row for row in OLD[1:] if row[0] == code]
        sheet = book.create_sheet(tab)
        for row in (OLD[0], *rows):
            sheet.append(list(row))
    out = io.BytesIO()
    book.save(out)
    keep(workspace, "all.xlsx", out.getvalue())
    of_both = [row for row in reversed(OLD[1:]) if row[0] in ("NO", "SE")]
    done = updating.update(workspace, "all.xlsx", newer(workspace, (OLD[0], *of_both), kind))
    assert not (done.matching.left or done.matching.joined or done.matching.asked)


def test_who_is_struck_through_in_the_list_is_held(workspace: Workspace) -> None:
    keep(workspace, "all.csv", as_csv(OLD))
    book = openpyxl.Workbook()
    for row in OLD:
        book.worksheets[0].append(list(row))
    book.worksheets[0]["C3"].font = Font(strike=True)
    book.worksheets[0]["C4"].comment = Comment("left in June", "Ilse")
    source = workspace.root / "newer.xlsx"
    book.save(source)
    done = taken(workspace, "all.csv", source)
    assert [person.name for person, _ in done.wishes] == ["Ola Skisse", "Kari Modell"]
    held = (workspace.contacts_dir / "_hold.csv").read_text(encoding="utf-8-sig")
    assert "struck through" in held
    assert "left in June" in held
