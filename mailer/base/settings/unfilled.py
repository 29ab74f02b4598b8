"""What `mailer init` wrote into the settings, and nobody has filled in yet; in live mode also what
letters have to say of the use of somebody's data.
"""

from __future__ import annotations

import tomllib
from functools import cache
from importlib import resources

from mailer.base.errors import Problem, Severity
from mailer.base.problems import problem
from mailer.base.settings.workspace import Workspace


@cache
def _as_written() -> tuple[frozenset[str], frozenset[str]]:
    """Return the domains and the organisations that stand in new settings, in every language."""
    folder = resources.files("mailer.base.settings").joinpath("new")
    files = [one.joinpath("config.toml") for one in folder.iterdir() if one.is_dir()]
    senders = [
        tomllib.loads(one.read_text(encoding="utf-8"))["sender"] for one in files if one.is_file()
    ]
    domains = frozenset(one["from"].rpartition("@")[2].strip("> ") for one in senders)
    return domains, frozenset(one["organisation"] for one in senders)


def unfilled(workspace: Workspace) -> list[Problem]:
    """List the settings that still hold what a new workspace has: errors in live mode, notes in
    test mode.
    """
    severity = Severity.ERROR if workspace.settings.safety.mode == "live" else Severity.NOTE
    domains, organisations = _as_written()
    found = []
    for one in workspace.settings_with_origin():
        value = str(one.value or "")
        if any(domain in value for domain in domains) or value in organisations:
            file, _, line = one.origin.partition(":")
            message = f"{one.key} is not filled in yet"
            row = int(line) if line else None
            found.append(
                problem(
                    "K113",
                    file,
                    row=row,
                    value=value,
                    message=message,
                    suggestion="write your own",
                    severity=severity,
                )
            )
    return found


def unsaid(workspace: Workspace) -> list[Problem]:
    """List what the footer of the letters does not say in live mode; it keeps no letter back."""
    settings = workspace.settings
    if settings.safety.mode != "live" or settings.sender.privacy is not None:
        return []
    return [problem("K114", "config.toml", message="sender.privacy is not set")]
