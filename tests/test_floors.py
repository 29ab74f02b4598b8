"""Facts about the imports: they go down the floors, and along the journey; each heavy library has one home.

`docs/architecture.md` draws the floors. A module that is new needs its place in the table below.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "mailer"

FLOORS: tuple[tuple[str, ...], ...] = (
    # words: no network, no database, nothing of the journey
    ("errors", "clock", "states", "address", "spelling", "wire", "toml_lines", "config", "passwords"),
    # stations, in the order of the journey: plain, synchronous, no network, no database
    (
        "delegations",
        "contacts",
        "holds",
        "facts",
        "attachments",
        "appeal_settings",
        "appeal",
        "audience",
        "placeholders",
        "letter_words",
        "forms",
        "markup",
        "coverage",
        "style",
        "headers",
        "render",
        "signoff",
        "proof",
        "lint",
        "message",
        "dkim",
        "sources",
        "plan",
        "unfilled",
        "drafting",
        "replies",
        "retry",
        "brakes",
    ),
    # the two outsides
    ("ledger", "transport"),
    # work
    (
        "feed",
        "dispatch",
        "account",
        "report",
        "evidence",
        "doctor",
        "sender_domain",
        "mx",
        "export",
        "mailbox",
        "rehearsal",
        "spam",
        "links",
    ),
    # doors
    ("console", "cli", "__main__"),
)
PLACE = {name: (floor, at) for floor, names in enumerate(FLOORS) for at, name in enumerate(names)}

HOMES = {
    "aiosmtplib": {"transport"},
    "aiosmtpd": {"mailbox"},
    "alembic": {"ledger"},
    "asyncio": {"ledger", "transport", "feed", "dispatch", "mailbox", "rehearsal", "console", "cli"},
    "argon2": {"console"},
    "click": {"cli"},
    "cryptography": {"dkim"},
    "jinja2": {"placeholders", "markup", "render", "console"},
    "pandas": {"contacts"},
    "rich": {"cli"},
    "smtplib": set(),
    "sqlalchemy": {"ledger", "feed", "dispatch"},
    "sqlite3": {"ledger"},
    "starlette": {"console"},
    "uvicorn": {"console"},
}
"""Library → the only modules that may import it. pandas costs 0.3 s, so nobody imports it by accident."""


def arrows() -> Iterator[tuple[str, str, str]]:
    """Yield (module, what it imports, where): `("plan", "mailer.audience", "mailer/plan.py:12")`, types as well."""
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        if parts == ("__init__",):
            continue
        where = path.relative_to(PACKAGE.parent).as_posix()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{where}:{node.lineno}: write imports from the top: from mailer.… import …"
                names = [node.module or ""]
                if node.module == "mailer":
                    names = [f"mailer.{alias.name}" for alias in node.names if alias.name != "__version__"]
            else:
                continue
            yield from ((parts[0], name, f"{where}:{node.lineno}") for name in names)


ARROWS = list(arrows())


def test_every_module_has_a_place_on_a_floor() -> None:
    modules = {path.stem for path in PACKAGE.glob("*.py")} | {
        path.parent.name for path in PACKAGE.glob("*/__init__.py")
    }
    homeless = modules - {"__init__"} - set(PLACE)
    assert not homeless, f"say in tests/test_floors.py and docs/architecture.md on which floor they are: {homeless}"


def test_architecture_draws_the_same_floors() -> None:
    """The table of `docs/architecture.md`, word for word and in the same order."""
    text = (PACKAGE.parent / "docs" / "architecture.md").read_text(encoding="utf-8")
    drawn = {int(floor): names for floor, names in re.findall(r"^\| (\d) \w+ \| ([^|]*) \|", text, re.MULTILINE)}
    for floor, names in enumerate(FLOORS):
        assert tuple(re.findall(r"`(\w+)/?`", drawn[floor])) == names, f"floor {floor}"


def test_imports_go_down_the_floors_and_back_along_the_journey() -> None:
    wrong = []
    for module, name, where in ARROWS:
        parts = name.split(".")
        if parts[0] != "mailer" or parts[1] == module or module not in PLACE or parts[1] not in PLACE:
            continue
        (floor, at), (other_floor, other_at) = PLACE[module], PLACE[parts[1]]
        if other_floor > floor:
            wrong.append(f"{where}: {module} (floor {floor}) must not import {parts[1]} (floor {other_floor})")
        elif other_floor == floor and other_at > at:
            wrong.append(f"{where}: {module} comes before {parts[1]} on the journey, and must not import it")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("library", sorted(HOMES))
def test_library_is_imported_in_its_home_only(library: str) -> None:
    wrong = [where for module, name, where in ARROWS if name.split(".")[0] == library and module not in HOMES[library]]
    assert not wrong, f"{library} belongs into {HOMES[library] or 'no module'}: {wrong}"
