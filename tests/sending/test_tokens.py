"""Tokens from real commands and real files: one line, or a sentence that says what to do."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest

from mailer.sending.smtp.server import ConnectError
from mailer.sending.smtp.tokens import token_from_command, token_from_file

TOKEN = "ya29.a0Af_invented~token+/="


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


async def test_a_command_is_asked_afresh_each_time(tmp_path: Path) -> None:
    counter = tmp_path / "count"
    token = token_from_command(["sh", "-c", f"echo x >>{counter}; wc -l <{counter} | tr -d ' '"])
    assert [await token(), await token()] == ["1", "2"]


async def test_the_line_end_does_not_belong_to_the_token() -> None:
    assert await token_from_command(python(f"print({TOKEN!r})"))() == TOKEN


@pytest.mark.parametrize(
    ("command", "words", "temporary"),
    [
        (["/nowhere/mailer-token"], "mailer-token cannot be run", False),
        (
            python("import sys; sys.exit('first\\nno network')"),
            r"failed \(exit code 1\): no network",
            True,
        ),
        (python("import sys; sys.exit(3)"), r"failed \(exit code 3\)$", True),
        (python("pass"), "must print one token", False),
        (python("print('two words')"), "must print one token", False),
        (python("print('one\\ntwo')"), "must print one token", False),
        (python("print('ключ')"), "must print one token", False),
        (python("print('a\\x01b')"), "must print one token", False),
    ],
)
async def test_a_command_without_a_token_says_why(
    command: list[str], words: str, temporary: bool
) -> None:
    with pytest.raises(ConnectError, match=words) as caught:
        await token_from_command(command)()
    assert caught.value.temporary is temporary


async def test_a_command_that_waits_for_somebody_is_ended() -> None:
    with pytest.raises(ConnectError, match="no token in time"):
        await token_from_command(["sleep", "60"], patience=0.1)()


async def test_a_cancelled_command_is_ended(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    task = asyncio.create_task(
        token_from_command(["sh", "-c", f"echo $$ >{pid}.new; mv {pid}.new {pid}; exec sleep 60"])()
    )
    async with asyncio.timeout(10):
        while not pid.exists():  # noqa: ASYNC110 - another process makes it
            await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid.read_text(encoding="ascii")), 0)


async def test_a_file_is_read_afresh_each_time(tmp_path: Path) -> None:
    file = tmp_path / "token"
    token = token_from_file(file)
    for text in ("first", "second"):
        file.write_text(f"{text}\n", encoding="utf-8")
        file.chmod(0o600)
        assert await token() == text


@pytest.mark.parametrize(
    ("content", "mode", "words"),
    [
        (None, 0, "cannot be read"),
        ("t", 0o640, "others can read"),
        ("", 0o600, "must hold one token"),
        ("a b", 0o600, "must hold one token"),
        ('{"access_token": "t"}', 0o600, "must hold one token"),
    ],
)
async def test_a_file_that_cannot_serve_says_why(
    tmp_path: Path, content: str | None, mode: int, words: str
) -> None:
    file = tmp_path / "token"
    if content is not None:
        file.write_text(content, encoding="utf-8")
        file.chmod(mode)
    with pytest.raises(ConnectError, match=words) as caught:
        await token_from_file(file)()
    assert not caught.value.temporary
