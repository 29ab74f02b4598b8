"""Three weeks of a campaign in virtual time: planned, begun at nine in 46 capitals, what comes
back, positions, a follow-up, the vote, the report. Everyone is accounted for on every day.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from mailer.actions import inbox, mail_outs
from mailer.actions.campaign import brought, calendar, positions
from mailer.actions.campaign.positions import Told
from mailer.actions.mail_outs import planning, schedule, sending
from mailer.actions.writing import appeals
from mailer.base.delegations import Delegations
from mailer.base.errors import Refused, UsageError
from mailer.base.settings.workspace import Workspace, load_workspace
from mailer.base.states import Heard, MailOutState, Position, Receipt, Stage, State
from mailer.ledger.ledger import Ledger
from mailer.ledger.reading import deliveries
from mailer.ledger.record import seals
from mailer.letters.appeal import Appeal
from mailer.plan.draft import draft, read_contacts
from mailer.report.board import Members
from mailer.sending.smtp.session import Envelope, NotHandedOver
from tests.helpers.workspaces import a_workspace, edit
from tests.inbox.test_record import returned

from .virtual import VirtualLoop, run

CODES = [one.code for one in Delegations.load().members]
PEOPLE = 2 * len(CODES)
FRIDAY = datetime(2027, 1, 8, 14, 0, tzinfo=UTC)
YES = Receipt(State.ACCEPTED, Stage.DOT, 250, "2.0.0", "taken")
NO = Receipt(State.REFUSED, Stage.RCPT, 550, "5.1.1", "no such user")


def address(number: int) -> str:
    return f"person{number}@{CODES[number % len(CODES)].lower()}.parliament.example"


class World:
    """Its clock goes on by itself while something is sent, and by the day otherwise."""

    def __init__(self) -> None:
        self.at, self.begun = FRIDAY, 0.0
        self.loop: VirtualLoop | None = None
        self.got: dict[str, list[tuple[datetime, bytes]]] = {}

    def now(self) -> datetime:
        return self.at + timedelta(seconds=self.loop.time() - self.begun if self.loop else 0)

    def send(self, workspace: Workspace, ledger: Ledger) -> list[MailOutState]:
        """Do what the service does when it looks: begin what is due, and send it to its end."""
        states = []
        for mail_out in sending.due_to_begin(workspace, ledger):
            dispatch = sending.begin_due(workspace, ledger, mail_out)
            dispatch.session = lambda: Session(self)  # type: ignore[assignment,return-value]
            self.loop = VirtualLoop()
            self.begun = self.loop.time()
            states.append(run(dispatch.run(), self.loop).state)
            self.at, self.loop = self.now(), None
        return states


class Session:
    """Stands in for `SmtpSession` in virtual time: two addresses are refused."""

    def __init__(self, world: World) -> None:
        self.world, self.delivered, self.is_open = world, 0, False

    async def connect(self) -> None:
        self.is_open = True

    def abort(self) -> None:
        self.is_open, self.delivered = False, 0

    async def quit(self) -> None:
        self.abort()

    async def deliver(
        self,
        letter: Envelope,
        before_dot: Callable[[], Awaitable[bool]],
        follow: Envelope | None = None,
    ) -> Receipt:
        self.is_open = True
        self.delivered += 1
        if letter.recipient in (address(5), address(6)):
            return NO
        if not await before_dot():
            raise NotHandedOver
        self.world.got.setdefault(letter.recipient, []).append((self.world.now(), letter.data))
        return YES


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    world = World()
    monkeypatch.setattr("mailer.base.clock.now", world.now)
    monkeypatch.setattr("mailer.sending.dispatch.LOOK", 20.0)
    return world


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    rows = [
        f"{CODES[number % len(CODES)]},{('representative', 'substitute')[number // len(CODES)]},Ms,"
        f"Example{number},Exemplová{number},{address(number)},en,f"
        for number in range(PEOPLE)
    ]
    allow = tuple(f"@{code.lower()}.parliament.example" for code in CODES)
    root = a_workspace(tmp_path / "work", 9, rows=rows, allow=allow)
    with (root / "config.toml").open("a") as file:
        file.write("[positions]\nkeep_until = 2027-03-31\n")
    appeal = root / "templates" / "appeal"
    edit(
        appeal / "appeal.toml",
        "opens = 2027-01-25",
        "opens = 2027-01-25\nvote = 2027-01-27T12:00:00",
    )
    reminder = root / "templates" / "reminder"
    reminder.mkdir()
    for path in appeal.iterdir():
        (reminder / path.name).write_text(path.read_text())
    for language, subject in (("en", "Please vote"), ("fr", "Votez")):
        edit(reminder / f"{language}.md", f"Subject: {subject}", "Subject: Re:")
    return load_workspace(root)


@pytest.fixture
def ledger(tmp_path: Path, world: World) -> Iterator[Ledger]:
    with Ledger(
        f"sqlite:///{tmp_path / 'work' / '.mailer' / 'ledger.db'}", now=world.now
    ) as opened:
        yield opened


def everyone_is_accounted_for(ledger: Ledger, *mail_out_ids: int) -> Counter[State]:
    """Each row of the sheets has one state in each mail-out. Returns those of the last one."""
    counts: Counter[State] = Counter()
    with ledger.reading() as connection:
        for mail_out_id in mail_out_ids:
            people = deliveries.people(connection, mail_out_id)
            assert {one.address for one in people} == {address(n) for n in range(PEOPLE)}
            counts = Counter(one.state for one in people)
            assert sum(deliveries.counts(connection, mail_out_id).values()) == PEOPLE
    return counts


def begin(workspace: Workspace, ledger: Ledger, number: int, text: str) -> None:
    check = mail_outs.may_send(workspace, ledger, number)
    asked = schedule.asked_for(workspace, ledger, check.standing.mail_out, text, working_days=True)
    schedule.begin_by_itself(ledger, check, asked, who="Jana")


def message(of: bytes, sender: str, text: str, headers: str = "") -> bytes:
    found = next(line for line in of.split(b"\r\n") if line.lower().startswith(b"message-id:"))
    message_id = found.split(b":", 1)[1].strip().decode()
    head = f"From: <{sender}>\r\nIn-Reply-To: {message_id}\r\nSubject: Re: Please vote\r\n{headers}"
    return f"{head}\r\n{text}\r\n".encode()


def test_three_weeks_with_everyone_accounted_for_on_every_day(
    workspace: Workspace, ledger: Ledger, world: World, tmp_path: Path
) -> None:
    def to(day: int, hour: int = 18) -> None:
        world.at = datetime(2027, 1, day, hour, 0, tzinfo=UTC)

    # Friday the 8th: planned, and told to begin on Monday
    new = planning.plan(ledger, draft(workspace, "appeal"), who="Jana")
    assert len(new.plan.to_send) == PEOPLE
    begin(workspace, ledger, 1, "Mon 9:00 in each capital")
    for day in (8, 9, 10):
        to(day)
        assert world.send(workspace, ledger) == []
        assert everyone_is_accounted_for(ledger, 1) == {State.WAITING: PEOPLE}

    # Monday the 11th: at nine in each capital
    to(11, 4)
    assert world.send(workspace, ledger) == []
    to(11, 5)  # nine in Baku, Tbilisi and Yerevan
    assert world.send(workspace, ledger) == [MailOutState.FINISHED]
    first = everyone_is_accounted_for(ledger, 1)
    assert first == {State.ACCEPTED: PEOPLE - 2, State.REFUSED: 2}
    for number in range(PEOPLE):
        row = workspace.delegations.get(CODES[number % len(CODES)])
        for at, _ in world.got.get(address(number), []):
            assert row is not None
            there = at.astimezone(ZoneInfo(row.zone))
            assert there.date() == date(2027, 1, 11)
            assert time(9, 0) <= there.time() < time(9, 15)
    assert max(map(len, world.got.values())) == 1

    # the days after: returns, absences, replies, a member's position
    letters = {whom: got[0][1] for whom, got in world.got.items()}
    came = tmp_path / "came"
    came.mkdir()
    away = "Auto-Submitted: auto-replied\r\n"
    (came / "1.eml").write_bytes(returned(address(0)))
    (came / "2.eml").write_bytes(
        message(letters[address(1)], address(1), "I am out of office until 1 March 2027.", away)
    )
    (came / "3.eml").write_bytes(
        message(letters[address(2)], address(2), "Thank you for your letter. I shall be there.")
    )
    to(12)
    recorded = inbox.import_messages(workspace, ledger, came, at=world.now())
    assert recorded.new == 3
    assert everyone_is_accounted_for(ledger, 1) == first
    to(13)
    _, members = appeal_and_members(workspace)
    berg = positions.member(members, "Example3 Exemplová3")
    told = Told(Position.SUPPORTS, Heard.CALL)
    positions.note(workspace, ledger, "appeal", berg, told, who="Jana")
    assert everyone_is_accounted_for(ledger, 1) == first

    # the week before: the follow-up to those who have not answered
    to(18)
    chosen = planning.selected(workspace.delegations, follows="M-0001")
    again = planning.plan(ledger, draft(workspace, "reminder"), chosen, who="Jana")
    getting = {one.contact.address for one in again.plan.to_send}
    assert getting.isdisjoint({address(n) for n in (0, 1, 2, 3, 5, 6)})
    assert len(getting) == PEOPLE - 6
    begin(workspace, ledger, 2, "Tue 9:00 in each capital")
    to(19, 5)
    assert world.send(workspace, ledger) == [MailOutState.FINISHED]
    second = everyone_is_accounted_for(ledger, 1, 2)
    assert second == {State.ACCEPTED: PEOPLE - 6, State.SKIPPED: 6}
    assert {len(world.got[whom]) for whom in getting} == {2}
    steps = {one.key: one.done for one in calendar.calendar(workspace, ledger, "appeal").steps}
    begun = steps[calendar.FIRST]
    assert isinstance(begun, datetime)
    assert begun.date() == date(2027, 1, 11)
    followed = steps[calendar.FOLLOW_UP]
    assert isinstance(followed, datetime)
    assert followed.date() == date(2027, 1, 19)

    # the vote: nothing begins any more at it, and nothing is sent after it
    to(26)
    planning.retry(ledger, "M-0001", lambda name: draft(workspace, name), refused=True, who="Jana")
    with pytest.raises(UsageError, match="the sending has ended"):
        begin(workspace, ledger, 3, "Wed 14:00")
    to(27)
    check = mail_outs.may_send(workspace, ledger, 3)
    assert isinstance(check.refusal, Refused)
    assert check.refusal.code == "S203"
    assert {len(got) for got in world.got.values()} <= {1, 2}

    # the report, and the proof
    to(29)
    appeal, members = appeal_and_members(workspace)
    report = brought.brought(workspace, ledger, appeal, members, reader="Jana")
    assert sum(report.counts.values()) == PEOPLE
    assert report.counts[State.ACCEPTED] == PEOPLE - 2
    with ledger.reading() as connection:
        assert seals.verify(connection).broken == ()


def appeal_and_members(workspace: Workspace) -> tuple[Appeal, Members]:
    appeal = appeals.read(workspace, "appeal")
    known, book, _ = read_contacts(workspace)
    return appeal, Members.of(book.contacts, appeal, known)
