"""Facts about people whom the sheets call otherwise than before: where they stand, their letters
and notes stay one person's, whichever way the sheet was changed, and they are forgotten as one.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
import sqlalchemy as sa

from mailer.actions.campaign import positions
from mailer.actions.campaign.positions import KeptBoard, Told
from mailer.actions.mail_outs import planning
from mailer.actions.send_log import forgetting
from mailer.actions.send_log.footprint import footprint
from mailer.actions.sheets import bring_in, cells, mend
from mailer.actions.sheets import update as updating
from mailer.actions.writing import appeals
from mailer.base.settings.workspace import Workspace, load_workspace
from mailer.base.states import Heard, Position, Reason, State
from mailer.ledger.ledger import Ledger, number_of
from mailer.ledger.reading import deliveries, listing
from mailer.ledger.reading.counts import count
from mailer.ledger.reading.kept_counts import KeptCounts
from mailer.ledger.reading.scope import OfAppeal, standing
from mailer.ledger.schema import delivery, member_position, renamed
from mailer.plan.draft import draft, read_contacts
from mailer.report.board import Members
from tests.conftest import SettableClock
from tests.helpers.consoles import SHEET
from tests.helpers.consoles import workspace as a_workspace
from tests.helpers.workspaces import edit

CALL = Told(Position.SUPPORTS, Heard.CALL, "will sign", "ring again", date(2027, 1, 20), "Ilse")
DAY = date(2027, 1, 4)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    root = a_workspace(tmp_path)
    for language, words in (("en", ", as a {{ role }}"), ("fr", ", comme {{ role }}")):
        edit(root / "templates" / "vote" / f"{language}.md", words, "")
    return load_workspace(root)


def members(workspace: Workspace) -> Members:
    known, book, _ = read_contacts(workspace)
    return Members.of(book.contacts, appeals.read(workspace, "vote"), known)


def note(workspace: Workspace, ledger: Ledger, name: str, told: Told = CALL) -> None:
    one = positions.member(members(workspace), name)
    positions.note(workspace, ledger, "vote", one, told, who="Jana")


def notes(workspace: Workspace, ledger: Ledger, name: str) -> list[Position | None]:
    one = positions.member(members(workspace), name)
    found = positions.of_person(workspace, ledger, "vote", one, who="Jana")
    assert all((each.name, each.delegation) == (one.name, one.delegation) for each in found)
    return [each.position for each in found]


def sent(workspace: Workspace, ledger: Ledger) -> int:
    """Plan the appeal, and let every letter be accepted."""
    made = planning.plan(ledger, draft(workspace, "vote"), who="Jana")
    with ledger.writing() as connection:
        connection.execute(sa.text("UPDATE mail_out SET state = 'finished'"))
        waiting = delivery.c.state == "waiting"
        connection.execute(sa.update(delivery).where(waiting).values(state="accepted"))
    return number_of(made.name)


def newer(
    workspace: Workspace, ledger: Ledger, *changes: tuple[str, str], same: tuple[str, ...] = ()
) -> None:
    """Take over a list with these changes."""
    text = (workspace.contacts_dir / "all.csv").read_text(encoding="utf-8")
    for before, after in changes:
        assert before in text
        text = text.replace(before, after)
    source = workspace.root / "newer.csv"
    source.write_text(text, encoding="utf-8")
    done = updating.update(workspace, "all.csv", source, same=same)
    updating.take_over(done, ledger, who="Ilse", day=DAY)


def test_positions_go_along_to_the_new_name_address_and_delegation(
    workspace: Workspace, ledger: Ledger
) -> None:
    appeal, kept = appeals.read(workspace, "vote"), KeptBoard()
    for name in ("Anna Berg", "Ola Nordmann", "Chloé Exemple", "Jo Beispiel"):
        note(workspace, ledger, name)
    note(workspace, ledger, "Anna Berg", Told(Position.LEANS, Heard.MEETING))
    before = positions.of_members(
        workspace, ledger, appeal, members(workspace), kept=kept, who="Jana"
    )
    newer(
        workspace,
        ledger,
        ("Anna,Berg,f", "Anna,Strand,f"),  # at the same address
        ("ola.nordmann@", "o.nordmann@"),  # the same person, with a new address
        ("Chloé,Exemple,f", "Claire,Nouvelle,f"),  # and one that a person is asked about
        ("DE,representative,,Jo,Beispiel", "FR,representative,,Jo,Beispiel"),
        same=("Claire Nouvelle",),
    )
    assert notes(workspace, ledger, "Anna Strand") == [Position.LEANS, Position.SUPPORTS]
    for name in ("Ola Nordmann", "Claire Nouvelle", "Jo Beispiel"):
        assert notes(workspace, ledger, name) == [Position.SUPPORTS]
    after = positions.of_members(
        workspace, ledger, appeal, members(workspace), kept=kept, who="Jana"
    )
    assert after.counts == before.counts
    assert after.gone == 0
    (step, *_) = positions.to_do(workspace, ledger, "vote", who="Jana")
    assert step.next_step == "ring again"


def test_two_who_change_names_keep_each_their_own_position(
    workspace: Workspace, ledger: Ledger
) -> None:
    note(workspace, ledger, "Anna Berg")
    note(workspace, ledger, "Ola Nordmann", Told(Position.AGAINST, Heard.CALL))
    newer(
        workspace,
        ledger,
        ("Anna,Berg,f", "Anna,Strand,f"),
        ("Ola,Nordmann,m", "Ola,Berg,m"),
    )
    newer(workspace, ledger, ("Ola,Berg,m", "Anna,Berg,f"))
    assert notes(workspace, ledger, "Anna Strand") == [Position.SUPPORTS]
    assert notes(workspace, ledger, "Anna Berg") == [Position.AGAINST]


def test_who_is_renamed_stands_once_in_the_appeal_and_is_not_written_to_again(
    workspace: Workspace, ledger: Ledger
) -> None:
    first, kept = sent(workspace, ledger), KeptCounts(OfAppeal("vote"))
    with ledger.reading() as connection:
        whole = standing(connection, "vote")
        assert whole is not None
        before = kept.now(connection).states
        anna = listing.one(connection, first, 1)
        assert anna is not None
    # the name, and later the address: neither joins the two letters by itself
    newer(workspace, ledger, ("Anna,Berg,f", "Anna,Strand,f"))
    newer(workspace, ledger, ("anna.berg@", "anna.strand@"))
    made = planning.plan(ledger, draft(workspace, "vote"), who="Jana")
    (again,) = [one for one in made.plan.left_out if one.contact.name == "Anna Strand"]
    assert again.reason is Reason.ALREADY
    with ledger.reading() as connection:
        whole = standing(connection, "vote")
        assert whole is not None
        for now in (kept.now(connection), count(connection, whole.id)):
            assert now.states == before
        (one,) = [
            one for one in deliveries.people(connection, whole.id) if one.delegation == "NO"
            and one.name.startswith("Anna")
        ]  # fmt: skip
        assert (one.state, one.person) == (State.ACCEPTED, "NO:anna strand")
        others = listing.of_person(connection, one)
        assert [each.mail_out_id for each in others] == [number_of(made.name)]
        told = deliveries.timeline(connection, anna.id)
    assert [moment.detail for moment in told if moment.kind == "renamed"] == ["Anna Strand"]
    newer(workspace, ledger, ("Anna,Strand,f", "Anna,Lind,f"))
    with ledger.reading() as connection:
        assert kept.now(connection).states == before
        people = deliveries.people(connection, whole.id)
    assert [one.person for one in people if one.name.startswith("Anna")] == ["NO:anna lind"]


def test_namesake_who_joins_later_is_another_person(workspace: Workspace, ledger: Ledger) -> None:
    sent(workspace, ledger)
    newer(workspace, ledger, ("Anna,Berg,f", "Anna,Strand,f"))
    joined = "NO,substitute,,Anna,Berg,f,a.berg@no.parliament.example,en\nFR,repr"
    newer(workspace, ledger, ("FR,repr", joined))
    made = planning.plan(ledger, draft(workspace, "vote"), who="Jana")
    assert "Anna Berg" in {one.contact.name for one in made.plan.to_send}
    with ledger.reading() as connection:
        whole = standing(connection, "vote")
        assert whole is not None
        people = deliveries.people(connection, whole.id)
    assert sorted(one.person for one in people if one.name == "Anna Berg") == [
        "NO:anna berg",
        "NO:anna strand",
    ]


def test_each_way_of_changing_a_sheet_lets_positions_go_along(
    workspace: Workspace, ledger: Ledger, clock: SettableClock
) -> None:
    sheet = workspace.contacts_dir / "all.csv"
    note(workspace, ledger, "Anna Berg")
    _, book, _ = read_contacts(workspace)
    _, found = cells.row_of(book, "contacts/all.csv", "", 2)
    (place,) = [cell.place for cell in found if cell.text == "Berg"]
    seal = cells.seal_of(found)
    wanted = {place: "Strand"}
    mend.set_cells(workspace, ledger, book, "contacts/all.csv", "", 2, seal, wanted, who="Ilse")
    assert notes(workspace, ledger, "Anna Strand") == [Position.SUPPORTS]
    mend.undo(workspace, ledger, "all.csv", who="Ilse")
    assert notes(workspace, ledger, "Anna Berg") == [Position.SUPPORTS]
    text = sheet.read_text(encoding="utf-8").replace("Anna,Berg", "Anna,Lind")
    path = bring_in.dropped(workspace, bring_in.drop(workspace, "all.csv", text.encode()))
    bring_in.take_over(workspace, ledger, path, who="Ilse", day=DAY)
    assert notes(workspace, ledger, "Anna Lind") == [Position.SUPPORTS]


def test_who_is_renamed_is_forgotten_under_every_name(workspace: Workspace, ledger: Ledger) -> None:
    sent(workspace, ledger)
    note(workspace, ledger, "Anna Berg")
    newer(workspace, ledger, ("Anna,Berg,f", "Anna,Strand,f"))
    for who in ("Anna Berg", "Anna Strand", "anna.berg@no.parliament.example"):
        with ledger.reading() as connection:
            found = footprint(workspace, connection, who)
        assert [one.name for one in found.deliveries] == ["Anna Berg"]
        assert [one.name for one in found.rows] == ["Anna Strand"]
    forgetting.forget(workspace, ledger, found, who="Jana", because="she asked")
    with ledger.reading() as connection:
        for table in (renamed, member_position):
            assert connection.scalar(sa.select(sa.func.count()).select_from(table)) == 0
        said = connection.scalars(sa.text("SELECT detail FROM event")).all()
    assert not [one for one in said if "Anna" in one]
    assert "Anna" not in (workspace.contacts_dir / "all.csv").read_text(encoding="utf-8")
    assert SHEET.count("Anna") == 1
