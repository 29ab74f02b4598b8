"""What the letters of an appeal share, as somebody fills it in: title, session, last day, for whom,
who signs. It is kept in `appeal.toml`.

Only what was filled in differently changes there: comments, order and all other settings stay.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from operator import attrgetter
from typing import Any
from zoneinfo import ZoneInfo

import tomlkit

from mailer.actions.writing import changes, texts
from mailer.actions.writing.changes import FileChange
from mailer.base import clock
from mailer.base.errors import Problem, UsageError
from mailer.base.settings.workspace import Workspace
from mailer.ledger.ledger import Ledger
from mailer.letters import appeal_files as reading
from mailer.letters.appeal_toml import MEMBERS as MEMBERS  # noqa: PLC0414  (the doors ask here)
from mailer.letters.appeal_toml import AppealSettings, read_settings


@dataclass(frozen=True, slots=True)
class AboutOrganisation:
    """One of those who sign. Without a name in any language it does not sign."""

    name: Mapping[str, str]  # per language
    within: Mapping[str, str] = field(default_factory=dict)
    country: str = ""
    reply_to: str = ""
    place: int | None = None  # among those in the file; None for a new one


@dataclass(frozen=True, slots=True)
class AppealAbout:
    """What can be filled in. Texts are as typed; days are ISO 8601, "" for none, and may have an
    hour by the clock of `zone`.
    """

    title: str = ""
    last_day: str = ""  # 2027-01-27, or 2027-01-27T12:00
    session: Mapping[str, str] = field(default_factory=dict)  # its name per language
    opens: str = ""
    vote: str = ""  # 2027-01-25T18:00
    zone: str = clock.STRASBOURG
    source: str = ""  # where the day stands
    invented: bool = False
    credentials: str = "unknown"
    roles: Sequence[str] = MEMBERS
    where: str = ""  # a condition (`plan/where.py`)
    leave_out: Mapping[str, str] = field(default_factory=dict)  # delegation → reason
    fallback: Sequence[str] = ()
    to_heads: bool = False  # one letter to the head of each delegation, its members in Cc
    organisations: Sequence[AboutOrganisation] = ()


@dataclass(frozen=True, slots=True)
class StoredAbout:
    """`appeal.toml` as it is saved."""

    source: str
    stamp: str
    about: AppealAbout | None  # None where the file must be put right as text
    problems: tuple[Problem, ...]
    attachments: tuple[str, ...] = ()  # patterns of files


def file_of(name: str) -> str:
    return f"templates/{name}/appeal.toml"


def stored(workspace: Workspace, name: str, typed: str | None = None) -> StoredAbout:
    """Read what the letters share; `typed` is looked at in place of the file."""
    now = changes.state(workspace, file_of(name))
    content = now.content if typed is None else typed.encode("utf-8", "surrogatepass")
    there = texts.languages(workspace, name)
    problems: list[Problem] = []
    source = reading.read(content, file_of(name), problems)
    settings = None
    if source is not None:
        settings = read_settings(source, file_of(name), there, workspace.delegations, problems)
    shown = content[: reading.MAX_BYTES].decode("utf-8", "replace") if source is None else source
    about = _of(settings) if settings else None
    attached = settings.attachments if settings else ()
    return StoredAbout(shown, now.stamp, about, tuple(problems), attached)


def _of(settings: AppealSettings) -> AppealAbout:
    session, languages = settings.session, settings.languages
    default = [languages.default] if languages.default else []
    zone = session.zone if session else clock.STRASBOURG
    return AppealAbout(
        title=settings.title,
        last_day=_iso(settings.last_day, zone),
        session=dict(session.name) if session else {},
        opens=_iso(session.opens, zone) if session else "",
        vote=_iso(session.vote, zone) if session else "",
        zone=zone,
        source=session.source if session else "",
        invented=bool(session and session.invented),
        credentials=session.credentials if session else "unknown",
        roles=settings.audience.roles,
        where=settings.audience.where,
        leave_out=dict(settings.audience.leave_out),
        fallback=tuple(dict.fromkeys([*languages.fallback, *default])),
        to_heads=settings.letter.mode == "head",
        organisations=tuple(
            AboutOrganisation(dict(one.name), dict(one.within), one.country, one.reply_to, place)
            for place, one in enumerate(settings.organisation)
        ),
    )


def _iso(day: date | None, zone: str) -> str:
    if isinstance(day, datetime):
        there = day.astimezone(ZoneInfo(zone)) if day.tzinfo else day
        return f"{there:%Y-%m-%dT%H:%M}"
    return day.isoformat() if day else ""


def save(
    workspace: Workspace, ledger: Ledger, name: str, about: AppealAbout, *, seen: str, who: str
) -> FileChange | None:
    """Save what was filled in; None where nothing differs.

    Raises `ChangedMeanwhile`, and `UsageError` for what cannot be: no day, no role, a file that
    must be put right as text first.
    """
    now = stored(workspace, name)
    if now.about is None:
        raise UsageError("What the letters share must be put right as text first.")
    new = _filled_in(now.source, now.about, about)
    return save_source(workspace, ledger, name, new, seen=seen, who=who)


def attach(
    workspace: Workspace, ledger: Ledger, name: str, patterns: Sequence[str], *, who: str
) -> FileChange | None:
    """Say which files go along with the letters, by their patterns."""
    now = stored(workspace, name)
    if now.about is None:
        raise UsageError("What the letters share must be put right as text first.")
    toml = tomlkit.parse(now.source)
    _set(toml, "attachments", list(patterns) or None)
    new = tomlkit.dumps(toml)
    return save_source(workspace, ledger, name, new, seen=now.stamp, who=who)


def save_source(
    workspace: Workspace, ledger: Ledger, name: str, source: str, *, seen: str, who: str
) -> FileChange | None:
    """Save `appeal.toml` as text; None where nothing differs. Raises `ChangedMeanwhile`, and
    `UsageError` for what is no text.
    """
    texts.languages(workspace, name)
    problems: list[Problem] = []
    content = source.encode("utf-8", "surrogatepass")
    if reading.read(content, file_of(name), problems) is None:
        raise UsageError("This cannot be saved.", problems=problems)
    return changes.replace(workspace, ledger, file_of(name), content, seen=seen, who=who)


def _filled_in(source: str, old: AppealAbout, new: AppealAbout) -> str:
    """Return `appeal.toml` with what differs between two fillings."""
    toml = tomlkit.parse(source)
    if new.title != old.title:
        _set(toml, "title", _line(new.title))
    if new.last_day != old.last_day:
        _set(toml, "last_day", _day(new.last_day, "the last day", "T" in new.last_day))
    _fill_session(toml, old, new)
    audience = toml.get("audience") or tomlkit.table()
    if tuple(new.roles) != tuple(old.roles):
        if not new.roles:
            raise UsageError("Say for whom the letters are: one role at least.")
        audience["roles"] = list(new.roles)
        toml["audience"] = audience
    if new.where != old.where:
        _set(audience, "where", _line(new.where))
        toml["audience"] = audience
    if new.leave_out != old.leave_out:
        left_out = tomlkit.table()
        for code, reason in new.leave_out.items():
            left_out[code] = _line(reason)
        audience["leave_out"] = left_out
        toml["audience"] = audience
    if tuple(new.fallback) != tuple(old.fallback):
        languages = toml.get("languages") or tomlkit.table()
        languages["fallback"] = list(new.fallback)
        languages.pop("default", None)
        toml["languages"] = languages
    if new.to_heads != old.to_heads:
        letter = toml.get("letter") or tomlkit.table()
        _set(letter, "mode", "head" if new.to_heads else None)
        toml["letter"] = letter
    if list(new.organisations) != list(old.organisations):
        _fill_organisations(toml, old, new)
    return tomlkit.dumps(toml)


def _fill_session(toml: Any, old: AppealAbout, new: AppealAbout) -> None:
    names = {language: _line(text) for language, text in new.session.items() if text.strip()}
    rest = attrgetter("opens", "vote", "zone", "source", "invented", "credentials")
    if (names, *rest(new)) == (dict(old.session), *rest(old)):
        return
    elsewhere = new.zone not in ("", clock.STRASBOURG)
    if not (names or new.opens or new.vote or elsewhere):
        toml.pop("session", None)
        return
    if not (names and new.opens):
        raise UsageError("A session needs a name and the day on which it opens.")
    session = toml.get("session") or tomlkit.table()
    if names != dict(old.session):
        session["name"] = _inline(names)
    if new.opens != old.opens:
        session["opens"] = _day(new.opens, "the day on which the session opens")
    if new.vote != old.vote:
        _set(session, "vote", _day(new.vote, "the vote", hour=True))
    for key, value, usual in (
        ("zone", _line(new.zone) or clock.STRASBOURG, clock.STRASBOURG),
        ("source", _line(new.source), ""),
        ("invented", new.invented, False),
        ("credentials", new.credentials, "unknown"),
    ):
        if key in session or value != usual:
            _set(session, key, value if value != usual else None)
    toml["session"] = session


def _fill_organisations(toml: Any, old: AppealAbout, new: AppealAbout) -> None:
    there = toml.get("organisation") or []
    found = tomlkit.aot()
    before = {one.place: one for one in old.organisations}
    for one in new.organisations:
        names = {language: _line(text) for language, text in one.name.items() if text.strip()}
        if not names:
            continue
        was = before.get(one.place) if one.place is not None else None
        table = tomlkit.table() if was is None else there[was.place or 0]
        if was is None or names != was.name:
            table["name"] = _inline(names)
        within = {language: _line(text) for language, text in one.within.items() if text.strip()}
        if within != (was.within if was else {}):
            _set(table, "within", _inline(within) if within else None)
        for key, value in (("country", one.country), ("reply_to", one.reply_to)):
            if value != (getattr(was, key) if was else ""):
                _set(table, key, _line(value) or None)
        found.append(table)
    toml.pop("organisation", None)
    if len(found):
        toml["organisation"] = found


def _set(table: Any, key: str, value: Any) -> None:
    """Write a setting, or take it out where there is nothing to say."""
    if value in (None, ""):
        table.pop(key, None)
    else:
        table[key] = value


def _inline(words: Mapping[str, str]) -> Any:
    table = tomlkit.inline_table()
    table.update(words)
    return table


def _line(text: str) -> str:
    return " ".join(text.split())


def _day(text: str, what: str, hour: bool = False) -> date | None:
    if not text:
        return None
    try:
        return datetime.fromisoformat(text) if hour else date.fromisoformat(text)
    except ValueError:
        hint = f"write it 2027-01-25{'T18:00' if hour else ''}"
        raise UsageError(f"{text!r} is no day, for {what}.", hint=hint) from None
