"""Three weeks of a campaign in virtual time: planned, begun at nine in 46 capitals, what comes
back, positions, a follow-up, the vote, the roll call, the report. Everyone is accounted for on each
calendar day from the plan to the day after the vote, on both databases.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa

from mailer.actions import inbox, mail_outs
from mailer.actions.campaign import brought, calendar, positions, votes
from mailer.actions.campaign.positions import Told
from mailer.actions.mail_outs import planning, schedule, sending
from mailer.actions.writing import appeals
from mailer.base.delegations import Delegations
from mailer.base.errors import Refused, UsageError
from mailer.base.settings.workspace import Workspace, load_workspace
from mailer.base.states import Heard, MailOutState, Position, Receipt, Stage, State
from mailer.ledger.events import EventKind
from mailer.ledger.ledger import Ledger
from mailer.ledger.reading import answers, deliveries
from mailer.ledger.reading.answers import WantedMessages
from mailer.ledger.reading.counts import count
from mailer.ledger.reading.scope import standing
from mailer.ledger.record import seals
from mailer.ledger.schema import event
from mailer.letters.appeal import Appeal
from mailer.plan.draft import draft, read_contacts
from mailer.report.board import Members, vote_of
from mailer.sending.smtp.session import Envelope, NotHandedOver
from tests.helpers.workspaces import a_workspace, edit
from tests.inbox.test_record import returned

from .virtual import VirtualLoop, run

CODES = [one.code for one in Delegations.load().members]
PEOPLE = 2 * len(CODES)
FRIDAY = datetime(2027, 1, 8, 14, 0, tzinfo=UTC)
YES = Receipt(State.ACCEPTED, Stage.DOT, 250, "2.0.0", "taken")
NO = Receipt(State.REFUSED, Stage.RCPT, 550, "5.1.1", "no such user")


VOTE = "Vote 2027"


def address(number: int) -> str:
    return f"person{number}@{CODES[number % len(CODES)].lower()}.parliament.example"


def name(number: int) -> tuple[str, str]:
    """Names as unlike as people's are: the roll call is joined by them."""
    first, second = divmod(number * 37, 26)
    return f"Ex{chr(97 + first % 26)}mpla", f"{chr(65 + second)}mplov{CODES[number % 46].lower()}a"


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
def workspace(tmp_path: Path, ledger_url: str) -> Workspace:
    rows = [
        f"{CODES[number % len(CODES)]},{('representative', 'substitute')[number // len(CODES)]},Ms,"
        f"{','.join(name(number))},{address(number)},en,f"
        for number in range(PEOPLE)
    ]
    allow = tuple(f"@{code.lower()}.parliament.example" for code in CODES)
    root = a_workspace(tmp_path / "work", 9, rows=rows, allow=allow)
    with (root / "config.toml").open("a") as file:
        file.write("[positions]\nkeep_until = 2027-03-31\n")
        if ledger_url.startswith("postgresql"):
            file.write(f'[log]\ndatabase = "{ledger_url}"\n')
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
def ledger(workspace: Workspace, world: World) -> Iterator[Ledger]:
    workspace.make_state_dir()
    with Ledger(workspace.ledger_url, now=world.now) as opened:
        yield opened


def message(of: bytes, sender: str, text: str, headers: str = "") -> bytes:
    found = next(line for line in of.split(b"\r\n") if line.lower().startswith(b"message-id:"))
    message_id = found.split(b":", 1)[1].strip().decode()
    head = f"From: <{sender}>\r\nIn-Reply-To: {message_id}\r\nSubject: Re: Please vote\r\n{headers}"
    return f"{head}\r\n{text}\r\n".encode()


AWAY = "Auto-Submitted: auto-replied\r\n"
ROLL = {0: "for", 1: "against", 2: "abstained", 3: "absent"}
"""How people voted, by their number; whoever is the eighth of eight is not on the list at all."""


class Campaign:
    """What is done on which day of January 2027; everything else is what nobody did."""

    def __init__(self, workspace: Workspace, ledger: Ledger, world: World, folder: Path) -> None:
        self.workspace, self.ledger, self.world, self.folder = workspace, ledger, world, folder
        folder.mkdir()

    def begins(self, number: int, text: str) -> None:
        check = mail_outs.may_send(self.workspace, self.ledger, number)
        asked = schedule.asked_for(
            self.workspace, self.ledger, check.standing.mail_out, text, working_days=True
        )
        schedule.begin_by_itself(self.ledger, check, asked, who="Jana")

    def comes_back(self, **messages: bytes) -> None:
        for called, data in messages.items():
            (self.folder / f"{called}.eml").write_bytes(data)
        at = self.world.now()
        recorded = inbox.import_messages(self.workspace, self.ledger, self.folder, at=at)
        assert recorded.new == len(messages)

    def letter(self, number: int) -> bytes:
        return self.world.got[address(number)][-1][1]

    def notes(self, number: int, position: Position) -> None:
        _, members = appeal_and_members(self.workspace)
        who, told = positions.member(members, " ".join(name(number))), Told(position, Heard.CALL)
        positions.note(self.workspace, self.ledger, "appeal", who, told, who="Jana")

    def friday_the_8th(self) -> None:
        new = planning.plan(self.ledger, draft(self.workspace, "appeal"), who="Jana")
        assert len(new.plan.to_send) == PEOPLE
        self.begins(1, "Mon 9:00 in each capital")

    def tuesday_the_12th(self) -> None:
        until = "I am out of office until 1 March 2027."
        self.comes_back(
            gone=returned(address(0)),
            away=message(self.letter(1), address(1), until, AWAY),
            reply=message(self.letter(2), address(2), "Thank you. I shall be there."),
        )

    def wednesday_the_13th(self) -> None:
        self.notes(3, Position.SUPPORTS)
        until = "I am out of office until 15 January 2027."  # back long before the vote
        self.comes_back(short=message(self.letter(7), address(7), until, AWAY))

    def thursday_the_14th(self) -> None:
        stop = "Please remove me from your list and do not write to me again."
        self.comes_back(stop=message(self.letter(8), address(8), stop))

    def monday_the_18th(self) -> None:
        chosen = planning.selected(self.workspace.delegations, follows="M-0001")
        again = planning.plan(self.ledger, draft(self.workspace, "reminder"), chosen, who="Jana")
        getting = {one.contact.address for one in again.plan.to_send}
        assert getting == {address(n) for n in range(PEOPLE)} - {
            address(n) for n in (0, 1, 2, 3, 5, 6, 8)
        }
        self.begins(2, "Thu 9:00 in each capital")
        found = calendar.calendar(self.workspace, self.ledger, "appeal").steps
        (when,) = [one.when for one in found if one.key == calendar.FOLLOW_UP]
        assert when == datetime(2027, 1, 21, 5, tzinfo=UTC)
        # between the plan and its start one more answers: nobody writes to them
        self.comes_back(late=message(self.letter(9), address(9), "Thank you, I have decided."))

    def friday_the_22nd(self) -> None:
        self.comes_back(second=message(self.letter(10), address(10), "I shall vote against it."))
        self.notes(10, Position.AGAINST)

    def tuesday_the_26th(self) -> None:
        planning.retry(
            self.ledger, "M-0001", lambda it: draft(self.workspace, it), refused=True, who="Jana"
        )
        with pytest.raises(UsageError, match="the sending has ended"):
            self.begins(3, "Wed 14:00")

    def wednesday_the_27th(self) -> None:
        """The vote is at noon: nothing begins any more."""
        check = mail_outs.may_send(self.workspace, self.ledger, 3)
        assert isinstance(check.refusal, Refused)
        assert check.refusal.code == "S203"

    def thursday_the_28th(self) -> None:
        """The roll call, pasted as the Assembly's site has it: a heading, and names below it."""
        known = self.workspace.delegations
        listed = [number for number in range(PEOPLE) if number % 8 != 7]
        text = "Vote on the draft resolution\n"
        for at, vote in ROLL.items():
            those = [number for number in listed if number % 4 == at]
            text += f"{vote.capitalize()} ({len(those)})\n"
            for number in those:
                given, surname = name(number)
                where = known.name(CODES[number % 46], "en")
                text += f"Ms {given} {surname.upper()} ({where})\n"
        text += "Ms Nobody KNOWN (France)\n"
        found = votes.read(self.workspace, "pasted", text.encode(), VOTE)
        assert found.asked == []
        assert [one.person.name for one in found.unknown] == ["Nobody KNOWN"]
        assert sum(found.new.values()) == len(listed)
        day = self.world.now().date()
        votes.write(self.workspace, self.ledger, found, who="Jana", day=day)


WAITING, ACCEPTED, REFUSED = State.WAITING, State.ACCEPTED, State.REFUSED
SKIPPED, NOT_SENT = State.SKIPPED, State.NOT_SENT
FIRST = {ACCEPTED: PEOPLE - 2, REFUSED: 2}
SECOND = {ACCEPTED: PEOPLE - 8, SKIPPED: 7, NOT_SENT: 1}
REST = {SKIPPED: PEOPLE - 3, WAITING: 3}  # the two that were refused, and who came back
STANDS = {8: [{WAITING: PEOPLE}], 11: [FIRST], 18: [FIRST, {WAITING: PEOPLE - 7, SKIPPED: 7}]}
STANDS |= {21: [FIRST, SECOND], 26: [FIRST, SECOND, {SKIPPED: PEOPLE - 2, WAITING: 2}]}
"""From which day on how many are in which state, in each mail-out; on the days between nothing
changes but what came back."""
MOVES = {kind.value for kind in EventKind if kind.state}
CAME = {8: 0, 12: 3, 13: 4, 14: 5, 18: 6, 22: 7}
"""From which day on so many have been heard of."""


def test_three_weeks_with_everyone_accounted_for_on_every_day(
    workspace: Workspace, ledger: Ledger, world: World, tmp_path: Path
) -> None:
    campaign = Campaign(workspace, ledger, world, tmp_path / "came")
    happens = {
        int(re.sub(r"\D", "", called)): getattr(campaign, called)
        for called in vars(Campaign)
        if re.search(r"_the_\d+", called)
    }
    stands, came = STANDS[8], 0
    for day in range(8, 29):
        for hour in (4, 5, 18):  # nine in Baku, Tbilisi and Yerevan is five
            world.at = datetime(2027, 1, day, hour, 0, tzinfo=UTC)
            sent = world.send(workspace, ledger)
            assert bool(sent) == (day in (11, 21) and hour == 5), (day, hour)
        happens.get(day, lambda: None)()
        stands, came = STANDS.get(day, stands), CAME.get(day, came)
        everyone_is_accounted_for(workspace, ledger, stands, came)
    everybody_had_their_letters_at_nine(workspace, world)
    with ledger.reading() as connection:
        back = answers.back_on(connection, 1)
        who = {one.id: one.address for one in deliveries.by_id(connection, list(back))}
    assert [(who[one], day) for one, day in back.items()] == [
        (address(7), date(2027, 1, 15)),
        (address(1), date(2027, 3, 1)),
    ]
    steps = {one.key: one.done for one in calendar.calendar(workspace, ledger, "appeal").steps}
    assert {key for key, done in steps.items() if not done} <= {"signed", "rehearsed", "after"}
    begun, followed = steps[calendar.FIRST], steps[calendar.FOLLOW_UP]
    assert isinstance(begun, datetime) and isinstance(followed, datetime)
    assert [begun.date(), followed.date()] == [date(2027, 1, 11), date(2027, 1, 21)]
    the_report_is_of_everybody(workspace, ledger)
    with ledger.reading() as connection:
        assert seals.verify(connection).broken == ()


def everyone_is_accounted_for(
    workspace: Workspace, ledger: Ledger, stands: list[dict[State, int]], came: int
) -> None:
    """Each row of the sheets has one state in each mail-out, and the last event of each says the
    same; the appeal has each person once; whoever was heard of is on record.
    """
    everybody = {address(number) for number in range(PEOPLE)}
    with ledger.reading() as connection:
        rows = connection.execute(sa.select(event.c.delivery_id, event.c.kind).order_by(event.c.id))
        last = {row.delivery_id: EventKind(row.kind).state for row in rows if row.kind in MOVES}
        for mail_out_id, expected in enumerate(stands, 1):
            people = deliveries.people(connection, mail_out_id)
            assert {one.address for one in people} == everybody
            assert Counter(one.state for one in people) == expected
            assert all(last.get(one.id, one.state) is one.state for one in people)
        whole = standing(connection, "appeal")
        assert whole is not None
        assert sum(count(connection, whole.id).letters.values()) == PEOPLE
        heard = answers.messages(connection, WantedMessages())
        assert len({one.letters for one in heard}) == len(heard) == came
    appeal, members = appeal_and_members(workspace)
    report = brought.brought(workspace, ledger, appeal, members)
    assert sum(report.counts.values()) == sum(it[0] for it in report.reached.values()) == PEOPLE


def everybody_had_their_letters_at_nine(workspace: Workspace, world: World) -> None:
    for number in range(PEOPLE):
        row = workspace.delegations.get(CODES[number % len(CODES)])
        assert row is not None
        got = [at.astimezone(ZoneInfo(row.zone)) for at, _ in world.got.get(address(number), [])]
        second = [] if number in (0, 1, 2, 3, 8, 9) else [date(2027, 1, 21)]
        dates = [] if number in (5, 6) else [date(2027, 1, 11), *second]
        assert [at.date() for at in got] == dates
        assert all(time(9, 0) <= at.time() < time(9, 15) for at in got)


def the_report_is_of_everybody(workspace: Workspace, ledger: Ledger) -> None:
    appeal, members = appeal_and_members(workspace)
    assert list(members.votes) == [VOTE]
    report = brought.brought(workspace, ledger, appeal, members, reader="Jana")
    assert report.counts[State.ACCEPTED] == PEOPLE - 2
    voted = Counter(vote_of(one, VOTE) for one in members.by_key.values())
    of_all = Counter(ROLL[number % 4] if number % 8 != 7 else "" for number in range(PEOPLE))
    assert {vote: voted[vote] for vote in of_all} == of_all
    assert sum(voted.values()) == PEOPLE


def appeal_and_members(workspace: Workspace) -> tuple[Appeal, Members]:
    appeal = appeals.read(workspace, "appeal")
    known, book, _ = read_contacts(workspace)
    return appeal, Members.of(book.contacts, appeal, known)
