"""Facts about the imports: the folders of `mailer/` are the journey, and imports go back along it
only.

`docs/architecture.md` draws the folders; one that is new needs its place in the list below.
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from mailer.ledger.record import places
from mailer.ledger.schema import metadata

PACKAGE = Path(__file__).parents[1] / "mailer"

JOURNEY = [
    "base",
    "contacts",
    "letters",
    "plan",
    "ledger",
    "sending",
    "inbox",
    "report",
    "actions",
    "console",
    "cli",
    "__main__",
]

HOMES = {
    "aiosmtplib": {"sending"},
    "aiosmtpd": {"sending"},
    "alembic": {"ledger"},
    "argon2": {"actions"},
    "asyncio": {"ledger", "sending", "actions", "console", "cli"},
    "click": {"cli"},
    "cryptography": {"letters"},
    "imap_tools": {"sending", "inbox"},
    "jinja2": {"letters", "console"},
    "pandas": {"contacts"},
    "rich": {"cli"},
    "smtplib": set(),
    "sqlalchemy": {"ledger"},
    "sqlite3": {"ledger"},
    "starlette": {"console"},
    "uvicorn": {"console"},
}
"""Library → the only folders that may import it. pandas costs 0.3 s, so nobody imports it by
accident.
"""


DOORS = (
    "actions",
    "actions/campaign",
    "actions/mail_outs",
    "actions/workspace",
    "console/views",
    "console/views/contacts",
    "console/views/standing",
    "cli/campaign",
    "cli/contacts",
    "cli/everyday",
    "cli/log",
    "cli/running",
    "cli/screen",
    "cli",
)
"""Whose modules may be called as the thing that they show: `cli/letters.py` shows `letters/`."""


LOOKED_AT = {
    "mailer.contacts.book",
    "mailer.contacts.contact",
    "mailer.inbox.kinds",
    "mailer.ledger.accounts",
    "mailer.ledger.events",
    "mailer.ledger.ledger",
    "mailer.ledger.mailouts",
    "mailer.ledger.notes",
    "mailer.ledger.reading.answers",
    "mailer.ledger.reading.counts",
    "mailer.ledger.reading.kept_counts",
    "mailer.ledger.reading.deliveries",
    "mailer.ledger.reading.listing",
    "mailer.ledger.reading.positions",
    "mailer.ledger.reading.scope",
    "mailer.letters.wording.words",
    "mailer.plan.audience",
    "mailer.plan.draft",
    "mailer.plan.plan",
}
"""What a door may name below the actions: people, names, letters and the log."""


def arrows() -> Iterator[tuple[str, str, str]]:
    """Yield (folder, what it imports, where): `("plan", "mailer.letters",
    "mailer/plan/plan.py:12")`.
    """
    for path in sorted(PACKAGE.rglob("*.py")):
        folder = path.relative_to(PACKAGE).with_suffix("").parts[0]
        where = path.relative_to(PACKAGE.parent).as_posix()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                yield from ((folder, alias.name, f"{where}:{node.lineno}") for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{where}:{node.lineno}: write from mailer.… import …"
                yield folder, node.module or "", f"{where}:{node.lineno}"


ARROWS = list(arrows())


def test_every_folder_has_its_place_on_the_journey() -> None:
    folders = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert folders <= set(JOURNEY), "say in JOURNEY and in docs/architecture.md where it stands"


def test_imports_go_back_along_the_journey() -> None:
    wrong = [
        f"{where}: {folder} must not import {name}"
        for folder, name, where in ARROWS
        if name.startswith("mailer.")
        and folder != "__init__"
        and JOURNEY.index(name.split(".")[1]) > JOURNEY.index(folder)
    ]
    assert wrong == []


@pytest.mark.parametrize("library", sorted(HOMES))
def test_library_is_imported_in_its_home_only(library: str) -> None:
    wrong = [
        where
        for folder, name, where in ARROWS
        if name.split(".")[0] == library and folder not in HOMES[library]
    ]
    assert wrong == [], f"{library} belongs into {HOMES[library] or 'no folder'}"


def test_a_folder_of_code_has_at_most_twelve_entries() -> None:
    data = {"static", "pages", "versions", "footers", "new"}
    folders = [path.parent for path in PACKAGE.rglob("__init__.py")]
    entries = {
        folder.relative_to(PACKAGE.parent).as_posix(): sorted(
            one.name
            for one in folder.iterdir()
            if one.name not in {"__init__.py", "__main__.py", "__pycache__"}
        )
        for folder in folders
        if folder.name not in data
    }
    assert {folder: names for folder, names in entries.items() if len(names) > 12} == {}


def test_no_module_is_longer_than_a_reader_holds() -> None:
    long = {
        path.relative_to(PACKAGE).as_posix(): lines
        for path in PACKAGE.rglob("*.py")
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > 500
    }
    long.pop("sending/smtp/session.py", None)  # still to be cut in two
    assert long == {}


def test_a_class_name_stands_for_one_thing() -> None:
    places = defaultdict(list)
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                places[node.name.lstrip("_")].append(f"{path.relative_to(PACKAGE)}:{node.lineno}")
    assert {name: found for name, found in places.items() if len(found) > 1} == {}


def test_a_module_name_stands_for_one_thing() -> None:
    """A door may be called as what it shows, and the main module of a folder as the folder."""
    places = defaultdict(list)
    for path in sorted(PACKAGE.rglob("*.py")):
        where = (path.parent if path.name == "__init__.py" else path).relative_to(PACKAGE)
        folder, name = where.parent.as_posix(), where.stem
        if name != where.parent.name:
            door = folder.split("/")[0] if folder in DOORS else "inside"
            places[door, name].append(where.as_posix())
    assert {name: found for name, found in places.items() if len(found) > 1} == {}


def test_delegations_are_those_of_the_workspace_everywhere() -> None:
    """`Workspace.delegations` is the one way in; sheets and appeals are read with those of their
    root, and a new workspace begins with the package's.
    """
    homes = {
        "base/delegations.py",
        "base/settings/workspace.py",
        "contacts/book.py",
        "contacts/sheets/encodings.py",  # letters of a language, whatever a workspace says
        "letters/appeal_files.py",
        "actions/workspace/new_workspace.py",
    }
    loading = re.compile(r"Delegations\.(load|of_workspace)\(")
    loaders = {
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        if loading.search(path.read_text(encoding="utf-8"))
    }
    assert loaders - homes == set()


def asked_by_the_doors() -> set[str]:
    """Return every module below the actions that the command line or the console imports, but for
    the names of types.
    """
    found = set()
    for door in ("console", "cli"):
        for path in (PACKAGE / door).rglob("*.py"):
            nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
            for node in nodes:
                if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
                    nodes = [one for one in nodes if one not in node.body]
            for node in nodes:
                if isinstance(node, ast.ImportFrom) and node.module:
                    for alias in node.names:
                        name = f"{node.module}.{alias.name}"
                        part = PACKAGE.parent / name.replace(".", "/")
                        is_module = part.with_suffix(".py").exists() or part.is_dir()
                        found.add(name if is_module else node.module)
    below = set(JOURNEY[1 : JOURNEY.index("report")])
    return {name for name in found if name.startswith("mailer.") and name.split(".")[1] in below}


def test_doors_ask_actions_and_decide_nothing() -> None:
    asked = asked_by_the_doors() - LOOKED_AT
    assert asked == set(), "write it in mailer/actions/, for both doors"


def test_a_door_writes_nothing_into_the_send_log_by_itself() -> None:
    """What is written is a function of `actions`."""
    writers = {
        path.relative_to(PACKAGE).as_posix()
        for door in ("console", "cli")
        for path in (PACKAGE / door).rglob("*.py")
        if ".writing()" in path.read_text(encoding="utf-8")
    }
    assert writers == set()


def test_every_text_of_the_log_says_whom_it_tells_of() -> None:
    kinds = (sa.Text, sa.String, sa.LargeBinary, sa.JSON)
    lacks = [
        f"{table.name}.{column.name}"
        for table in metadata.sorted_tables
        for column in table.columns
        if isinstance(column.type, kinds) and places.about(table.name, column.name) is None
    ]
    assert lacks == [], "say it in mailer/ledger/record/places.py"
