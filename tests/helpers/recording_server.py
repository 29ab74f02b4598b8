"""Run as `python tests/helpers/recording_server.py FILE`: a mail server that writes down every dot
before it answers.

It is a process of its own, so that no kill of a sender touches what it has seen: FILE is the truth,
one recipient a line. It prints its port, and ends when its stdin is closed.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.helpers.stubborn_server import StubbornServer


class _Record(list[str]):
    """Takes recipients; each is in the file, whole, before the server can answer."""

    def __init__(self, path: str) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def append(self, recipient: str) -> None:
        os.write(self._file, f"{recipient}\n".encode())


async def _serve(path: str) -> None:
    async with StubbornServer() as server:
        server.dots = _Record(path)
        print(server.port, flush=True)
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(_serve(sys.argv[1]))
