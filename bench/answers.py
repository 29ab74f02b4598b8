"""What came back: 10,000 messages sorted and threaded against 100,000 letters, in one process."""

from __future__ import annotations

import resource
import time
import tomllib
from email.message import EmailMessage
from pathlib import Path

from mailer.inbox.mail.parts import take_apart
from mailer.inbox.sorting.judge import examine
from mailer.inbox.thread import SentLetters
from mailer.ledger.reading.sent import SentLetter

LETTERS, MESSAGES, PEOPLE = 100_000, 10_000, 612
TEXTS = Path(__file__).parents[1] / "tests" / "inbox" / "languages.toml"


def letter(number: int) -> SentLetter:
    mail_out, person = divmod(number, PEOPLE)
    name = f"M-{mail_out + 1:04d}-{person + 1:03d}"
    address = f"person{person}@p{person % 46}.parliament.example"
    who = f"Given{person} Surname{person}"
    return SentLetter(name, f"<{number:x}@rights.example>", name, address, who, "NO", "", None)


def messages() -> list[bytes]:
    """Write one message for each text in each language; the bench reads them over and over."""
    made = []
    kinds = tomllib.loads(TEXTS.read_text(encoding="utf-8"))
    for kind, texts in kinds.items():
        for number, text in enumerate(texts.values()):
            sent = letter(number * 997 % LETTERS)
            mail = EmailMessage()
            mail["From"] = f"{sent.name} <{sent.address}>"
            mail["To"] = "answers@rights.example"
            mail["Subject"] = "Re: Please vote"
            mail["In-Reply-To"] = sent.message_id
            if kind in ("away", "receipt"):
                mail["Auto-Submitted"] = "auto-replied"
            quoted = "\n".join("> " + line for line in ["Dear colleague,", "please vote."] * 12)
            mail.set_content(f"{text}\n\nOn 11 Jan, <answers@rights.example> wrote:\n{quoted}\n")
            made.append(mail.as_bytes())
    return made


def main() -> None:
    began = time.perf_counter()
    sent = SentLetters(letter(number) for number in range(LETTERS))
    print(f"{LETTERS:,} letters indexed in {time.perf_counter() - began:.1f} s")
    texts = messages()
    for text in texts:  # the phrases are made ready once
        examine(take_apart(text), sent)
    began, spent = time.perf_counter(), time.process_time()
    for number in range(MESSAGES):
        examine(take_apart(texts[number % len(texts)]), sent)
    seconds, spent = time.perf_counter() - began, time.process_time() - spent
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{MESSAGES:,} messages in {seconds:.1f} s: {MESSAGES / seconds:,.0f} a second")
    print(f"{MESSAGES / spent:,.0f} a second of processor time")
    print(f"{memory:.0f} MB at most")


if __name__ == "__main__":
    main()
