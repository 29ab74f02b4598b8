"""Whatever the mailer tells people to type can be typed: commands, their parts and their options
exist.
"""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from mailer.cli import COMMANDS, cli
from mailer.cli.context import Context

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "mailer"
GAP = "GAP"
"""Stands for what an f-string puts in: a name, a number, a file."""

SPOKEN = re.compile(
    r"(?<![\w@./'-])(?<!the )(?<!The )(?<!a )(?<!word )(?<!called )mailer(?: -C \S+)? ([a-z].*?)"
    r"(?= and | or |, then |  |[;,.)`\"“”\n<|…]|$)"
)


def texts(path: Path) -> Iterator[str]:
    """Yield what a file says to people: the strings of a module, docstrings too; the whole of any
    other file.
    """
    source = path.read_text(encoding="utf-8")
    if path.suffix != ".py":
        yield source
        return
    tree = ast.parse(source)
    parts = {
        id(part)
        for node in ast.walk(tree)
        if isinstance(node, ast.JoinedStr)
        for part in node.values
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield "".join(
                str(part.value) if isinstance(part, ast.Constant) else GAP for part in node.values
            )
        elif (
            isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in parts
        ):
            yield node.value


def spoken() -> list[tuple[str, str]]:
    """List every `mailer …` that people read, with its file."""
    files = [
        *PACKAGE.rglob("*.py"),
        *PACKAGE.rglob("*.html"),
        *PACKAGE.rglob("*.toml"),
        *PACKAGE.rglob("*.md"),
    ]
    files += [
        *(ROOT / "docs").glob("*.md"),
        ROOT / "README.md",
        *(ROOT / "templates").rglob("*.toml"),
    ]
    found = {
        (str(path.relative_to(ROOT)), words.strip())
        for path in files
        for text in texts(path)
        for words in SPOKEN.findall(text)
    }
    return sorted(found)


def fault(words: str) -> str:
    """Say what cannot be typed of `mailer WORDS`; empty if all of it can."""
    try:
        typed = shlex.split(words)
    except ValueError:
        typed = words.split()
    command: click.Command = cli
    while typed and isinstance(command, click.Group):
        if typed[0].startswith("-") or not re.fullmatch("[a-z-]+", typed[0]):
            break
        inner = command.get_command(click.Context(command), typed[0])
        if inner is None:
            return f"there is no command {typed[0]!r}"
        command, typed = inner, typed[1:]
    known = {flag for param in command.params for flag in (*param.opts, *param.secondary_opts)} | {
        "-h",
        "--help",
    }
    wrong = [word for word in typed if re.fullmatch("--?[a-z][a-z-]*", word) and word not in known]
    return f"{command.name} has no {', '.join(wrong)}" if wrong else ""


def test_every_command_that_people_are_told_to_type_exists() -> None:
    found = spoken()
    assert len(found) > 150
    assert {name for section in COMMANDS.values() for name in section} <= {
        words.split()[0] for _, words in found
    }
    assert [
        f"{path}: mailer {words}: {why}" for path, words in found if (why := fault(words))
    ] == []


@pytest.mark.parametrize(
    "words", ["help plan", "log shows", "plan GAP --onlly DE", "contacts hold WHO --reason x"]
)
def test_command_that_cannot_be_typed_is_found(words: str) -> None:
    assert fault(words)


@pytest.mark.parametrize(
    ("text", "typed"),
    [
        ("mailer status M-0001", "mailer -C work status M-0001"),
        (
            "give it up (mailer stop M-0001), or mailer -C x log",
            "give it up (mailer -C work stop M-0001), or mailer -C x log",
        ),
        (
            "mailer letters sign a; mailer preview a",
            "mailer -C work letters sign a; mailer -C work preview a",
        ),
        ("This is a mistake in the mailer itself.", "This is a mistake in the mailer itself."),
    ],
)
def test_commands_carry_the_folder_that_was_named(text: str, typed: str) -> None:
    assert Context(folder=Path("work")).typed(text) == typed
    assert Context().typed(text) == text
