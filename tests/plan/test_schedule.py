"""Facts about when a mail-out begins: by one clock or by that of each capital, on working days."""

from __future__ import annotations

import re
import tomllib
from datetime import UTC, datetime
from importlib import resources

import pytest

from mailer.base.delegations import Delegations
from mailer.base.errors import UsageError
from mailer.plan.schedule import read

DELEGATIONS = Delegations.load()
ALL = [one.code for one in DELEGATIONS.members]
WEDNESDAY = datetime(2027, 1, 20, 8, 0, tzinfo=UTC)  # 9:00 in Strasbourg, 12:00 in Baku


@pytest.mark.parametrize(
    ("text", "codes", "at"),
    [
        ("Mon 9:00", ["NO"], "2027-01-25T09:00+01:00"),
        ("monday 09:00", ["AZ"], "2027-01-25T09:00+01:00"),  # one clock for everybody
        ("Wed 9:30", ["NO"], "2027-01-20T09:30+01:00"),  # today is one
        ("Wed 8:30", ["NO"], "2027-01-27T08:30+01:00"),  # not any more
        ("9:00", ["NO"], "2027-01-21T09:00+01:00"),
        ("today 17:00", ["NO"], "2027-01-20T17:00+01:00"),
        ("Tomorrow  9:00", ["NO"], "2027-01-21T09:00+01:00"),
        ("2027-03-29 9:00", ["NO"], "2027-03-29T09:00+02:00"),  # in summer time
        ("10:00 in each capital", ["GB"], "2027-01-20T10:00+00:00"),
        ("10:00 in each capital", ["GB", "AZ"], "2027-01-21T10:00+00:00"),  # past in Baku
        ("Mon 9:00 in every capital", ["AM"], "2027-01-25T09:00+04:00"),
        ("2027-03-28 2:30", ["NO"], "2027-03-28T03:30+02:00"),  # the clock skips that hour
        ("2027-03-28 3:30 in each capital", ["GR"], "2027-03-28T04:30+03:00"),
        ("2027-10-31 2:30", ["NO"], "2027-10-31T02:30+02:00"),  # the first of two
        ("2028-02-29 9:00 in each capital", ["IS"], "2028-02-29T09:00+00:00"),
        ("heute 16:00", ["NO"], "2027-01-20T16:00+01:00"),
        ("Heute um 16 Uhr", ["NO"], "2027-01-20T16:00+01:00"),
        ("morgen 9.30 Uhr", ["NO"], "2027-01-21T09:30+01:00"),
        ("Mo. 9:00", ["NO"], "2027-01-25T09:00+01:00"),
        ("Montag, 9 Uhr in jeder Hauptstadt", ["AM"], "2027-01-25T09:00+04:00"),
        ("22.1.2027 9:00", ["NO"], "2027-01-22T09:00+01:00"),
        ("demain 9h", ["NO"], "2027-01-21T09:00+01:00"),
        ("Demain à 9 h 30", ["NO"], "2027-01-21T09:30+01:00"),
        ("aujourd’hui 17h", ["NO"], "2027-01-20T17:00+01:00"),
        ("lun. 9h dans chaque capitale", ["AM"], "2027-01-25T09:00+04:00"),
        ("mardi 12 heures", ["NO"], "2027-01-26T12:00+01:00"),
        ("tomorrow at 9am", ["NO"], "2027-01-21T09:00+01:00"),
        ("today 4:30 pm", ["NO"], "2027-01-20T16:30+01:00"),
        ("12am", ["NO"], "2027-01-21T00:00+01:00"),
        ("12pm", ["NO"], "2027-01-20T12:00+01:00"),
    ],
)
def test_time_is_the_next_that_is_still_to_come_for_all(
    text: str, codes: list[str], at: str
) -> None:
    start = read(text, codes, DELEGATIONS, now=WEDNESDAY)
    found = start.of(codes[0], DELEGATIONS, "Europe/Paris")
    assert found.isoformat(timespec="minutes") == at


def test_nine_in_each_capital_is_nine_by_the_clock_of_46_capitals() -> None:
    start = read("Mon 9:00 in each capital", ALL, DELEGATIONS, now=WEDNESDAY)
    moments = {code: start.of(code, DELEGATIONS, "Europe/Paris") for code in ALL}
    assert {(one.hour, one.minute, one.isoweekday()) for one in moments.values()} == {(9, 0, 1)}
    assert len(moments) == 46
    first, last = min(moments, key=moments.__getitem__), max(moments, key=moments.__getitem__)
    assert first in ("AM", "AZ", "GE")
    assert last in ("GB", "IE", "IS", "PT")


@pytest.mark.parametrize(
    ("text", "code", "day"),
    [
        ("2027-05-17 9:00", "NO", "2027-05-18"),  # Constitution Day
        ("2027-05-17 9:00", "SE", "2027-05-17"),
        ("2027-03-26 9:00", "DE", "2027-03-30"),  # Good Friday, and Easter after it
        ("2027-03-29 9:00", "IT", "2027-03-30"),  # Easter Monday
        ("Sat 9:00", "FR", "2027-01-25"),
        ("2027-01-06 9:00", "ES", "2027-01-07"),  # Epiphany
        ("2027-08-30 9:00", "GB", "2027-08-31"),  # of England, where London is
        ("2027-08-09 9:00", "AD", "2027-08-10"),  # of the capital alone
        ("2027-11-01 9:00", "DE", "2027-11-01"),  # in Bavaria, and not in Berlin
        ("2028-02-29 9:00", "FI", "2028-02-29"),
    ],
)
def test_working_days_are_those_of_the_country(text: str, code: str, day: str) -> None:
    before = datetime(2027, 1, 5 if "01-06" in text else 20, 8, 0, tzinfo=UTC)
    start = read(text, [code], DELEGATIONS, now=before, working_days=True)
    assert start.of(code, DELEGATIONS, "Europe/Paris").date().isoformat() == day


@pytest.mark.parametrize("code", ALL)
def test_holidays_of_every_member_are_known(code: str) -> None:
    start = read("2027-12-24 9:00", [code], DELEGATIONS, now=WEDNESDAY, working_days=True)
    assert start.of(code, DELEGATIONS, "Europe/Paris").date().isoformat() >= "2027-12-24"


@pytest.mark.parametrize(
    ("text", "said", "hint"),
    [
        ("soon", '"soon" is no time to begin at.', "Mon 9:00"),
        ("Mon 25:00", '"Mon 25:00" is no time to begin at.', "Mon 9:00"),
        ("Mondy 9:00", '"mondy" is no day.', 'did you mean "monday"?'),
        ("2027-02-30 9:00", '"2027-02-30" is no day.', "Mon 9:00"),
        ("2027-01-19 9:00", "Tue 2027-01-19 09:00 Europe/Paris has passed: it is Wed 2027-01-20 "
                            "09:00 CET.", "choose a later time"),
        ("today 9:00", "has passed", "choose a later time"),
        ("today 10:30 in each capital", "has passed for 4 delegations", "choose a later time"),
    ],
)  # fmt: skip
def test_what_is_no_time_or_has_passed_is_said_with_what_to_do(
    text: str, said: str, hint: str
) -> None:
    with pytest.raises(UsageError) as refusal:
        read(text, ALL, DELEGATIONS, now=WEDNESDAY)
    assert said in refusal.value.message
    assert hint in refusal.value.hint


def test_country_whose_holidays_nobody_knows_is_refused() -> None:
    with pytest.raises(UsageError, match='The public holidays of "XX" are not known'):
        read("Mon 9:00", ["XX"], DELEGATIONS, now=WEDNESDAY, working_days=True)


def test_days_are_understood_in_every_language_of_the_console() -> None:
    folder = resources.files("mailer.console") / "language"
    languages = {one.name for one in folder.iterdir() if (one / "pages.toml").is_file()} | {"en"}
    words = tomllib.loads(
        resources.files("mailer.letters.wording").joinpath("start_words.toml").read_text("utf-8")
    )
    assert words.keys() == languages
    for one in words.values():
        for at, day in enumerate(one["days"]):
            for name in (day, day[:3]):  # three letters are one day in all of them
                found = read(f"{name} 9:00", ["NO"], DELEGATIONS, now=WEDNESDAY)
                assert found.day.weekday() == at


@pytest.mark.parametrize(
    "text", ["9", "Mon 9", "13pm", "0am", "25h", "9:75", "soon", "18/1/2027 9:00", "31.2.2027 9:00",
             "in jeder Hauptstadt", "9h in capitals", "9:00 morgen früh", "mo 9:00 mo", ""]
)  # fmt: skip
def test_what_is_no_time_is_refused_and_the_hint_is_one(text: str) -> None:
    with pytest.raises(UsageError) as refused:
        read(text, ["NO"], DELEGATIONS, now=WEDNESDAY)
    hint = refused.value.hint or ""
    examples = re.findall(r'"([^"]+)"', hint)
    assert examples
    for one in examples:
        as_time = one if re.search(r"\d", one) else f"{one} 9:00"
        read(as_time, ["NO"], DELEGATIONS, now=datetime(2027, 1, 10, tzinfo=UTC))
