"""Does what a file of somebody else's asks for in a process of its own, with limits of time and
memory: any file costs one page.

One child does one thing after another and waits for the next one; it is started when the first is
asked for, or ahead of that (`get_ready`), ended after a big one, whose memory goes back so, and
ends by itself when the parent does. What it answers comes piece by piece. A child that ends by a
file or by its limits changes nothing: the file is said like any that cannot be used.
"""

from __future__ import annotations

import atexit
import gc
import marshal
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from importlib import import_module
from typing import IO, Any

BIG = 1_000_000
"""Bytes of a file, or of what is answered, after which a child is ended: what it took for them
would stay with it.
"""

_COMMAND = [sys.executable, "-P", "-m", "mailer.contacts.limited_process"]
"""`-P`: the folder we are in may be a workspace, and nothing in it is ever run."""

_idle: list[_Child] = []


class GivenUp(Exception):
    """The child ended before it had said all: by its limits, or by what the file made of it."""


def ask(
    function: str, content: bytes, args: tuple[Any, ...], *, seconds: int, memory: int
) -> list[Any]:
    """Return what a generator of the package yields for `content` and `args`, called in a child.

    `function` is `module:name`; arguments and answers are plain values, as `marshal` knows them.
    `seconds` are the processor's, `memory` is bytes of the whole process. Raises `GivenUp`.
    """
    child = _idle.pop() if _idle else _Child()
    answered, size = child.ask((function, args, seconds, memory, len(content)), content, seconds)
    if answered and answered[-1] is None and not _idle and max(size, len(content)) < BIG:
        _idle.append(child)
    else:
        child.end()
    if not answered or answered.pop() is not None:
        raise GivenUp
    return answered


def get_ready(function: str) -> None:
    """Start the child that will be asked, for a command that has to load itself first.

    `function` is `module:name`, and is called in it without arguments: it loads what is needed.
    """
    if not _idle:
        with suppress(OSError):  # no room for a process: whoever asks says so
            _idle.append(_Child(function))


class _Child:
    """A process that does one thing after another."""

    def __init__(self, *ahead: str) -> None:
        self._start(*ahead)

    def _start(self, *ahead: str) -> None:
        self._process = subprocess.Popen(  # noqa: S603  (our own command, no shell)
            [*_COMMAND, *ahead],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )

    def ask(self, request: Any, content: bytes, seconds: int) -> tuple[list[Any], int]:
        """Return what is answered, and its size in bytes; the last answer is None, where it has
        said all.
        """
        if self._process.poll() is not None:  # while it had nothing to do
            self.end()
            self._start()
        assert self._process.stdin
        assert self._process.stdout
        clock = threading.Timer(2 * seconds, self._process.kill)
        clock.start()
        answered: list[Any] = []
        size = 0
        try:
            with suppress(BrokenPipeError):
                _say(self._process.stdin, request)
                self._process.stdin.write(content)
                self._process.stdin.flush()
            for length, piece in _pieces(self._process.stdout):
                answered.append(piece)
                size += length
                if piece is None:
                    break
        finally:
            clock.cancel()
        return answered, size

    def end(self) -> None:
        self._process.kill()
        with suppress(BrokenPipeError):
            self._process.communicate()


@atexit.register
def end() -> None:
    """End the child that waits; the next file starts another one."""
    while _idle:
        _idle.pop().end()


def _say(pipe: IO[bytes], value: Any) -> None:
    """Write a plain value: its length in eight bytes, and what `marshal` makes of it."""
    plain = marshal.dumps(value)
    pipe.write(len(plain).to_bytes(8, "big"))
    pipe.write(plain)
    pipe.flush()


def _pieces(pipe: IO[bytes]) -> Iterator[tuple[int, Any]]:
    """Yield what the other process says, each with its length, up to its end."""
    while len(head := pipe.read(8)) == 8:
        size = int.from_bytes(head, "big")
        piece = pipe.read(size)
        if len(piece) < size:
            return
        yield size, marshal.loads(piece)  # noqa: S302  (plain values of our own process)


def _limit(seconds: int, memory: int) -> None:
    """Let this process end when it takes more for the next file than it may."""
    try:
        import resource
    except ImportError:  # Windows: the parent's clock is the limit
        return
    used = resource.getrusage(resource.RUSAGE_SELF)
    seconds += int(used.ru_utime + used.ru_stime)
    for what, most in ((resource.RLIMIT_CPU, seconds), (resource.RLIMIT_AS, memory)):
        with suppress(ValueError, OSError):  # macOS knows no limit of memory
            resource.setrlimit(what, (most, resource.getrlimit(what)[1]))


def _called(function: str) -> Callable[..., Any]:
    module, _, name = function.partition(":")
    found: Callable[..., Any] = getattr(import_module(module), name)
    return found


def main() -> None:
    """Do what standard input asks for, and write plain values to standard output."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent
    gc.disable()  # there are no cycles among rows
    for function in sys.argv[1:]:
        _called(function)()
    for _, (function, args, seconds, memory, size) in _pieces(sys.stdin.buffer):
        _limit(seconds, memory)
        pieces = _called(function)(sys.stdin.buffer.read(size), *args)
        for piece in pieces:
            _say(sys.stdout.buffer, piece)
        del pieces
        _say(sys.stdout.buffer, None)
        gc.collect()


if __name__ == "__main__":
    main()
