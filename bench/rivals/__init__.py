"""Other senders, fetched into a temporary folder of this run and never part of the mailer; and
letters as they read them.

nodemailer comes through npm, `mailmerge` into an environment of its own, and the Go programs are
built from the sources beside this file. Where one cannot be had (no npm, no Go, no network) its row
says so.
"""

from __future__ import annotations

import atexit
import csv
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from email import message_from_bytes, policy
from email.message import EmailMessage
from functools import cache
from pathlib import Path

from bench import measure

HERE = Path(__file__).parent
NODEMAILER, MAILMERGE, SMTPPOOL = (
    "nodemailer@10.6.1",
    "mailmerge==2.3.0",
    "github.com/knadh/smtppool/v2",
)
LONGEST = 180  # seconds for fetching one


class Missing(Exception):
    """A sender that cannot be had here; the message says why."""


def _once(fetch: Callable[[], Path]) -> Callable[[], Path]:
    """Fetch a sender once in a run; where it cannot be had, do not ask for it again."""

    @cache
    def tried() -> Path | Missing:
        try:
            return fetch()
        except Missing as why:
            return why

    def found() -> Path:
        if isinstance(one := tried(), Missing):
            raise one
        return one

    return found


@_once
def nodemailer() -> Path:
    """Return a script to run with node."""
    folder = _folder("nodemailer")
    _run(
        ["npm", "install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts", NODEMAILER],
        folder,
    )
    return Path(shutil.copy(HERE / "nodemailer.cjs", folder))


@_once
def mailmerge() -> Path:
    """Return the command of that name."""
    folder = _folder("mailmerge")
    _run([sys.executable, "-m", "venv", "."], folder)
    _run(["bin/python", "-m", "pip", "install", "--quiet", MAILMERGE], folder)
    return folder / "bin" / "mailmerge"


@_once
def netsmtp() -> Path:
    return _built("netsmtp")


@_once
def smtppool() -> Path:
    """Return the program; the module's source is the folder that SMTPPOOL names, where it names
    one, and else is fetched.
    """
    if source := os.environ.get("SMTPPOOL"):
        if not (Path(source) / "go.mod").is_file():
            raise Missing(f"SMTPPOOL={source} is no Go module: there is no go.mod")
        replaced = f"{SMTPPOOL}={Path(source).resolve()}"
        edits = ["go", "mod", "edit", f"-replace={replaced}", f"-require={SMTPPOOL}@v2.0.0"]
        return _built("smtppool", edits, ["go", "mod", "tidy"])
    return _built("smtppool", ["go", "get", f"{SMTPPOOL}@latest"])


def _built(name: str, *prepared: list[str]) -> Path:
    folder = _folder(name)
    shutil.copy(HERE / f"{name}.go", folder / "main.go")
    _run(["go", "mod", "init", f"bench.example/{name}"], folder)
    for command in prepared:
        _run(command, folder)
    _run(["go", "build", "-o", name, "."], folder)
    return folder / name


def _run(command: list[str], folder: Path) -> None:
    if shutil.which(command[0], path=None) is None and not (folder / command[0]).exists():
        raise Missing(f"{command[0]} is not here")
    try:
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, timeout=LONGEST, check=False
        )
    except subprocess.TimeoutExpired:
        raise Missing(f"{' '.join(command[:2])} took longer than {LONGEST} s") from None
    if done.returncode:
        words = (done.stderr or done.stdout).split("\n")
        raise Missing(
            f"{' '.join(command[:3])} failed: {next(filter(None, reversed(words)), '').strip()}"
        )


@cache
def _root() -> Path:
    root = Path(tempfile.mkdtemp(prefix="bench-"))
    atexit.register(shutil.rmtree, root, ignore_errors=True)
    return root


def _folder(name: str) -> Path:
    """Return a new folder that goes away with this process."""
    folder = _root() / name
    shutil.rmtree(folder, ignore_errors=True)  # of a try that failed
    folder.mkdir()
    return folder


def letters_file(letters: Iterable[tuple[str, bytes]]) -> Path:
    """Write letters, each with its address, as the programs beside this file read them."""
    with tempfile.NamedTemporaryFile(
        "w", dir=_root(), suffix=".jsonl", delete=False, encoding="utf-8"
    ) as file:
        for address, data in letters:
            file.write(
                json.dumps({"to": address, "raw": data.decode("ascii"), **parts(data)}) + "\n"
            )
    return Path(file.name)


def parts(data: bytes) -> dict[str, str]:
    """Return subject, text and HTML of a letter."""
    letter = message_from_bytes(data, _class=EmailMessage, policy=policy.default)
    found = {"subject": str(letter["Subject"])}
    for name, kind in (("text", "plain"), ("html", "html")):
        body = letter.get_body((kind,))
        assert body is not None
        found[name] = body.get_content()
    return found


def mailmerge_folder(letters: Iterable[tuple[str, bytes]], port: int) -> Path:
    """Make a folder in which `mailmerge` sends the text of these letters, without their HTML."""
    folder = _folder("merged")
    (folder / "mailmerge_server.conf").write_text(
        f"[smtp_server]\nhost = 127.0.0.1\nport = {port}\n", encoding="utf-8"
    )
    template = "TO: {{to}}\nFROM: jana@rights.example\nSUBJECT: {{subject}}\n\n{{text}}\n"
    (folder / "mailmerge_template.txt").write_text(template, encoding="utf-8")
    with (folder / "mailmerge_database.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, ["to", "subject", "text"], extrasaction="ignore")
        table.writeheader()
        table.writerows({"to": address, **parts(data)} for address, data in letters)
    return folder


def add(
    cases: dict[str, measure.Case | measure.Program],
    name: str,
    program: Callable[[], measure.Program],
) -> None:
    """Put one more sender among the cases, or say that it is left out and why."""
    try:
        cases[name] = program()
    except Missing as why:
        print(f"- left out: {name}: {why}\n", flush=True)
