"""Facts about positions: the newest counts, a form counts once, each reading is recorded, and
nothing is left after the day until which they are kept, or of a person who is forgotten.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from mailer.actions.campaign import positions
from mailer.actions.campaign.positions import Told
from mailer.actions.mail_outs import planning
from mailer.actions.writing import appeals
from mailer.base.errors import Refused, UsageError
from mailer.base.settings.workspace import Workspace, load_workspace
from mailer.base.states import Heard, Position, Reason
from mailer.contacts.contact import Contact
from mailer.ledger import accounts
from mailer.ledger.ledger import Ledger
from mailer.ledger.reading import deliveries
from mailer.ledger.reading.positions import by_key, key
from mailer.ledger.record import erasure
from mailer.ledger.schema import member_position
from mailer.letters.appeal import Appeal
from mailer.plan.draft import draft, read_contacts
from mailer.report.board import NOT_KNOWN, Members, board
from tests.conftest import SettableClock
from tests.helpers.consoles import CONFIG
from tests.helpers.consoles import workspace as a_workspace
from tests.helpers.workspaces import edit

CALL = Told(Position.SUPPORTS, Heard.CALL, "will sign", "ring again", date(2027, 1, 20), "Ilse")


@pytest.fixture
def workspace(tmp_path: Path, clock: SettableClock) -> Workspace:
    root = a_workspace(tmp_path)
    until = clock().date() + timedelta(days=30)
    edit(root / "config.toml", "2099-12-31", str(until))
    return load_workspace(root)


@pytest.fixture
def appeal(workspace: Workspace) -> Appeal:
    return appeals.read(workspace, "vote")


@pytest.fixture
def members(workspace: Workspace, appeal: Appeal) -> Members:
    known, book, _ = read_contacts(workspace)
    return Members.of(book.contacts, appeal, known)


@pytest.fixture
def anna(members: Members) -> Contact:
    return positions.member(members, "Anna Berg")


def read(ledger: Ledger) -> list[tuple[str, str]]:
    with ledger.reading() as connection:
        deeds = accounts.deeds(connection, kind="positions_read")
    return [(one.who, one.detail) for one in reversed(deeds)]


def test_newest_note_counts_and_an_unsaid_position_stays(
    workspace: Workspace, ledger: Ledger, anna: Contact
) -> None:
    positions.note(workspace, ledger, "vote", anna, CALL, who="Jana")
    positions.note(workspace, ledger, "vote", anna, Told(note="back on Monday"), who="Ilse")
    newest, before = positions.of_person(workspace, ledger, "vote", anna, who="Jana")
    assert (newest.position, newest.source, newest.note) == (
        Position.SUPPORTS,
        Heard.CALL,
        "back on Monday",
    )
    assert (before.next_step, before.due, before.owner) == ("ring again", CALL.due, "Ilse")
    with ledger.reading() as connection:
        assert by_key(connection, "vote") == {key(anna): Position.SUPPORTS}
        assert by_key(connection, "another") == {}


def test_form_that_comes_twice_is_noted_once(
    workspace: Workspace, ledger: Ledger, anna: Contact
) -> None:
    assert positions.note(workspace, ledger, "vote", anna, CALL, who="Jana", token="t1")
    assert not positions.note(workspace, ledger, "vote", anna, CALL, who="Jana", token="t1")
    assert positions.note(workspace, ledger, "vote", anna, CALL, who="Jana", token="t2")
    assert len(positions.of_person(workspace, ledger, "vote", anna, who="Jana")) == 2


def test_reading_is_recorded_without_a_name(
    workspace: Workspace,
    ledger: Ledger,
    appeal: Appeal,
    members: Members,
    anna: Contact,
    clock: SettableClock,
) -> None:
    positions.note(workspace, ledger, "vote", anna, CALL, who="Jana")
    assert read(ledger) == []
    positions.of_members(workspace, ledger, appeal, members, who="Jana")
    positions.to_do(workspace, ledger, "vote", who="Jana")
    positions.of_person(workspace, ledger, "vote", anna, who="Ilse")
    once = [("Jana", "vote"), ("Ilse", "vote NO")]
    assert read(ledger) == once
    clock.forward(minutes=11)
    positions.to_do(workspace, ledger, "vote", who="Jana")
    assert read(ledger) == [*once, ("Jana", "vote")]


def test_nothing_is_noted_or_read_before_somebody_says_until_when(
    workspace: Workspace, ledger: Ledger, anna: Contact
) -> None:
    (workspace.root / "config.toml").write_text(CONFIG.replace("keep_until = 2099-12-31\n", ""))
    bare = load_workspace(workspace.root)
    with pytest.raises(Refused, match="until when"):
        positions.note(bare, ledger, "vote", anna, CALL, who="Jana")
    with pytest.raises(Refused, match="until when"):
        positions.to_do(bare, ledger, "vote", who="Jana")
    assert read(ledger) == []


def test_positions_are_erased_after_their_day(
    workspace: Workspace, ledger: Ledger, anna: Contact, clock: SettableClock
) -> None:
    positions.note(workspace, ledger, "vote", anna, CALL, who="Jana")
    clock.forward(days=30)
    assert positions.expire(workspace, ledger) == 0  # the last day
    clock.forward(days=1)
    with pytest.raises(Refused, match="are erased"):
        positions.of_person(workspace, ledger, "vote", anna, who="Jana")
    with ledger.reading() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(member_position)) == 0
        (deed,) = accounts.deeds(connection, kind="positions_erased")
    assert deed.detail.startswith("kept until")


def test_forgetting_a_person_takes_their_position_away(
    workspace: Workspace, ledger: Ledger, planned: Callable[..., int], clock: SettableClock
) -> None:
    planned(2, appeal="vote")
    with ledger.reading() as connection:
        first, other = deliveries.people(connection, 1)
    for one in (first, other):
        contact = Contact("", None, 0, delegation=one.delegation, name=one.name)
        positions.note(workspace, ledger, "vote", contact, CALL, who="Jana")
    with ledger.writing() as connection:
        connection.execute(sa.text("UPDATE mail_out SET state = 'stopped'"))
        erasure.erase(connection, [first], who="Jana", because="asked", at=clock())
    with ledger.reading() as connection:
        assert list(by_key(connection, "vote")) == [other.person]


def test_no_position_is_made_of_a_word_that_is_none(members: Members) -> None:
    assert positions.position_of("Will be absent") is Position.ABSENT
    assert positions.source_of("public vote") is Heard.PUBLIC_VOTE
    with pytest.raises(UsageError) as said:
        positions.position_of("suports")
    assert said.value.hint == "did you mean supports?"
    with pytest.raises(UsageError, match="No member"):
        positions.member(members, "Nobody Else")


def test_plan_asks_where_members_stand_and_says_of_nobody_where(
    workspace: Workspace, ledger: Ledger, anna: Contact
) -> None:
    positions.note(workspace, ledger, "vote", anna, CALL, who="Jana")
    now = draft(workspace, "vote")
    empty = planning.selected(now.delegations, where="position is empty")
    with pytest.raises(Refused, match="Your role"):
        planning.plan(ledger, now, empty, who="Vera")
    assert read(ledger) == []
    planned = planning.plan(ledger, now, empty, who="Jana", reader="Jana").plan
    assert "Anna Berg" not in {one.contact.name for one in planned.to_send}
    (left,) = [one for one in planned.left_out if one.contact.name == "Anna Berg"]
    assert (left.reason, left.detail) == (Reason.NOT_CHOSEN, "position")
    assert read(ledger) == [("Jana", "vote")]
    of_all = planning.selected(now.delegations, where="position = supports")
    (one,) = [
        one for one in planning.decide(ledger, now, of_all, reader="Jana") if one.reason is None
    ]
    assert one.contact.name == "Anna Berg"


# ------------------------------------------------------------------------------------------- counts


def people(delegation: str, group: str, number: int) -> list[Contact]:
    return [
        Contact(
            "all.csv",
            None,
            row,
            delegation=delegation,
            role="representative",
            name=f"{delegation} {group} {row}",
            group=group,
        )
        for row in range(number)
    ]


def test_motions_count_members_delegations_and_groups(workspace: Workspace, appeal: Appeal) -> None:
    everyone = [
        *people("NO", "SOC", 8),  # more than the seats that it has
        *people("SE", "SOC", 6),
        *people("FR", "ALDE", 6),
        *people("DE", "", 9),
        *people("AZ", "NR", 9),
    ]
    known = workspace.delegations
    members = Members.of(everyone, appeal, known)
    stands = {
        key(one): Position.LEANS if one.delegation == "AZ" else Position.SUPPORTS
        for one in everyone
    }
    found = board(members, {**stands, "NO:somebody gone": Position.SUPPORTS}, known)
    substantive, procedural, reconsider = found.motions
    assert (substantive.sure, substantive.with_leaning) == ((29, 4, 0), (38, 5, 0))
    assert not substantive.reached and not procedural.reached  # four delegations
    assert (reconsider.sure, reconsider.with_leaning) == ((26, 4, 2), (32, 5, 3))
    assert (found.members, found.gone, found.counts[NOT_KNOWN]) == (38, 1, 0)


def test_who_does_not_sit_or_is_no_member_is_not_on_the_board(
    workspace: Workspace, members: Members
) -> None:
    edit(
        workspace.templates_dir / "vote" / "appeal.toml",
        "[languages]",
        '[audience.leave_out]\nFR = "x"\n[languages]',
    )
    secretary = Contact("", None, 1, delegation="NO", role="secretariat", name="Kari Nord")
    observer = Contact("", None, 1, delegation="CA", role="representative", name="Jo Snow")
    everyone = [*members.by_key.values(), secretary, observer]
    now = Members.of(everyone, appeals.read(workspace, "vote"), workspace.delegations)
    assert {one.delegation for one in members.by_key.values()} == {"NO", "FR", "DE", "GB"}
    assert set(now.by_delegation) == {"NO", "DE", "GB"}
    assert "Kari Nord" not in {one.name for one in now.by_key.values()}
