"""`mailer init`: a new folder for real work."""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path

import click

from mailer.actions.workspace.new_workspace import SHEET, new_workspace
from mailer.cli.context import Command, Context


@click.command(cls=Command)
@click.argument("folder", default=".", type=click.Path(path_type=Path))
@click.option(
    "--lang",
    type=click.Choice(["en", "fr"]),
    default="en",
    help="The language of the notes and headings.",
)
@click.pass_obj
def init(context: Context, folder: Path, lang: str) -> None:
    """Make a new workspace for real work."""
    root = (context.folder / folder).absolute()
    names = new_workspace(root, lang)
    if context.json:
        context.data({"workspace": root, "files": names})
        return
    context.say(f"A new workspace in {root}, in test mode:")
    for name in names:
        context.out.print(f"  {name}")
    context.say(f"\nFill in the lines marked <- in config.toml, and the people in {SHEET}. Then:")
    go = (
        ""
        if root == Path.cwd()
        else f"cd {shlex.quote(str(folder if context.folder == Path() else root))} && "
    )
    replace(context, folder=Path()).say(f"  {go}mailer check")
