"""The workspace's settings: `config.toml`, `config.local.toml` and `MAILER_*` variables, read once,
checked, frozen.

What comes first wins: MAILER_* variables, then config.local.toml (yours only, ignored by git), then
config.toml, then the defaults below. Every mistake is found in one go and names its file and line,
or its variable. The password is never among the settings: they say where it comes from, and
`passwords.py` fetches it when it is used.
"""

from __future__ import annotations

import hashlib
import os
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import (
    ValidationError,
)
from pydantic_core import ErrorDetails

from mailer.base.delegations import Delegations
from mailer.base.errors import Problem, UsageError
from mailer.base.problems import problem
from mailer.base.settings.tables import (
    Settings,
)
from mailer.base.settings.toml_lines import (
    TomlFile,
    keys_of,
    problem_of,
    syntax_problem,
)

FILE, LOCAL = "config.toml", "config.local.toml"

FOR_ALL = (("safety", "approvals"), ("safety", "organisations"))
"""What nobody sets for themselves alone: these stand in config.toml, which all can read."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting for `mailer config show`: its dotted key, its value as JSON knows it, and where
    that came from.
    """

    key: str
    value: Any
    origin: str  # "config.toml:12", "config.local.toml:3", "MAILER_SMTP_PORT", "default"


@dataclass(frozen=True)
class Workspace:
    """One folder of an organisation's work: settings, contact sheets, appeals, and the mailer's own
    `.mailer`.
    """

    root: Path  # absolute
    settings: Settings
    source: str  # the text of config.toml
    sha256: str  # of its bytes
    origins: Mapping[
        tuple[str, str], str
    ]  # ("smtp", "port") → "config.toml:12"; a default has no entry

    @property
    def contacts_dir(self) -> Path:
        return self.root / self.settings.contacts.folder

    @cached_property
    def delegations(self) -> Delegations:
        """Those of the Assembly, with what the workspace's own `delegations.csv` says of them."""
        return Delegations.of_workspace(self.root)

    @property
    def hold_list(self) -> Path:
        return self.contacts_dir / self.settings.contacts.hold_list

    @property
    def templates_dir(self) -> Path:
        return self.root / "templates"

    @property
    def state_dir(self) -> Path:
        return self.root / ".mailer"

    @property
    def kill_switch(self) -> Path:
        """While this file exists no letter leaves this workspace, whoever sends."""
        return self.state_dir / "STOP"

    def samples_dir(self, what: str) -> Path:
        """Return where the samples of an appeal or a mail-out are kept."""
        return self.state_dir / "rehearsal" / what

    @property
    def ledger_url(self) -> str:
        """The send log's database as an SQLAlchemy address."""
        database = self.settings.log.database
        return database if "://" in database else f"sqlite:///{(self.root / database).as_posix()}"

    @property
    def ledger_file(self) -> Path | None:
        """The file of the send log; None where it is kept on PostgreSQL."""
        scheme, _, path = self.ledger_url.partition(":///")
        return Path(path.partition("?")[0]) if scheme.startswith("sqlite") else None

    @property
    def has_ledger(self) -> bool:
        """Whether there is a send log: reading must not make one."""
        return self.ledger_file is None or self.ledger_file.exists()

    def make_state_dir(self) -> Path:
        """Make `.mailer` if it is not there, for its owner alone (0700): it holds names, addresses
        and letters.
        """
        self.state_dir.mkdir(mode=0o700, exist_ok=True)
        if self.state_dir.stat().st_mode & 0o077:  # as it is, a disk that takes nothing is no fault
            self.state_dir.chmod(0o700)
        return self.state_dir

    def settings_with_origin(self) -> list[Setting]:
        """Return every setting in the order of the tables, with where its value came from."""
        values = self.settings.model_dump(mode="json", by_alias=True, exclude_none=True)
        return [
            Setting(
                f"{table}.{key}", values[table].get(key), self.origins.get((table, key), "default")
            )
            for table in keys_of(Settings)
            for key in keys_of(Settings, (table,))
        ]


def load_workspace(
    root: Path, *, instead: Mapping[str, Mapping[str, Any]] | None = None
) -> Workspace:
    """Read the settings of the folder `root`; a `UsageError` lists everything that is wrong with
    them.

    `instead` are whole tables that stand in place of what files and variables say, right or wrong.
    """
    root = root.expanduser().absolute()
    if not (root / FILE).is_file():
        hint = "mailer init makes a workspace here; -C FOLDER uses another; mailer demo needs none"
        raise UsageError(f"There is no {FILE} in {root}.", hint=hint, code="K101")
    own = _read(root / FILE)
    files = [own, _read(root / LOCAL)] if (root / LOCAL).is_file() else [own]
    values: dict[str, Any] = {}
    givers: dict[
        tuple[str, str], TomlFile | str
    ] = {}  # the file that gave a setting, or the variable
    for file in files:
        for table, given in file.values.items():
            if not isinstance(given, dict) or not isinstance(values.get(table, {}), dict):
                values[table] = given
                continue
            values[table] = values.get(table, {}) | given
            givers |= {(table, key): file for key in given}
    for variable, (table, key), value in _variables(os.environ):
        if isinstance(values.setdefault(table, {}), dict):
            values[table][key] = value
            givers[table, key] = variable
    for table, given in (instead or {}).items():
        values[table] = dict(given)
        givers = {path: giver for path, giver in givers.items() if path[0] != table}
    own_rules = [
        problem(
            "K105",
            giver if isinstance(giver, str) else giver.name,
            row=None if isinstance(giver, str) else giver.line_of(key),
            message=f"{'.'.join(key)} is for all who work here, and stands in {FILE} alone",
            suggestion="take it out here",
        )
        for key, giver in givers.items()
        if key in FOR_ALL and giver is not own
    ]
    if own_rules:
        raise _refusal(own_rules)
    try:
        settings = Settings.model_validate(values)
    except ValidationError as report:
        problems = [_problem(error, files, givers) for error in report.errors(include_url=False)]
        raise _refusal(
            sorted(problems, key=lambda problem: (problem.file, problem.row or 0))
        ) from None
    origins = {
        key: giver if isinstance(giver, str) else f"{giver.name}:{giver.line_of(key)}"
        for key, giver in givers.items()
    }
    return Workspace(
        root, settings, own.text, hashlib.sha256(own.text.encode()).hexdigest(), origins
    )


# -------------------------------------------------------------------------------------- the reading


def _read(path: Path) -> TomlFile:
    name = path.name
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        fault = problem(
            "K102", name, message="the file is not in UTF-8", suggestion="save it as UTF-8"
        )
        raise _refusal([fault]) from None
    except OSError as error:
        raise UsageError(f"{name} cannot be read: {error.strerror}.", code="K101") from None
    try:
        return TomlFile.parse(text, name)
    except tomllib.TOMLDecodeError as error:
        raise _refusal([syntax_problem(error, text, name, "K102")]) from None


def _variables(environ: Mapping[str, str]) -> Iterator[tuple[str, tuple[str, str], object]]:
    """Find the variables that name a setting, `MAILER_SMTP_HOST`; a list is written with commas.

    `MAILER_SMTP_PASSWORD` holds the password itself, so it is the setting `{ env =
    "MAILER_SMTP_PASSWORD" }`; so do `MAILER_IMAP_PASSWORD` and
    `MAILER_INBOX_PASSWORD`.
    """
    for variable in sorted(environ):
        table, _, key = variable.removeprefix("MAILER_").lower().partition("_")
        if not variable.startswith("MAILER_") or table not in Settings.model_fields or not key:
            continue
        value: object = environ[variable]
        if table in ("smtp", "imap", "inbox") and key == "password":
            value = {"env": variable}
        elif (table, key) == ("safety", "allow"):
            value = [entry for entry in environ[variable].split(",") if entry.strip()]
        yield variable, (table, key), value


def _problem(
    error: ErrorDetails, files: list[TomlFile], givers: Mapping[tuple[str, str], TomlFile | str]
) -> Problem:
    """Give one of pydantic's errors its words and its place: the line, or the variable."""
    problem = problem_of(error, Settings, unknown="K103", missing="K104", value="K105")
    path = error["loc"]
    giver = givers.get((str(path[0]), str(path[1]))) if len(path) > 1 else None
    if isinstance(giver, str):
        return replace(problem, file=giver)
    if giver is None:  # a table as a whole, or a key that is missing from it
        giver = next((file for file in reversed(files) if file.line_of(path[:1])), files[0])
    return replace(problem, file=giver.name, row=giver.line_of(path))


def _refusal(problems: Sequence[Problem]) -> UsageError:
    many = "one mistake" if len(problems) == 1 else f"{len(problems)} mistakes"
    hint = "every setting is explained in docs/configuration.md"
    return UsageError(
        f"The settings have {many}; nothing was done.",
        hint=hint,
        code=problems[0].code,
        problems=problems,
    )
