"""Which letter does a message answer or report? Each way that leads to one, strongest first, with
its certainty.

Ids first (In-Reply-To, References, the envelope's id, the Message-ID of a returned letter), then
addresses (of the recipient who is reported, of the sender), then names (of the sender, in the
text). Nothing is guessed: an address or a name that several people share leads nowhere by itself.
Nor does the id of a letter that a whole delegation got: who of it writes, or is reported on, is
told by the envelope, address and name; else it is the head's, to whom the letter is, and not sure.
Where only the person is known, it is the last letter that was sent to them before the message came.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from mailer.base.address import domain_of, key_of
from mailer.base.spelling import tokens
from mailer.inbox.mail.parts import Mail, ids_in
from mailer.inbox.mail.quotes import OwnWords
from mailer.inbox.sorting.rules import rules
from mailer.ledger.reading.sent import SentLetter


class How(StrEnum):
    """The ways that lead to a letter, strongest first."""

    IN_REPLY_TO = "in_reply_to"
    REFERENCES = "references"
    ENVID = "envid"
    RETURNED_MESSAGE_ID = "returned_message_id"
    VERP = "verp"
    RETURNED_RECIPIENT = "returned_recipient"
    SENDER_ADDRESS = "sender_address"
    SENDER_NAME = "sender_name"
    BODY_QUOTE = "body_quote"
    DELEGATION = "delegation"
    NONE = "none"


CERTAIN = {
    How.IN_REPLY_TO: 100,
    How.REFERENCES: 98,
    How.ENVID: 100,
    How.RETURNED_MESSAGE_ID: 100,
    How.VERP: 100,
    How.RETURNED_RECIPIENT: 95,
    How.SENDER_ADDRESS: 90,
    How.SENDER_NAME: 75,
    How.BODY_QUOTE: 70,
    How.DELEGATION: 50,
    How.NONE: 0,
}
"""How certain each way is, of 100."""


@dataclass(frozen=True)
class Threading:
    """Where a message belongs."""

    letters: tuple[SentLetter, ...] = ()
    how: How = How.NONE
    # something of it leads to the people written to: a letter, an address, or their house
    related: bool = False
    by_recipient: bool = False  # From is the address of a person written to
    own: bool = False  # it is our own letter, come back
    strange: bool = False  # it reports on a letter that is none of ours

    @property
    def certainty(self) -> int:
        return CERTAIN[self.how]


class SentLetters:
    """All letters that may be answered, ready to be looked up."""

    def __init__(self, letters: Iterable[SentLetter], ours: Iterable[str] = ()) -> None:
        self.by_id: dict[str, dict[int, SentLetter]] = defaultdict(dict)  # one a person
        self.by_envid: dict[str, SentLetter] = {}
        self.people: list[list[SentLetter]] = []
        self.by_address: dict[str, list[int]] = {}
        self._by_stem: dict[str, set[int]] = defaultdict(set)
        self.domains: set[str] = set()
        self.ours = {one.casefold() for one in ours}
        self.own_domains: set[str] = set()
        known: dict[tuple[str, str], int] = {}
        for letter in letters:
            if letter.envid:
                self.by_envid[letter.envid.casefold()] = letter
            person = (key_of(letter.address), " ".join(tokens(letter.name)))
            at = known.setdefault(person, len(self.people))
            if at == len(self.people):
                self.people.append([])
                self.by_address.setdefault(person[0], []).append(at)
                self.domains.add(domain_of(person[0]))
                for token in tokens(letter.name):
                    if len(token) > 2:
                        self._by_stem[token[:4]].add(at)
            self.people[at].append(letter)
            if letter.message_id:
                identity = letter.message_id.strip("<> ").casefold()
                self.by_id[identity][at] = letter
                self.own_domains.add(domain_of(identity))
        self.domains -= rules().words("free")

    def __bool__(self) -> bool:
        return bool(self.people)

    def address_of(self, address: str) -> list[int]:
        """Return the people who have this address, extensions as in `name+word@` ignored."""
        key = key_of(address.strip("<>'\" ."))
        found = self.by_address.get(key)
        if found is None and "+" in key:
            local, _, domain = key.rpartition("@")
            found = self.by_address.get(f"{local.partition('+')[0]}@{domain}")
        return found or []

    def named_in(self, text: str, *, whole: bool) -> list[int]:
        """Return the people whose given name and surname stand in a text, inflected too; without
        `whole`, those whose surname alone stands there as well, if nobody else has it.
        """
        words = [
            word
            for piece in re.findall(r"[\w'’.-]+", text[:6_000])
            if piece[:1].isupper() or not piece[:1].isalpha()
            for word in tokens(piece.replace("-", " "))
        ]
        places: dict[str, list[int]] = defaultdict(list)
        for at, word in enumerate(words):
            if len(word) > 2:
                places[word].append(at)
        full: list[int] = []
        part: dict[str, list[int]] = defaultdict(list)
        candidates = {person for word in places for person in self._by_stem.get(word[:4], ())}
        for person in sorted(candidates):
            name = [token for token in tokens(self.people[person][0].name) if len(token) > 1]
            found = [_places(token, places) for token in name]
            hits = [at for at in found if at]
            if (
                len(hits) > 1
                and found[-1]
                and any(abs(a - b) <= 3 for a in found[-1] for one in found[:-1] for b in one)
            ):
                full.append(person)
            elif len(name) > 1 and found[-1] and len(name[-1]) > 4:
                part[name[-1]].append(person)
        if full or whole:
            return full
        return [people[0] for people in part.values() if len(people) == 1]

    def letter_to(self, person: int, before: datetime | None, mail_out: str = "") -> SentLetter:
        """Return the letter of this mail-out to a person, or the last that was sent before a
        moment.
        """
        letters = self.people[person]
        for one in letters:
            if mail_out and one.mail_out == mail_out:
                return one
        sent = [
            one
            for one in letters
            if not (before and one.date and one.date > before + timedelta(minutes=5))
        ]
        return max(
            sent or letters,
            key=lambda one: (one.date.timestamp() if one.date else 0.0, one.delivery),
        )


def _places(token: str, places: dict[str, list[int]]) -> list[int]:
    if token in places:
        return places[token]
    if len(token) < 4:
        return []
    return [at for word, ats in places.items() if _inflected(token, word) for at in ats]


def _inflected(token: str, word: str) -> bool:
    """Tell whether a word may be this name with another ending: Pohořelcová, Pohořelcovou."""
    if abs(len(token) - len(word)) > 3 or token[:3] != word[:3]:
        return False
    same = 0
    for a, b in zip(token, word, strict=False):
        if a != b:
            break
        same += 1
    return same >= max(4, min(len(token), len(word)) - 2) and same >= len(token) - 3


def thread(mail: Mail, words: OwnWords, sent: SentLetters, *, verp: str = "") -> Threading:
    """Return the letters that a message belongs to. `verp` is the address with `{}` in place of
    the delivery.
    """
    arrived = mail.arrived()
    report = bool(mail.recipients or mail.disposition or mail.feedback or mail.returned)
    by_sender = sent.address_of(mail.sender[1])
    people = (*mail.people("from"), *mail.people("sender"))
    house = any(domain_of(address) in sent.domains for _, address in people)
    known = Threading(related=bool(by_sender) or house, by_recipient=bool(by_sender))
    own_id = next((i for i in ids_in(mail.header("message-id")) if i in sent.by_id), "")
    if own_id:
        own = next(iter(sent.by_id[own_id].values()))
        return Threading((own,), How.RETURNED_MESSAGE_ID, related=True, own=True)

    def to(people: list[int], how: How) -> Threading:
        letters = tuple(sent.letter_to(person, arrived) for person in people)
        return replace(known, letters=letters, how=how, related=True)

    found, how = _by_ids(mail, words, sent, verp)
    if len(found) > 1:
        found, how = _whose(found, how, mail, words, sent, by_sender, report)
        if not found:
            return replace(known, how=how, related=True)
    if found:
        letters = _rightly(found, mail, words, sent, by_sender, arrived, report)
        return replace(known, letters=letters, how=how, related=True)
    strange = False
    if report or _speaks_for_a_server(mail):
        reported, strange = _reported(mail, words, sent)
        if reported:
            return to(reported, How.RETURNED_RECIPIENT)
    if len(by_sender) == 1 and not mail.recipients:
        return to(by_sender, How.SENDER_ADDRESS)
    named, how = _by_name(mail, words, sent, by_sender, house)
    if named:
        return to(named, how)
    return replace(known, strange=strange and not known.by_recipient)


def _by_ids(
    mail: Mail, words: OwnWords, sent: SentLetters, verp: str
) -> tuple[list[SentLetter], How]:
    """Return the letters under the first id that is ours: several where a delegation got it."""

    def known(*texts: str) -> list[list[SentLetter]]:
        ids = dict.fromkeys(i for i in ids_in(*texts) if i in sent.by_id)
        return [list(sent.by_id[i].values()) for i in ids]

    inside = [
        fields.get(name, "")
        for fields in mail.inside
        for name in ("message-id", "in-reply-to", "references")
    ]
    if found := known(*mail.headers.get("in-reply-to", ())):
        return found[0], How.IN_REPLY_TO
    if found := known(*mail.headers.get("references", ())):
        return found[-1], How.REFERENCES
    for envid in _envids(mail):
        if letter := sent.by_envid.get(envid):
            return [letter], How.ENVID
    ids = [
        value
        for name, value in mail.returned.items()
        if name.endswith(("message-id", "references", "in-reply-to"))
    ]
    if found := known(
        *ids,
        mail.disposition.get("original-message-id", ""),
        mail.feedback.get("original-message-id", ""),
    ):
        return found[0], How.RETURNED_MESSAGE_ID
    if verp:
        before, _, after = verp.casefold().partition("{}")
        for _, address in (
            *mail.people("delivered-to"),
            *mail.people("x-original-to"),
            *mail.people("to"),
        ):
            middle = address.casefold().removeprefix(before).removesuffix(after)
            letter = sent.by_envid.get(middle)
            if letter and address.casefold() == f"{before}{middle}{after}":
                return [letter], How.VERP
    if found := known(*inside):
        return found[0], How.IN_REPLY_TO
    if found := known(
        *mail.headers.get("x-original-message-id", ()),
        words.own[:20_000],
        words.quoted[:20_000],
        words.below[:4_000],
    ):
        return found[0], How.RETURNED_MESSAGE_ID
    return [], How.NONE


def _envids(mail: Mail) -> list[str]:
    """Return the ids of the envelope that a report, or a header, names."""
    named = [
        mail.report.get("original-envelope-id", ""),
        *mail.headers.get("x-original-envelope-id", ()),
        mail.feedback.get("original-envelope-id", ""),
    ]
    return [_xtext(one).casefold() for one in named]


def _whose(
    letters: list[SentLetter],
    how: How,
    mail: Mail,
    words: OwnWords,
    sent: SentLetters,
    by_sender: list[int],
    report: bool,
) -> tuple[list[SentLetter], How]:
    """Say to whom of a delegation a message belongs whose id is that of a letter in common."""
    for envid in _envids(mail):
        if (one := sent.by_envid.get(envid)) in letters:
            return [one], How.ENVID

    def among(people: list[int]) -> list[SentLetter]:
        return [one for one in letters if any(one in sent.people[at] for at in people)]

    machine = report or _speaks_for_a_server(mail)
    if len(by_sender) == 1 and not machine:
        return among(by_sender) or letters[:1], how  # `_rightly` finds theirs
    ways = []
    if machine:  # whom the letter itself names is all of the delegation
        own = replace(words, own=_HEADING.sub("", words.own))
        returned = {name: value for name, value in mail.returned.items() if name != "to"}
        reported, _ = _reported(replace(mail, returned=returned), own, sent)
        ways = [(reported, How.RETURNED_RECIPIENT)]
    if not mail.recipients:
        ways += [
            (sent.named_in(mail.sender[0], whole=True), How.SENDER_NAME),
            (sent.named_in(words.own, whole=True), How.BODY_QUOTE),
        ]
    for people, way in ways:
        if len(found := among(people)) == 1:
            return found, way
    head = [one for one in letters if one.head]
    return [] if machine else head or letters[:1], How.DELEGATION


def _xtext(text: str) -> str:
    """Decode xtext (RFC 3461, 4), in which an ENVID may come back."""
    return re.sub(r"\+([0-9A-F]{2})", lambda found: chr(int(found[1], 16)), text.strip(" <>"))


def _rightly(
    found: list[SentLetter],
    mail: Mail,
    words: OwnWords,
    sent: SentLetters,
    by_sender: list[int],
    arrived: datetime | None,
    report: bool,
) -> tuple[SentLetter, ...]:
    """Correct what ids say by who writes: a member answers under another's letter, a secretariat
    for several.
    """
    letter = found[0]
    if report:
        return (letter,)
    if len(by_sender) == 1 and key_of(letter.address) not in {
        key_of(a) for _, a in mail.people("from")
    }:
        return (sent.letter_to(by_sender[0], arrived, letter.mail_out),)
    if len(by_sender) != 1:
        named = sent.named_in(words.own, whole=True)
        if len(named) < 2:
            named = sorted({*named, *sent.named_in(words.own, whole=False)})
        own = next((p for p in sent.address_of(letter.address) if letter in sent.people[p]), None)
        same = [p for p in named if p != own and sent.people[p][0].delegation == letter.delegation]
        if own in named and same:
            return tuple(
                sorted({letter, *(sent.letter_to(p, arrived, letter.mail_out) for p in same)})
            )
    return (letter,)


_HEADING = re.compile(r"^[>\s]*(?:to|cc):.*(?:\n[>]*[ \t]+.*)*", re.IGNORECASE | re.MULTILINE)
"""Who stands in To and Cc of a letter that a text repeats."""


def _speaks_for_a_server(mail: Mail) -> bool:
    local = mail.sender[1].partition("@")[0].casefold()
    return (
        local in ("mailer-daemon", "postmaster")
        or "x-failed-recipients" in mail.headers
        or mail.headers.get("return-path", ["x"])[0].strip() in ("<>", "")
    )


_ADDRESS = re.compile(r"(?<![\w.!#$%&'*+/=?^`{|}~-])[\w.!#$%&'*+/=?^`{|}~-]+@[\w-]+(?:\.[\w-]+)+")


def _reported(mail: Mail, words: OwnWords, sent: SentLetters) -> tuple[list[int], bool]:
    """Return the people whose letter is reported on, and whether anybody at all is named."""
    texts: list[str] = []
    for block in (*mail.recipients, mail.disposition, mail.feedback):
        texts += [
            block.get(name, "")
            for name in (
                "original-recipient",
                "final-recipient",
                "original-rcpt-to",
                "x-actual-recipient",
                "removal-recipient",
            )
        ]
    texts += mail.headers.get("x-failed-recipients", [])
    named = bool(_ADDRESS.search(" ".join(texts)) or mail.returned.get("message-id"))
    texts.append(mail.returned.get("to", ""))
    for text in (*texts, words.own[:20_000], *mail.headers.get("subject", ())):
        for address in _ADDRESS.findall(text):
            people = sent.address_of(address)
            if len(people) == 1:
                return people, True
            if len(people) > 1:
                return _narrow(
                    people,
                    f"{mail.returned.get('to', '')} {words.own} {mail.returned.get('subject', '')}",
                    sent,
                ), True
    return [], named


def _narrow(people: list[int], text: str, sent: SentLetters) -> list[int]:
    named = set(sent.named_in(text, whole=False))
    left = [person for person in people if person in named]
    return left if len(left) == 1 else []


def _by_name(
    mail: Mail, words: OwnWords, sent: SentLetters, by_sender: list[int], house: bool
) -> tuple[list[int], How]:
    subject = mail.header("subject")
    if len(by_sender) > 1:
        people = _narrow(by_sender, f"{mail.sender[0]} {words.own}", sent)
        return people, How.SENDER_NAME if people else How.NONE
    for _, address in (*mail.people("sender"), *mail.people("reply-to")):
        people = sent.address_of(address)
        if len(people) == 1:
            return people, How.SENDER_ADDRESS
    addresses = [
        sent.address_of(a) for a in _ADDRESS.findall(f"{subject} {words.own} {words.below}")
    ]
    people = sorted({one[0] for one in addresses if len(one) == 1})
    if len(people) == 1:
        return people, How.BODY_QUOTE
    people = sent.named_in(mail.sender[0], whole=True)
    if len(people) == 1:
        return people, How.SENDER_NAME
    greeting = "\n".join([line for line in words.quoted.splitlines() if line.strip()][:12])
    for text, whole in (
        (words.own, True),
        (words.below, True),
        (subject, True),
        (f"{subject}\n{words.own}", False),
        (greeting, True),
    ):
        if not whole and not house:
            continue
        people = sent.named_in(text, whole=whole)
        if len(people) > 1:
            people = _of_this_house(people, mail, sent)
        if people and (len(people) == 1 or text is words.own):
            return people, How.BODY_QUOTE
    return [], How.NONE


def _of_this_house(people: list[int], mail: Mail, sent: SentLetters) -> list[int]:
    """Prefer people whose mailbox is in the sender's house; of one name in two countries, this
    tells them apart.
    """
    domain = domain_of(mail.sender[1])
    here = [p for p in people if domain_of(sent.people[p][0].address) == domain]
    if len({" ".join(tokens(sent.people[p][0].name)) for p in here or people}) < len(
        here or people
    ):
        return []
    return here or people
