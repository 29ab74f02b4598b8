"""The tables of the send log, the same on SQLite and PostgreSQL.

One row of `delivery` is one recipient in one mail-out, the people left out included; its state is a
column, kept in the same transaction as the `event` that tells how it came about: of an attempt, and
of its outcome, that one row. Events are append-only. Times are aware UTC. Changes of these tables
go through `migrations/`; a test holds the two together.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache
from typing import Any

import sqlalchemy as sa

from mailer.base.states import Heard, MailOutState, Position, Stage, State


class UtcDateTime(sa.TypeDecorator[datetime]):
    """An aware datetime in UTC. SQLite forgets the zone; it is put back on the way out."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def bind_processor(self, dialect: sa.Dialect) -> Callable[[datetime | None], Any] | None:
        """Say how a time is handed to the driver: to SQLite as the text that it keeps."""
        return _as_text if dialect.name == "sqlite" else super().bind_processor(dialect)

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"a time without a zone: {value}")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


@lru_cache(1024)  # a letter's few times stand in many columns
def _as_text(value: datetime | None) -> str | None:
    """Return a time as SQLite keeps it."""
    if value is None:
        return None
    if value.tzinfo is None:
        raise ValueError(f"a time without a zone: {value}")
    return value.astimezone(UTC).isoformat(" ", "microseconds")[:26]


def _one_of(column: str, words: type[StrEnum], *, empty: bool = False) -> sa.CheckConstraint:
    listed = ", ".join(f"'{word}'" for word in [*[""] * empty, *words])
    return sa.CheckConstraint(f"{column} IN ({listed})", name=f"{column}_is_known")


def _text(name: str, **more: Any) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False, server_default="", **more)


def _where(condition: str, *, postgresql: str = "") -> dict[str, Any]:
    """Let an index hold some rows only. What PostgreSQL is told waits in `info`: SQLAlchemy loads
    that dialect, 20 ms, for the first table that has a word for it.
    """
    return {
        "sqlite_where": sa.text(condition),
        "info": {"postgresql_where": sa.text(postgresql or condition)},
    }


metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


@sa.event.listens_for(metadata, "before_create")
def _tell_postgresql(_: sa.MetaData, connection: sa.Connection, **_more: object) -> None:
    if connection.dialect.name == "postgresql":
        for table in metadata.tables.values():
            for index in table.indexes:
                index.kwargs.update(index.info)


mail_out = sa.Table(
    "mail_out",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),  # shown as M-0001
    sa.Column("appeal", sa.Text, nullable=False),  # the folder under templates/
    _text("title"),  # of the appeal
    _text("called"),  # by whoever planned it; empty: by its title
    sa.Column("state", sa.Text, nullable=False),
    sa.Column(
        "why", sa.Text, nullable=False, server_default=""
    ),  # one sentence: why it is paused or stopped
    sa.Column("mode", sa.Text, nullable=False),  # test, live or demo
    sa.Column("hash", sa.Text, nullable=False),  # over everything that was frozen
    sa.Column("server", sa.Text, nullable=False),  # host:port security user, as planned
    sa.Column("sender", sa.Text, nullable=False),  # the envelope sender
    sa.Column("until", UtcDateTime),  # nothing is handed over from then on
    sa.Column("starts_at", UtcDateTime),  # it begins by itself; the first of its letters then
    _text("schedule"),  # as somebody said it: "Mon 2027-01-18 09:00 in each capital"
    sa.Column(
        "sources", sa.LargeBinary, nullable=False
    ),  # what the plan was made from, to explain a stale one
    sa.Column("retry_of", sa.Integer, sa.ForeignKey("mail_out.id")),
    _text("follows"),  # M-0001 or an appeal, whose letters these follow up
    # one letter to the head of each delegation, its members in Cc
    sa.Column("to_heads", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("planned_at", UtcDateTime, nullable=False),
    sa.Column("started_at", UtcDateTime),
    sa.Column("ended_at", UtcDateTime),
    # how many must approve it, of how many organisations, as it was when it was planned
    sa.Column("approvals", sa.Integer, nullable=False, server_default="0"),
    sa.Column("organisations", sa.Integer, nullable=False, server_default="0"),
    _one_of("state", MailOutState),
)

letter = sa.Table(
    "letter",
    metadata,
    sa.Column(
        "digest", sa.Text, primary_key=True
    ),  # sha256 of the unpacked data and of shared, hexadecimal
    sa.Column(
        "data", sa.LargeBinary, nullable=False
    ),  # zlib: the message without its Date and its shared parts
    _text("shared"),  # where in data which parts stand: "5120:9f86d0… 5163:60303a…"
)

# What many letters carry, a PDF or lines that all have alike: as they leave, and kept once.
part = sa.Table(
    "part",
    metadata,
    sa.Column("digest", sa.Text, primary_key=True),  # sha256 of the unpacked data, hexadecimal
    sa.Column("data", sa.LargeBinary, nullable=False),  # zlib
)

delivery = sa.Table(
    "delivery",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("mail_out_id", sa.Integer, sa.ForeignKey("mail_out.id"), nullable=False),
    sa.Column(
        "number", sa.Integer, nullable=False
    ),  # within the mail-out, in the order of the sheets
    sa.Column(
        "position", sa.Integer, nullable=False
    ),  # the order of sending: round-robin over the delegations
    # the person
    _text("person"),  # the same for other spellings of the same name in the same delegation
    _text("name"),
    _text("address"),
    _text("address_key"),
    _text("domain"),  # of the address, for limits
    _text("delegation"),
    _text("role"),
    _text("political_group"),
    _text("language"),  # of the letter; of the person where there is none
    _text(
        "salt"
    ),  # random, of this person here: with it go the commitments of the chain (`seals.py`)
    sa.Column("erased", sa.Text),  # the commitment, once the person's data are erased
    _text(
        "words"
    ),  # name and address without case and accents, the first 300 characters: to search, to sort by
    # where the person stands
    _text("file"),
    _text("sheet"),
    sa.Column("row", sa.Integer),
    _text("cell"),
    # the letter
    sa.Column("message_id", sa.Text),
    sa.Column("digest", sa.Text, sa.ForeignKey("letter.digest")),
    sa.Column(
        "dated_at", UtcDateTime
    ),  # the Date header: fixed by the first marker, never changed after
    sa.Column(
        "resend_of", sa.Integer
    ),  # the unknown delivery that a person released: this is the same letter again
    # what became of it
    sa.Column("state", sa.Text, nullable=False),
    _text("reason"),
    _text(
        "detail"
    ),  # the reason in this case: another mail-out, another person, the sheet's problem
    sa.Column("code", sa.Integer),
    sa.Column("enhanced", sa.Text),
    _text("text"),  # the server's own words
    sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
    sa.Column("tried_at", UtcDateTime),  # when the trying began
    sa.Column("changed_at", UtcDateTime, nullable=False),
    # whose it is while it is being sent
    # of a waiting one: it does not leave before
    sa.Column("next_try_at", UtcDateTime),
    sa.Column("owner", sa.Text),
    sa.Column("lease_until", UtcDateTime),
    sa.Column("fence", sa.Integer, nullable=False, server_default="0"),  # grows with every claim
    sa.Column("handover_at", UtcDateTime),  # the marker: committed just before the final dot
    sa.UniqueConstraint("mail_out_id", "number"),
    sa.Index("ix_delivery_queue", "mail_out_id", "state", "position"),
    sa.Index("ix_delivery_address_key", "address_key"),
    sa.Index("ix_delivery_person", "person"),
    sa.Index("ix_delivery_message_id", "message_id"),
    # Covers every count, filter, search and order of the table of outcomes, so that none of them
    # reads the rows. It lies in the order of sending: what a few letters change is on one page.
    sa.Index(
        "ix_delivery_table",
        *("mail_out_id", "position", "delegation", "state", "reason", "number"),
        *("role", "political_group", "language", "changed_at", "words"),
    ),
    # One letter a person: two rows of one mail-out may share an address only where one of them is
    # left out, and has no letter. What becomes of a letter does not touch this index.
    sa.Index(
        "uq_delivery_one_letter",
        "mail_out_id",
        "address_key",
        unique=True,
        **_where("digest IS NOT NULL"),
    ),
    _one_of("state", State),
)

# Attempts that versions before 0026 made: each beside its event, of the same transaction and time.
# They stay for their seals, and none is written any more.
attempt = sa.Table(
    "attempt",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("delivery_id", sa.Integer, sa.ForeignKey("delivery.id"), nullable=False, index=True),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("at", UtcDateTime, nullable=False),  # when it ended
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("stage", sa.Text, nullable=False),
    _text("reason"),
    sa.Column("code", sa.Integer),
    sa.Column("enhanced", sa.Text),
    _text("text"),
    _text("peer"),
    _text("tls"),
    sa.Column("seconds", sa.Float, nullable=False, server_default="0"),
    sa.Column("handover_at", UtcDateTime),
    _text("owner"),
    sa.Column("erased", sa.Text),  # the commitment of the text, once that is erased
    _one_of("state", State),
    _one_of("stage", Stage),
)

event = sa.Table(
    "event",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.Column("mail_out_id", sa.Integer, sa.ForeignKey("mail_out.id"), nullable=False, index=True),
    sa.Column(
        "delivery_id", sa.Integer, sa.ForeignKey("delivery.id"), index=True
    ),  # None: of the whole mail-out, or of a claim
    sa.Column("kind", sa.Text, nullable=False),  # `events.EventKind`
    _text("reason"),
    _text("detail"),  # of an attempt: the server's own words, or what broke
    _text("who"),  # the sender process, or the person who decided
    sa.Column("erased", sa.Text),  # the commitment of the detail, once that is erased
    # of an attempt, whose outcome this is; all None where it is none
    sa.Column("attempt", sa.Integer),  # which one of its letter
    sa.Column("stage", sa.Text),
    sa.Column("code", sa.Integer),
    sa.Column("enhanced", sa.Text),
    sa.Column("peer", sa.Text),
    sa.Column("tls", sa.Text),
    sa.Column("seconds", sa.Float),
    sa.Column("handover_at", UtcDateTime),
    # What happened to a mail-out as a whole is found beside the many events of its deliveries.
    sa.Index("ix_event_of_the_whole", "mail_out_id", "kind", **_where("delivery_id IS NULL")),
)
OF_ATTEMPT = ("attempt", "stage", "code", "enhanced", "peer", "tls", "seconds", "handover_at")
"""The columns of an event that an attempt has, and nothing else."""

seal = sa.Table(
    "seal",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.Column("event_id", sa.Integer, nullable=False),  # the last ones that are covered
    sa.Column("attempt_id", sa.Integer, nullable=False),
    sa.Column("events", sa.Integer, nullable=False),  # how many are covered
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("before", sa.Text, nullable=False, unique=True),  # the hash of the seal before it
    sa.Column("hash", sa.Text, nullable=False),
)

spent = sa.Table(
    "spent",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("account", sa.Text, nullable=False),
    sa.Column("at", sa.Float, nullable=False),  # seconds since 1970: one attempt, for a day
    sa.Index("ix_spent_account_at", "account", "at"),
)

bucket = sa.Table(
    "bucket",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column(
        "tat", sa.Float, nullable=False
    ),  # theoretical arrival time (GCRA), seconds since 1970
)

share = sa.Table(
    "share",
    metadata,
    sa.Column("mail_out_id", sa.Integer, sa.ForeignKey("mail_out.id"), primary_key=True),
    sa.Column("sender", sa.Text, primary_key=True),
    sa.Column("connections", sa.Integer, nullable=False),  # that it may have, or still has
    sa.Column("seen_at", sa.Float, nullable=False),  # seconds since 1970
    _text("waits_for"),  # why nothing goes out at present: the limit, or what the server asked for
    sa.Column("limit", sa.Integer, nullable=False, server_default="0"),  # what that limit says
    sa.Column("until", sa.Float, nullable=False, server_default="0"),  # seconds since 1970
)

server = sa.Table(
    "server",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),  # host:port
    sa.Column("pipelining_lost", sa.Integer, nullable=False, server_default="0"),  # connections
    sa.Column("per_connection", sa.Integer),  # letters after which it ends a session
)

# What came back, beside the states of deliveries. A message is here once, by the hash of its bytes.

incoming = sa.Table(
    "incoming",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("digest", sa.Text, nullable=False, unique=True),  # sha256 of the bytes as they came
    sa.Column("box", sa.Text, nullable=False),  # the mailbox and folder, or the file it came from
    sa.Column("uidvalidity", sa.BigInteger),
    sa.Column("uid", sa.BigInteger),
    sa.Column("arrived_at", UtcDateTime),
    sa.Column("recorded_at", UtcDateTime, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),  # `inbox.kinds.InboxKind`
    sa.Column("sure", sa.Boolean, nullable=False),  # False: a person has to look at it
    _text("reason"),
    _text("sorted_by"),  # empty: the mailer
    sa.Column("until", sa.Date),  # away: when they come back
    sa.Column("whole", sa.Boolean, nullable=False),  # an objection that is all that was said
    sa.Column("opened_at", UtcDateTime),
    _text("opened_by"),
    # personal: taken away after [inbox] keep_days, and with the person
    _text("sender"),
    _text("subject"),
    _text("own"),  # the writer's own words
    _text("parts"),  # names of attachments, a line each
    sa.Column("raw", sa.LargeBinary),  # zlib: the message without the insides of long attachments
    sa.Index("ix_incoming_kind", "kind", "sure"),
)

incoming_letter = sa.Table(
    "incoming_letter",
    metadata,
    sa.Column("incoming_id", sa.Integer, sa.ForeignKey("incoming.id"), primary_key=True),
    sa.Column("delivery_id", sa.Integer, sa.ForeignKey("delivery.id"), primary_key=True),
    sa.Column("how", sa.Text, nullable=False),  # `inbox.thread.How`, or "by hand"
    sa.Column("certainty", sa.Integer, nullable=False),  # of 100
    sa.Index("ix_incoming_letter_delivery_id", "delivery_id"),
)

mailbox_read = sa.Table(
    "mailbox_read",
    metadata,
    sa.Column("box", sa.Text, primary_key=True),
    sa.Column("uidvalidity", sa.BigInteger, nullable=False),
    sa.Column("uid", sa.BigInteger, nullable=False),  # everything up to it is on record
    sa.Column("read_at", UtcDateTime),  # to its end, the last time
    _text("fault"),  # what has kept it from being read since
)

# People whom a newer list calls otherwise than their deliveries do: those up to one, which stay as
# they were planned.

renamed = sa.Table(
    "renamed",
    metadata,
    sa.Column("person", sa.Text, primary_key=True),  # as in `delivery`
    sa.Column("last_delivery", sa.Integer, primary_key=True),
    sa.Column("now", sa.Text, nullable=False),
    sa.Index("ix_renamed_now", "now"),
)

# Where members stand on an appeal: political opinions, so they are in no chain and no other table,
# and every row of them can be taken away.

member_position = sa.Table(
    "member_position",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("appeal", sa.Text, nullable=False),
    sa.Column("person", sa.Text, nullable=False),  # as in `delivery`; without a name, the address
    _text("name"),
    _text("delegation"),
    _text("position"),  # empty: it is not known yet, and there is a next step
    _text("source"),
    _text("note"),
    _text("next_step"),
    sa.Column("due", sa.Date),
    _text("owner"),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.Column("who", sa.Text, nullable=False),
    sa.Column("newest", sa.Boolean, nullable=False),  # of this person and appeal
    sa.Column("token", sa.Text, unique=True),  # of the form: sent twice, it is noted once
    sa.Index(
        "ix_member_position_board",  # covers the counts of the board
        "appeal",
        "position",
        "person",
        **_where("newest = 1", postgresql="newest"),
    ),
    sa.Index("ix_member_position_person", "person"),
    sa.Index(
        "ix_member_position_next",
        "appeal",
        "due",
        **_where("newest = 1 AND next_step <> ''", postgresql="newest AND next_step <> ''"),
    ),
    sa.Index(
        "uq_member_position_newest",
        "appeal",
        "person",
        unique=True,
        **_where("newest = 1", postgresql="newest"),
    ),
    _one_of("position", Position, empty=True),
    _one_of("source", Heard, empty=True),
)

# Who may use the console, and what they did that concerns no single mail-out.

account = sa.Table(
    "account",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("name", sa.Text, nullable=False, unique=True),
    sa.Column("role", sa.Text, nullable=False),  # viewer, editor, approver, operator, admin
    sa.Column("password", sa.Text, nullable=False),  # argon2id; empty: may not sign in
    sa.Column(
        "changed_at", UtcDateTime, nullable=False
    ),  # of password or role: sign-ins from before it end
    _text("organisation"),
    _text("invited_by"),  # who made the link by which the password was set
    _text("second"),  # the secret of the second factor (RFC 6238); empty: there is none
    sa.Column("second_step", sa.BigInteger, nullable=False, server_default="0"),
    _text("recovery"),  # sha256 of the recovery codes that are left
)

invitation = sa.Table(
    "invitation",
    metadata,
    sa.Column("digest", sa.Text, primary_key=True),  # sha256 of the key in a one-time link
    sa.Column("account_id", sa.Integer, sa.ForeignKey("account.id"), nullable=False),
    sa.Column("until", UtcDateTime, nullable=False),
)

journal = sa.Table(
    "journal",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.Column("who", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),  # signed_in, sheet_taken_over, held, …
    _text("detail"),
)
