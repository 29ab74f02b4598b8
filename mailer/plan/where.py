"""Conditions that narrow an audience: `committee = Monitoring and not replied`.

A condition asks for columns of the sheets and for what the send log knows. It is read word by word
and never run as code; a word that nothing has is refused at its place. An empty cell is not known,
and what is not known is never included: `not committee = Rules` leaves out whoever has no
committee, with the cell.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from mailer.base.delegations import Delegations
from mailer.base.errors import UsageError
from mailer.base.spelling import fold, nearest
from mailer.base.states import POSITIONS
from mailer.contacts.contact import Contact

FIELDS = ("delegation", "role", "language", "group", "chamber", "gender", "title", "name")
"""Columns that every workspace has, by our names."""

FACTS: Mapping[str, frozenset[str]] = {
    "written": frozenset(("accepted", "unknown", "waiting", "sending", "deferred", "drafted")),
    "accepted": frozenset(("accepted",)),
    "refused": frozenset(("refused",)),
    "unknown": frozenset(("unknown",)),
    "replied": frozenset(("reply", "objection")),
    "returned": frozenset(("returned_hard", "returned_soft", "returned_policy")),
    "away": frozenset(("away",)),
    "left office": frozenset(("left_office",)),
    "objected": frozenset(("objection", "complaint")),
}
"""What the send log knows of a person: the word in a condition, and states and kinds behind it."""

POSITION = "position"
"""Where a person stands on the appeal: asked for like a column, and known to the send log."""

_TOKENS = re.compile(r'\s*(?:"([^"]*)"|(!=|[=(),])|([^\s=!(),"]+)|(\S))')
DEEPEST = 20
"""Brackets within brackets."""

_KEYWORDS = frozenset(("and", "or", "not", "in", "is", "empty"))
_PARTS = re.compile(r"[;,/\n]")


class Past(NamedTuple):
    """One thing that the send log knows of a person: a state of a delivery, or a kind of answer;
    or, of no mail-out, where they stand on the appeal.
    """

    what: str
    mail_out: str  # M-0007; "": `what` is a position
    appeal: str


@dataclass(frozen=True, slots=True)
class ColumnIs:
    """A column equals one of some values, or is empty."""

    heading: str
    field: str  # of a contact; "" for a column of the sheets' own
    values: frozenset[str]  # folded; none of them: the cell is empty

    def holds(self, contact: Contact, _: Iterable[Past]) -> bool | None:
        cell = self.cell(contact)
        if not self.values:
            return not cell
        if not cell:
            return None
        return not self.values.isdisjoint((fold(cell), *map(fold, _PARTS.split(cell))))

    def cell(self, contact: Contact) -> str:
        if self.field:
            return str(getattr(contact, self.field))
        return contact.extra.get(self.heading, "")

    def why(self, contact: Contact) -> str:
        cell = self.cell(contact)
        return f"{self.heading}: {cell}" if cell else f"{self.heading} is empty"


@dataclass(frozen=True, slots=True)
class InSendLog:
    """Something that the send log knows, of some mail-outs or appeals, or of any."""

    word: str
    of: frozenset[str]

    def holds(self, _: Contact, past: Iterable[Past]) -> bool | None:
        return any(
            one.what in FACTS[self.word] and (not self.of or not self.of.isdisjoint(one[1:]))
            for one in past
        )

    def why(self, _: Contact) -> str:
        return self.word


@dataclass(frozen=True, slots=True)
class PositionIs:
    """The position that is noted on this appeal is one of some, or there is none."""

    values: frozenset[str]  # none of them: nothing is noted

    def holds(self, _: Contact, past: Iterable[Past]) -> bool | None:
        stands = next((one.what for one in past if not one.mail_out), "")
        if not self.values:
            return not stands
        return stands in self.values if stands else None

    def why(self, _: Contact) -> str:
        return POSITION  # not which: the send log holds no opinions


@dataclass(frozen=True, slots=True)
class IsNot:
    inner: Term

    def holds(self, contact: Contact, past: Iterable[Past]) -> bool | None:
        held = self.inner.holds(contact, past)
        return None if held is None else not held

    def why(self, contact: Contact) -> str:
        return self.inner.why(contact)


@dataclass(frozen=True, slots=True)
class Several:
    """All of some terms, or one of them at least; what is not known stays not known (Kleene)."""

    terms: tuple[Term, ...]
    every: bool

    def holds(self, contact: Contact, past: Iterable[Past]) -> bool | None:
        held = [term.holds(contact, past) for term in self.terms]
        if (not self.every) in held:
            return not self.every
        return None if None in held else self.every

    def why(self, contact: Contact) -> str:
        return ", ".join(dict.fromkeys(term.why(contact) for term in self.terms))


Term = ColumnIs | InSendLog | PositionIs | IsNot | Several


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition that was read, and its words."""

    text: str
    term: Term
    of_positions: bool = False  # it asks where people stand

    def against(self, contact: Contact, past: Iterable[Past]) -> str | None:
        """Return why a person is not meant; None for whom is."""
        return None if self.term.holds(contact, past) else self.term.why(contact)


class NotUnderstood(UsageError):
    """A condition says something that cannot be read, or that nothing has; `at` is where."""

    def __init__(self, text: str, at: int, message: str, hint: str) -> None:
        super().__init__(f"{message} (character {at + 1} of: {text.strip()})", hint=hint)
        self.at, self.said = at, message


def read(
    text: str, people: Sequence[Contact], delegations: Delegations, mail_outs: Iterable[str] = ()
) -> Condition:
    """Read a condition for the people of a workspace; `mail_outs` are names of mail-outs and
    appeals. Raises `NotUnderstood`.
    """
    reader = _ConditionReader(text, people, delegations, frozenset(mail_outs))
    return Condition(text, reader.read(), reader.asks_for_positions)


class _Token(NamedTuple):
    at: int
    text: str
    mark: bool = False  # = != ( ) ,
    quoted: bool = False

    @property
    def keyword(self) -> str:
        return "" if self.quoted or self.mark else self.text.lower()


class _ConditionReader:
    """Recursive descent: or < and < not < term."""

    def __init__(
        self,
        text: str,
        people: Sequence[Contact],
        delegations: Delegations,
        mail_outs: frozenset[str],
    ) -> None:
        self.text, self.people, self.delegations = text, people, delegations
        self.mail_outs = mail_outs
        self.words = list(self._split())
        self.next = 0
        self.depth = 0
        self.asks_for_positions = False

    def _split(self) -> Iterator[_Token]:
        for match in _TOKENS.finditer(self.text.rstrip()):
            quoted, mark, word, strange = match.groups()
            at = match.end() - len(match[0].lstrip())
            if strange:
                hint = 'write for example: committee = "Legal Affairs" and not replied'
                raise NotUnderstood(self.text, at, f"{strange} cannot stand here.", hint)
            yield _Token(at, quoted or mark or word or "", bool(mark), quoted is not None)

    def read(self) -> Term:
        if not self.words:
            hint = "write for example: role = substitute"
            raise NotUnderstood(self.text, 0, "The condition is empty.", hint)
        term = self._joined("or")
        if self.next < len(self.words):
            raise self._wrong("and, or, or the end is missing before this", self._hint_of_quotes())
        return term

    def _joined(self, by: str) -> Term:
        terms = [self._joined("and") if by == "or" else self._not()]
        while self._take(by):
            terms.append(self._joined("and") if by == "or" else self._not())
        return terms[0] if len(terms) == 1 else Several(tuple(terms), every=by == "and")

    def _not(self) -> Term:
        unlike = False
        while self._take("not"):
            unlike = not unlike
        if unlike:
            return IsNot(self._not())
        if self._take_mark("("):
            self.depth += 1
            if self.depth > DEEPEST:
                raise self._wrong("there are too many brackets", "write a shorter condition")
            inner = self._joined("or")
            self.depth -= 1
            self._close()
            return inner
        return self._term()

    def _term(self) -> Term:
        at, name = self._phrase("the name of a column, or written, replied, returned, away")
        unlike = False
        if self._take("is"):
            unlike = self._take("not")
            if self._take("empty"):
                empty = self._column(at, name, None)
                return IsNot(empty) if unlike else empty
            values = [self._phrase("a value, or empty")]
        elif self._take_mark("=") or (unlike := self._take_mark("!=")):
            values = [self._phrase("a value")]
        else:
            unlike = self._take("not")
            listed = self._take("in")
            if unlike and not listed:
                raise self._wrong("in is missing behind not", "write: not in (…)")
            values = self._list() if listed else []
            word = next((one for one in FACTS if fold(one) == fold(name)), "")
            if word:
                known = InSendLog(word, frozenset(map(self._mail_out, values)))
                return IsNot(known) if unlike else known
            if not values:
                raise self._no_column(at, name, "is a column, and = is missing behind it")
        term = self._column(at, name, values)
        return IsNot(term) if unlike else term

    # ------------------------------------------------------------------------- columns and values

    def _column(
        self, at: int, name: str, values: Sequence[tuple[int, str]] | None
    ) -> ColumnIs | PositionIs:
        if fold(name) == POSITION:
            self.asks_for_positions = True
            return PositionIs(frozenset(map(self._position, values or ())))
        field = next((one for one in FIELDS if fold(one) == fold(name)), "")
        heading = field or next((one for one in self._headings() if fold(one) == fold(name)), "")
        if not heading:
            raise self._no_column(at, name, "")
        meant = frozenset(fold(self._value(heading, field, *one)) for one in values or ())
        return ColumnIs(heading, field, meant)

    def _position(self, one: tuple[int, str]) -> str:
        at, value = one
        for position, words in POSITIONS.items():
            if fold(value) in (fold(position), fold(words)):
                return position.value
        close = nearest(value, list(POSITIONS))
        hint = f'did you mean "{close}"?' if close else f"there are: {', '.join(POSITIONS)}"
        raise NotUnderstood(self.text, at, f'"{value}" is no position.', hint)

    def _headings(self) -> list[str]:
        return list(dict.fromkeys(one for contact in self.people for one in contact.extra))

    def _no_column(self, at: int, name: str, wrong: str) -> NotUnderstood:
        columns = [*FIELDS, POSITION, *self._headings()]
        if any(fold(one) == fold(name) for one in columns):
            hint = f"write: {name} = …"
            return NotUnderstood(self.text, at, f'"{name}" {wrong}.', hint)
        close = nearest(name, [*columns, *FACTS])
        hint = f'did you mean "{close}"?' if close else f"there are: {', '.join(columns)}"
        return NotUnderstood(self.text, at, f'No sheet has a column "{name}".', hint)

    def _value(self, heading: str, field: str, at: int, value: str) -> str:
        from mailer.contacts.rows.row_reader import meaning_of  # the words of sheets

        if field == "delegation":
            try:
                return self.delegations.named(value).code
            except UsageError as fault:
                raise NotUnderstood(self.text, at, fault.message, fault.hint) from None
        if field in ("role", "language", "group", "chamber", "gender") and (
            word := meaning_of(field, value)
        ):
            return word
        probe = ColumnIs(heading, field, frozenset((fold(value),)))
        if any(probe.holds(contact, ()) for contact in self.people):
            return value
        there = sorted({cell for one in self.people if (cell := probe.cell(one))})
        words = value.split()
        for end in range(len(words) - 1, 0, -1):
            first = " ".join(words[:end])
            if any(fold(first) == fold(one) for one in there):
                message = f'and, or, or the end is missing behind "{first}".'
                raise NotUnderstood(self.text, at, message, f"{heading} = {first} and …")
        longer = (one for one in there if fold(one).startswith(fold(value)))
        close = nearest(value, there) or next(longer, "")
        hint = f'did you mean "{close}"?' if close else f"there are: {', '.join(there[:8])}"
        if not there:
            hint = "no row has anything in this column"
        raise NotUnderstood(self.text, at, f'Nobody has "{value}" in "{heading}".', hint)

    def _mail_out(self, one: tuple[int, str]) -> str:
        at, value = one
        found = next((name for name in self.mail_outs if fold(name) == fold(value)), "")
        if not found:
            close = nearest(value, self.mail_outs)
            hint = f'did you mean "{close}"?' if close else "mailer status lists those there are"
            raise NotUnderstood(self.text, at, f"There is no mail-out or appeal {value}.", hint)
        return found

    # ------------------------------------------------------------------------------------ the words

    def _list(self) -> list[tuple[int, str]]:
        if not self._take_mark("("):
            return [self._phrase("a value, or several in brackets")]
        values = [self._phrase("a value")]
        while self._take_mark(","):
            values.append(self._phrase("a value"))
        self._close()
        return values

    def _phrase(self, wanted: str) -> tuple[int, str]:
        """Take words up to the next mark or keyword: `Vote 2024`, `left office`."""
        first = self.next
        while self.next < len(self.words):
            word = self.words[self.next]
            if word.mark or word.keyword in _KEYWORDS:
                break
            self.next += 1
            if word.quoted:
                break
        if self.next == first and wanted.startswith("a value") and self._is_iceland():
            self.next += 1
        if self.next == first:
            raise self._wrong(f"{wanted} is missing here", self._hint_of_quotes())
        taken = self.words[first : self.next]
        return taken[0].at, " ".join(word.text for word in taken)

    def _is_iceland(self) -> bool:
        """Whether the next word is IS, the code of a delegation, and no other word follows it."""
        here, *after = [*self.words[self.next : self.next + 2]] or [_Token(0, "")]
        ends = all(one.mark or one.keyword in ("and", "or") for one in after)
        return here.keyword == "is" and ends

    def _hint_of_quotes(self) -> str:
        return 'a name with and, or, not, in or is in it stands in quotes: "Legal Affairs and …"'

    def _take(self, keyword: str) -> bool:
        if self.next < len(self.words) and self.words[self.next].keyword == keyword:
            self.next += 1
            return True
        return False

    def _take_mark(self, mark: str) -> bool:
        if self.next < len(self.words) and self.words[self.next][1:3] == (mark, True):
            self.next += 1
            return True
        return False

    def _close(self) -> None:
        if not self._take_mark(")"):
            raise self._wrong(") is missing here", "each ( needs its )")

    def _wrong(self, message: str, hint: str) -> NotUnderstood:
        ended = self.next >= len(self.words)
        at = len(self.text.rstrip()) if ended else self.words[self.next].at
        return NotUnderstood(self.text, at, f"{message[0].upper()}{message[1:]}.", hint)
