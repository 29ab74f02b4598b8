"""Small workspaces for whole journeys, and the real command line as a process of its own."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from mailer.cli import cli
from tests.helpers.children import Child

ROOT = Path(__file__).parents[2]
MAILER = (sys.executable, "-m", "mailer")
CLOSED_PORT = 9
"""Discard: nothing listens there, so a connection is refused at once."""

CODES = ("DE", "FR", "NO")
LETTER = """\
Subject: {subject}
Preview: One sentence.

{{{{ greeting }}}}

{text} {{{{ of_delegation }}}}, {{{{ session.opens }}}}.

{{{{ closing }}}}

{{{{ organisations }}}}
"""
APPEAL = """\
title = "An appeal for the tests"
[session]
name.en = "the first part of the 2027 session"
name.fr = "la première partie de la session de 2027"
opens = 2027-01-25
source = "invented for a test"
invented = true
[languages]
fallback = ["en"]
[[organisation]]
name = {{ en = "Rights Example", fr = "Droits Exemple" }}
{more}
"""
CONFIG = """\
[sender]
from = "Jana Novak <jana@rights.example>"
reply_to = "answers@rights.example"
organisation = "Rights Example"
postal_address = "1 rue de l'Exemple, Strasbourg"
[smtp]
host = "127.0.0.1"
port = {port}
security = "none"
[limits]
per_minute = {per_minute}
connections = {connections}
[safety]
mode = "{mode}"
allow = {allow}
"""
HEADINGS = "delegation,role,civility,given name,surname,e-mail,language,gender"
FOLDS = ("representative", "substitute")


def address(number: int) -> str:
    return f"person{number}@{CODES[number % len(CODES)].lower()}.parliament.example"


def row(number: int, **more: str) -> str:
    """One line of the sheet; person 1 stands in line 2."""
    cells = {
        "delegation": CODES[number % len(CODES)],
        "role": FOLDS[number % 2],
        "civility": "Ms",
        "given": f"Example{number}",
        "surname": "Exemplová",
        "address": address(number),
        "language": "fr" if CODES[number % len(CODES)] == "FR" else "en",
        "gender": "f",
    }
    return ",".join((cells | more).values())


def write_sheet(root: Path, rows: list[str]) -> None:
    (root / "contacts").mkdir(exist_ok=True)
    (root / "contacts" / "members.csv").write_text(
        "\n".join([HEADINGS, *rows, ""]), encoding="utf-8"
    )


def a_workspace(
    root: Path,
    port: int,
    *,
    people: int = 6,
    rows: list[str] | None = None,
    per_minute: int = 0,
    connections: int = 2,
    mode: str = "test",
    allow: tuple[str, ...] = (
        "@de.parliament.example",
        "@fr.parliament.example",
        "@no.parliament.example",
    ),
    appeal: str = "",
) -> Path:
    """Write a workspace with an appeal called `appeal`, in English and French, to a server on this
    computer.
    """
    root.mkdir(exist_ok=True)
    settings = CONFIG.format(
        port=port,
        per_minute=per_minute,
        connections=connections,
        mode=mode,
        allow=json.dumps(allow),
    )
    (root / "config.toml").write_text(settings, encoding="utf-8")
    folder = root / "templates" / "appeal"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "appeal.toml").write_text(APPEAL.format(more=appeal), encoding="utf-8")
    (folder / "en.md").write_text(
        LETTER.format(subject="Please vote", text="We write to you"), encoding="utf-8"
    )
    (folder / "fr.md").write_text(
        LETTER.format(subject="Votez", text="Nous vous écrivons"), encoding="utf-8"
    )
    write_sheet(
        root, rows if rows is not None else [row(number) for number in range(1, people + 1)]
    )
    return root


def edit(path: Path, before: str, after: str) -> None:
    """Change a file as a person would; what is to be changed must be there."""
    text = path.read_text(encoding="utf-8")
    assert before in text, f"{before!r} is not in {path}"
    path.write_text(text.replace(before, after), encoding="utf-8")


# --------------------------------------------------------------------------------- the command line


def environment(**more: str) -> dict[str, str]:
    clean = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("MAILER_") and name != "COLUMNS"
    }
    return clean | {"PYTHONPATH": str(ROOT)} | more


Found = subprocess.CompletedProcess[str]


def process(
    *args: object,
    at: Path | None = None,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
) -> Found:
    """Run the command line to its end, without a terminal: in the workspace `at`, or in the folder
    `cwd`.
    """
    where = ("-C", str(at)) if at else ()
    found = subprocess.run(
        [*MAILER, *where, *map(str, args)],
        cwd=cwd, env=env or environment(), stdin=subprocess.DEVNULL, capture_output=True, text=True,
        timeout=100, check=False,
    )  # fmt: skip
    return _sound(found)


def mailer(*args: object, at: Path) -> Found:
    """Run the same command line within this process: for what is asked beside the point, at a tenth
    of the time.
    """
    words = ["-C", str(at), *map(str, args)]
    found = CliRunner().invoke(cli, words)
    return _sound(subprocess.CompletedProcess(words, found.exit_code, found.stdout, found.stderr))


def _sound(found: Found) -> Found:
    assert "Traceback" not in found.stdout + found.stderr
    assert "a mistake in the mailer" not in found.stderr, found.stderr
    return found


def said(found: Found, code: int = 0) -> str:
    """Return stdout and stderr; the exit code must be this one."""
    assert found.returncode == code, f"{found.returncode}: {found.stdout}\n{found.stderr}"
    return found.stdout + found.stderr


def data(found: Found, code: int = 0) -> Any:
    """Return the one JSON object on stdout; nothing else may be there."""
    (only,) = lines(found, code)
    return only


def lines(found: Found, code: int = 0) -> list[Any]:
    said(found, code)
    return [json.loads(line) for line in found.stdout.splitlines()]


def planned(root: Path, *args: str) -> Any:
    return data(mailer("plan", "appeal", "--json", *args, at=root))


def states(root: Path, mail_out: str = "M-0001") -> dict[str, str]:
    """Return {address: state} of everybody in a mail-out who gets a letter, or was to get one."""
    return {
        one["address"]: one["state"] for one in people(root, mail_out) if one["state"] != "skipped"
    }


def people(root: Path, mail_out: str = "M-0001") -> list[dict[str, Any]]:
    return lines(mailer("log", "people", mail_out, "--json", at=root))


class Sending:
    """A `mailer send … --json` that is running; `events` reads what it says, as it says it. `talk`:
    without JSON.
    """

    def __init__(self, root: Path, *args: str, talk: bool = False) -> None:
        command = [*MAILER, "-C", str(root), *args, *([] if talk else ["--json"])]
        self.process = Child(
            command, env=environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def __enter__(self) -> Sending:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.end()
        self.process.communicate()

    def events(self, number: int) -> list[dict[str, Any]]:
        """Wait for so many events; fewer come when it ends before."""
        assert self.process.stdout is not None
        found = []
        for _ in range(number):
            if not (line := self.process.stdout.readline()):
                break
            found.append(json.loads(line))
        return found

    def says(self) -> str:
        """Wait for what is said next on stderr, one line that is not empty."""
        assert self.process.stderr is not None
        while not (line := self.process.stderr.readline()).strip():
            assert line, "it ended and said nothing"
        return line

    def end(
        self, how: signal.Signals | None = None
    ) -> tuple[int, list[dict[str, Any]], str, float]:
        """Wait for the end, after a signal if there is one. Returns code, the rest of the events,
        stderr, seconds.
        """
        begun = time.monotonic()
        if how is not None:
            self.process.send_signal(how)
        out, err = self.process.communicate(timeout=60)
        assert "Traceback" not in err
        return (
            self.process.returncode,
            [json.loads(line) for line in out.splitlines()],
            err,
            time.monotonic() - begun,
        )


class Terminal:
    """The command line at a terminal of `columns`: what it shows can be waited for, and
    answered.
    """

    def __init__(self, root: Path, *args: str, columns: int = 80) -> None:
        self.shown = ""
        self._screen, inside = pty.openpty()
        shell = f'stty rows 40 cols {columns}; exec "$@"'
        self.process = Child(
            ["sh", "-c", shell, "sh", *MAILER, "-C", str(root), *args],
            env=environment(TERM="xterm-256color"), stdin=inside, stdout=inside, stderr=inside,
        )  # fmt: skip
        os.close(inside)

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.end()
        os.close(self._screen)

    def wait_for(self, text: str) -> None:
        for _ in self._reading():
            if text in self.shown:
                return
        raise AssertionError(f"{text!r} was never shown:\n{self.shown}")

    def type(self, text: str) -> None:
        os.write(self._screen, f"{text}\n".encode())

    def interrupt(self) -> None:
        """Press Ctrl-C until it is felt: one that comes just before the program begins to read
        waits for a key. A program that is ending already would die of the next, so it has time.
        """
        for _ in range(6):
            self.process.send_signal(signal.SIGINT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(10)
                return

    def close_window(self) -> None:
        """Close it, as a person does: the terminal is gone, and whoever runs in it is told
        (SIGHUP).
        """
        os.close(self._screen)
        self._screen = os.open(os.devnull, os.O_RDONLY)
        self.process.send_signal(
            signal.SIGHUP
        )  # it is not this terminal's own session, so the system tells nobody

    def end(self) -> int:
        for _ in self._reading():
            pass
        assert "Traceback" not in self.shown
        return self.process.wait(timeout=30)

    def _reading(self) -> Iterator[None]:
        until = time.monotonic() + 60
        while time.monotonic() < until:
            ready, _, _ = select.select([self._screen], [], [], 1)
            if not ready:
                if self.process.poll() is not None:
                    return
                continue
            try:
                self.shown += os.read(self._screen, 65536).decode(errors="replace")
            except OSError:  # on Linux: nobody is inside any longer
                return
            yield
        raise AssertionError(f"it takes too long:\n{self.shown}")


def repository(root: Path) -> Path:
    """Copy the repository's own workspace."""
    root.mkdir()
    shutil.copy(ROOT / "config.toml", root)
    for folder in ("contacts", "templates"):
        shutil.copytree(
            ROOT / folder, root / folder, ignore=shutil.ignore_patterns("*.py", "__py*")
        )
    return root
