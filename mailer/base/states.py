"""The words of the send log: states of a delivery and of a mail-out, reasons, outcomes, and which
may follow which.

Every delivery is in exactly one state of a closed set, and leaves it only along an edge of
`TRANSITIONS`. The ledger has one function that moves a delivery, and it writes the state and its
event in one transaction: after a crash the state that is read is the last one that was committed,
never a mixture. `docs/architecture.md` draws the edges.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple


class State(StrEnum):
    """What became of one delivery. The values stand in JSON and in the database; people read
    `WORDS`.
    """

    SKIPPED = "skipped"
    WAITING = "waiting"
    SENDING = "sending"
    DEFERRED = "deferred"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    NOT_SENT = "not_sent"
    UNKNOWN = "unknown"
    DRAFTED = "drafted"


WORDS: dict[State, str] = {
    State.SKIPPED: "left out",
    State.WAITING: "waiting",
    State.SENDING: "being sent",
    State.DEFERRED: "still trying",
    State.ACCEPTED: "accepted for delivery",
    State.REFUSED: "refused",
    State.NOT_SENT: "not sent",
    State.UNKNOWN: "unknown",
    State.DRAFTED: "lies as a draft",
}
MARKS: dict[State, str] = {
    State.SKIPPED: "–",
    State.WAITING: "·",
    State.SENDING: "…",
    State.DEFERRED: "↻",
    State.ACCEPTED: "✓",
    State.REFUSED: "✗",
    State.NOT_SENT: "■",
    State.UNKNOWN: "?",
    State.DRAFTED: "✎",
}
"""A mark stands beside the word, never instead of it."""

TRANSITIONS: dict[State, frozenset[State]] = {
    State.SKIPPED: frozenset(),
    State.WAITING: frozenset({State.SENDING, State.NOT_SENT, State.DRAFTED}),
    State.SENDING: frozenset(
        {
            State.WAITING,
            State.DEFERRED,
            State.ACCEPTED,
            State.REFUSED,
            State.NOT_SENT,
            State.UNKNOWN,
        }
    ),
    State.DEFERRED: frozenset({State.SENDING, State.NOT_SENT}),
    State.ACCEPTED: frozenset(),
    State.REFUSED: frozenset(),
    State.NOT_SENT: frozenset(),
    State.UNKNOWN: frozenset({State.ACCEPTED, State.NOT_SENT}),  # by a named person
    # found among the sent mail, or by a named person
    State.DRAFTED: frozenset({State.ACCEPTED, State.NOT_SENT}),
}
OPEN = frozenset({State.WAITING, State.SENDING, State.DEFERRED})
"""A mail-out is finished when no delivery is in one of these."""

MAY_HAVE_REACHED = frozenset({State.ACCEPTED, State.UNKNOWN, State.DRAFTED}) | OPEN
"""Whoever is in one of these for an appeal is written to, or about to be: no second plan may write
again.
"""


class MailOutState(StrEnum):
    PLANNED = "planned"
    APPROVED = "approved"  # where a second person is asked for
    SENDING = "sending"
    PAUSED = "paused"
    STOPPED = "stopped"
    FINISHED = "finished"


class Reason(StrEnum):
    """Why a delivery is skipped, not sent, refused or deferred. People read `REASONS`."""

    # skipped: the person's row
    NO_ADDRESS = "no_address"
    BAD_ADDRESS = "bad_address"
    SAME_ADDRESS = "same_address"
    SHARED = "shared_mailbox"  # one letter to the mailbox names them all
    ROW = "row"  # something else in the row, see the cell
    UNKNOWN_DELEGATION = "unknown_delegation"
    # skipped: our choice
    DELEGATION = "delegation"  # the appeal leaves this delegation out
    ROLE = "role"  # the appeal is for other roles
    NOT_CHOSEN = "not_chosen"  # --only, --role
    NO_LETTER = "no_letter"  # no letter in a language the person may get
    ON_HOLD = "on_hold"
    TEST_MODE = "test_mode"
    ALREADY = "already_written"
    REFUSED_BEFORE = "refused_before"
    RETURNED_BEFORE = "returned_before"
    ENOUGH = "enough_letters"  # [limits] letters_per_person
    NO_HEAD = "no_head"  # one letter a delegation, to its head, who gets none
    # skipped, and not sent where it came after the plan: a follow-up letter
    NO_FIRST_LETTER = "no_first_letter"
    ANSWERED = "answered"
    CAME_BACK = "came_back"
    NO_MORE = "no_more_letters"
    AWAY = "away_too_long"
    # not sent
    NAMES_HELD = "names_held"  # the letter names somebody who came onto the hold list
    NAMES_NO_MORE = "names_no_more"  # the letter names somebody who is not to get it any more
    STOPPED = "stopped"
    LAST_DAY = "last_day"
    GAVE_UP = "gave_up"  # tried for as long as was set, only temporary answers
    DECIDED = "decided"  # it was unknown, and a named person says that it did not go out
    # refused and deferred: what the server meant
    NO_MAILBOX = "no_such_mailbox"
    MAILBOX_FULL = "mailbox_full"
    SPAM = "called_spam"
    POLICY = "policy"  # the server does not take our mail
    TOO_BIG = "too_big"
    NOT_TAKEN = "letter_not_taken"  # for what it says, or how it is made
    MOVED = "moved"
    LATER = "try_later"  # greylisting and other temporary answers
    SLOW_DOWN = "slow_down"
    OUR_SHARE = "our_share"  # our account has used up what it may send
    LINE = "line"  # the line failed before anything was handed over
    OTHER = "other"
    # unknown
    BROKE_AFTER_DOT = "broke_after_hand_over"


REASONS: dict[Reason, str] = {
    Reason.NO_ADDRESS: "no address",
    Reason.BAD_ADDRESS: "address cannot work",
    Reason.SAME_ADDRESS: "same address as somebody else",
    Reason.SHARED: "named in the letter to the same mailbox",
    Reason.ROW: "a problem in the row",
    Reason.UNKNOWN_DELEGATION: "delegation not known",
    Reason.DELEGATION: "delegation left out by the appeal",
    Reason.ROLE: "the appeal is for other roles",
    Reason.NOT_CHOSEN: "not chosen for this mail-out",
    Reason.NO_LETTER: "no letter in a language for this person",
    Reason.ON_HOLD: "on the hold list",
    Reason.TEST_MODE: "test mode: not on the allow-list",
    Reason.ALREADY: "already written to",
    Reason.REFUSED_BEFORE: "refused before, address unchanged",
    Reason.RETURNED_BEFORE: "came back before, address unchanged",
    Reason.ENOUGH: "has had as many letters as one person may get",
    Reason.NO_HEAD: "the head of the delegation gets no letter",
    Reason.NO_FIRST_LETTER: "has not had the letter that this one follows",
    Reason.ANSWERED: "has answered, or is in touch with us",
    Reason.CAME_BACK: "the letter that this one follows came back",
    Reason.NO_MORE: "wants no more letters, or has left office",
    Reason.AWAY: "away beyond the last day",
    Reason.NAMES_HELD: "the letter names somebody who is on the hold list",
    Reason.NAMES_NO_MORE: "the letter names somebody who is not to get it any more",
    Reason.STOPPED: "stopped",
    Reason.LAST_DAY: "past the appeal's last day, or the vote",
    Reason.GAVE_UP: "tried long enough",
    Reason.DECIDED: "found not to have gone out",
    Reason.NO_MAILBOX: "no such mailbox",
    Reason.MAILBOX_FULL: "mailbox full",
    Reason.SPAM: "called spam",
    Reason.POLICY: "server does not take our mail",
    Reason.TOO_BIG: "too big",
    Reason.NOT_TAKEN: "the letter was not taken",
    Reason.MOVED: "address has moved",
    Reason.LATER: "server asked to try later",
    Reason.SLOW_DOWN: "server asked to slow down",
    Reason.OUR_SHARE: "our account may send no more for now",
    Reason.LINE: "the line failed before the letter was handed over",
    Reason.OTHER: "its words say why",
    Reason.BROKE_AFTER_DOT: "the line broke after the letter was handed over",
}


OF_THE_LETTER = frozenset({Reason.SPAM, Reason.TOO_BIG, Reason.NOT_TAKEN})
"""Refusals that say nothing of the person: another plan, with a better letter perhaps, writes to
them again.
"""


PERSON_NEEDED: dict[State, Reason | None] = {
    State.UNKNOWN: None,
    State.REFUSED: None,
    State.NOT_SENT: Reason.GAVE_UP,
    State.DRAFTED: None,
}
"""Where the mailer can do no more by itself, the worst first: the state, and the reason where not
every one counts. Beside them stands whom an accepted letter to an address of no use came back
from (`deliveries.NEEDS_A_PERSON`).
"""


class Stage(StrEnum):
    """How far one attempt got. Up to MARK nothing is handed over; from DOT on silence means
    unknown.
    """

    CONNECT = "connect"  # TCP, TLS, EHLO, AUTH
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"
    BODY = "body"  # 354 received, dot not written
    MARK = "mark"  # the marker is being committed
    DOT = "dot"


class About(StrEnum):
    """Whose matter an answer is. RECIPIENT and SERVER are theirs; the others are ours, and cost
    nobody the letter.
    """

    ACCOUNT = "account"  # our share at the provider
    SENDER = "sender"  # our account, address, login, name and network, and what is known of them
    LETTER = "letter"
    RECIPIENT = "recipient"  # the mailbox
    SERVER = "server"  # theirs, or one on the way: busy or broken
    BUG = "bug"  # we spoke nonsense: stop, keep the transcript
    LINE = "line"  # nobody's: the line failed


class Receipt(NamedTuple):
    """What the server said, or did not say, to one attempt: facts, no judgement (that is
    `replies.judge`).
    """

    # ACCEPTED, REFUSED, DEFERRED or UNKNOWN, by stage and first digit alone (RFC 5321 section
    # 4.3.2)
    state: State
    stage: Stage
    code: int | None = None  # 550; None when no well-formed reply came
    enhanced: str | None = None  # "5.1.1" (RFC 3463)
    text: str = ""  # the server's own words, control characters escaped, at most 2,000 characters
    peer: str = ""  # "smtp.example [127.0.0.1]:2525"
    tls: str = ""  # "TLSv1.3 TLS_AES_256_GCM_SHA384", empty in clear
    seconds: float = 0.0  # from MAIL to the answer


@dataclass(frozen=True, slots=True)
class Written:
    """One earlier delivery of the same appeal: whom it concerns and how it stands."""

    mail_out: str  # M-0007
    address_key: str
    person: str
    state: State
    returned: bool = False  # it came back: the address is of no use


class Position(StrEnum):
    """Where a member stands on what an appeal asks for. People read `POSITIONS`."""

    SUPPORTS = "supports"
    LEANS = "leans"
    UNDECIDED = "undecided"
    AGAINST = "against"
    ABSENT = "absent"


POSITIONS: dict[Position, str] = {
    Position.SUPPORTS: "supports",
    Position.LEANS: "leans towards it",
    Position.UNDECIDED: "undecided",
    Position.AGAINST: "against",
    Position.ABSENT: "will be absent",
}


class Heard(StrEnum):
    """How a position became known. People read `HEARD`."""

    REPLY = "reply"
    CALL = "call"
    MEETING = "meeting"
    PUBLIC_VOTE = "public_vote"
    COLLEAGUE = "colleague"


HEARD: dict[Heard, str] = {
    Heard.CALL: "call",
    Heard.MEETING: "meeting",
    Heard.REPLY: "reply",
    Heard.PUBLIC_VOTE: "public vote",
    Heard.COLLEAGUE: "a colleague",
}
