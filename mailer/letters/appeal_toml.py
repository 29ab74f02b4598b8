"""`appeal.toml`: what the letters of an appeal share, checked against the letters and the
Assembly's data.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import date, datetime
from typing import Annotated, Any, Literal, get_args
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)

from mailer.base import clock
from mailer.base.delegations import Delegations
from mailer.base.errors import Problem
from mailer.base.problems import problem
from mailer.base.settings.toml_lines import TomlFile, TomlTable, problem_of, syntax_problem
from mailer.base.settings.toml_lines import wrong as bad_value
from mailer.letters.attachments import PICTURE, own_words, pattern_fault

Role = Literal[
    "representative",
    "substitute",
    "chair",
    "committee chair",
    "group leader",
    "rapporteur",
    "secretary",
    "group secretary",
    "assistant",
]
ROLES: tuple[Role, ...] = get_args(Role)
MEMBERS: tuple[Role, ...] = ROLES[:3]
"""Whom letters are for where an appeal does not say it."""
Day = date
Credentials = Literal["presented", "none", "unknown"]


def _plain_address(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+@[A-Za-z0-9.-]+\.[A-Za-z0-9-]+", text):
        raise bad_value(
            "L123",
            "this address cannot work",
            "write an address alone, like appeals@rights.example",
        )
    return text


def _zone(text: str) -> str:
    try:
        return ZoneInfo(text).key
    except (KeyError, ValueError, OSError):
        raise bad_value("L123", "there is no such time zone", "write it Europe/Paris") from None


def _with_hour(value: Any) -> Any:
    if isinstance(value, datetime):
        return value
    raise bad_value("L123", "must be a day and an hour", "write it 2027-01-25T18:00:00")


def _day_or_hour(value: Any, as_a_day: ValidatorFunctionWrapHandler) -> date:
    day: date = value if isinstance(value, datetime) else as_a_day(value)
    return day


DayOrHour = Annotated[date, WrapValidator(_day_or_hour)]


class _SessionTable(TomlTable):
    name: dict[str, str]
    opens: date
    vote: Annotated[datetime | None, BeforeValidator(_with_hour)] = None
    zone: Annotated[str, AfterValidator(_zone)] = clock.STRASBOURG
    credentials: Credentials = "unknown"
    source: str = ""
    invented: bool = False


class _AudienceTable(TomlTable):
    roles: tuple[Role, ...] = Field(MEMBERS, min_length=1)
    leave_out: dict[str, str] = Field(default_factory=dict)
    where: str = ""
    follows: str = ""


class _LanguagesTable(TomlTable):
    fallback: tuple[str, ...] = ()
    default: str | None = None


class _OrganisationTable(TomlTable):
    name: dict[str, str] = Field(min_length=1)
    within: dict[str, str] = Field(default_factory=dict)
    country: str = ""
    logo: str = ""
    reply_to: Annotated[str, AfterValidator(_plain_address)] = ""
    languages: tuple[str, ...] = ()


class _LetterTable(TomlTable):
    mode: Literal["person", "head"] = "person"
    pdf: bool = False
    place: str = ""
    date: Day | None = None


class AppealSettings(TomlTable):
    title: str = ""
    session: _SessionTable | None = None
    last_day: DayOrHour | None = None
    audience: _AudienceTable = _AudienceTable()
    languages: _LanguagesTable = _LanguagesTable()
    organisation: tuple[_OrganisationTable, ...] = ()
    attachments: tuple[str, ...] = ()
    personal_links: str = ""
    letter: _LetterTable = _LetterTable()
    waived: dict[str, str] = Field(default_factory=dict)


def read_settings(
    source: str,
    file: str,
    letters: Collection[str],
    delegations: Delegations,
    problems: list[Problem],
) -> AppealSettings | None:
    """Read `appeal.toml`; what is wrong with it (L12…) goes into the list. `letters` are their
    languages.
    """
    try:
        toml = TomlFile.parse(source, file)
        settings = AppealSettings.model_validate(toml.values)
    except tomllib.TOMLDecodeError as error:
        problems.append(syntax_problem(error, source, file, "L121"))
    except ValidationError as report:
        for each in report.errors(include_url=False):
            problem = problem_of(each, AppealSettings, unknown="L122", missing="L123", value="L123")
            problems.append(replace(problem, file=file, row=toml.line_of(each["loc"])))
    else:
        problems += _disagreements(settings, letters, toml, delegations)
        return settings
    return None


def _disagreements(
    settings: AppealSettings, letters: Collection[str], toml: TomlFile, delegations: Delegations
) -> list[Problem]:
    """Return where `appeal.toml` and the letters, or the Assembly's data, do not go together."""
    found: list[Problem] = []

    def wrong(
        code: str, message: str, path: tuple[str | int, ...], value: str, suggestion: str
    ) -> None:
        row = toml.line_of(path)
        found.append(
            problem(code, toml.name, row=row, value=value, message=message, suggestion=suggestion)
        )

    codes: list[tuple[str, tuple[str | int, ...]]] = [
        (code, ("audience", "leave_out", code)) for code in settings.audience.leave_out
    ]
    codes += [
        (one.country, ("organisation", at, "country"))
        for at, one in enumerate(settings.organisation)
        if one.country
    ]
    for code, path in codes:
        if delegations.get(code) is None:
            row = delegations.find(code) or delegations.find(delegations.suggest(code) or "")
            hint = (
                f'did you mean "{row.code}" ({row.name_en})?'
                if row
                else "write the two-letter code, like AZ"
            )
            wrong("L124", "there is no such delegation", path, code, hint)
    if letters:  # else that is what is wrong
        there_are = f"there are: {', '.join(f'{language}.md' for language in letters)}"
        for key, languages in (
            ("fallback", settings.languages.fallback),
            ("default", [settings.languages.default]),
        ):
            for language in languages:
                if language is not None and language not in letters:
                    message = "people fall back on a letter that does not exist"
                    wrong("L125", message, ("languages", key), f"{language}.md", there_are)
    for at, pattern in enumerate(settings.attachments):
        if fault := pattern_fault(pattern):
            wrong(
                "L170", fault, ("attachments", at), pattern, 'write "files/briefing.{language}.pdf"'
            )
    if settings.letter.mode == "head":
        hint = 'take it out, or mode = "head" under [letter]: then each person gets a letter alone'
        for at, pattern in enumerate(settings.attachments):
            if own_words(pattern):
                message = "a whole delegation would get the file that is meant for one person"
                wrong("L136", message, ("attachments", at), pattern, hint)
        if settings.personal_links:
            message = "a whole delegation would get the links that are one person's own"
            wrong("L136", message, ("personal_links",), settings.personal_links, hint)
    for shown, reason in settings.waived.items():
        if not reason.strip():
            wrong(
                "L127",
                "a fact is waived without a reason",
                ("waived", shown),
                shown,
                "write why, for the others",
            )
    texts: list[tuple[str, tuple[str | int, ...], Mapping[str, str]]] = []
    if settings.session:
        session = settings.session
        if session.vote and session.vote.date() < session.opens:
            message, hint = "the vote is before the session opens", f"it opens {session.opens}"
            wrong("L123", message, ("session", "vote"), f"{session.vote:%Y-%m-%d %H:%M}", hint)
        texts.append(
            ("the session has no name in this language", ("session", "name"), settings.session.name)
        )
    for place, organisation in enumerate(settings.organisation):
        if organisation.logo and not PICTURE.fullmatch(organisation.logo):
            hint = 'put it into files/ of the appeal, as PNG or JPEG: logo = "files/logo.png"'
            path = ("organisation", place, "logo")
            wrong("L222", "a logo must travel with the letter", path, organisation.logo, hint)
        if organisation.within:
            message = f"{said(organisation.name, 'en')}: within has no words in this language"
            texts.append((message, ("organisation", place, "within"), organisation.within))
    for message, path, words in texts:
        for language in letters:
            if not words.get(language):
                wrong("L126", message, path, language, f'add {language} = "…"')
    return found


def said(words: Mapping[str, str], language: str) -> str:
    """Return the words in `language`, else in English, else as the file has them first."""
    return words.get(language) or words.get("en") or next(iter(words.values()), "")
