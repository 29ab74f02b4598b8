"""Microseconds per letter: rendering, building, reading back, beside the slow and obvious way.
`python -m bench letters`

The slow way is Jinja2 first, then Markdown, for each person, and then Python's `email` package.
Both ways make the same letters for the demo's people; the median of five rounds counts.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from email.message import EmailMessage

from markdown_it import MarkdownIt

from bench.people import LONG, SENDER, contacts
from mailer.base.address import key_of
from mailer.base.delegations import Delegations
from mailer.contacts.contact import Contact
from mailer.letters.appeal_files import load_appeal
from mailer.letters.message import mime
from mailer.letters.message.read_back import read_back
from mailer.letters.render import Rendered, Renderer
from mailer.letters.wording.salutations import Forms
from tests.people.invent import COLUMNS

PEOPLE = 600
ROUNDS = 5


def main() -> None:
    appeal = load_appeal(*LONG)
    renderer = Renderer(appeal, SENDER, Delegations.load(), Forms.load(), COLUMNS)
    people = [
        (contact, choice[0])
        for contact in contacts(PEOPLE)
        if (choice := appeal.language_for([contact.language]))
    ]
    everyone = {key_of(contact.address) for contact, _ in people}
    letters = [(contact, renderer.render(contact, language)) for contact, language in people]
    finished = [(contact, letter, _built(contact, letter)) for contact, letter in letters]
    size = statistics.mean(len(raw) for _, _, raw in finished)
    print(
        f"{len(finished)} letters in {', '.join(sorted({language for _, language in people}))},"
        f" {size:,.0f} bytes each\n"
    )

    def all_read_back() -> None:
        for contact, letter, raw in finished:
            read_back(raw, recipient=contact.address, everyone=everyone, greeting=letter.greeting)

    ours = [
        _timed(
            "render: subject, preview, text, HTML",
            lambda: [renderer.render(*one) for one in people],
            len(people),
        ),
        _timed(
            "build: the finished message", lambda: [_built(*one) for one in letters], len(people)
        ),
        _timed("read back: the proof that it is one person's", all_read_back, len(people)),
    ]
    print(f"{'together':48}{sum(ours):8.0f} µs")
    slow = _timed(
        "the slow way: Markdown and email package each time",
        lambda: [_slow(one) for _, one in letters[:60]],
        60,
    )
    print(f"\nrender and build cost {slow / sum(ours[:2]):.0f} times less than the slow way")


def _timed(name: str, work: Callable[[], object], letters: int) -> float:
    rounds = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        work()
        rounds.append((time.perf_counter() - start) / letters * 1e6)
    print(f"{name:48}{statistics.median(rounds):8.0f} µs   [{min(rounds):.0f}-{max(rounds):.0f}]")
    return statistics.median(rounds)


def _built(contact: Contact, letter: Rendered) -> bytes:
    return mime.build(
        letter,
        sender=SENDER.from_,
        reply_to=SENDER.answers_to,
        recipient_name=contact.name,
        recipient_address=contact.address,
        message_id=mime.message_id(b"key", "M-0001", contact.address, "rights.example"),
        unsubscribe=SENDER.answers_to,
    )


def _slow(letter: Rendered) -> bytes:
    """Do what the obvious program does once the template is filled in: parse this person's
    Markdown, flatten a tree.
    """
    html = MarkdownIt("commonmark").render(letter.text)
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = (
        SENDER.from_,
        "Anna Berg <anna@no.example>",
        letter.subject,
    )
    mail["Message-ID"] = "<abcdefghijklmnopqrstuvwxyz@rights.example>"
    mail.set_content(letter.text, cte="quoted-printable")
    mail.add_alternative(html, subtype="html", cte="quoted-printable")
    return mail.as_bytes()


if __name__ == "__main__":
    main()
