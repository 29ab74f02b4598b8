"""Facts about the command line as a whole: help, flags, errors in words, exit codes. Commands have
tests of their own.
"""

from __future__ import annotations

import errno
import json
import os
import re
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

import mailer.cli
from mailer.base.errors import (
    Interrupted,
    MailerError,
    Problem,
    Refused,
    ServerError,
    Severity,
    UsageError,
)
from mailer.base.states import MARKS, MailOutState
from mailer.cli import COMMANDS, READ_SHEETS, cli
from mailer.cli.context import PLAIN, Command, printable
from mailer.ledger import mailouts
from mailer.ledger.ledger import Ledger
from mailer.letters.wording.usable_words import WORDS
from tests.helpers.children import Child

CONFIG = (
    '[sender]\nfrom = "a@rights.example"\norganisation = "Rights"\n[smtp]\nhost ='
    ' "smtp.rights.example"\n'
)
RUN = Callable[..., Result]


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    (tmp_path / "config.toml").write_text(CONFIG, encoding="utf-8")
    return tmp_path


@pytest.fixture
def run(workspace: Path) -> RUN:
    def run(*args: str | Path, **more: object) -> Result:
        return CliRunner().invoke(cli, [str(arg) for arg in args], **more)  # type: ignore[arg-type]

    return run


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> Callable[[BaseException], None]:
    """Put a command called `fail` into the table, which ends with the given exception."""

    def put(error: BaseException) -> None:
        @click.command(cls=Command)
        def fail() -> None:
            raise error

        monkeypatch.setattr(mailer.cli, "fail", fail, raising=False)
        monkeypatch.setitem(COMMANDS["everyday"], "fail", ("mailer.cli:fail", "It fails."))

    return put


def process(*args: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("MAILER_")
    }
    command = [sys.executable, "-m", "mailer", *args]
    return subprocess.run(
        command, env=environment | variables, capture_output=True, text=True, check=False
    )


# --------------------------------------------------------------------------------------------- help


def test_help_imports_no_heavy_module() -> None:
    program = (
        "import sys\nfrom mailer.__main__ import main\ntry:\n    sys.argv = ['mailer', '--help']\n "
        "   main()\nexcept SystemExit as end:\n    assert not end.code, end.code\nheavy ="
        " {'pandas', 'sqlalchemy', 'jinja2', 'rich', 'pydantic', 'asyncio', 'email_validator',"
        " 'aiosmtplib'}\nfound = heavy & set(sys.modules)\nassert not found, found\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)


def test_garbage_is_looked_for_once_the_command_is_loaded() -> None:
    program = (
        "import gc, sys\nfrom mailer.__main__ import main\ntry:\n"
        "    sys.argv = ['mailer', 'explain', 'C104']\n    main()\nexcept SystemExit as end:\n"
        "    assert not end.code, end.code\nassert gc.isenabled() and gc.get_freeze_count()\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)


@pytest.mark.parametrize(
    ("args", "children"),
    [
        (["send", "M-0001"], 1),
        (["contacts", "check"], 1),
        (["send", "--help"], 0),
        (["status"], 0),
        (["--help"], 0),
    ],
)
def test_the_child_that_reads_sheets_starts_before_the_command_is_loaded(
    workspace: Path, args: list[str], children: int
) -> None:
    program = (
        "import sys\nfrom importlib.abc import MetaPathFinder\n"
        "from mailer.__main__ import main\nfound = []\n"
        "class Watch(MetaPathFinder):\n    def find_spec(self, name, *_):\n"
        "        if name in ('mailer.cli.everyday', 'mailer.cli.contacts') and not found:\n"
        "            children = sys.modules.get('mailer.contacts.limited_process')\n"
        "            found.append(len(children._idle) if children else 0)\n"
        "sys.meta_path.insert(0, Watch())\n"
        f"sys.argv[1:] = {['-C', str(workspace), *args]!r}\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        f"assert (found or [0]) == [{children}], found\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)


def test_commands_that_read_sheets_are_commands() -> None:
    assert {name for section in COMMANDS.values() for name in section} >= READ_SHEETS


def test_ctrl_c_between_two_steps_ends_in_a_word() -> None:
    program = (
        "import signal\nfrom mailer.__main__ import main\nimport mailer.cli\n"
        "mailer.cli.cli.main = lambda: signal.raise_signal(signal.SIGINT)\nmain()\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program], check=False, capture_output=True, text=True
    )
    assert (ended.returncode, ended.stderr) == (130, "\nStopped.\n")


@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_help_lists_every_command_under_its_heading(run: RUN, flag: str) -> None:
    shown = run(flag).stdout
    for heading, section in COMMANDS.items():
        assert not section or f"\n{heading}:\n" in shown
        for name, (_, words) in section.items():
            assert re.search(rf"^  {name} +{re.escape(words[:30])}", shown, re.MULTILINE)


@pytest.mark.parametrize("name", [name for section in COMMANDS.values() for name in section])
def test_command_of_the_table_is_where_the_table_says(name: str) -> None:
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    assert command.name == name


def test_flag_of_a_command_wins_over_the_one_of_every_command(
    run: RUN, monkeypatch: pytest.MonkeyPatch
) -> None:
    @click.command(cls=Command)
    @click.option("--json", "file", metavar="FILE", help="Write JSON to a file.")
    def own(file: str) -> None:
        click.echo(file)

    monkeypatch.setattr(mailer.cli, "own", own, raising=False)
    monkeypatch.setitem(COMMANDS["everyday"], "own", ("mailer.cli:own", ""))
    assert run("own", "--json", "people.json").stdout == "people.json\n"
    assert run("own", "-h").stdout.count("--json") == 1


def test_alone_it_shows_the_help_and_where_one_is(
    run: RUN, workspace: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    found = run("-C", workspace)
    assert (found.exit_code, found.stdout.split("\n")[0]) == (
        0,
        "Usage: mailer [OPTIONS] [COMMAND] [ARGS]...",
    )
    assert f"You are in the workspace {workspace} (test mode)." in found.stderr
    assert (
        f"nothing planned yet – mailer -C {workspace} check, then mailer -C {workspace} plan"
        in found.stderr
    )
    assert not (workspace / ".mailer").exists()  # a look leaves nothing behind
    empty = tmp_path_factory.mktemp("empty")
    assert f"mailer -C {empty} init" in run("-C", empty).stderr


@pytest.mark.parametrize(
    ("states", "said"),
    [
        ([], "M-0001 planned – mailer -C {} send M-0001"),
        ([MailOutState.SENDING], "M-0001 sending – mailer -C {} status M-0001"),
        ([MailOutState.SENDING, MailOutState.PAUSED], "M-0001 paused – mailer -C {} resume M-0001"),
    ],
)
def test_alone_it_names_the_newest_mail_out_and_the_next_step(
    run: RUN,
    workspace: Path,
    planned: Callable[..., int],
    ledger: Ledger,
    states: list[MailOutState],
    said: str,
) -> None:
    log = f'[log]\ndatabase = "{ledger.url.render_as_string(False)}"\n'
    (workspace / "config.toml").write_text(CONFIG + log, encoding="utf-8")
    mail_out = planned(1)
    for state in states:
        with ledger.writing() as connection:
            mailouts.change(connection, mail_out, state, at=ledger.now(), who="Jana")
    assert said.format(workspace) in run("-C", workspace).stderr


def test_python_without_the_packages_is_told_what_to_type() -> None:
    """`python -m mailer` by the system's Python: isolated from every installed package."""
    start = (
        "import sys; sys.path.insert(0, sys.argv.pop(1)); import runpy; runpy.run_module('mailer',"
        " run_name='__main__')"
    )
    found = subprocess.run(
        [sys.executable, "-S", "-c", start, str(Path(mailer.__file__).parents[1]), "status"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (found.returncode, found.stdout) == (2, "")
    assert "lacks the package click" in found.stderr
    assert "make demo" in found.stderr and "Traceback" not in found.stderr


def test_file_that_may_not_be_used_is_no_mistake_of_the_mailer(
    run: RUN, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read_only(*_: object, **__: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system", str(workspace / ".mailer"))

    monkeypatch.setattr(
        Path, "mkdir", read_only
    )  # root, who runs some of these tests, may write anywhere
    found = run("-C", workspace, "retry", "M-0001")
    assert found.exit_code == 1
    assert (
        f"{workspace / '.mailer'} cannot be used: Read-only file system. Nothing more was done."
        in found.stderr
    )
    assert "mistake" not in found.stderr


@pytest.mark.skipif(
    not Path("/proc").is_dir(), reason="a folder that takes nothing, even from root, is /proc"
)
def test_demo_in_a_folder_that_takes_nothing_says_so() -> None:
    found = subprocess.run(
        [sys.executable, "-m", "mailer", "demo"],
        cwd="/proc",
        capture_output=True,
        text=True,
        check=False,
    )
    assert (found.returncode, found.stdout) == (2, "")
    assert "The demo cannot make its folder in /proc: " in found.stderr


def test_version_is_said(run: RUN) -> None:
    assert run("--version").stdout == f"mailer {mailer.__version__}\n"


# --------------------------------------------------------------------------- flags of every command


@pytest.mark.parametrize("order", ["before", "between", "after"])
def test_workspace_may_stand_anywhere(run: RUN, workspace: Path, order: str) -> None:
    folder = ["-C", str(workspace)]
    args = {
        "before": [*folder, "config", "show", "--json"],
        "between": ["--json", "config", *folder, "show"],
        "after": ["config", "show", "--json", *folder],
    }[order]
    assert json.loads(run(*args).stdout)["workspace"] == str(workspace)


def test_quiet_keeps_data_and_drops_talk(run: RUN, workspace: Path) -> None:
    loud, quiet = (
        run("-C", workspace, "config", "show"),
        run("-C", workspace, "config", "show", "-q"),
    )
    assert loud.stdout == quiet.stdout != ""
    assert loud.stderr != ""
    assert quiet.stderr == ""


def test_no_colour_off_a_terminal(workspace: Path) -> None:
    found = process("-C", str(workspace / "nothing"), "config", "show")
    assert "\x1b" not in found.stdout + found.stderr


def test_terminal_without_unicode_gets_plain_signs(workspace: Path) -> None:
    text = CONFIG.replace('"Rights"', '"Björn’s – Łódź"')
    (workspace / "config.toml").write_text(text, encoding="utf-8")
    found = process("-C", str(workspace), "config", "show", PYTHONIOENCODING="ascii")
    assert found.returncode == 0
    assert 'organisation = "Bjorn\'s - ?odz"' in found.stdout
    as_json = process("-C", str(workspace), "config", "show", "--json", PYTHONIOENCODING="ascii")
    assert (
        json.loads(as_json.stdout)["settings"]["sender.organisation"]["value"] == "Björn’s – Łódź"
    )


def test_every_mark_has_a_plain_sign() -> None:
    assert all(mark.isascii() or mark in PLAIN for mark in MARKS.values())
    assert all(sign.isascii() for sign in PLAIN.values())


def test_control_characters_are_shown_and_not_obeyed() -> None:
    assert printable("aura\u00a0: 1\u202f000") == "aura\u00a0: 1\u202f000"
    assert printable("a\x1b[31m\u202eb\u200b ć\n") == r"a\x1b[31m\u202eb\u200b ć\n"


def test_reader_that_has_seen_enough_is_no_error(workspace: Path) -> None:
    command = [sys.executable, "-m", "mailer", "-C", str(workspace), "config", "show"]
    with Child(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        running.stdout.close()
        assert running.stderr.read().startswith("The settings of")
        assert running.wait() == 0


# ------------------------------------------------------------------------------------------- errors


@pytest.mark.parametrize(
    ("args", "said", "next_step"),
    [
        (["confg"], "No such command 'confg'. Did you mean 'config'?", "mailer -h"),
        (["config", "shw"], "No such command 'shw'. Did you mean 'show'?", "mailer config -h"),
        (
            ["config", "show", "--whre"],
            "No such option '--whre'. (Did you mean one of: '--help', '--where'?)",
            "mailer config show -h",
        ),
        (
            ["config", "show", "more"],
            "Got unexpected extra argument (more)",
            "mailer config show -h",
        ),
        (["-C"], "Option '-C' requires an argument.", "mailer -h"),
    ],
)
def test_wrong_word_is_answered_with_the_likely_one(
    run: RUN, args: list[str], said: str, next_step: str
) -> None:
    found = run(*args)
    assert (found.exit_code, found.stdout) == (2, "")
    assert found.stderr.splitlines() == [f"error: {said}", f"  = {next_step}"]


@pytest.mark.parametrize(
    ("error", "code", "first"),
    [
        (MailerError("Three people were not reached."), 1, "error: Three"),
        (UsageError("There is no such appeal.", code="L101"), 2, "error[L101]: There"),
        (Refused("The plan no longer matches.", code="S201"), 3, "refused[S201]: The"),
        (Interrupted("Stopped at 277 of 580."), 4, "stopped: Stopped"),
        (ServerError("The server does not answer."), 5, "error: The server"),
        (KeyboardInterrupt(), 130, "\nStopped."),
        (click.Abort(), 130, "\nStopped."),
    ],
)
def test_error_becomes_words_and_an_exit_code(
    run: RUN, failing: Callable[[BaseException], None], error: BaseException, code: int, first: str
) -> None:
    failing(error)
    found = run("fail")
    assert (found.exit_code, found.stdout) == (code, "")
    assert found.stderr.startswith(first)


def test_command_may_return_its_exit_code(run: RUN, monkeypatch: pytest.MonkeyPatch) -> None:
    @click.command(cls=Command)
    def three() -> int:
        return 3

    monkeypatch.setattr(mailer.cli, "three", three, raising=False)
    monkeypatch.setitem(COMMANDS["everyday"], "three", ("mailer.cli:three", ""))
    assert run("three").exit_code == 3


def test_error_as_json_is_one_object_with_the_problems(
    run: RUN, failing: Callable[[BaseException], None]
) -> None:
    problem = Problem(
        "C101",
        Severity.ERROR,
        "this is no address",
        "contacts/uk.xlsx",
        "Members",
        "D17",
        17,
        "E-mail",
        "x@",
    )
    failing(
        MailerError(
            "One address cannot work.", hint="mailer check", code="C101", problems=[problem]
        )
    )
    found = run("--json", "fail")
    said = json.loads(found.stdout)
    assert (found.exit_code, found.stderr) == (1, "")
    assert (said["error"], said["code"], said["hint"], said["exit"]) == (
        "One address cannot work.",
        "C101",
        "mailer check",
        1,
    )
    assert said["problems"] == [
        {
            "code": "C101", "severity": "error", "message": "this is no address",
            "file": "contacts/uk.xlsx", "sheet": "Members", "cell": "D17", "row": 17,
            "column": "E-mail", "value": "x@", "suggestion": None,
        }
    ]  # fmt: skip


def test_wrong_usage_as_json_even_where_the_flag_comes_too_late(run: RUN) -> None:
    assert json.loads(run("confg", "--json").stdout)["exit"] == 2


def test_mistake_in_the_mailer_is_one_sentence_and_a_private_file(
    run: RUN, workspace: Path, failing: Callable[[BaseException], None]
) -> None:
    failing(ZeroDivisionError("sums"))
    (workspace / ".mailer").mkdir()
    found = run("-C", workspace, "fail")
    assert found.exit_code == 1
    assert "Traceback" not in found.output
    assert (
        "This is a mistake in the mailer (ZeroDivisionError), nothing more was sent."
        in found.stderr
    )
    (log,) = (workspace / ".mailer").iterdir()
    assert str(log) in found.stderr
    story = log.read_text(encoding="utf-8")
    assert "ZeroDivisionError, at" in story
    assert "test_cli.py" in story
    assert "sums" not in story, "what a mistake says may be a name"
    assert stat.S_IMODE(log.stat().st_mode) == 0o600


@pytest.mark.parametrize(("flags", "debug"), [(["-vv"], ""), ([], "1")])
def test_traceback_is_shown_to_those_who_ask(
    run: RUN,
    workspace: Path,
    failing: Callable[[BaseException], None],
    flags: list[str],
    debug: str,
) -> None:
    failing(ZeroDivisionError("sums"))
    (workspace / ".mailer").mkdir()
    found = run("-C", workspace, *flags, "fail", env={"MAILER_DEBUG": debug})
    assert "Traceback" in found.stderr
    assert found.exit_code == 1


# ----------------------------------------------------------------------------------------- problems


def shown(
    run: RUN, failing: Callable[[BaseException], None], workspace: Path, *problems: Problem
) -> str:
    failing(MailerError("There is something to put right.", problems=problems))
    return run("-C", workspace, "fail").stderr


def test_problem_in_a_letter_is_pointed_at(
    run: RUN, failing: Callable[[BaseException], None], workspace: Path
) -> None:
    (workspace / "fr.md").write_text("Subject: x\n\nMadame {{ memeber.name }},\n", encoding="utf-8")
    problem = Problem(
        "L203", Severity.ERROR, 'there is no placeholder called "memeber"', "fr.md", row=3,
        column="11", value="memeber", suggestion='did you mean "member"?',
    )  # fmt: skip
    assert (
        shown(run, failing, workspace, problem)
        == 'error[L203]: there is no placeholder called "memeber"\n'
        "  ┌─ fr.md:3:11\n"
        "  │\n"
        " 3│ Madame {{ memeber.name }},\n"
        "  │           ^^^^^^^\n"
        '  = did you mean "member"?\n'
        "\n"
        "error: There is something to put right.\n"
    )


def test_problem_in_a_long_line_shows_the_piece_around_it(
    run: RUN, failing: Callable[[BaseException], None], workspace: Path
) -> None:
    (workspace / "en.md").write_text("word " * 100 + "WRONG " + "word " * 100, encoding="utf-8")
    lines = shown(
        run, failing, workspace, Problem("L1", Severity.WARNING, "m", "en.md", row=1, value="WRONG")
    ).split("\n")
    assert lines[3].startswith(" 1│ … ")
    assert lines[3].endswith(" …")
    assert len(lines[3]) < 110
    assert lines[4].index("^") == lines[3].index("WRONG")
    assert lines[4].count("^") == len("WRONG")


def test_problem_in_a_spreadsheet_names_tab_cell_and_column(
    run: RUN, failing: Callable[[BaseException], None], workspace: Path
) -> None:
    problem = Problem(
        "C101",
        Severity.ERROR,
        "no address",
        "contacts/uk.xlsx",
        "Members",
        "D17",
        17,
        "E-mail",
        "a@\x1bb",
    )
    assert shown(run, failing, workspace, problem).startswith(
        "error[C101]: no address\n"
        '  ┌─ contacts/uk.xlsx · sheet "Members" · cell D17  (column "E-mail")\n'
        "  │ a@\\x1bb\n"
        "\n"
    )


def test_problem_in_a_csv_file_shows_its_line(
    run: RUN, failing: Callable[[BaseException], None], workspace: Path
) -> None:
    (workspace / "de.csv").write_text(
        "Name;E-Mail\nJo Beispiel;Jo <jo@bt.example>\n", encoding="utf-8"
    )
    problem = Problem(
        "C110",
        Severity.ERROR,
        "pasted together",
        "de.csv",
        None,
        "2:2",
        2,
        "E-Mail",
        "Jo <jo@bt.example>",
    )
    assert shown(run, failing, workspace, problem).startswith(
        "error[C110]: pasted together\n"
        '  ┌─ de.csv:2:2  (column "E-Mail")\n'
        "  │\n"
        " 2│ Jo Beispiel;Jo <jo@bt.example>\n"
        "  │             ^^^^^^^^^^^^^^^^^^\n"
    )


def test_sheet_with_more_rows_than_the_setting_allows_is_refused(run: RUN, workspace: Path) -> None:
    (workspace / "config.toml").write_text(f"{CONFIG}[contacts]\nmax_rows = 2\n", encoding="utf-8")
    (workspace / "contacts").mkdir()
    (workspace / "contacts" / "no.csv").write_text(
        "Name;E-mail\nA B;a@x.example\nC D;c@x.example\n", encoding="utf-8"
    )
    found = run("-C", workspace, "check")
    assert found.exit_code == 1
    assert "C015" in found.output


def test_more_than_five_of_a_kind_are_counted(
    run: RUN, failing: Callable[[BaseException], None], workspace: Path
) -> None:
    many = [
        Problem("C101", Severity.ERROR, f"no. {number}", "a.csv", row=number)
        for number in range(1, 17)
    ]
    other = Problem("C102", Severity.ERROR, "another", "a.csv", row=99)
    text = shown(run, failing, workspace, *many, other)
    assert text.count("error[C101]") == 5
    assert "… and 11 more like C101 (-v shows them)" in text
    assert "error[C102]: another" in text
    failing(MailerError("x", problems=many))
    assert run("-C", workspace, "fail", "-v").stderr.count("error[C101]") == 16


def test_problem_in_the_settings_is_one_line_with_file_and_number(
    run: RUN, workspace: Path
) -> None:
    (workspace / "config.toml").write_text(f"{CONFIG}port = 99999\n", encoding="utf-8")
    found = run("-C", workspace, "config", "show")
    assert found.exit_code == 2
    assert found.stderr.startswith(
        "config.toml:6: smtp.port: must be at most 65535: 99999 [K105]\n"
    )
    assert "The settings have one mistake; nothing was done." in found.stderr


# -------------------------------------------------------------------------------------- config show


def test_config_show_prints_what_could_stand_in_the_file(run: RUN, workspace: Path) -> None:
    more = (
        '[contacts]\ncolumns = { "e mail" = ["courriel"] }\nlanguages = { FR = "fr"'
        ' }\n[safety]\nallow = ["@x.example"]\n'
    )
    (workspace / "config.toml").write_text(CONFIG + more, encoding="utf-8")
    first = run("-C", workspace, "config", "show").stdout
    (workspace / "config.toml").write_text(first, encoding="utf-8")
    assert run("-C", workspace, "config", "show").stdout == first


def test_config_show_says_where_each_value_came_from(run: RUN, workspace: Path) -> None:
    found = run(
        "-C", workspace, "config", "show", "--where", env={"MAILER_SMTP_PORT": "2525"}
    ).stdout
    assert re.search(r"^port = 2525 +# MAILER_SMTP_PORT$", found, re.MULTILINE)
    assert re.search(r"^host = .* +# config.toml:5$", found, re.MULTILINE)
    assert re.search(r"^per_minute = 60 +# default$", found, re.MULTILINE)


# ------------------------------------------------------------------------------------ letters words


def test_letters_words_lists_every_placeholder_with_an_example(run: RUN) -> None:
    text = run("letters", "words").stdout
    assert all(f"{{{{ {word.name} }}}}" in text and word.example in text for word in WORDS)
    lines = run("letters", "words", "--json").stdout.splitlines()
    assert [json.loads(line)["name"] for line in lines] == [word.name for word in WORDS]
