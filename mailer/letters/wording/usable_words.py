"""The words that a letter may put in, each with its meaning and an example, and what they may be
asked.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Word:
    """One placeholder, for those who write letters."""

    name: str
    meaning: str
    example: str


WORDS = (
    Word(
        "greeting", "form of address, by language, chamber, title and gender", "Madame la Députée,"
    ),
    Word(
        "closing",
        "the formula at the end; in French it repeats the form of address",
        "Yours sincerely,",
    ),
    Word("name", "given name and surname", "Anna Berg"),
    Word("given", "given name", "Anna"),
    Word("surname", "surname", "Berg"),
    Word("title", "title, as the sheet has it", "Dr"),
    Word(
        "role",
        'to print, or to ask: {% if role == "substitute" %}; also representative, chair',
        "representative",
    ),
    Word(
        "delegation",
        'name of the delegation; in French with its article, where it has one: "la Belgique"',
        "Norway",
    ),
    Word(
        "of_delegation",
        'the same after "delegation", in English, French, German and Italian letters',
        "de la Norvège",
    ),
    Word("group", "political group", "SOC"),
    Word(
        "session.name",
        "name of the session, from appeal.toml",
        "the first part of the 2027 session",
    ),
    Word("session.opens", "the day it opens, written out", "25 January 2027"),
    Word(
        "session.credentials",
        'only to ask: {% if session.credentials == "presented" %}; also none, unknown',
        "unknown",
    ),
    Word("fact.res2527", "a fact from facts.toml, by its key", "Resolution 2527 (2024)"),
    Word(
        "for_delegation",
        "the paragraph for/NO.en.md, for those who have one; stands on a line of its own",
        "…",
    ),
    Word(
        "signature",
        "from templates/_shared/signature.en.md; stands on a line of its own",
        "Jana Novák",
    ),
    Word("organisations", "who signs, one a line; stands on a line of its own", "Freedom Now"),
    Word("sender.organisation", "who sends, from config.toml", "Example Coalition"),
    Word("sender.postal_address", "from config.toml", "1 Example Street, Strasbourg"),
    Word("sender.reply_to", "where answers go, from config.toml", "appeals@rights.example"),
    Word("sender.basis", "only to ask: why data may be used, [sender] privacy", "public interest"),
    Word("sender.keep_days", "how long, [sender] privacy", "90"),
    Word("sender.authority", "where one can complain, [sender] privacy", "the CNIL, www.cnil.fr"),
    Word(
        'extra["Committee"]',
        "any other column of the sheets, by its heading; also {{ committee }}",
        "Monitoring",
    ),
)
"""All placeholders; `mailer letters words` prints them."""

NAMES = frozenset(word.name for word in WORDS if word.name.isidentifier())
FIELDS = {
    "session": ("name", "opens", "credentials"),
    "sender": ("organisation", "postal_address", "reply_to", "basis", "keep_days", "authority"),
}

FILTERS = ("capitalize", "d", "default", "lower", "trim", "upper")
TESTS = ("defined", "undefined", "none", "in", "eq", "ne", "equalto")
