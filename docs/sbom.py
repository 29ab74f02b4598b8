"""Writes what the mailer is made of, from the lock, as a CycloneDX list: `make sbom`.

Each package has its version, its hashes, and whether it is needed at run time; licences are those
that the packages name themselves.
"""

from __future__ import annotations

import json
import re
import sys
from importlib.metadata import PackageNotFoundError, metadata, requires
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement

from mailer import __version__

ROOT = Path(__file__).parents[1]
FILE = ROOT / "dist" / "pace-mailer.cdx.json"
PACKAGE = re.compile(
    r"^(?P<name>[\w.-]+)(?:\[[^]]*\])?==(?P<version>[^\s;\\]+)(?P<rest>(?:.*\\\n)*.*(?:\n +#.*)*)",
    re.MULTILINE,
)


def bill(lock: str, needed: set[str]) -> dict[str, Any]:
    """Return the list; `needed` are the names of packages of the run time."""
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": _component("pace-mailer", __version__, "application")},
        "components": [
            _component(found["name"], found["version"], "library")
            | {
                "scope": "required" if found["name"].lower() in needed else "excluded",
                "hashes": [
                    {"alg": "SHA-256", "content": digest}
                    for digest in re.findall(r"--hash=sha256:([0-9a-f]{64})", found["rest"])
                ],
            }
            for found in PACKAGE.finditer(lock)
        ],
    }


def _component(name: str, version: str, kind: str) -> dict[str, Any]:
    purl = f"pkg:pypi/{name.lower()}@{version}"
    found = {"type": kind, "name": name, "version": version, "bom-ref": purl, "purl": purl}
    licence = _licence(name)
    return found | ({"licenses": [{"license": {"name": licence}}]} if licence else {})


def _licence(name: str) -> str:
    try:
        about = metadata(name)
    except PackageNotFoundError:
        return ""
    classified = [
        one.rpartition("::")[2].strip()
        for one in about.get_all("Classifier", [])
        if one.startswith("License")
    ]
    short = str(about.get("License", "")).partition("\n")[0]
    return about.get("License-Expression") or ", ".join(classified) or short


def run_time(*extras: str) -> set[str]:
    """Return the packages that ours needs on this computer, directly or not, with some extras."""
    found: set[str] = set()
    seen: set[tuple[str, frozenset[str]]] = set()
    waiting = [("pace-mailer", frozenset(extras))]
    while waiting:
        name, chosen = waiting.pop()
        if (name, chosen) in seen:
            continue
        seen.add((name, chosen))
        found.add(re.sub(r"[-_.]+", "-", name).lower())
        try:
            wanted = map(Requirement, requires(name) or [])
        except PackageNotFoundError:
            continue
        waiting += [
            (one.name, frozenset(one.extras))
            for one in wanted
            if one.marker is None or any(one.marker.evaluate({"extra": e}) for e in ("", *chosen))
        ]
    return found - {"pace-mailer"}


if __name__ == "__main__":
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    FILE.parent.mkdir(exist_ok=True)
    FILE.write_text(json.dumps(bill(text, run_time("postgres")), indent=1), encoding="utf-8")
    sys.stdout.write(f"{FILE.relative_to(ROOT)}\n")
