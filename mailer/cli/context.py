"""What every command has at hand: the folder, the flags that go everywhere, and two voices.

stdout carries data, stderr carries talk. rich and pydantic are imported at the first use, so that
`mailer --help` stays quick. The flags may stand before the command and after it: `mailer -C DIR
send` and `mailer send -C DIR`.
"""

from __future__ import annotations

import codecs
import contextlib
import json
import os
import re
import shlex
import sys
import unicodedata
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, is_dataclass
from datetime import UTC, date, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import click

# every command shows with it
from mailer.base.errors import printable as printable  # noqa: PLC0414

if TYPE_CHECKING:
    from rich.console import Console

    from mailer.base.settings.workspace import Workspace
    from mailer.ledger.ledger import Ledger
    from mailer.plan.draft import Draft, Mode

WIDE = 1000
"""Columns where there is no terminal: a sentence and a row of a table stay on one line, for grep.
"""

PLAIN = {
    "–": "-", "—": "-", "·": ".", "…": "...", "✓": "+", "✗": "x", "↻": "~", "■": "#", "→": "->",
    "█": "#", "░": ".", "│": "|", "┌": "+", "├": "|", "└": "`", "─": "-", "‘": "'", "’": "'",
    "“": '"', "”": '"', "≥": ">=", "×": "x", "✎": "d",
}  # fmt: skip
"""What stands for our own signs where the terminal knows ASCII only."""


@dataclass
class Context:
    """The shared context object: `@click.pass_obj` hands it to a command."""

    folder: Path = field(default_factory=Path)  # where -C points
    json: bool = False
    no_color: bool = False
    quiet: bool = False
    verbose: int = 0

    def typed(self, text: str) -> str:
        """Return the commands of ours in a text as they must be typed: with -C where another folder
        was named.
        """
        if self.folder == Path() or "mailer " not in text:
            return text
        from mailer.cli import COMMANDS

        names = "|".join(name for section in COMMANDS.values() for name in section)
        return re.sub(
            rf"\bmailer (?=(?:{names})\b)",
            lambda _: f"mailer -C {shlex.quote(str(self.folder))} ",
            text,
        )

    @cached_property
    def workspace(self) -> Workspace:
        """The workspace, read at the first use; a `UsageError` when it is not there or
        not right.
        """
        from mailer.base.settings.workspace import load_workspace

        return load_workspace(self.folder)

    def read_again(self) -> Workspace:
        """Read the workspace anew, for a command that runs for days."""
        from mailer.base.settings.workspace import load_workspace

        self.workspace = load_workspace(self.folder)
        return self.workspace

    def draft(self, appeal: str, mode: Mode | None = None) -> Draft:
        """Read an appeal and the people of the workspace, ready to be looked at or planned."""
        from mailer.plan.draft import draft

        return draft(self.workspace, appeal, mode=mode)

    def ledger(self) -> Ledger:
        """Open the send log of the workspace, for a `with`."""
        from mailer.actions.send_log import open_log

        return open_log(self.workspace)

    @contextlib.contextmanager
    def ledger_if_any(self) -> Iterator[Ledger | None]:
        """Open the send log where there is one; nothing is made by it."""
        scheme, _, path = self.workspace.ledger_url.partition(":///")
        if scheme.startswith("sqlite") and not Path(path).exists():
            yield None
            return
        with self.ledger() as ledger:
            yield ledger

    @cached_property
    def out(self) -> Console:
        """For data: tables and reports. With --json nothing but JSON goes to stdout: use `data`."""
        return self._console(sys.stdout)

    @cached_property
    def err(self) -> Console:
        """For talk: progress, questions, errors."""
        return self._console(sys.stderr)

    def say(self, text: str = "", style: str = "") -> None:
        """Talk on stderr, unless --quiet. Lines are left to the terminal: a command or a path stays
        in one piece.
        """
        if not self.quiet:
            self.err.print(self.typed(text), style=style or None, soft_wrap=True)

    def data(self, value: object) -> None:
        """Print one JSON object on one line of stdout, now: another program may be
        waiting for it.
        """
        ascii_only = not _is_unicode(sys.stdout)
        sys.stdout.write(json.dumps(value, ensure_ascii=ascii_only, default=_as_json) + "\n")
        sys.stdout.flush()

    def _console(self, stream: TextIO) -> Console:
        from rich.console import Console

        class OurConsole(Console):
            def on_broken_pipe(self) -> None:  # rich would exit with 1, "problems found"
                raise BrokenPipeError

        width = None if stream.isatty() or "COLUMNS" in os.environ else WIDE
        return OurConsole(
            file=stream,
            width=width,
            no_color=self.no_color or None,  # None: as NO_COLOR says
            markup=False,  # a name in [brackets] is a name
            highlight=False,
            emoji=False,
        )


# --------------------------------------------------------------------------- flags of every command


class Everywhere(click.Option):
    """A flag that every command has; it is kept in the context, and stands under its own heading in
    the help.
    """

    def __init__(self, attribute: str, *flags: str, **kwargs: Any) -> None:
        # The parameter's own name must not be one that a command uses: `mailer init FOLDER`.
        super().__init__(
            [*flags, f"everywhere_{attribute}"], expose_value=False, callback=_note, **kwargs
        )
        self.attribute = attribute


def _note(click_context: click.Context, option: click.Parameter, value: Any) -> None:
    if value and isinstance(
        option, Everywhere
    ):  # a default must not undo what stood before the command
        setattr(click_context.find_root().ensure_object(Context), option.attribute, value)


def everywhere() -> list[click.Parameter]:
    folder = click.Path(path_type=Path)
    return [
        Everywhere(
            "folder", "-C", "--workspace", type=folder, metavar="DIR", help="Work in this folder."
        ),
        Everywhere("json", "--json", is_flag=True, help="Print JSON, for other programs."),
        Everywhere(
            "no_color", "--no-color", is_flag=True, help="No colours; NO_COLOR does the same."
        ),
        Everywhere("quiet", "-q", "--quiet", is_flag=True, help="Only data and errors."),
        Everywhere(
            "verbose",
            "-v",
            "--verbose",
            count=True,
            help="More; -vv shows where the mailer itself went wrong.",
        ),
    ]


class Command(click.Command):
    """A command with the flags of every command: `@click.command(cls=Command)`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        taken = {
            flag for param in self.params for flag in param.opts
        }  # `log export --json FILE` has its own
        self.params += [param for param in everywhere() if taken.isdisjoint(param.opts)]

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        rows: dict[str, list[tuple[str, str]]] = {"Arguments": [], "Options": [], "Everywhere": []}
        for param in self.get_params(ctx):
            record = param.get_help_record(ctx)
            if record and isinstance(param, click.Argument):
                rows["Arguments"] += [record] if record[1] else []
            elif record:
                general = isinstance(param, Everywhere) or "--help" in param.opts
                rows["Everywhere" if general else "Options"].append(record)
        _section(formatter, "Arguments", rows)
        _section(formatter, "Options", rows)
        if isinstance(self, click.Group):
            self.format_commands(ctx, formatter)
        _section(formatter, "Everywhere", rows)


def _section(
    formatter: click.HelpFormatter, heading: str, rows: dict[str, list[tuple[str, str]]]
) -> None:
    if rows[heading]:
        with formatter.section(heading):
            formatter.write_dl(rows[heading])


class CommandGroup(Command, click.Group):
    """A command with commands: `@click.group(cls=CommandGroup)`, then `@group.command()`."""

    command_class = Command


# ---------------------------------------------------------------------------------------- encodings


def _as_json(value: object) -> object:
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, (Path, date)):
        return str(value)
    raise TypeError(f"no JSON for {type(value).__name__}")


def _is_unicode(stream: TextIO) -> bool:
    return (stream.encoding or "").lower().replace("-", "").startswith("utf")


def _plainly(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeEncodeError)
    text = error.object[error.start : error.end]
    plain = "".join(
        PLAIN.get(char)
        or unicodedata.normalize("NFKD", char).encode("ascii", "ignore").decode()
        or "?"
        for char in text
    )
    return plain, error.end


def speak_plainly_where_needed() -> None:
    """Make stdout and stderr spell in ASCII what their encoding cannot: never a crash over a dash
    or a name.
    """
    codecs.register_error("mailer.plain", _plainly)
    for stream in (sys.stdout, sys.stderr):
        if not _is_unicode(stream) and hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="mailer.plain")
