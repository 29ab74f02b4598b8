"""The one list of every place that holds a person: columns of the send log, files of a workspace.

Erasing, what is held on one person, how long it is kept, the look of `mailer doctor` and
docs/privacy.md all go by it. A column with a text that is not in it fails a test: whoever makes one
says here whom it tells of.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Whose(StrEnum):
    """Whom a column tells of."""

    PERSON = "person"  # who somebody is: goes with them
    LETTER = "letter"  # what was written to somebody: goes with them
    ANSWER = "answer"  # what came back from them, or about them: goes with them, or after a time
    WORDS = "words"  # free words, which may name anybody: the lines that do go
    TEAM = "team"  # those who work here
    NOBODY = "nobody"  # codes, times, hashes, names of servers and of files of the appeal


P, L, A, W, T, N = Whose

COLUMNS: dict[str, dict[Whose, str]] = {
    "mail_out": {
        N: "appeal title state mode hash server sender follows schedule",
        W: "why called",
        P: "sources",
    },
    "letter": {L: "data", N: "digest shared"},
    "part": {L: "data", N: "digest"},
    "delivery": {
        P: "person name address address_key role political_group salt words file sheet cell",
        W: "domain detail text",
        N: "delegation language erased message_id digest state reason enhanced owner",
    },
    "attempt": {W: "text", N: "state stage reason enhanced peer tls owner erased"},
    "event": {W: "detail", T: "who", N: "kind reason erased stage enhanced peer tls"},
    "seal": {N: "before hash"},
    "spent": {N: "account"},
    "bucket": {N: "name"},
    "share": {N: "sender waits_for"},
    "server": {N: "name"},
    "incoming": {
        A: "sender subject own parts raw",
        W: "box reason",
        T: "sorted_by opened_by",
        N: "digest kind",
    },
    "incoming_letter": {N: "how"},
    "mailbox_read": {N: "box fault"},
    "renamed": {P: "person now"},
    "member_position": {
        P: "person name",
        W: "note next_step",
        T: "owner who",
        N: "appeal delegation position source token",
    },
    "account": {T: "name role password organisation invited_by second recovery"},
    "invitation": {T: "digest"},
    "journal": {W: "detail", T: "who", N: "kind"},
}
"""Table → whom it tells of → its columns with texts or bytes."""


def about(table: str, column: str) -> Whose | None:
    """Return whom a column tells of; None where nobody has said."""
    found = COLUMNS.get(table, {}).items()
    return next((kind for kind, names in found if column in names.split()), None)


def columns_of(kind: Whose) -> list[tuple[str, str]]:
    """Return the columns that tell of somebody, as (table, column)."""
    return [
        (table, column)
        for table, kinds in COLUMNS.items()
        for column in kinds.get(kind, "").split()
    ]


class Way(StrEnum):
    """What becomes of what a file says of somebody who is forgotten."""

    CELLS = "cells"  # the cells of their row are emptied
    SEALED = "sealed"  # name and address go; a salted hash goes on holding them
    LINES = "lines"  # their lines, or entries, go
    FILE = "file"  # a file that names them goes: it is a copy, and can be made again
    ALL = "all"  # all of it goes with anybody: a letter may call them by the surname alone
    YOURS = "yours"  # it is named: somebody wrote it, and only they know what to do


@dataclass(frozen=True, slots=True)
class Place:
    """Files of a workspace that may hold people."""

    what: str  # in words, for people
    where: str  # a pattern; {contacts} and {log} are folders of the settings
    way: Way
    keep: str = ""  # the setting of `[retention]` by which they are taken away in time


FILES: tuple[Place, ...] = (
    Place("the hold list", "{contacts}/_hold*", Way.SEALED),
    Place("names that are one person, or two", "{contacts}/_same.csv", Way.LINES),
    Place("marked copies of sheets", "{contacts}/_*.marked.xlsx", Way.FILE, "copies"),
    Place("other lists beside the sheets", "{contacts}/_*", Way.YOURS),
    Place("contact sheets", "{contacts}/*", Way.CELLS),
    Place("what the last lists said", ".mailer/listed/*", Way.LINES),
    Place("earlier versions of sheets", ".mailer/backups/*", Way.FILE, "versions"),
    Place("sheets that were dropped or uploaded", ".mailer/dropped/**/*", Way.FILE, "copies"),
    Place("samples of rehearsals", ".mailer/rehearsal/**/*", Way.ALL, "copies"),
    Place("previews", ".mailer/preview/*", Way.ALL, "copies"),
    Place("reports of mistakes", ".mailer/mistake-*", Way.ALL, "copies"),
    Place("what a command of the console said", ".mailer/console-*", Way.ALL, "copies"),
    Place("answers of servers that the log could not take", "{log}/senders/*", Way.YOURS),
    Place("letters, and files that belong to them", "templates/**/*", Way.YOURS),
    Place("files that were taken along, and whatever else lies there", "**/*", Way.YOURS),
)
"""In this order: a file belongs to the first that it fits."""
