"""An appeal as it was read: one folder under `templates/`, with one letter per language and what
they share.

An `Appeal` is frozen and carries the fingerprint and the text of each file it was read from
(`appeal_files`): a plan that was made from it can say later which line changed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property
from pathlib import Path

from mailer.base import clock
from mailer.letters.appeal_toml import said
from mailer.letters.facts import Fact


@dataclass(frozen=True, slots=True)
class Letter:
    """An appeal in one language, as it stands in its file."""

    language: str  # ISO 639, "fr"
    file: str  # "templates/azerbaijan-credentials/fr.md"
    subject: str  # one line, with placeholders
    preview: str  # one line; may be empty
    body: str  # Markdown with placeholders
    subject_line: int  # 1-based, in the file
    preview_line: int
    body_line: int


@dataclass(frozen=True, slots=True)
class AssemblySession:
    """The session that the letters are about."""

    name: Mapping[str, str]  # per language
    opens: date
    source: str
    invented: bool  # live mode refuses it
    credentials: str = "unknown"  # "presented" or "none", by the delegation that it is about
    vote: datetime | None = None  # nothing is sent after it
    zone: str = clock.STRASBOURG  # by whose clock last day and vote are meant


@dataclass(frozen=True, slots=True)
class OnPaper:
    """What a formal letter says beside its words."""

    place: str  # "Strasbourg"; may be empty
    day: date | None


@dataclass(frozen=True, slots=True)
class Organisation:
    """Who signs."""

    name: Mapping[str, str]  # per language
    within: Mapping[str, str]  # per language: what stands behind the name, after a comma
    country: str  # two-letter code: it stands first in letters to this delegation; "" for none
    logo: str  # "files/logo.png"; "" for none
    reply_to: str  # answers from this delegation go there; "" for where all go
    languages: tuple[str, ...]  # in which it answers; empty for all

    @property
    def english(self) -> str:
        """The name under which it signs."""
        return said(self.name, "en")

    def named(self, language: str) -> str:
        """Write name and qualifier in `language`, else in English, else as the file has
        it first.
        """
        return ", ".join(
            text for text in (said(self.name, language), said(self.within, language)) if text
        )


@dataclass(frozen=True, slots=True)
class Piece:
    """A text that letters put in: a paragraph for one delegation, a signature, a footer."""

    language: str
    file: str
    text: str  # Markdown with placeholders


@dataclass(frozen=True)
class Appeal:
    """One folder under `templates/`, read and found in order."""

    root: Path = field(repr=False)  # the workspace
    name: str  # of the folder
    title: str
    letters: Mapping[str, Letter]  # by language
    session: AssemblySession | None
    last_day: date | None  # nothing is sent after it, or after the hour that it names
    roles: tuple[str, ...]  # whom the letters are for
    leave_out: Mapping[str, str]  # delegation → reason
    where: str  # a condition for all plans of it; "" for none
    follows: str  # the appeal or mail-out whose letters these follow up; "" for none
    fallback: tuple[str, ...]  # for people whose language has no letter, first choice first
    organisations: tuple[Organisation, ...]
    facts: Mapping[str, Fact]
    pieces: Mapping[str, Piece]  # "for/NO.en", "signature.en", "footer.en"
    attachments: tuple[str, ...]  # "files/briefing.{language}.pdf"
    on_paper: OnPaper | None  # each letter goes as a PDF with a covering mail
    to_heads: bool  # one letter to the head of each delegation, its members in Cc
    layout: str  # the workspace's own page, HTML; "" for that of the package
    personal_links: str  # why links may differ by person; "" where they may not
    waived: Mapping[str, str]  # a fact that only some letters have → why that is right
    files: Mapping[str, str] = field(repr=False)  # path in the workspace → SHA-256
    text: Mapping[str, str] = field(repr=False)  # path in the workspace → source

    @property
    def zone(self) -> str:
        """The zone by whose clock its hours are meant."""
        return self.session.zone if self.session else clock.STRASBOURG

    @property
    def until(self) -> datetime | None:
        """The end of the sending: of the last day, or the vote, whichever comes first."""
        vote = self.session.vote if self.session else None
        ends = (clock.end_of(day, self.zone) for day in (self.last_day, vote) if day)
        return min(ends, default=None)

    @cached_property
    def text_hash(self) -> str:
        """The fingerprint of all that readers can read in this appeal, whatever else stands in its
        files.
        """
        letters = {
            language: [one.subject, one.preview, one.body] for language, one in self.letters.items()
        }
        who = [[dict(one.name), dict(one.within)] for one in self.organisations]
        files = [digest for file, digest in sorted(self.files.items()) if "/files/" in file]
        session = self.session and [
            dict(self.session.name),
            self.session.opens.isoformat(),
            self.session.credentials,
        ]
        others = [
            {name: one.text for name, one in self.pieces.items()},
            {key: dict(fact.value) for key, fact in self.facts.items()},
        ]
        text = json.dumps(
            [letters, who, session, others, files], ensure_ascii=False, sort_keys=True
        )
        return hashlib.sha256(text.encode()).hexdigest()

    def signatories(self, delegation: str) -> tuple[Organisation, ...]:
        """Return who signs, the organisations of this delegation's country first."""
        return tuple(
            sorted(self.organisations, key=lambda one: not one.country or one.country != delegation)
        )

    def reply_to(self, delegation: str, language: str) -> str:
        """Return where answers from this delegation go, "" for where all go."""
        for one in self.organisations:
            if (
                one.country == delegation
                and one.reply_to
                and (not one.languages or language in one.languages)
            ):
                return one.reply_to
        return ""

    def language_for(self, preferences: Sequence[str]) -> tuple[str, bool] | None:
        """Choose a letter: the first preference that has one, else the fallback, and say whether it
        fell back.

        Returns None where neither has a letter: nobody gets a language that was not declared.
        """
        for fell, languages in ((False, preferences), (True, self.fallback)):
            for language in languages:
                for tag in (language.lower(), language.lower().partition("-")[0]):
                    if tag in self.letters:
                        return tag, fell
        return None
