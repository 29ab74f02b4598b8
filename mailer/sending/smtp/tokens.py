"""Access tokens in place of a password (XOAUTH2), from a command or a file of the user's choice.

Microsoft 365 and Google want them. Tools that renew them exist for every system; we only ask,
afresh for every connection, and keep nothing. A token never stands in a message, a log or an
argument.
"""

from __future__ import annotations

import asyncio
import os
import re
import stat
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from mailer.sending.smtp.connection import readable
from mailer.sending.smtp.server import ConnectError

Token = Callable[[], Awaitable[str]]
ONE_TOKEN = re.compile(r"[!-~]+")
# seconds; a command that waits for somebody to sign in is of no use in the middle of a mail-out
PATIENCE = 30.0


def token_from_command(command: Sequence[str], patience: float = PATIENCE) -> Token:
    """Return what runs `command` (program and arguments, no shell) and takes the one line it prints
    as the token.
    """
    name = Path(command[0]).name

    async def token() -> str:
        try:
            process = await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
            )
        except OSError as error:
            raise _no_token(
                f"the token command {name} cannot be run ({error.strerror})", "see smtp.oauth"
            ) from error
        try:
            async with asyncio.timeout(patience):
                out, err = await process.communicate()
        except TimeoutError:
            hint = (
                "run it by hand: it must print a token without asking anything, within"
                f" {patience:g} seconds"
            )
            raise _no_token(
                f"the token command {name} gave no token in time", hint, temporary=True
            ) from None
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if process.returncode:
            last = readable(err.strip().rpartition(b"\n")[2])[:200]
            raise _no_token(
                f"the token command {name} failed (exit code {process.returncode})"
                + (f": {last}" if last else ""),
                "run it by hand: you may have to sign in again",
                temporary=True,  # it may only lack the network
            )
        return _checked(
            out, f"the token command {name} must print one token and nothing else", "run it by hand"
        )

    return token


def token_from_file(path: Path) -> Token:
    """Return what reads the token from a file that another program keeps fresh. Others must not be
    able to read it.
    """

    async def token() -> str:
        return await asyncio.to_thread(_read, path)

    return token


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            if os.name == "posix" and mode & 0o077:
                raise _no_token(
                    f"others can read the token file {path} (its mode is {mode:04o})",
                    f"chmod 600 {path}",
                )
            content = file.read(20_000)
    except OSError as error:
        hint = "the program that keeps it fresh may not be running"
        raise _no_token(f"the token file {path} cannot be read ({error.strerror})", hint) from error
    return _checked(
        content, f"the token file {path} must hold one token and nothing else", "look at it"
    )


def _checked(content: bytes, demand: str, hint: str) -> str:
    text = content.decode("ascii", "replace").strip()
    if ONE_TOKEN.fullmatch(text) is None:
        raise _no_token(demand, hint)
    return text


def _no_token(message: str, hint: str, *, temporary: bool = False) -> ConnectError:
    return ConnectError(message, temporary=temporary, hint=hint)
