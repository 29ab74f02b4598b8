"""What a user begins with: a new workspace, a new appeal, new contact sheets. Nothing is ever
overwritten.

The texts stand in `base/settings/new/`, in English and French; a contact sheet is made from
`sheet.toml` there.
"""

from __future__ import annotations

import json
import re
import shlex
import tomllib
from collections.abc import Sequence
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from mailer.base.delegations import Delegations
from mailer.base.errors import UsageError
from mailer.base.settings.workspace import Workspace
from mailer.base.spelling import tokens

APPEAL = "templates/first-appeal"
SHEET = "contacts/members.xlsx"
LETTERS = ("en", "fr")
NEW = resources.files("mailer.base.settings").joinpath("new")
ROWS = 2000
"""Rows with drop-downs; more rows work as well, without them."""


def new_workspace(root: Path, language: str) -> list[str]:
    """Make a folder for real work, in test mode, that loads as it is; return its files.

    `language`, en or fr, is that of the notes and headings.
    """
    own = NEW.joinpath(language)
    texts = {
        ".gitignore": NEW.joinpath("gitignore"),
        "config.toml": own.joinpath("config.toml"),
        "contacts/_hold.csv": NEW.joinpath("_hold.csv"),
        f"{APPEAL}/appeal.toml": own.joinpath("appeal.toml"),
        **{f"{APPEAL}/{one}.md": NEW.joinpath(f"first-appeal/{one}.md") for one in LETTERS},
    }
    names = sorted([*texts, SHEET])
    if there := [name for name in names if (root / name).exists()]:
        message = f"{root} already holds {', '.join(there)}; nothing was written."
        raise UsageError(message, hint="mailer init ANOTHER-FOLDER")
    try:
        for name, text in texts.items():
            _write(root / name, text.read_bytes())
        _write_sheet(root / SHEET, own.joinpath("sheet.toml"), Delegations.of_workspace(root))
    except OSError as error:
        raise UsageError(
            f"{root} cannot be written to: {error.strerror}.", hint="choose another folder"
        ) from error
    return names


def new_appeal(root: Path, name: str, old: str | None = None, title: str = "") -> list[str]:
    """Make the folder of an appeal, with sentences that wait to be written or as a copy of another;
    return its files. Without a title it is called as its folder, or as the other.

    Signatures, last day and vote are not copied: they belong to the other text.
    """
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,60}", name):
        raise UsageError(
            f"An appeal cannot be called {name!r}.",
            hint="small letters, figures and -: prisoners-2027",
        )
    folder = root / "templates" / name
    if folder.exists():
        raise UsageError(
            f"templates/{name} is there already; nothing was written.", hint="choose another name"
        )
    if old is None:
        texts = _first_appeal(title or name.replace("-", " ").capitalize())
    else:
        from mailer.letters.appeal_files import load_appeal

        load_appeal(root, old)  # a mistake in it would be there twice
        texts = _copy_of(root / "templates" / old, title)
    try:
        for file, content in texts.items():
            _write(folder / file, content)
    except OSError as error:
        raise UsageError(f"{folder} cannot be written to: {error.strerror}.") from error
    return sorted(texts)


def new_sheets(workspace: Workspace, names: Sequence[str], language: str) -> list[str]:
    """Make an empty contact sheet with drop-downs for each delegation; return the files."""
    delegations = workspace.delegations
    form = NEW.joinpath(language, "sheet.toml")
    wanted = []
    for name in names:
        found = delegations.named(name)
        path = workspace.contacts_dir / f"{found.name_en.lower().replace(' ', '-')}.xlsx"
        if path.exists():
            raise UsageError(
                f"{path.name} is already there; nothing was written.",
                hint=f"mailer contacts check {shlex.quote(path.name)}",
            )
        wanted.append(path)
    for path in wanted:
        path.parent.mkdir(parents=True, exist_ok=True)
        _write_sheet(path, form, delegations)
    return [path.relative_to(workspace.root).as_posix() for path in dict.fromkeys(wanted)]


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("xb") as file:
        file.write(content)


def _first_appeal(title: str) -> dict[str, bytes]:
    """Return the files of the appeal with which a workspace begins, under another title."""
    settings = _titled(NEW.joinpath("en/appeal.toml").read_text("utf-8"), title)
    letters = {
        f"{one}.md": NEW.joinpath(f"first-appeal/{one}.md").read_bytes() for one in ("en", "fr")
    }
    return {"appeal.toml": settings.encode(), **letters}


def _titled(settings: str, title: str) -> str:
    line = f"title = {json.dumps(title, ensure_ascii=False)}"  # a text of TOML is one of JSON
    return re.sub(r"^title\s*=.*$", lambda _: line, settings, count=1, flags=re.MULTILINE)


def _copy_of(folder: Path, title: str) -> dict[str, bytes]:
    """Return the files of an appeal, but for what belongs to its own text."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if (
            path.is_file()
            and not path.is_symlink()
            and name != "signed.csv"
            and "/." not in f"/{name}"
        ):
            found[name] = path.read_bytes()
    if "appeal.toml" in found:
        found["appeal.toml"] = re.sub(
            rb"^(last_day|vote)\s*=", rb"# \1 =", found["appeal.toml"], flags=re.MULTILINE
        )
        if title:
            found["appeal.toml"] = _titled(found["appeal.toml"].decode(), title).encode()
    return found


def _write_sheet(path: Path, form: Traversable, delegations: Delegations) -> None:
    """Write an empty contact sheet with drop-downs, and a second tab that explains it (its name
    begins with "_").
    """
    import xlsxwriter

    about: dict[str, Any] = tomllib.loads(form.read_text(encoding="utf-8"))
    states = sorted((getattr(one, about["delegations"]) for one in delegations.members), key=tokens)
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
