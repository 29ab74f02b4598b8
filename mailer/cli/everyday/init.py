"""`mailer init`: a new folder for real work, in test mode, that loads as it is. Nothing is ever
overwritten.

The texts stand in `base/settings/new/`, in English and French; the contact sheet is made from
`sheet.toml` there.
"""

from __future__ import annotations

import shlex
import tomllib
from dataclasses import replace
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

import click

from mailer.base.errors import UsageError
from mailer.cli.context import Command, Desk

APPEAL = "templates/first-appeal"
SHEET = "contacts/members.xlsx"
ROWS = 2000
"""Rows with drop-downs; more rows work as well, without them."""


@click.command(cls=Command)
@click.argument("folder", default=".", type=click.Path(path_type=Path))
@click.option(
    "--lang",
    type=click.Choice(["en", "fr"]),
    default="en",
    help="The language of the notes and headings.",
)
@click.pass_obj
def init(desk: Desk, folder: Path, lang: str) -> None:
    """Make a new workspace for real work."""
    root = (desk.folder / folder).absolute()
    data = resources.files("mailer.base.settings").joinpath("new")
    own = data.joinpath(lang)
    texts = {
        ".gitignore": data.joinpath("gitignore"),
        "config.toml": own.joinpath("config.toml"),
        "contacts/_hold.csv": data.joinpath("_hold.csv"),
        f"{APPEAL}/appeal.toml": own.joinpath("appeal.toml"),
        f"{APPEAL}/en.md": data.joinpath("first-appeal/en.md"),
        f"{APPEAL}/fr.md": data.joinpath("first-appeal/fr.md"),
    }
    names = sorted([*texts, SHEET])
    there = [name for name in names if (root / name).exists()]
    if there:
        message = f"{root} already holds {', '.join(there)}; nothing was written."
        raise UsageError(message, hint="mailer init ANOTHER-FOLDER")
    try:
        for name, text in texts.items():
            _write(root / name, text)
        write_sheet(root / SHEET, own.joinpath("sheet.toml"))
    except OSError as error:
        raise UsageError(
            f"{root} cannot be written to: {error.strerror}.", hint="choose another folder"
        ) from error
    if desk.json:
        desk.data({"workspace": root, "files": names})
        return
    desk.say(f"A new workspace in {root}, in test mode:")
    for name in names:
        desk.out.print(f"  {name}")
    desk.say(f"\nFill in the lines marked <- in config.toml, and the people in {SHEET}. Then:")
    go = (
        ""
        if root == Path.cwd()
        else f"cd {shlex.quote(str(folder if desk.folder == Path() else root))} && "
    )
    replace(desk, folder=Path()).say(f"  {go}mailer check")


def _write(path: Path, text: Traversable) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("xb") as file:
        file.write(text.read_bytes())


def write_sheet(path: Path, form: Traversable) -> None:
    """Write an empty contact sheet with drop-downs, and a second tab that explains it (its name
    begins with "_").
    """
    import xlsxwriter

    from mailer.base.delegations import Delegations
    from mailer.base.spelling import tokens

    about: dict[str, Any] = tomllib.loads(form.read_text(encoding="utf-8"))
    states = sorted(
        (getattr(one, about["delegations"]) for one in Delegations.load().members), key=tokens
    )
    tab, columns = about["help_tab"], about["column"]
    with xlsxwriter.Workbook(str(path)) as book:
        bold = book.add_format(
            {"bold": True, "text_wrap": True, "valign": "top", "bg_color": "#DDE6F0", "border": 1}
        )
        text = book.add_format({"num_format": "@"})  # as text: no dates made of names, no 1e5
        wrapped = book.add_format({"text_wrap": True, "valign": "top"})
        people = book.add_worksheet(about["tab"])
        people.freeze_panes(1, 0)
        for at, column in enumerate(columns):
            people.set_column(at, at, column["width"], text)
            people.write_string(0, at, column["heading"], bold)
            people.write_comment(0, at, column["about"])
            choices = column.get("choices", [])
            if choices:
                # A drop-down holds 255 characters; the delegations need cells of their own.
                source = f"='{tab}'!$C$1:$C${len(states)}" if choices == "delegations" else choices
                rule = {
                    "validate": "list",
                    "source": source,
                    "error_type": "warning",
                    "input_message": column["about"],
                }
                people.data_validation(1, at, ROWS, at, rule)
        guide = book.add_worksheet(tab)
        guide.set_column(0, 0, 110, wrapped)
        guide.set_column(2, 2, 26)
        guide.write_column(
            0, 0, [*about["help"], "", *(f"{one['heading']}: {one['about']}" for one in columns)]
        )
        guide.write_column(0, 2, states)
