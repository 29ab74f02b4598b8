"""Passwords and keys, fetched from where the settings say, when they are used; the settings
themselves hold none.
"""

from __future__ import annotations

import getpass
import importlib
import os
import stat
import sys
from pathlib import Path

from pydantic import SecretStr

from mailer.base.errors import UsageError
from mailer.base.settings.tables import MailAccount
from mailer.base.settings.workspace import Workspace


def read_password(workspace: Workspace, account: MailAccount | None = None) -> SecretStr | None:
    """Fetch the password from where the account's `password` says, now; None when no password is
    set.

    The account is that of `[smtp]`, or `workspace.settings.imap`.
    """
    account = account or workspace.settings.smtp
    source = account.password
    if source is None:
        return None
    if source.env:
        found = os.environ.get(source.env)
        hint = f"set it, for this terminal:  export {source.env}=…"
    elif source.file:
        found = read_secret_file(workspace.root / source.file).partition("\n")[0].rstrip("\r")
        hint = "put the password on its first line"
    elif source.keyring:
        found = _keyring(*source.keyring.split("/", 1))
        hint = f"put it there:  keyring set {source.keyring.replace('/', ' ', 1)}"
    else:
        if not sys.stdin.isatty():
            raise _no_password(
                "The password is asked for at the terminal, and there is none.",
                "use env, file or keyring",
            )
        found = getpass.getpass(f"Password of {account.user} at {account.host}: ")
        hint = "type it when it is asked for"
    if not found:
        raise _no_password(f"No password was found in {source}.", hint)
    return SecretStr(found)


def read_secret_file(path: Path, kind: str = "password") -> str:
    """Read a file that nobody else may read; `kind` is what it holds, for the message. Raises
    `UsageError` (K110).
    """
    try:
        # Asked of the open file, so that nobody can exchange it between the look and the reading.
        with path.open(encoding="utf-8") as file:
            about = os.fstat(file.fileno())
            mode = stat.S_IMODE(about.st_mode)
            if os.name == "posix" and mode & 0o077:
                raise _no_password(
                    f"Others can read the {kind} file {path} (its mode is {mode:04o}).",
                    f"chmod 600 {path}",
                )
            return file.read()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not in UTF-8"
        raise _no_password(
            f"The {kind} file {path} cannot be read: {reason}.", "make it, with mode 0600"
        ) from None


def _keyring(service: str, user: str) -> str | None:
    try:
        keyring = importlib.import_module("keyring")  # an optional part: pace-mailer[keyring]
    except ModuleNotFoundError:
        raise _no_password(
            "The keyring needs a part that is not installed.", "pip install 'pace-mailer[keyring]'"
        ) from None
    try:
        found: str | None = keyring.get_password(service, user)
    except keyring.errors.KeyringError as error:
        raise _no_password(
            f"The keyring cannot be read: {error}.", "on a server, use env or file instead"
        ) from None
    return found


def _no_password(message: str, hint: str) -> UsageError:
    return UsageError(message, hint=hint, code="K110")
