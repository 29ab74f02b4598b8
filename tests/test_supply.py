"""Facts about what the mailer is made of: every package that it needs at run time is used, locked
by hash, comes as a wheel, and has a licence that asks nothing of ours.
"""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from importlib.metadata import distribution, packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
LOCKED = {
    found[1].lower(): Version(found[2])
    for found in re.finditer(
        r"^([\w.-]+)(?:\[[^]]*\])?==([^\s;\\]+)",
        (ROOT / "requirements.lock").read_text(encoding="utf-8"),
        re.MULTILINE,
    )
}
OPTIONAL = ("keyring", "postgres")
BY_ANOTHER = {
    "python-multipart": "starlette",
    "idna": "email-validator",
    "icalendar": "holidays",  # the calendar of an appeal, beside its holidays
}
"""Imported by a library of ours where the feature is used; the floor is ours."""

FREE = re.compile(
    r"\b(MIT|BSD|Apache|ISC|PSF|Python Software Foundation|MPL|Mozilla|0BSD|Unlicense|HPND|"
    r"CMU|Zlib|CC0|Public Domain|MIT-CMU)\b",
    re.IGNORECASE,
)
VIRAL = re.compile(r"\b(A|L)?GPL|General Public", re.IGNORECASE)
ALLOWED_LGPL = {"psycopg", "psycopg-binary"}
"""An optional part, used unchanged as a library: LGPL-3.0 asks no more of us than to name it."""


def needed(name: str, extras: frozenset[str] = frozenset()) -> Iterator[str]:
    """Yield a package, and every package that it needs on this computer."""
    seen: set[tuple[str, frozenset[str]]] = set()
    waiting = [(name, extras)]
    while waiting:
        one, chosen = waiting.pop()
        if (one, chosen) in seen:
            continue
        seen.add((one, chosen))
        yield one
        for line in distribution(one).requires or ():
            wanted = Requirement(line)
            if wanted.marker is None or any(
                wanted.marker.evaluate({"extra": extra}) for extra in ("", *chosen)
            ):
                waiting.append((wanted.name.lower(), frozenset(wanted.extras)))


def run_time() -> list[str]:
    wanted = [Requirement(line) for line in PROJECT["dependencies"]]
    wanted += [Requirement("psycopg[binary]")]
    found = {name for one in wanted for name in needed(one.name, frozenset(one.extras))}
    return sorted(re.sub(r"[-_.]+", "-", name).lower() for name in found)


def licence_of(name: str) -> str:
    about = distribution(name).metadata
    classified = [
        one.rpartition("::")[2].strip()
        for one in about.get_all("Classifier", [])
        if one.startswith("License")
    ]
    short = (about.get("License") or "").splitlines()[:1]
    return " / ".join(filter(None, (about.get("License-Expression"), *classified, *short)))


@pytest.mark.parametrize("name", run_time())
def test_package_has_a_licence_that_asks_nothing_of_ours(name: str) -> None:
    found = licence_of(name)
    assert FREE.search(found) or name in ALLOWED_LGPL, f"{name}: {found!r}"
    assert name in ALLOWED_LGPL or not VIRAL.search(found), f"{name}: {found}"


def test_every_package_that_is_needed_is_locked() -> None:
    assert [name for name in run_time() if name not in LOCKED] == []


def test_floors_are_the_versions_that_are_tested() -> None:
    for line in PROJECT["dependencies"]:
        wanted = Requirement(line)
        (floor,) = (one.version for one in wanted.specifier if one.operator == ">=")
        assert Version(floor) == LOCKED[wanted.name], wanted.name


def test_every_dependency_is_used() -> None:
    imported = set()
    for path in (ROOT / "mailer").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                imported.add(node.module.partition(".")[0])
    packages = packages_distributions()
    used = {name.lower() for one in imported for name in packages.get(one, ())}
    ours = {Requirement(line).name.lower() for line in PROJECT["dependencies"]}
    assert ours - used - BY_ANOTHER.keys() == set()
    assert {one for one in ours & BY_ANOTHER.keys() if BY_ANOTHER[one] not in ours} == set()


def test_nothing_is_built_from_what_is_not_locked() -> None:
    made = (ROOT / "Makefile").read_text(encoding="utf-8")
    (install,) = re.findall(r"^\t@\$\(PIP\) (.*requirements\.lock)$", made, re.MULTILINE)
    for word in ("--require-hashes", "--only-binary :all:", "--no-build-isolation"):
        assert word in install
    (source,) = re.findall(r"--no-binary (\S+)", install)
    assert not set(source.split(",")) & set(run_time()), "what users install comes as a wheel"
    assert "setuptools" in LOCKED
