"""Writes `mailer.1`, the manual page, from the commands themselves: `make man`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import click

from mailer import __version__
from mailer.cli import COMMANDS, cli

PAGE = Path(__file__).parents[1] / "dist" / "mailer.1"

BEGINNING = """.\\" Written by make man, from the commands.
.TH MAILER 1 "" "pace-mailer {version}" "User Commands"
.SH NAME
mailer \\- write to every member of the Assembly, and know what became of each letter
.SH SYNOPSIS
.B mailer
.RB [ \\-C
.IR DIR ]
.I command
.RI [ options ]
"""
ENDING = """.SH EXIT STATUS
0 done; 1 problems were found, or some were not reached; 2 wrong usage or settings; 3 refused, and
nothing was changed; 4 stopped part\\-way; 130 ended by Ctrl\\-C.
.SH FILES
.I config.toml
the settings of a workspace,
.I .mailer/
what the mailer keeps in it.
.SH SEE ALSO
docs/commands.md has every command with examples.
"""


def page() -> str:
    lines = [BEGINNING.format(version=__version__)]
    context = click.Context(cli, info_name="mailer")
    for section, names in COMMANDS.items():
        lines.append(f".SH {_said(section.upper())}\n")
        for name in names:
            found = cli.get_command(context, name)
            assert found is not None
            lines += _command(found, f"mailer {name}")
    return "".join([*lines, ENDING])


def _command(command: click.Command, path: str) -> Iterator[str]:
    if isinstance(command, click.Group):
        context = click.Context(command, info_name=path)
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            if found is not None and not found.hidden:
                yield from _command(found, f"{path} {name}")
        return
    words = [param.make_metavar(click.Context(command)) for param in command.params
             if isinstance(param, click.Argument)]  # fmt: skip
    yield f".TP\n.B {_said(' '.join([path, *words]))}\n{_said(_first(command.help))}\n"
    for param in command.params:
        if isinstance(param, click.Option) and type(param) is click.Option and not param.hidden:
            shown = param.get_help_record(click.Context(command))
            if shown:
                yield f".RS\n.TP\n.B {_said(shown[0])}\n{_said(shown[1])}\n.RE\n"


def _first(text: str | None) -> str:
    return " ".join((text or "").partition("\n\n")[0].split())


def _said(text: str) -> str:
    """Return text as troff prints it, where "-" is a hyphen and "." may begin a command."""
    text = re.sub(r"\s+", " ", text).replace("\\", "\\e").replace("-", "\\-")
    return f"\\&{text}" if text.startswith((".", "'")) else text


if __name__ == "__main__":
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(page(), encoding="utf-8")
