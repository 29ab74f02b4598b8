"""When a mail-out stops by itself: patterns in the servers' answers that are nobody's single bad
address.

A refused person is one outcome. A refused account, a letter called spam, a list full of dead
addresses concern everyone who is still waiting; going on would cost more than a pause. Thresholds:
`docs/architecture.md`.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from mailer.base.states import REASONS, About, Receipt, State
from mailer.sending.replies import Judgement, Then, plain

EARLY = 20  # letters within which one verdict of spam is enough
RECENT = 50  # later: so many letters are looked back upon,
TOO_OFTEN = 3  # and so many verdicts of spam among them are too many
# letters in a row that are put off for reasons of policy (4.7.x): waiting longer does not help
HELD_BACK = 10
IN_A_ROW = 20  # refused addresses one after the other
SAME_WORDS = (
    3  # refusals in a row, at several domains, in the same words that nobody here understands
)
FIRST = 200  # among the first so many letters,
SHARE = 0.05  # a larger share of refused addresses means a bad list


@dataclass
class Brakes:
    """Watches the outcomes of one sender, in the order in which they come."""

    seen: int = 0
    refused: int = 0
    in_a_row: int = 0
    held_back: int = 0
    counted: deque[bool] = field(
        default_factory=lambda: deque(maxlen=RECENT)
    )  # which letters were turned away
    turned_away_at: str = ""  # the recipient's domain, if the letter before was turned away
    not_understood: list[tuple[str, str]] = field(
        default_factory=list
    )  # words and domains of refusals in a row

    def look(self, receipt: Receipt, verdict: Judgement, domain: str) -> str | None:
        """Take in one outcome, of a letter to this domain. Returns the sentence that says why to
        stop, or None.
        """
        self.seen += 1
        if receipt.state is State.ACCEPTED:
            self.counted.append(False)
            self.turned_away_at = ""
            self.in_a_row = self.held_back = 0
            self.not_understood.clear()
            return None
        if verdict.then is Then.PAUSE:
            return f"{verdict.kind.pause}: {_said(receipt)}"
        counts = verdict.then is Then.COUNT
        self.counted.append(counts)
        elsewhere = self.turned_away_at not in ("", domain)
        self.turned_away_at = domain if counts else ""
        times = sum(self.counted) if counts else 0
        if counts and (self.seen <= EARLY or times >= TOO_OFTEN or elsewhere):
            how_often = (
                "A letter was"
                if times == 1
                else f"{times} of the last {len(self.counted)} letters were"
            )
            why = REASONS[verdict.reason] if verdict.reason else "no reason given"
            return f"{how_often} turned away ({why}): {_said(receipt)}"
        if verdict.then is Then.SLOW_DOWN and (receipt.enhanced or "").startswith("4.7."):
            self.held_back += 1
            if self.held_back >= HELD_BACK:
                return (
                    f"{self.held_back} letters in a row were put off by the server's policy:"
                    f" {_said(receipt)}"
                )
        if verdict.state is State.REFUSED:
            return self._refused(receipt, verdict, domain)
        self.not_understood.clear()
        return None

    def _refused(self, receipt: Receipt, verdict: Judgement, domain: str) -> str | None:
        self.not_understood.append(
            (plain(receipt.text) if verdict.kind.name == "unsaid" else "", domain)
        )
        last = self.not_understood[-SAME_WORDS:]
        words, domains = {words for words, _ in last}, {domain for _, domain in last}
        if len(last) == SAME_WORDS and len(words) == 1 and "" not in words and len(domains) > 1:
            return f"{SAME_WORDS} letters in a row were refused in the same words: {_said(receipt)}"
        if verdict.kind.about is not About.RECIPIENT:
            return None
        self.refused += 1
        self.in_a_row += 1
        if self.in_a_row >= IN_A_ROW:
            return (
                f"{self.in_a_row} addresses in a row were refused; the last answer was:"
                f" {_said(receipt)}"
            )
        if self.seen <= FIRST and self.refused > FIRST * SHARE:
            return (
                f"{self.refused} of the first {self.seen} addresses were refused: the contact"
                " sheets need a look."
            )
        return None


def _said(receipt: Receipt) -> str:
    return " ".join(str(part) for part in (receipt.code, receipt.text) if part) or "no answer"
