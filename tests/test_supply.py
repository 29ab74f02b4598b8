"""Facts about what the mailer is made of: every package that it needs at run time is used, locked
by hash, comes as a wheel, and has a licence that asks nothing of ours.
"""

from __future__ import annotations

import ast
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from importlib.metadata import distribution, packages_distributions
from pathlib import Path
from types import ModuleType

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
BY_ANOTHER = {"python-multipart": "starlette", "idna": "email-validator"}
"""Imported by a library of ours where the feature is used; the floor is ours."""

FREE = re.compile(
    r"\b(MIT|BSD|Apache|ISC|PSF|Python Software Foundation|MPL|Mozilla|0BSD|Unlicense|HPND|"
    r"CMU|Zlib|CC0|Public Domain|MIT-CMU)\b",
    re.IGNORECASE,
)
VIRAL = re.compile(r"\b(A|L)?GPL|General Public", re.IGNORECASE)
ALLOWED_LGPL = {"psycopg", "psycopg-binary"}
"""An optional part, used unchanged as a library: LGPL-3.0 asks no more of us than to name it."""


def _sbom() -> ModuleType:
    spec = importlib.util.spec_from_file_location("sbom", ROOT / "docs" / "sbom.py")
    assert spec is not None
    assert spec.loader is not None
    spec.loader.exec_module(module := importlib.util.module_from_spec(spec))
    return module


sbom = _sbom()


def run_time() -> list[str]:
    return sorted(sbom.run_time("postgres"))


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


def test_list_of_what_it_is_made_of_is_valid_and_whole() -> None:
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    made = sbom.bill(lock, set(run_time()))
    fault = JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(made))
    assert fault is None, fault
    assert {one["name"].lower() for one in made["components"]} == LOCKED.keys()
    assert all(one["hashes"] for one in made["components"])
    scopes = {one["name"].lower(): one["scope"] for one in made["components"]}
    assert {scopes[name] for name in run_time()} == {"required"}
    assert scopes["pytest"] == "excluded"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shell_completes_commands_and_options(shell: str, tmp_path: Path) -> None:
    made = subprocess.run(
        [sys.executable, "-m", "mailer", "completion", shell],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    (script := tmp_path / "script").write_text(made, encoding="utf-8")
    if found := shutil.which(shell):
        subprocess.run([found, "-n", str(script)], check=True)
    for words, wanted in (("mailer con", "contacts"), ("mailer log forget --be", "--because")):
        asked = {"_MAILER_COMPLETE": f"{shell}_complete", "COMP_WORDS": words}
        asked["COMP_CWORD"] = words.split()[-1] if shell == "fish" else str(words.count(" "))
        answer = subprocess.run(
            [sys.executable, "-m", "mailer"],
            capture_output=True, text=True, env=os.environ | asked, check=False,
        )  # fmt: skip
        assert wanted in answer.stdout
        assert answer.stderr == ""
