"""Facts about `mailer status` and `mailer log`: what a coordinator types, sees, and takes along."""

from __future__ import annotations

import csv
import json
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from email import message_from_bytes
from pathlib import Path

import openpyxl
import pytest
from click.testing import CliRunner, Result
from rich.cells import cell_len

from mailer.base.states import MailOutState, State
from mailer.cli import cli
from mailer.ledger.guard.senders import sender
from mailer.ledger.ledger import Ledger
from tests.conftest import SettableClock, a_plan
from tests.helpers.children import Child
from tests.helpers.journeys import ME, YES, Journey
from tests.report.conftest import journey

__all__ = ["journey"]  # the fixture: one delivery in each state

GOLDEN = Path(__file__).parents[1] / "data" / "golden"
CONFIG = (
    '[sender]\nfrom = "a@rights.example"\norganisation = "Rights"\n[smtp]\nhost ='
    ' "smtp.rights.example"\n'
    '[log]\ndatabase = "state/ledger.db"\n'  # where the fixture `ledger` has it
)
RUN = Callable[..., Result]


@pytest.fixture
def ledger(sqlite_ledger: Ledger) -> Iterator[Ledger]:
    """The screens are the same on both databases; the questions behind them are tested on both
    elsewhere.

    Somebody is sending meanwhile, as far as can be seen.
    """
    with sender(sqlite_ledger):
        yield sqlite_ledger


@pytest.fixture(autouse=True)
def in_paris(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RUN:
    (tmp_path / "config.toml").write_text(CONFIG, encoding="utf-8")
    monkeypatch.chdir(tmp_path)

    def run(*args: str | Path, **more: object) -> Result:
        return CliRunner().invoke(cli, list(map(str, args)), **more)  # type: ignore[arg-type]

    return run


def lines(result: Result) -> list[dict[str, object]]:
    assert result.exit_code == 0, result.stderr
    return [json.loads(line) for line in result.stdout.splitlines()]


# ---------------------------------------------------------------------------- before there is a log


def test_status_without_a_log_says_so_and_makes_none(run: RUN, tmp_path: Path) -> None:
    result = run("status")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "nothing has been planned" in result.stderr
    assert "mailer plan APPEAL" in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["config.toml"]


@pytest.mark.parametrize(
    "args",
    [
        ("status", "M-0001"), ("log", "people"), ("log", "show", "berg"), ("log", "delegations"),
        ("log", "export", "--csv", "out.csv"),
    ],
)  # fmt: skip
def test_reading_command_without_a_log_is_told_so_and_makes_none(
    run: RUN, tmp_path: Path, args: tuple[str, ...]
) -> None:
    result = run(*args)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "There is no send log in this workspace yet" in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["config.toml"]


def test_log_without_a_mail_out_says_what_makes_one(run: RUN, ledger: Ledger) -> None:
    assert "mailer plan APPEAL" in run("status").stderr
    result = run("log", "people")
    assert result.exit_code == 2
    assert "No mail-out has been planned yet." in result.stderr


# ------------------------------------------------------------------------------------------- status


def test_status_lists_every_mail_out(
    run: RUN, journey: Journey, planned: Callable[..., int]
) -> None:
    planned(2, appeal="another", title="Another appeal")
    result = run("status")
    assert result.exit_code == 0
    assert "M-0001    sending       8         2" in result.stdout
    assert (
        "needs a look: 1 unknown, 1 refused, 1 not sent, 1 still trying, 2 left out"
        in result.stdout
    )
    assert "Another appeal" in result.stdout
    first, second = lines(run("status", "--json"))
    assert (first["mail_out"], first["state"], first["planned"]) == ("M-0001", "sending", 8)
    assert (second["title"], second["started_at"]) == ("Another appeal", None)


def test_status_in_json_has_its_fixed_form_and_adds_up(run: RUN, journey: Journey) -> None:
    (status,) = lines(run("status", "M-0001", "--json"))
    assert " ".join(status) == (
        "mail_out state planned counts needs_a_person came_back delegations title why back schedule"
        " starts_at notes"
    )
    counts = status["counts"]
    assert isinstance(counts, dict)
    assert set(counts) == {state.value for state in State}
    assert sum(counts.values()) == status["planned"] == 8
    table = status["delegations"]
    assert isinstance(table, dict)
    assert sum(sum(row.values()) for row in table.values()) == 8
    assert all(set(row) == set(counts) for row in table.values())


@pytest.mark.parametrize(
    ("state", "said"),
    [
        (MailOutState.SENDING, ["sending at 4 of 6", "mailer pause M-0001"]),
        (
            MailOutState.PAUSED,
            ["paused at 4 of 6: too many refusals", "mailer resume M-0001", "mailer stop M-0001"],
        ),
        (
            MailOutState.STOPPED,
            [
                "stopped for good at 4 of 6",
                "--state unknown,refused,not_sent",
                "mailer retry M-0001",
            ],
        ),
    ],
)
def test_status_says_how_it_stands_why_and_what_to_type(
    run: RUN, journey: Journey, ledger: Ledger, state: MailOutState, said: list[str]
) -> None:
    from mailer.ledger import mailouts

    with ledger.writing() as connection:
        mailouts.change(
            connection, journey.id, state, at=journey.clock(), who="Jana", why="too many refusals"
        )
    result = run("status", "M-0001")
    assert result.exit_code == 0
    for words in said:
        assert words in result.output


def test_status_of_a_plan_says_how_to_send_it(run: RUN, planned: Callable[..., int]) -> None:
    planned(3)
    result = run("status", "1")
    assert "planned, nothing has been sent" in result.stdout
    assert "3 delegations, nothing to look at" in result.stdout
    assert "mailer send M-0001" in result.stderr


def test_status_tells_that_a_sender_died_and_how_to_go_on(
    run: RUN, ledger: Ledger, planned: Callable[..., int], clock: SettableClock
) -> None:
    journey = Journey(ledger, planned(2), clock)
    journey.claim(1, owner="0123456789ab")  # holds no lock: proven dead
    for args in (("status", "M-0001"), ("status", "--watch")):
        result = run(*args)
        assert "has ended without saying so" in result.stdout
        assert "mailer send M-0001" in result.stderr


def test_watching_ends_when_the_mail_out_is_over(run: RUN, journey: Journey) -> None:
    journey.become(MailOutState.STOPPED)
    (status,) = lines(run("status", "--watch", "--json"))
    assert status["state"] == "stopped"
    assert (
        "M-0001 stopped, 4 of 6: 2 accepted for delivery"
        in run("status", "M-0001", "--watch").stdout
    )


def test_watching_tells_each_change_until_the_end(
    run: RUN, journey: Journey, tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "mailer", "-C", str(tmp_path), "status", "--watch", "--json"]
    with Child(command, stdout=subprocess.PIPE, text=True) as watching:
        assert watching.stdout
        assert json.loads(watching.stdout.readline())["state"] == "sending"
        journey.become(MailOutState.PAUSED)
        assert json.loads(watching.stdout.readline())["state"] == "paused"
        journey.become(MailOutState.STOPPED)
        assert json.loads(watching.stdout.readline())["counts"]["not_sent"] == 2
        assert watching.stdout.read() == ""
    assert watching.returncode == 0


def test_interrupting_the_watch_ends_the_looking_alone(
    run: RUN, journey: Journey, tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "mailer", "-C", str(tmp_path), "status", "M-0001", "--watch"]
    with Child(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as watching:
        assert watching.stdout
        assert watching.stdout.readline().startswith("M-0001 sending")
        watching.send_signal(signal.SIGINT)
        _, talk = watching.communicate()
    assert watching.returncode == 130
    assert "This changed nothing" in talk
    assert run("status", "M-0001", "--json").stdout.count('"sending", "planned"') == 1


# ------------------------------------------------------------------------------------------- people


def test_coordinator_finds_who_did_not_get_it_and_why_in_two_steps(
    run: RUN, journey: Journey
) -> None:
    first = run("status", "M-0001")
    assert "M-0001-001  ✗  refused   Person 1 Példás, NO" in first.stdout
    second = run("log", "show", "M-0001-001")
    assert "server: 550 5.1.1 no such user" in second.stdout
    assert "→ refused: no such mailbox" in second.stdout


def test_people_in_json_are_one_object_a_line_with_exactly_these_keys(
    run: RUN, journey: Journey
) -> None:
    people = lines(run("log", "people", "M-0001", "--json"))
    assert len(people) == 8
    for one in people:
        assert list(one) == [
            "delivery", "name", "address", "delegation", "role", "language", "state", "reason",
            "detail", "code", "enhanced", "text", "attempts", "came_back", "message_id", "at",
        ]  # fmt: skip
    assert people[0]["delivery"] == "M-0001-001"
    assert people[0]["at"] == "2027-01-20T08:00:01Z"


@pytest.mark.parametrize(
    ("args", "numbers"),
    [
        (["--state", "refused,unknown"], [1, 3]),
        (["--state", "left out"], [7, 8]),
        (["--state", "Still Trying, not-sent"], [5, 6]),
        (["--state", "accepted for delivery"], [2, 4]),
        (["--state", "accepted"], [2, 4]),
        (["--delegation", "NO"], [1, 4, 7]),
        (["--delegation", "norvège,France"], [1, 3, 4, 6, 7]),
        (["--search", "PELDAS", "--delegation", "fr"], [3, 6]),
        (["--search", "person2@"], [2]),
        (["--state", "refused", "--delegation", "FR"], []),
    ],
)
def test_people_are_narrowed_as_it_was_typed(
    run: RUN, journey: Journey, args: list[str], numbers: list[int]
) -> None:
    people = lines(run("log", "people", "M-0001", "--json", *args))
    assert [one["delivery"] for one in people] == [f"M-0001-{number:03d}" for number in numbers]


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--state", "refuzed"], "did you mean 'refused'?"),
        (["--state", "xyz"], "the states are: left out, waiting"),
        (["--delegation", "Norwey"], 'did you mean "Norway"?'),
        (["--delegation", "Atlantis"], "its two-letter code"),
    ],
)
def test_filter_that_means_nothing_is_an_error_with_the_closest_word(
    run: RUN, journey: Journey, args: list[str], said: str
) -> None:
    result = run("log", "people", *args)
    assert (result.exit_code, result.stdout) == (2, "")
    assert said in result.stderr


def test_without_a_name_the_newest_mail_out_is_meant_and_named(
    run: RUN, journey: Journey, planned: Callable[..., int]
) -> None:
    planned(1, appeal="another")
    result = run("log", "people")
    assert "M-0002, the newest of 2 mail-outs" in result.stderr
    assert "1 of the 1 people of M-0002" in result.stderr
    assert "M-0002-001" in result.stdout


def test_mail_out_that_is_not_there_is_an_error(run: RUN, journey: Journey) -> None:
    for args in (("status", "M-0009"), ("log", "people", "9"), ("log", "show", "M-0009-001")):
        result = run(*args)
        assert result.exit_code == 2
        assert "There is no mail-out M-0009." in result.stderr
    assert "no appeal of that name" in run("status", "first").stderr


# --------------------------------------------------------------------------------------- one letter


@pytest.mark.parametrize(
    "who",
    [
        ["Person 3 Peldas"], ["person", "3", "példás"], ["person3@fr.parliament.example"],
        ["M-0001", "3"], ["m-1", "person 3"], ["M-0001-003"], ["3"],
    ],
)  # fmt: skip
def test_person_is_found_by_name_address_or_number(
    run: RUN, journey: Journey, who: list[str]
) -> None:
    (one,) = lines(run("log", "show", *who, "--json"))
    assert one["delivery"] == "M-0001-003"
    assert [moment["kind"] for moment in one["timeline"]] == ["sending", "unknown"]  # type: ignore[attr-defined]
    assert one["place"] == "contacts/all.csv:4:4"


def test_unknown_letter_says_that_it_is_not_sent_again_by_itself(
    run: RUN, journey: Journey
) -> None:
    result = run("log", "show", "3")
    assert "the line broke before the answer came" in result.stdout
    assert "It is not sent again by itself" in result.stderr


def test_several_matches_are_listed(run: RUN, journey: Journey) -> None:
    result = run("log", "show", "példás")
    assert result.exit_code == 0
    assert result.stdout.count("Person") == 8
    assert "8 people of M-0001 match" in result.stderr
    assert len(lines(run("log", "show", "példás", "--json"))) == 8


def test_letter_of_several_people_is_not_shown_at_once(run: RUN, journey: Journey) -> None:
    result = run("log", "show", "példás", "--text")
    assert result.exit_code == 2
    assert "name one: mailer log show M-0001-001" in result.stderr


@pytest.mark.parametrize(
    ("who", "said"),
    [
        ("Persom 3 Peldas", "did you mean 'Person 3 Példás'?"),
        ("person3@fr.parliment.example", "did you mean 'person3@fr.parliament.example'?"),
        ("zzzz", "mailer log people M-0001 lists everyone"),
        ("???", "mailer log people M-0001 lists everyone"),
    ],
)
def test_nobody_gets_the_closest_name(run: RUN, journey: Journey, who: str, said: str) -> None:
    result = run("log", "show", who)
    assert result.exit_code == 2
    assert f"There is nobody like {who!r} in M-0001." in result.stderr
    assert said in result.stderr


def test_person_of_an_older_mail_out_is_pointed_to(
    run: RUN, journey: Journey, planned: Callable[..., int]
) -> None:
    planned(2, appeal="another")
    result = run("log", "show", "Person 6 Peldas")
    assert result.exit_code == 2
    assert "mailer log show M-0001 Person 6 Peldas" in result.stderr


def test_other_letters_of_the_same_person_are_named(
    run: RUN, journey: Journey, planned: Callable[..., int]
) -> None:
    planned(1, appeal="another")
    result = run("log", "show", "M-0002", "Person 1 Peldas")
    assert "The same person elsewhere:" in result.stdout
    assert "M-0001-001  ✗  refused" in result.stdout


def test_mail_out_alone_asks_whose_letter(run: RUN, journey: Journey) -> None:
    result = run("log", "show", "M-0001")
    assert result.exit_code == 2
    assert "Whose letter?" in result.stderr


def test_letter_is_written_and_shown_exactly_as_it_was_sent(
    run: RUN, journey: Journey, tmp_path: Path
) -> None:
    path = tmp_path / "letter.eml"
    result = run("log", "show", "4", "--text", "--eml", path)
    assert result.exit_code == 0
    assert "Date: Wed, 20 Jan 2027 08:00:01 +0000\n\nhello\n" in result.stdout
    data = path.read_bytes()
    assert data.startswith(
        b"Date: Wed, 20 Jan 2027 08:00:01 +0000\r\nFrom: <us@rights.example>\r\n"
    )
    assert message_from_bytes(data)["To"] == "<person4@no.parliament.example>"
    (one,) = lines(run("log", "show", "4", "--text", "--json"))
    assert str(one["letter"]).endswith("Date: Wed, 20 Jan 2027 08:00:01 +0000\n\nhello")
    again = run("log", "show", "4", "--eml", path)
    assert again.exit_code == 2
    assert "is there already" in again.stderr
    assert run("log", "show", "4", "--eml", path, "--force").exit_code == 0


def test_letter_that_was_not_handed_over_has_no_date_and_says_so(
    run: RUN, journey: Journey
) -> None:
    result = run("log", "show", "5", "--text")
    assert "has not been handed over yet" in result.stderr
    assert "Date:" not in result.stdout


def test_who_was_left_out_has_no_letter_to_show(run: RUN, journey: Journey) -> None:
    result = run("log", "show", "7", "--text")
    assert result.exit_code == 2
    assert "There is no letter for Person 7 Példás: no address" in result.stderr


# -------------------------------------------------------------------------------------- delegations


def test_delegations_with_nothing_to_look_at_are_one_line(
    run: RUN, ledger: Ledger, planned: Callable[..., int], clock: SettableClock
) -> None:
    planned(3, left_out=1)
    result = run("log", "delegations")
    assert "Norway           2         0  1 left out: no address" in result.stdout
    assert "… and 2 more delegations, nothing to look at" in result.stdout
    assert "Ukraine" not in result.stdout
    assert "Ukraine" in run("log", "delegations", "--all").stdout
    first, *_ = found = lines(run("log", "delegations", "--json"))
    assert (first["delegation"], first["name"], first["planned"]) == ("NO", "Norway", 2)
    assert sum(one["planned"] > 0 for one in found) == 3
    assert len(found) == 46  # of 43 nobody is in the sheets


# ------------------------------------------------------------------------------------------- export


def evil(ledger: Ledger, clock: SettableClock, planned: Callable[..., int]) -> None:
    """A mail-out whose sheet and server try to put formulas and escape codes on
    somebody's screen.
    """
    from dataclasses import replace

    plan = a_plan(2)
    first, second = plan.deliveries
    names = ("=HYPERLINK(1)", "@SUM(1)\x1b[31m")
    people = [
        replace(one, contact=replace(one.contact, name=name))
        for one, name in zip((first, second), names, strict=True)
    ]
    journey = Journey(ledger, planned(deliveries=tuple(people)), clock)
    for one in journey.claim(2, owner=ME):
        journey.mark(one)
        journey.record(one, YES)


def test_workbook_has_totals_and_exactly_the_chosen_rows(
    run: RUN, journey: Journey, tmp_path: Path
) -> None:
    path = tmp_path / "out.xlsx"
    result = run("log", "export", "--xlsx", path, "--state", "refused,left out")
    assert result.exit_code == 0
    assert f"3 of the 8 people of M-0001 are in {path}." in result.stderr.replace("\n", " ")
    book = openpyxl.load_workbook(path)
    assert book.sheetnames == ["Totals", "People"]
    totals = {row[0]: row[1] for row in book["Totals"].iter_rows(min_row=3, values_only=True)}
    assert (
        totals["refused"],
        totals["left out"],
        totals["accepted for delivery"],
        totals["people"],
    ) == (1, 2, 0, 3)
    sheet = book["People"]
    assert (sheet.freeze_panes, sheet.auto_filter.ref) == ("A2", "A1:S4")
    head, *rows = sheet.iter_rows(values_only=True)
    first = dict(zip(head, rows[0], strict=True))
    assert (first["Delivery"], first["Country"], first["Outcome"], first["Code"]) == (
        "M-0001-001", "Norway", "refused", 550,
    )  # fmt: skip
    assert str(first["Since (UTC)"]) == "2027-01-20 08:00:01"
    assert len(rows) == 3
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_nothing_in_a_workbook_is_a_formula_or_a_link(
    run: RUN, ledger: Ledger, clock: SettableClock, planned: Callable[..., int], tmp_path: Path
) -> None:
    evil(ledger, clock, planned)
    path = tmp_path / "out.xlsx"
    assert run("log", "export", "--xlsx", path).exit_code == 0
    cells = [cell for row in openpyxl.load_workbook(path)["People"].iter_rows() for cell in row]
    assert not [cell for cell in cells if cell.data_type == "f" or cell.hyperlink]
    assert {"=HYPERLINK(1)", "@SUM(1)\\x1b[31m"} <= {cell.value for cell in cells}


def test_csv_opens_in_a_spreadsheet_program_without_running_anything(
    run: RUN, ledger: Ledger, clock: SettableClock, planned: Callable[..., int], tmp_path: Path
) -> None:
    evil(ledger, clock, planned)
    path = tmp_path / "out.csv"
    assert run("log", "export", "M-0001", "--csv", path).exit_code == 0
    assert path.read_bytes().startswith(b"\xef\xbb\xbfDelivery,Name,")
    rows = list(csv.DictReader(path.read_text(encoding="utf-8-sig").splitlines()))
    assert [row["Name"] for row in rows] == ["'=HYPERLINK(1)", "'@SUM(1)\\x1b[31m"]


def test_json_export_is_what_log_people_prints(run: RUN, journey: Journey, tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    assert run("log", "export", "--json", path, "--delegation", "FR").exit_code == 0
    assert (
        path.read_text(encoding="utf-8")
        == run("log", "people", "--json", "--delegation", "FR").stdout
    )


def test_export_overwrites_nothing_unless_told_to(
    run: RUN, journey: Journey, tmp_path: Path
) -> None:
    path, other = tmp_path / "out.csv", tmp_path / "out.xlsx"
    path.write_text("mine", encoding="utf-8")
    result = run("log", "export", "--xlsx", other, "--csv", path)
    assert result.exit_code == 2
    assert "is there already; nothing was written" in result.stderr.replace("\n", " ")
    assert path.read_text(encoding="utf-8") == "mine"
    assert not other.exists()
    assert run("log", "export", "--csv", path, "--force").exit_code == 0
    assert "Person 1" in path.read_text(encoding="utf-8")


def test_export_into_a_folder_that_is_not_there_is_an_error_in_words(
    run: RUN, journey: Journey
) -> None:
    result = run("log", "export", "--csv", "nowhere/out.csv")
    assert result.exit_code == 2
    assert "cannot be written" in result.stderr


def test_export_needs_a_file(run: RUN, journey: Journey) -> None:
    result = run("log", "export")
    assert result.exit_code == 2
    assert "--xlsx outcome.xlsx" in result.stderr


# ------------------------------------------------------------------------------------ on the screen


@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
@pytest.mark.parametrize("width", [60, 120])
@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("status", ("status", "M-0001")),
        ("show", ("log", "show", "2")),
        ("people", ("log", "people")),
    ],
)
def test_screen_is_as_it_was_looked_at(
    run: RUN,
    journey: Journey,
    tmp_path: Path,
    name: str,
    args: tuple[str, ...],
    width: int,
    encoding: str,
) -> None:
    runner = CliRunner(charset=encoding, env={"COLUMNS": str(width), "NO_COLOR": "1"})
    shown = runner.invoke(cli, ["-C", str(tmp_path), *args]).stdout
    golden = GOLDEN / f"{name}-{width}-{encoding}.txt"
    assert shown == golden.read_text(encoding="utf-8")
    assert max(cell_len(line) for line in shown.splitlines()) <= width
    assert not [line for line in shown.splitlines() if line != line.rstrip()]
