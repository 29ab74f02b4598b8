"""What a server's answer means: whose matter it is, why in plain words, and what follows for the
whole mail-out.

Words come before codes: servers say "550" to a used-up share of ours, to a blocked network and to a
mailbox that is gone, and only their words tell which. `replies.toml` has the rules in the order in
which they are asked. Nobody is refused for good for a fault of ours: the letter waits. Nothing here
is kept, so nothing can be lost in a crash.

`diagnose` judges any answer, of a returned message too; `judge` says what becomes of a letter by
its receipt.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from importlib.resources import files
from typing import Any

from mailer.base.states import About, Reason, Receipt, Stage, State

ENHANCED = re.compile(r"(?<![\w.])([245]\.\d{1,3}\.\d{1,3})(?!\w|\.\d)")

CODE = re.compile(r"(?<![\w.,])[45]\d\d(?=[ -])")


class Then(StrEnum):
    """What an answer means for the whole mail-out."""

    GO_ON = "go_on"
    SLOW_DOWN = "slow_down"
    COUNT = "count"  # stop when it comes early or often
    RENEW = "renew"  # this connection has taken its share, the next one may have more
    PAUSE = "pause"


@dataclass(frozen=True, slots=True)
class ReplyKind:
    """One kind of answer, as `replies.toml` describes it."""

    name: str
    about: About
    reason: Reason | None
    then: Then = Then.GO_ON
    pause: str = ""  # the beginning of the sentence that says why the mail-out pauses
    domain: bool = (
        False  # everyone at this domain will get the same answer: leave it alone for an hour
    )


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: the kind of an answer with these words, these codes, at these stages; empty means
    any.
    """

    kind: ReplyKind
    words: re.Pattern[str] | None
    enhanced: str
    code: str
    stages: frozenset[Stage]

    def fits(self, code: str, enhanced: str, words: str, stage: Stage | None) -> bool:
        """Say whether an answer falls under this rule; `words` are plain, the stage of a returned
        letter is None.
        """
        named = self.kind.about is not About.RECIPIENT or stage not in (Stage.CONNECT, Stage.MAIL)
        return (
            (
                stage in self.stages if self.stages else named
            )  # before RCPT nobody but us has been named
            and (not self.code or re.fullmatch(self.code, code) is not None)
            and (not self.enhanced or re.fullmatch(self.enhanced, enhanced) is not None)
            and (self.words is None or self.words.search(words) is not None)
        )


@dataclass(frozen=True, slots=True)
class Judgement:
    """The judgement on one receipt."""

    state: State  # what becomes of the delivery
    kind: ReplyKind
    then: Then

    @property
    def reason(self) -> Reason | None:
        """Return the word in the send log; None if accepted."""
        return self.kind.reason


YES = Judgement(State.ACCEPTED, ReplyKind("accepted", About.RECIPIENT, None), Then.GO_ON)
BROKE_AFTER_DOT = ReplyKind("broke_after_dot", About.LINE, Reason.BROKE_AFTER_DOT)
LINE = ReplyKind("line", About.LINE, Reason.LINE)
FINAL = frozenset({About.RECIPIENT, About.SERVER, About.LETTER})
"""Whose refusals end a delivery, if the mail-out goes on after them. All else is ours, and costs
nobody the letter.
"""


def judge(receipt: Receipt) -> Judgement:
    """Say what one receipt means. Silence before the dot is the line's; after it, a person settles
    the letter.
    """
    if receipt.state is State.ACCEPTED:
        return YES
    if receipt.state is State.UNKNOWN:
        return Judgement(State.UNKNOWN, BROKE_AFTER_DOT, Then.GO_ON)
    if receipt.code is None and receipt.enhanced is None:
        return Judgement(State.DEFERRED, LINE, Then.GO_ON)
    kind = diagnose(receipt.code, receipt.enhanced, receipt.text, receipt.stage)
    if receipt.state is State.REFUSED and kind.about in FINAL and kind.then is not Then.PAUSE:
        return Judgement(State.REFUSED, kind, kind.then)
    for_now = receipt.code is not None and receipt.code < 500
    return Judgement(
        State.DEFERRED, kind, Then.SLOW_DOWN if for_now and kind.then is Then.COUNT else kind.then
    )


def diagnose(
    code: int | None, enhanced: str | None, text: str, stage: Stage | None = None
) -> ReplyKind:
    """Say whose matter an answer is, and why. `stage` is where it came in a session of ours, None
    in a returned letter.

    Codes that are not given are looked for in the text: "smtp; 550 5.1.1 <x@y.example>: no such
    user". The 429 of "4,429 bytes" is none.
    """
    text = _SPEAKER.sub("", text)
    enhanced = enhanced or enhanced_code(text)
    if code is None and (found := CODE.search(text)) and found[0][0] == (enhanced or found[0])[0]:
        code = int(found[0])
    if code is None and enhanced:
        code = int(enhanced[0]) * 100
    return _diagnose(str(code or ""), enhanced or "", plain(text), stage)


def enhanced_code(text: str) -> str | None:
    """Find the enhanced code in a server's words: "5.1.1 <x@y.example>: no such user" → "5.1.1"
    (RFC 2034).
    """
    found = ENHANCED.search(text)
    return found[1] if found is not None else None


@lru_cache(256)  # a server says the same to many
def _diagnose(code: str, enhanced: str, words: str, stage: Stage | None) -> ReplyKind:
    if enhanced and code:
        enhanced = (
            code[0] + enhanced[1:]
        )  # where the two disagree ("550 4.2.2"), the bare code is right
    return next(rule.kind for rule in rules() if rule.fits(code, enhanced, words, stage))


NAMES = re.compile(
    r"<[^<>]*>|\S+@\S+|https?://\S+|(?<![\w.-])[a-z0-9][a-z0-9-]*(\.[a-z0-9-]+)+(?![\w(])"
    r"|[0-9a-f]{1,4}(:[0-9a-f]{0,4}){3,}"
)
NAMED = {
    "uribl": re.compile(r"uribl|surbl", re.IGNORECASE),
    "spf": re.compile(r"\bopenspf\b", re.IGNORECASE),
    "dnsbl": re.compile(
        r"dnsbl|\w*rbl\b|spamhaus|spamcop|sorbs|abuseat|barracudac|(block|black|deny)-?(list|ip|look)",
        re.IGNORECASE,
    ),
    "iplook": re.compile(r"[?&/](ip|bl)=", re.IGNORECASE),
    "ipaddr": re.compile(
        r"^\W*(\d{1,3}(\.\d{1,3}){3}|[0-9a-f]*(:[0-9a-f]*){3,})\W*$", re.IGNORECASE
    ),
}
"""Names that are words: lists of links and of senders, what explains SPF, a computer's number."""
REPEATED = re.compile(
    r"(?<![\w.])[245]\d\d[- ]+(?=\S)"
)  # the code in front of each line of an answer


_SPEAKER = re.compile(
    r"^\s*(?:x-)?(?:smtp|dns|unix|local|postfix)\s*;"
    r"|\b\d\.\d\.\d - [\w ]+(?=[45]\d\d-')"
    r"|\bhost \S+ ?\[[^\]]*\]:? (?:said|refused to talk to me):"
    r"|\(in reply to [\w ]+ command\)",
    re.IGNORECASE,
)
"""Whose words these are, in a returned letter (RFC 3464 section 2.3.6), and what he says himself of
an answer that he passes on ("5.1.0 - Unknown address error 550-'5.2.2 full'").
"""


def plain(text: str) -> str:
    """Return an answer's words as the rules see them: small letters without accents, names, links
    and codes.

    What a name or an address contains is not what the server says: "spam-filter.example". But who
    is named by a number is we, and a list of senders is a word: "192.0.2.4 found in
    dnsbl.example" → "ipaddr found in dnsbl".
    """
    said = _SPEAKER.sub("", text)
    return " ".join(_bare(REPEATED.sub(" ", NAMES.sub(_named, said)).casefold()).split())


def _named(found: re.Match[str]) -> str:
    name = found[0]
    return next((f" {word} " for word, names in NAMED.items() if names.search(name)), " ")


_LETTERS = str.maketrans({"ı": "i", "ł": "l", "ø": "o", "đ": "d", "æ": "ae", "œ": "oe"})
"""Letters that Unicode does not take apart."""


def _bare(text: str) -> str:
    apart = unicodedata.normalize("NFKD", text.translate(_LETTERS))
    return "".join(sign for sign in apart if not unicodedata.combining(sign)).replace("’", "'")


@lru_cache(1)
def rules() -> tuple[Rule, ...]:
    """Read the rules, in their order; the last one takes every answer."""
    table = tomllib.loads(files(__package__).joinpath("replies.toml").read_text("utf-8"))
    kinds = {name: _kind(name, **row) for name, row in table["kind"].items()}
    meanings = {name: "|".join(map(_bare, lines)) for name, lines in table["meaning"].items()}
    return tuple(_rule(kinds, meanings, **row) for row in table["rule"])


def _kind(name: str, about: str, reason: str, **more: Any) -> ReplyKind:
    then = Then(more.pop("then", "go_on"))
    return ReplyKind(name, About(about), Reason(reason), then, **more)


def _rule(
    kinds: dict[str, ReplyKind],
    meanings: dict[str, str],
    kind: str,
    words: Sequence[str] = (),
    says: Sequence[str] = (),
    enhanced: str = "",
    code: str = "",
    stage: list[str] | None = None,
) -> Rule:
    patterns = [*map(_bare, words), *(_together(meanings, one) for one in says)]
    pattern = re.compile("|".join(f"(?:{one})" for one in patterns)) if patterns else None
    return Rule(kinds[kind], pattern, enhanced, code, frozenset(map(Stage, stage or ())))


def _together(meanings: dict[str, str], says: str) -> str:
    """Return the pattern of words that stand anywhere in an answer: "limit + sent - mailbox"."""
    looks = {"+": "(?=", "-": "(?!"}
    asked = re.findall(r"([+-]) (\w+)", f"+ {says}")
    return "^" + "".join(rf"{looks[sign]}.*\b(?:{meanings[name]}))" for sign, name in asked)
