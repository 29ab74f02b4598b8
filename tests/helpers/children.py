"""Processes that a test starts. They end with the block that started them, however that ends: a
time-out that left one running would wait for it for ever.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from types import TracebackType
from typing import Any, AnyStr


class Child(subprocess.Popen[AnyStr]):
    """A process, with all that it starts: `with Child(command, stdout=PIPE) as child:`."""

    def __init__(self, command: Any, **options: Any) -> None:
        super().__init__(command, start_new_session=True, **options)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is not None:
            self.end()
        super().__exit__(kind, fault, trace)

    def end(self) -> None:
        """Kill whatever of it still runs, and wait for it."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self.wait()


def hear_signals() -> None:
    """Let children hear signals that a shell told us to ignore (`make test &`, `nohup make test`).

    They inherit "ignored", and no handler: with one that does nothing we stay as deaf as before.
    """
    for one in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
        if signal.getsignal(one) is signal.SIG_IGN:
            signal.signal(one, lambda *_: None)
