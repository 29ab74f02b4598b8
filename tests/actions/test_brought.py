"""Facts about the report and the sheets that go back: everybody is in the counts, nobody is named,
positions are in it only where they are asked for, and of a sheet nothing changes but its column.
"""

from __future__ import annotations

import io
from pathlib import Path

import pypdf
import pytest
import sqlalchemy as sa

from mailer.actions.campaign import brought, outcome_column, positions
from mailer.actions.campaign.positions import Told
from mailer.actions.mail_outs import planning
from mailer.actions.writing import appeals
from mailer.base.errors import UsageError
from mailer.base.settings.workspace import Workspace, load_workspace
from mailer.base.states import Heard, Position, State
from mailer.contacts.added_column import with_column
from mailer.contacts.book import load_contacts
from mailer.ledger import accounts
from mailer.ledger.ledger import Ledger
from mailer.ledger.moves import incoming
from mailer.ledger.reading.counts import count
from mailer.ledger.reading.scope import standing
from mailer.ledger.schema import delivery
from mailer.plan.draft import draft, read_contacts
from mailer.report import paper, totals
from mailer.report.board import Members, board
from tests.helpers.consoles import workspace as a_workspace
from tests.helpers.workspaces import edit

REPOSITORY = Path(__file__).parents[2]
SHEETS = sorted(
    path.name
    for path in (REPOSITORY / "contacts").iterdir()
    if not path.name.startswith(("_", ".", "~"))
)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    root = a_workspace(tmp_path)
    for language, words in (("en", ", as a {{ role }}"), ("fr", ", comme {{ role }}")):
        edit(root / "templates" / "vote" / f"{language}.md", words, "")
    sheet = root / "contacts" / "all.csv"
    head, *rows = sheet.read_text(encoding="utf-8").splitlines()
    votes = ["for,against", "for,", ",for", "abstained,absent", "absent,for", ","]
    lines = [f"{head},Vote 2024,Vote 2025", *map(",".join, zip(rows, votes, strict=True)), ""]
    sheet.write_text("\n".join(lines), encoding="utf-8")
    return load_workspace(root)


def report(workspace: Workspace, ledger: Ledger, reader: str = "") -> brought.Brought:
    appeal = appeals.read(workspace, "vote")
    known, book, _ = read_contacts(workspace)
    members = Members.of(book.contacts, appeal, known)
    return brought.brought(workspace, ledger, appeal, members, reader=reader)


def say_where_anna_stands(workspace: Workspace, ledger: Ledger) -> None:
    _, book, _ = read_contacts(workspace)
    told = Told(Position.SUPPORTS, Heard.CALL, "in private")
    positions.note(workspace, ledger, "vote", book.contacts[0], told, who="Jana")


def plan(workspace: Workspace, ledger: Ledger) -> None:
    planning.plan(ledger, draft(workspace, "vote"), who="Jana")


def test_report_counts_everybody_and_names_nobody(workspace: Workspace, ledger: Ledger) -> None:
    with pytest.raises(UsageError, match="Nothing has been planned"):
        report(workspace, ledger)
    plan(workspace, ledger)
    say_where_anna_stands(workspace, ledger)
    found = report(workspace, ledger)
    assert sum(found.counts.values()) == 6
    assert sum(people for people, _, _ in found.reached.values()) == 6
    assert sum(found.missed.values()) == found.counts[State.SKIPPED] == 3
    page = paper.as_html(brought.page(found, workspace)).decode()
    assert "Berg" not in page and ".example" not in page
    assert "supports" not in page and "positions" not in brought.as_data(found)
    with ledger.reading() as connection:
        assert accounts.deeds(connection, kind="positions_read") == []


def test_positions_are_in_the_report_where_they_are_asked_for(
    workspace: Workspace, ledger: Ledger
) -> None:
    plan(workspace, ledger)
    say_where_anna_stands(workspace, ledger)
    found = report(workspace, ledger, reader="Jana")
    data = brought.as_data(found)["positions"]
    assert (data["supports"], data["not_known"]) == (1, 5)
    page = paper.as_html(brought.page(found, workspace)).decode()
    assert "<li>1 supports</li>" in page and "in private" not in page
    with ledger.reading() as connection:
        (deed,) = accounts.deeds(connection, kind="positions_read")
    assert (deed.who, deed.detail) == ("Jana", "vote")


def test_votes_before_and_after_are_those_of_the_same_people(
    workspace: Workspace, ledger: Ledger
) -> None:
    plan(workspace, ledger)
    found = report(workspace, ledger)
    votes = brought.as_data(found)["votes"]
    assert votes["Vote 2024"] == {
        "for": 2,
        "against": 0,
        "abstained": 1,
        "absent": 1,
        "not_on_the_list": 2,
    }
    page = paper.as_html(brought.page(found, workspace)).decode()
    assert "<li>1 voted for in Vote 2024, and voted against in Vote 2025</li>" in page
    assert "<li>1 abstained in Vote 2024, and was absent in Vote 2025</li>" in page
    assert "not on the list in" not in page  # nothing is said of who is on neither list
    by = brought.as_data(found)["votes_by"]
    assert by["delegations"]["NO"]["Vote 2024"]["for"] == 2
    counted = brought.as_data(found)["votes"]
    for lines in by.values():  # each member once, by delegation as by group
        for heading, votes in counted.items():
            assert {
                how: sum(line[heading][how] for line in lines.values()) for how in votes
            } == votes
    assert "Vote 2024: voted for / voted against / abstained / was absent" in page
    assert page.count(">Vote 2024</th>") == 2  # by political group, and by delegation
    assert "<td>2/0/0/0</td>" in page


def test_board_says_what_is_expected_of_each_delegation_beside_how_it_voted(
    workspace: Workspace, ledger: Ledger
) -> None:
    known, book, _ = read_contacts(workspace)
    appeal = appeals.read(workspace, "vote")
    there = Members.of(book.contacts, appeal, known)
    keys = [key for key, one in there.by_key.items() if one.delegation == "NO"]
    stand = dict(zip(keys, (Position.LEANS, Position.ABSENT), strict=True))
    found = {line.name: line for line in board(there, stand, known).delegations}
    assert found["NO"].expected == {
        "expected yes": 1,
        "expected no": 0,
        "expected absent": 1,
        "open": 0,
    }
    assert found["NO"].votes["Vote 2024"] == {"for": 2}
    assert found["FR"].expected["open"] == found["FR"].members


def test_report_is_one_page_of_plain_words(workspace: Workspace, ledger: Ledger) -> None:
    edit(workspace.templates_dir / "vote" / "appeal.toml", '"A vote"', '"#strong[A] <b>vote</b>"')
    plan(workspace, ledger)
    page = brought.page(report(workspace, ledger, reader="Jana"), workspace)
    html = paper.as_html(page).decode()
    assert "&lt;b&gt;vote&lt;/b&gt;" in html and "http" not in html and "<script" not in html
    pdf = pypdf.PdfReader(io.BytesIO(paper.as_pdf(page, workspace.root)))
    assert len(pdf.pages) == 1
    assert "#strong[A] <b>vote</b>" in pdf.pages[0].extract_text()
    assert pdf.trailer["/Root"]["/MarkInfo"]["/Marked"]
    assert pdf.trailer["/Root"]["/Lang"] == "en"


def test_report_of_46_delegations_is_one_page(workspace: Workspace, ledger: Ledger) -> None:
    rows = [
        f"{one.code},representative,,Kim,Sample{one.code.lower()},f,"
        f"kim@{one.code.lower()}.parliament.example,en,for,absent"
        for one in workspace.delegations.members
    ]
    sheet = workspace.root / "contacts" / "all.csv"
    sheet.write_text(sheet.read_text() + "\n".join(rows) + "\n", encoding="utf-8")
    plan(workspace, ledger)
    page = brought.page(report(workspace, ledger, reader="Jana"), workspace)
    pdf = pypdf.PdfReader(io.BytesIO(paper.as_pdf(page, workspace.root)))
    assert len(pdf.pages) == 1
    assert all(
        workspace.delegations.name(one.code, "en") in pdf.pages[0].extract_text()
        for one in workspace.delegations.members
    )


def test_appeal_tells_the_same_as_its_only_mail_out_but_for_whoever_stands_in_it_twice(
    workspace: Workspace, ledger: Ledger
) -> None:
    plan(workspace, ledger)
    with ledger.reading() as connection:
        whole = standing(connection, "vote")
        assert whole is not None
        told = [totals.totals(count(connection, of)) for of in (1, whole.id)]
    assert told[0] == told[1]
    with ledger.writing() as connection:
        connection.execute(
            sa.update(delivery).where(delivery.c.number == 2).values(person="NO:anna berg")
        )
    with ledger.reading() as connection:
        (first, *_) = totals.totals(count(connection, whole.id))
    assert first.people == 2  # she counts once


def test_whoever_wants_no_more_letters_has_not_answered(
    workspace: Workspace, ledger: Ledger
) -> None:
    plan(workspace, ledger)
    with ledger.writing() as connection:
        connection.execute(sa.update(delivery).values(state=State.ACCEPTED))
        for kind, name in (("reply", "M-0001-001"), ("objection", "M-0001-002")):
            message = incoming.Incoming(
                digest=kind, box="x", arrived_at=None, kind=kind, sure=True, reason="", until=None,
                whole=False, sender="", subject="", own="", parts="", raw=b"",
            )  # fmt: skip
            at = ledger.now()
            incoming.record(connection, message, [name], how="x", certainty=100, at=at)
    one = report(workspace, ledger)
    assert [said.kind for said in one.came_back] == ["reply", "objection"]
    assert sum(answered for _, _, answered in one.reached.values()) == 1


# ------------------------------------------------------------------------------------------- sheets


def test_each_row_of_a_sheet_says_what_became_of_it(workspace: Workspace, ledger: Ledger) -> None:
    plan(workspace, ledger)
    before = (workspace.root / "contacts" / "all.csv").read_text(encoding="utf-8")
    _, book, _ = read_contacts(workspace)
    (made,) = outcome_column.sheets_with_outcome(workspace, ledger, book, "vote").values()
    assert (workspace.root / "contacts" / "all.csv").read_text(encoding="utf-8") == before
    lines = made.decode().splitlines()
    said = (
        ["Outcome"]
        + ["waiting"] * 3
        + [
            "left out: no address",
            "left out: test mode: not on the allow-list",
            "left out: address cannot work",
        ]
    )
    assert lines == [f"{old},{new}" for old, new in zip(before.splitlines(), said, strict=True)]


@pytest.mark.parametrize("name", SHEETS)
def test_nothing_of_a_sheet_changes_but_the_column(name: str, tmp_path: Path) -> None:
    (tmp_path / "contacts").mkdir()
    path = tmp_path / "contacts" / name
    path.write_bytes((REPOSITORY / "contacts" / name).read_bytes())
    before = load_contacts(tmp_path)
    cells = {(one.sheet, one.row): f"became {one.row}" for one in before.contacts}
    path.write_bytes(with_column(f"contacts/{name}", path.read_bytes(), before, "Outcome", cells))
    after = load_contacts(tmp_path)
    assert [one.extra.get("Outcome") for one in after.contacts] == list(cells.values())
    for old, new in zip(before.contacts, after.contacts, strict=True):
        extra = {heading: cell for heading, cell in new.extra.items() if heading != "Outcome"}
        assert (new.file, new.sheet, new.row, new.name, new.address, new.role, extra) == (
            *(old.file, old.sheet, old.row, old.name, old.address, old.role),
            dict(old.extra),
        )
    # the column that is there is filled anew, and no second one made
    again = dict.fromkeys(cells, "something else")
    path.write_bytes(with_column(f"contacts/{name}", path.read_bytes(), after, "outcome", again))
    last = load_contacts(tmp_path)
    assert {one.extra.get("Outcome") for one in last.contacts} == {"something else"}
